"""From the extremes of each unit to the shares of dead, saturated and linear ones: the words of the inspection."""

from dataclasses import dataclass, field
from math import isinf
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.functions import Function
from nonlin.inspection.thresholds import DEAD_SLOPE, FLAT_SLOPE, Thresholds
from nonlin.inspection.watching.classification import count_kinds, prolong
from nonlin.inspection.watching.scans import mean_of_nearest
from nonlin.inspection.watching.zones import Zones, dead_and_linear, slope_table

__all__ = ["LASTING", "Lasting", "Shares", "UnitRanges", "shares_of", "slope_mean"]

Array = npt.NDArray[Any]

_NO_FLAT = np.zeros(0)

LASTING = 10
"""Over how many watched steps a unit has to be dead to be called so: one batch is too few for a sparse one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRanges:
    """What is known of the pre-activations of a call on one step, by unit.

    Args:
        low, high: the smallest and the largest, shape (units,).
        flat: the share of a sample on a flat part that is not at rest, the same shape; None for a function without.
        slopes: a PReLU's for negative values, shape (units,) or (1,); None for any other function.
    """

    low: Array
    high: Array
    flat: Array | None = None
    slopes: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Of one call on one step.

    Args:
        dead_units: whether each is dead, shape (units,).
        dead: share of the units.
        saturated: the same.
        linear: share of the live units.
    """

    dead_units: Array
    dead: float
    saturated: float
    linear: float


@dataclass(slots=True)
class Lasting:
    """For how many watched steps each unit of a call has been dead."""

    runs: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    steps: int = 0

    def add(self, dead_units: Array) -> tuple[float, int]:
        """Add a step; return the share of units dead on all of the last ones, and how many those are."""
        if len(self.runs) != len(dead_units):
            self.runs, self.steps = np.zeros(len(dead_units), np.int64), 0
        self.steps = min(self.steps + 1, LASTING)
        return prolong(self.runs, dead_units, self.steps) / max(len(dead_units), 1), self.steps


def shares_of(function: Function, zones: Zones | None, ranges: UnitRanges, limits: Thresholds) -> Shares:
    """Return the shares of a call of a function of one number.

    A unit all of whose values lie on flat parts at both ends counts as saturated: that it is dead, only a look at every
    value could tell.

    Args:
        function: the activation.
        zones: of it; None for a PReLU, whose slopes `ranges` has.
        ranges: what was measured.
        limits: from which figure on a unit is called what.
    """
    flat = ranges.flat
    if ranges.slopes is None and zones is not None:
        dead, linear = dead_and_linear(
            function, zones, ranges.low, ranges.high, constant_slope=limits.constant_slope
        )
    else:
        slopes = np.full(1, function.parameters["weight"]) if ranges.slopes is None else ranges.slopes
        dead, spread, flat = _of_prelu(ranges, slopes)
        linear = ~dead & (spread <= limits.constant_slope)
    counts = count_kinds(dead, linear, _NO_FLAT if flat is None else flat, limits.saturated_values)
    units, alive = max(len(dead), 1), max(len(dead) - counts[0], 1)
    return Shares(
        dead_units=dead, dead=counts[0] / units, linear=counts[1] / alive, saturated=counts[2] / units
    )


def slope_mean(
    function: Function, zones: Zones | None, values: Array | None, ranges: UnitRanges | None
) -> float | None:
    """Return the mean of the slope relative to the largest that the function has.

    Args:
        function: the activation.
        zones: of it; None for a PReLU.
        values: pre-activations of all units, mixed; None where none were taken.
        ranges: of the same call, for a PReLU's slopes.

    Returns:
        None where a PReLU has one slope a unit, for a function without a largest slope, and for no values.
    """
    if values is None or not len(values) or isinf(function.largest_slope):
        return None
    if zones is not None:
        return mean_of_nearest(values, slope_table(zones))
    slopes = None if ranges is None else ranges.slopes
    slopes = np.full(1, function.parameters["weight"]) if slopes is None else slopes
    if len(slopes) > 1:
        return None
    return float(np.where(values > 0, 1.0, slopes[0]).mean() / np.maximum(1, np.abs(slopes[0])))


def _of_prelu(ranges: UnitRanges, slopes: Array) -> tuple[Array, Array, Array | None]:
    largest = np.maximum(1, np.abs(slopes))
    left, right = slopes / largest, 1 / largest
    off, on = ranges.high <= 0, ranges.low > 0
    dead = (off & (np.abs(left) <= DEAD_SLOPE)) | (on & (right <= DEAD_SLOPE))
    spread = np.where(off | on, 0.0, np.abs(right - left))
    flat = None if ranges.flat is None else np.where(np.abs(left) < FLAT_SLOPE, ranges.flat, 0.0)
    return dead, spread, flat
