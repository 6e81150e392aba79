"""Which units are what, by the extremes of each, in compiled loops: in a training step they find the caches cold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["count_kinds", "dead_and_straight", "prolong"]

Array = npt.NDArray[Any]

_compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = njit(
    nogil=True, error_model="numpy", cache=True
)


@_compiled
def dead_and_straight(
    low: Array, high: Array, dead: Array, ends: Array, scale: float
) -> tuple[Array, Array, int]:
    """Return which units are dead, which others may have a constant slope, both shape (units,), and how many of these.

    Args:
        low: the smallest pre-activation of each unit, float64, shape (units,).
        high: the largest.
        dead: intervals in which a unit is dead, shape (intervals, 2).
        ends: for each point of a grid around 0, the last one up to which the slope is constant. What sticks out of the
            grid counts as its end; what has no finite end is not constant.
        scale: points of the grid a unit of length.
    """
    is_dead, straight = np.zeros(len(low), np.bool_), np.zeros(len(low), np.bool_)
    count, last = 0, len(ends) - 1
    for i in range(len(low)):
        for k in range(len(dead)):
            is_dead[i] |= (low[i] >= dead[k, 0]) & (high[i] <= dead[k, 1])
        if not is_dead[i] and np.isfinite(low[i]) and np.isfinite(high[i]):
            # inwards to the grid: what changes too much there does so in full
            first = min(max(np.ceil(low[i] * scale + last / 2), 0), last)
            final = min(max(np.floor(high[i] * scale + last / 2), 0), last)
            straight[i] = final <= ends[int(first)]
            count += straight[i]
    return is_dead, straight, count


@_compiled
def count_kinds(dead: Array, linear: Array, flat: Array, most: float) -> tuple[int, int, int]:
    """Return how many units are dead, linear and saturated.

    Args:
        dead: whether each is, shape (units,).
        linear: the same; none is both.
        flat: the share of flat values of each, shape (units,); or () where none is looked for.
        most: over which share a unit that is neither is saturated.
    """
    saturated = 0
    for i in range(len(flat)):
        saturated += (not dead[i]) & (not linear[i]) & (flat[i] > most)
    return dead.sum(), linear.sum(), saturated


@_compiled
def prolong(runs: Array, dead: Array, least: int) -> int:
    """Count on for how many steps each unit has been dead, and return for how many units those are so many or more.

    Args:
        runs: the steps, int64, shape (units,); overwritten.
        dead: whether each is dead on this step.
        least: 1 or more.
    """
    count = 0
    for i in range(len(runs)):
        runs[i] = runs[i] + 1 if dead[i] else 0
        count += runs[i] >= least
    return count
