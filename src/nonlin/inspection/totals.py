"""The sums, counts and extremes of a call's units, in compiled passes over parts that stay in the processor's cache.

Memory is read as it lies: segments of values one after the other, each belonging to a group of units. Every place of
a segment, its lane, has its own totals, so that a loop over the lanes takes several at a time and adds in one order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit

from nonlin.inspection.thresholds import FLAT_SLOPE, NEAR_ZERO, RESTING_OUTPUT, TINY

__all__ = ["Totals", "add", "totals_for"]

if TYPE_CHECKING:
    from collections.abc import Callable

Array = npt.NDArray[Any]
Three: TypeAlias = tuple[Array, Array, Array]
Four: TypeAlias = tuple[Array, Array, Array, Array]
F = TypeVar("F")

_LANES = 128
"""So many totals of a unit side by side, where its values lie in long rows."""

_SHORT = 64
"""Shorter rows than this lie side by side as the units do."""

_SETTINGS = {"nogil": True, "error_model": "numpy"}
_compiled: Callable[[F], F] = njit(**_SETTINGS, cache=True)
# what these call has two types of arguments: on disk, two processes that begin at once could confuse them
_part: Callable[[F], F] = njit(**_SETTINGS)
_whole = (
    np.uint64
)  # an index that may be negative is looked at before each use, and the loop then takes one at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What was added up, each by group and lane; the values of a unit are shape (units, …) of it, flattened.

    Args:
        units: how many.
        inner: how many values of a unit lie side by side.
        pivots: a value of each unit of the pre-activation and of the output, from which deviations are taken.
        sums: float64: of the deviation and its square, for both, of the finite values; of abs(output); of the slope.
        extremes: abs(output)'s largest, the slope's smallest and largest.
        counts: zeros, values that are not finite, pre-activations near 0, tiny outputs, saturated, resting.
    """

    units: int
    inner: int
    pivots: Array
    sums: Array
    extremes: Array
    counts: Array

    def by_unit(self, totals: Array, reduce: np.ufunc = np.add) -> Array:
        """Return a total of each unit, shape (units,)."""
        return np.asarray(reduce.reduce(totals.reshape(self.units, -1), axis=1))


