"""Where on the axis of the pre-activation a function is dead, flat or straight, so that the range of a unit tells."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import inf, isinf
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.functions import Function
from nonlin.inspection.thresholds import DEAD_SLOPE, FLAT_SLOPE, RESTING_OUTPUT

__all__ = ["Zones", "dead_units", "slope_spread", "zones_of"]

Array = npt.NDArray[Any]

_REACH = 64.0  # from here on every function of the catalogue is at its tail
_STEPS = 1 << 14
_BISECTIONS = 60
_RIPPLE = 1e-6  # relative; smaller turns of the slope are rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Zones:
    """Of one function.

    Args:
        dead: intervals (low, high), closed, on which the relative slope is at most `DEAD_SLOPE`.
        flat_below: under this the function is flat and not at rest; -inf where there is no such end.
        flat_above: over this, the same; inf where there is none.
        turns: points where the slope has a local extremum, so that its range over an interval is known.
    """

    dead: tuple[tuple[float, float], ...]
    flat_below: float
    flat_above: float
    turns: tuple[float, ...]

    @property
    def saturates(self) -> bool:
        """Whether it has a flat end that is not a resting state."""
        return not (isinf(self.flat_below) and isinf(self.flat_above))


@lru_cache(maxsize=256)
def zones_of(function: Function) -> Zones:
    """Return the zones of a function of one number; bounds are found to the last digits.

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
        dead=dead,
        flat_below=max((high for low, high in flat if low == -inf), default=-inf),
        flat_above=min((low for low, high in flat if high == inf), default=inf),
        turns=_turns(grid, slope),
    )


def dead_units(zones: Zones, low: Array, high: Array) -> Array:
    """Return which units are dead, shape (units,): all of their values lie in one dead interval.

    Args:
        zones: of the function.
        low: the smallest pre-activation of each unit.
        high: the largest.
    """
    dead = np.zeros(low.shape, bool)
    for start, end in zones.dead:
        dead |= (low >= start) & (high <= end)
    return dead


def slope_spread(function: Function, zones: Zones, low: Array, high: Array) -> Array:
    """Return the largest less the smallest relative slope between two pre-activations, by unit.

    An upper bound for the values between, which need not take up the whole interval.
    """
    points = np.stack([low, high, *(np.clip(turn, low, high) for turn in zones.turns)])
    slope = _relative(function, points)
    spread: Array = slope.max(axis=0) - slope.min(axis=0)
    return spread


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
