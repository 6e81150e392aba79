"""What it changes that a computed breakpoint is a little beside the exact one: slope times distance."""

from dataclasses import replace

import numpy as np

from nonlin.geometry.arithmetic import Bounded
from nonlin.geometry.rounding import UNIT_ROUNDOFF, row_norms
from nonlin.geometry.rows import Rows
from nonlin.networks.array import Array

__all__ = ["drifted", "settled"]

_OUTWARD = 1 + 2.0**-40


def settled(rows: Rows, x: Bounded) -> Bounded:
    """Return a tensor with the bound on its errors along the line, made from that at the breakpoints."""
    if x.norm is not None:
        return x
    return replace(x, norm=row_norms(x.error + _drift(rows, x)) * _OUTWARD)


def drifted(rows: Rows, x: Bounded) -> Bounded:
    """Return a tensor whose `error` bounds that along the line with `error` for that at the exact breakpoints."""
    return replace(x, error=(x.error + _drift(rows, x)) * _OUTWARD)


def _drift(rows: Rows, x: Bounded) -> Array:
    """Return by how much a value can change between a computed breakpoint and the exact one, shape (rows, units).

    Where the exact one may be as far away as the next breakpoint, there is no bound.
    """
    distance = rows.positions.error
    length = np.diff(rows.positions.value) - distance[:-1] - distance[1:] - 4 * UNIT_ROUNDOFF
    # what the exact values can differ by from one exact breakpoint to the next
    step = np.abs(np.diff(x.value, axis=0)) + x.error[:-1] + x.error[1:]
    drift = np.zeros(x.value.shape)
    for own, off in ((drift[1:], distance[1:]), (drift[:-1], distance[:-1])):
        near = off < length
        share = np.divide(off, length, out=np.zeros(len(off)), where=near & (off > 0))
        np.maximum(own, step * share[:, None], out=own)
        own[~near & (off > 0)] = np.inf
    return drift
