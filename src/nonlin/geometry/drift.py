"""What it changes that a computed breakpoint is a little beside the exact one: slope times distance."""

from dataclasses import replace

import numpy as np

from nonlin.geometry.arithmetic import Bounded
from nonlin.geometry.rounding import UNIT_ROUNDOFF, in_cache, row_norms
from nonlin.geometry.rows import Rows
from nonlin.networks.array import Array

__all__ = ["drifted", "settled"]

_OUTWARD = 1 + 2.0**-40


def settled(rows: Rows, x: Bounded) -> Bounded:
    """Return a tensor with the bound on its errors along the line, made from that at the breakpoints."""
    if x.norm is not None:
        return x
    return replace(x, norm=row_norms(_error_along(rows, x)))


def drifted(rows: Rows, x: Bounded) -> Bounded:
    """Return a tensor whose `error` bounds that along the line with `error` for that at the exact breakpoints."""
    return replace(x, error=_error_along(rows, x))


def _error_along(rows: Rows, x: Bounded) -> Array:
    """Return the error with how much a value changes from a computed breakpoint to the exact one, shape (rows, units).

    Where the exact one may be as far away as the next breakpoint, there is no bound.
    """
    distance = rows.positions.error
    length = np.diff(rows.positions.value) - distance[:-1] - distance[1:] - 4 * UNIT_ROUNDOFF
    error = np.zeros(x.value.shape)
    sides = [
        (own, _share(off, length)) for own, off in ((error[1:], distance[1:]), (error[:-1], distance[:-1]))
    ]
    for part in in_cache(x.value[1:]):
        # what the exact values can differ by from one exact breakpoint to the next
        step = np.abs(x.value[1:][part] - x.value[:-1][part]) + x.error[:-1][part] + x.error[1:][part]
        for own, share in sides:
            np.maximum(own[part], step * share[part, None], out=own[part])
    for own, share in sides:
        own[share == 1] = np.inf
    error += x.error
    error *= _OUTWARD
    return error


def _share(off: Array, length: Array) -> Array:
    """Return a distance as a share of the length that it is on, 1 where it can be no less."""
    share = np.divide(off, length, out=np.zeros(len(off)), where=(off < length) & (off > 0))
    share[~(off < length) & (off > 0)] = 1
    return share