def totals_for(u: Array, y: Array, unit_axis: int) -> Totals:
    """Return totals of nothing yet.

    Args:
        u: a part of the pre-activations, in the order of memory, not empty.
        y: of the outputs.
        unit_axis: the axis of the units.
    """
    units, inner = u.shape[unit_axis], int(np.prod(u.shape[unit_axis + 1 :]))
    groups, lanes = (1, units * inner) if inner < _SHORT else (units, min(inner, _LANES))
    first = np.array([np.moveaxis(x, unit_axis, 0).reshape(units, -1)[:, 0] for x in (u, y)], np.float64)
    pivots = np.where(np.isfinite(first), first, 0.0)
    extremes = np.zeros((3, groups, lanes), u.dtype)
    extremes[1], extremes[2] = np.inf, -np.inf
    return Totals(
        units=units,
        inner=inner,
        pivots=np.repeat(pivots, groups * lanes // units, axis=1).reshape(2, groups, lanes),
        sums=np.zeros((6, groups, lanes)),
        extremes=extremes,
        counts=np.zeros((6, groups, lanes), np.int32),
    )


def add(totals: Totals, u: Array, y: Array, slope: Array | None, *, rests_at_zero: bool) -> None:
    """Add a part of a batch.

    Args:
        totals: changed in place.
        u: pre-activations, float32 or float64, in the order of memory: without gaps, the units at their axis.
        y: outputs, the same type and order.
        slope: relative, the same; None for a function that has none of one number. NaN is written to it where a value
            is not finite.
        rests_at_zero: whether a flat value whose output is nearly 0 rests, and is not saturated.
    """
    width = totals.units * totals.inner if totals.sums.shape[1] == 1 else totals.inner
    s = u[:0] if slope is None else slope
    arrays = u.reshape(-1, width), y.reshape(-1, width), s.reshape(-1, width)
    resting = RESTING_OUTPUT if rests_at_zero else -1.0
    limits = np.array([NEAR_ZERO, TINY, FLAT_SLOPE, resting], u.dtype)
    fold = _add_double if u.dtype == np.float64 else _add_single
    fold(arrays, (totals.pivots, totals.sums, totals.extremes, totals.counts), limits)


@_compiled
def _add_single(arrays: Three, totals: Four, limits: Array) -> None:
    _add(arrays, totals, limits)


@_compiled
def _add_double(arrays: Three, totals: Four, limits: Array) -> None:
    _add(arrays, totals, limits)


@_part
def _add(arrays: Three, totals: Four, limits: Array) -> None:
    (u, y, s), (pivots, sums, extremes, counts) = arrays, totals
    _add_moments(u, y, pivots[0], sums[0], sums[1])
    _add_moments(y, u, pivots[1], sums[2], sums[3])
    _add_sizes(u, y, sums[4], extremes[0], counts[:2])
    if counts[1].any():
        _lose_slopes(u, y, s)
    _count_small(u, y, counts[2:4], limits)
    _add_slopes(s, sums[5], extremes[1], extremes[2])
    _count_flat(s, y, counts[4:6], limits)


@_part
def _add_moments(x: Array, other: Array, pivot: Array, total: Array, square: Array) -> None:
    groups, lanes = _whole(total.shape[0]), _whole(total.shape[1])
    width = _whole(x.shape[1])
    for segment in range(_whole(len(x))):
        group = segment % groups
        for start in range(_whole(0), width, lanes):
            for lane in range(min(lanes, width - start)):
                value, beside = x[segment, start + lane], other[segment, start + lane]
                finite = (abs(value) < np.inf) & (abs(beside) < np.inf)
                deviation = np.float64(value) - pivot[group, lane]
                deviation = deviation if finite else 0.0
                total[group, lane] += deviation
                square[group, lane] += deviation * deviation


@_part
def _add_sizes(u: Array, y: Array, total: Array, largest: Array, counts: Array) -> None:
    groups, lanes = _whole(total.shape[0]), _whole(total.shape[1])
    width, zero, zeros, nonfinite = _whole(y.shape[1]), y.dtype.type(0), counts[0], counts[1]
    for segment in range(_whole(len(y))):
        group = segment % groups
        for start in range(_whole(0), width, lanes):
            for lane in range(min(lanes, width - start)):
                size, beside = abs(y[segment, start + lane]), abs(u[segment, start + lane])
                finite = (size < np.inf) & (beside < np.inf)
                size = size if finite else zero
                total[group, lane] += np.float64(size)
                largest[group, lane] = max(largest[group, lane], size)
                zeros[group, lane] += size == 0
                nonfinite[group, lane] += not finite


@_part
def _lose_slopes(u: Array, y: Array, s: Array) -> None:
    for segment in range(_whole(len(s))):
        for place in range(_whole(s.shape[1])):
            if not (abs(u[segment, place]) < np.inf) & (abs(y[segment, place]) < np.inf):
                s[segment, place] = np.nan


@_part
def _count_small(u: Array, y: Array, counts: Array, limits: Array) -> None:
    near, tiny = counts[0], counts[1]
    groups, lanes, width = _whole(near.shape[0]), _whole(near.shape[1]), _whole(y.shape[1])
    for segment in range(_whole(len(y))):
        group = segment % groups
        for start in range(_whole(0), width, lanes):
            for lane in range(min(lanes, width - start)):
                value, size = u[segment, start + lane], abs(y[segment, start + lane])
                finite = (abs(value) < np.inf) & (size < np.inf)
                near[group, lane] += (value <= limits[0]) | (not finite)
                tiny[group, lane] += (size < limits[1]) | (not finite)


@_part
def _add_slopes(s: Array, total: Array, low: Array, high: Array) -> None:
    groups, lanes, width = _whole(total.shape[0]), _whole(total.shape[1]), _whole(s.shape[1])
    for segment in range(_whole(len(s))):
        group = segment % groups
        for start in range(_whole(0), width, lanes):
            for lane in range(min(lanes, width - start)):
                slope = s[segment, start + lane]
                low[group, lane] = min(low[group, lane], slope)
                high[group, lane] = max(high[group, lane], slope)
                total[group, lane] += np.float64(slope)


@_part
def _count_flat(s: Array, y: Array, counts: Array, limits: Array) -> None:
    saturated, resting = counts[0], counts[1]
    groups, lanes, width = _whole(resting.shape[0]), _whole(resting.shape[1]), _whole(s.shape[1])
    for segment in range(_whole(len(s))):
        group = segment % groups
        for start in range(_whole(0), width, lanes):
            for lane in range(min(lanes, width - start)):
                flat = abs(s[segment, start + lane]) < limits[2]
                rests = flat & (abs(y[segment, start + lane]) <= limits[3])
                saturated[group, lane] += flat & (not rests)
                resting[group, lane] += rests
