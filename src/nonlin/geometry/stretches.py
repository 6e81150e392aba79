"""A line whose breakpoints do not fit in memory is taken through the network stretch by stretch."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial, reduce
from itertools import pairwise
from math import ceil

import numpy as np

from nonlin.geometry.arithmetic import Arithmetic, Bounded
from nonlin.geometry.rows import Rows, TooManyFoldsError
from nonlin.geometry.sweep import Swept, sweep
from nonlin.networks import Network
from nonlin.networks.array import Array

__all__ = ["swept_by_stretches"]

_SHORTEST = 2.0**-30
"""Of the whole line; a stretch so short that is still too much is one that no cutting helps."""


def swept_by_stretches(
    arithmetic: Arithmetic, network: Network, ends: Array, progress: Callable[[float], None] | None = None
) -> Swept:
    """Take a line through a network; whole if it fits, else in stretches that do.

    A cut is no breakpoint. It is an exact position, like an end, so that a fold that lies on it is not decided and the
    line not certified; nothing is counted twice.

    Args:
        arithmetic: in which numbers.
        network: of affine operators and of activations made of affine pieces.
        ends: the two ends, float64, shape (2, …).
        progress: called with the share of the line that is done, more each time.

    Raises:
        TooManyFoldsError: if even a very short stretch does not fit.
    """
    done: list[Swept] = []
    told = 0.0

    def tell(share: float) -> None:
        nonlocal told
        if progress is not None and share > told:  # what did not fit begins anew, in parts
            told = share
            progress(share)

    pending = [(0.0, 1.0)]
    while pending:
        low, high = pending.pop()
        through = partial(_within, tell, low, high)
        try:
            done.append(sweep(arithmetic, network, ends, low=low, high=high, progress=through))
        except TooManyFoldsError as error:
            if high - low < _SHORTEST:
                raise
            cuts = np.linspace(low, high, min(ceil(1.25 / error.share), 1000) + 1).tolist()
            pending += reversed(list(pairwise(cuts)))
    return reduce(_joined, done)


def _within(tell: Callable[[float], None], low: float, high: float, share: float) -> None:
    tell(low + (high - low) * share)


def _joined(left: Swept, right: Swept) -> Swept:
    """Put two stretches together, without the cut between them."""
    a, b = left.rows, right.rows
    rows = Rows(
        positions=_both(a.positions, b.positions),
        gaps=np.concatenate([a.gaps[:-1], [False], b.gaps[1:]]),
        makers=a.makers[:-1] + b.makers[1:],
        units=np.concatenate([a.units[:-1], b.units[1:]]),
        live={},
    )
    return replace(
        left,
        rows=rows,
        outputs=_both(left.outputs, right.outputs),
        undecided=left.undecided + right.undecided,
        work=max(left.work, right.work),
    )


def _both(a: Bounded, b: Bounded) -> Bounded:
    return Bounded(
        value=np.concatenate([a.value[:-1], b.value[1:]]), error=np.concatenate([a.error[:-1], b.error[1:]])
    )
