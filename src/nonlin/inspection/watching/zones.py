"""Where on the axis of the pre-activation a function is dead, flat or straight, so that the range of a unit tells."""

from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from math import inf, isinf
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.functions import Function
from nonlin.inspection.thresholds import DEAD_SLOPE, FLAT_SLOPE, RESTING_OUTPUT
from nonlin.inspection.watching.classification import dead_and_straight
from nonlin.inspection.watching.scans import Table

__all__ = ["Zones", "dead_and_linear", "slope_spread", "slope_table", "zones_of"]

Array = npt.NDArray[Any]

_REACH = 64.0  # from here on every function of the catalogue is at its tail
_STEPS = 1 << 14
_COARSE = 8
_BISECTIONS = 60
_RIPPLE = 1e-6  # relative; smaller turns of the slope are rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Zones:
    """Of one function.

    Args:
        dead: intervals, closed, on which the relative slope is at most `DEAD_SLOPE`, shape (intervals, 2).
        flat_below: under this the function is flat and not at rest; -inf where there is no such end.
        flat_above: over this, the same; inf where there is none.
        turns: points where the slope has a local extremum, so that its range over an interval is known.
        ends: shape (points,): for each point of a grid, the last one up to which the slope is constant, but for
            the limit that was asked for.
        slopes: the relative slope on the whole grid.
    """

    dead: Array
    flat_below: float
    flat_above: float
    turns: tuple[float, ...]
    ends: Array = field(repr=False)
    slopes: Array = field(repr=False)

    @property
    def saturates(self) -> bool:
        """Whether it has a flat end that is not a resting state."""
        return not (isinf(self.flat_below) and isinf(self.flat_above))


@lru_cache(maxsize=256)
def zones_of(function: Function, constant_slope: float) -> Zones:
    """Return the zones of a function of one number; bounds are found to the last digits.

    The slope counts as constant where it varies by at most `constant_slope`.

    Where the slope has no bound (relu2), "dead" and "flat" mean a slope of 0.
    """
    grid = np.linspace(-_REACH, _REACH, 2 * _STEPS + 1)
    slope = _relative(function, grid)

    bounded = not isinf(function.largest_slope)

    def is_flat(points: Array) -> Array:
        size = np.abs(_relative(function, points))
        flat = size < FLAT_SLOPE if bounded else size == 0
        if function.rests_at_zero:
            flat &= np.abs(np.asarray(function(points))) > RESTING_OUTPUT
        return flat

    limit = DEAD_SLOPE if bounded else 0.0
    dead = _intervals(lambda points: np.abs(_relative(function, points)) <= limit, grid)
    flat = _intervals(is_flat, grid)
    return Zones(
        dead=np.array(dead, float).reshape(-1, 2),
        flat_below=max((high for low, high in flat if low == -inf), default=-inf),
        flat_above=min((low for low, high in flat if high == inf), default=inf),
        turns=_turns(grid, slope),
        ends=_ends(slope[::_COARSE], constant_slope),
        slopes=slope,
    )


def dead_and_linear(
    function: Function, zones: Zones, low: Array, high: Array, *, constant_slope: float
) -> tuple[Array, Array]:
    """Return which units are dead, all values in one dead interval, and over which others the slope is constant.

    Args:
        function: the activation.
        zones: of it, for the same `constant_slope`.
        low: the smallest pre-activation of each unit, float64, shape (units,).
        high: the largest.
        constant_slope: how far the relative slope may vary.

    Returns:
        Both of shape (units,).
    """
    dead, linear, straight = dead_and_straight(low, high, zones.dead, zones.ends, _STEPS / _REACH / _COARSE)
    if straight:
        # only what is constant on the grid is looked at closer
        left = np.flatnonzero(linear)
        linear[left] = slope_spread(function, zones, low[left], high[left]) <= constant_slope
    return dead, linear


def slope_spread(function: Function, zones: Zones, low: Array, high: Array) -> Array:
    """Return the largest less the smallest relative slope between two pre-activations, by unit.

    An upper bound for the values between, which need not take up the whole interval.
    """
    points = np.stack([low, high, *(np.clip(turn, low, high) for turn in zones.turns)])
    slope = _relative(function, points)
    spread: Array = slope.max(axis=0) - slope.min(axis=0)
    return spread


def slope_table(zones: Zones) -> Table:
    """Return the relative slope on 256 points a unit of length, to look up the nearest."""
    return zones.slopes, _STEPS / _REACH


def _relative(function: Function, points: Array) -> Array:
    slope = np.asarray(function.slope(points))
    largest = function.largest_slope
    return slope if isinf(largest) or largest == 0 else slope / slope.dtype.type(largest)


def _intervals(holds: Any, grid: Array) -> tuple[tuple[float, float], ...]:
    inside = np.concatenate([[False], holds(grid), [False]])
    starts, ends = np.flatnonzero(inside[1:] & ~inside[:-1]), np.flatnonzero(inside[:-1] & ~inside[1:]) - 1
    found = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        low = -inf if start == 0 else _border(holds, grid[start], grid[start - 1])
        high = inf if end == len(grid) - 1 else _border(holds, grid[end], grid[end + 1])
        found.append((low, high))
    return tuple(found)


def _border(holds: Any, inside: float, outside: float) -> float:
    for _ in range(_BISECTIONS):
        middle = (inside + outside) / 2
        if holds(np.array([middle]))[0]:
            inside = middle
        else:
            outside = middle
    return float(inside)


def _turns(grid: Array, slope: Array) -> tuple[float, ...]:
    rises = np.diff(slope)
    moving = np.flatnonzero(np.abs(rises) > _RIPPLE * max(np.abs(slope).max(), 1e-300))
    turning = [b for a, b in pairwise(moving.tolist()) if rises[a] * rises[b] < 0]
    return tuple(float(grid[i]) for i in turning)


def _ends(slope: Array, limit: float) -> Array:
    values, ends = slope.tolist(), np.empty(len(slope), np.intp)
    smallest: deque[int] = deque()
    largest: deque[int] = deque()
    end = 0
    for start in range(len(values)):
        while end < len(values):
            low = min(values[smallest[0]], values[end]) if smallest else values[end]
            high = max(values[largest[0]], values[end]) if largest else values[end]
            if high - low > limit:
                break
            while smallest and values[smallest[-1]] >= values[end]:
                smallest.pop()
            while largest and values[largest[-1]] <= values[end]:
                largest.pop()
            smallest.append(end)
            largest.append(end)
            end += 1
        ends[start] = end - 1
        for queue in (smallest, largest):
            if queue and queue[0] == start:
                queue.popleft()
    return ends
