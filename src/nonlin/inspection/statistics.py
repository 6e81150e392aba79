"""Statistics of an activation's units: pure functions on arrays, batch by batch, merged without loss.

Everything that a verdict needs comes from one quantity, the relative slope f'(u) / max abs f': what share of the
largest gradient a value lets through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nonlin.inspection.totals import Totals

__all__ = ["Slope", "UnitStatistics", "measure", "merge", "thin"]

Array = npt.NDArray[Any]
Slope: TypeAlias = Callable[[Array], Array]

_PART = 1 << 16
"""The values that are looked at together: with outputs and slopes less than the second cache of most processors."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """Count, mean and sum of squared deviations by unit; merged by Chan, Golub and LeVeque (1979)."""

    count: Array
    mean: Array
    deviation: Array

    @property
    def variance(self) -> Array:
        """The variance by unit, shape (units,)."""
        return self.deviation / np.maximum(self.count, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitStatistics:
    """What was measured on the units of one call; arrays have shape (units,).

    Args:
        samples: how many samples (entries of the batch axis).
        values: how many values of each unit (samples × positions).
        steepest: the largest abs relative slope seen; None where the function has no slope of one number (softmax).
        slope_low, slope_high: the smallest and the largest relative slope seen, with sign; None as above.
        slope_sum: the sum of the relative slopes; None as above.
        saturated: how many values lie on a flat part of the function that is not its resting state.
        zeros: how many outputs are exactly 0, those that are lost included.
        resting: how many values are at rest: on a flat part where the function is 0, or nearly.
        pre_activation, output: moments of the values that are not lost; 0 where all are.
        absolute: the sum of abs(output), of the same.
        largest: the largest of them.
        lost: how many values have an output or a pre-activation that is NaN or infinite.
        tiny: how many outputs have a size under `thresholds.TINY`.
        near_zero: how many pre-activations are at most `thresholds.NEAR_ZERO`.
    """

    samples: int
    values: int
    steepest: Array | None
    slope_low: Array | None
    slope_high: Array | None
    slope_sum: Array | None
    saturated: Array
    zeros: Array
    resting: Array
    pre_activation: Moments
    output: Moments
    absolute: Array
    largest: Array
    lost: Array
    tiny: Array
    near_zero: Array

    @property
    def units(self) -> int:
        """The number of units."""
        return len(self.zeros)

    @property
    def finite(self) -> Array:
        """How many values of each unit are not lost, shape (units,)."""
        return self.values - self.lost

    @property
    def nonfinite(self) -> int:
        """How many values of all units are lost."""
        return int(self.lost.sum())


def measure(
    pre_activation: Array, output: Array, slope: Slope | None, *, unit_axis: int, rests_at_zero: bool
) -> UnitStatistics:
    """Measure one batch of one call, part by part, so that nothing of the batch's size is made.

    Args:
        pre_activation: shape (batch, …), not empty.
        output: the same shape.
        slope: returns f'(u) / max abs f' of a part of them, with all units; None where the function has no slope of
            one number.
        unit_axis: the axis of the units, not that of the batch.
        rests_at_zero: whether a flat part of the function where it is 0 counts as "at rest" (ReLU) and not as
            "saturated" (sigmoid).

    Returns:
        The statistics by unit. NaN and infinite entries are counted in `lost`; their slope is NaN, so that those of
        their unit are; they lie on no flat part, count as zeros, tiny and near 0, and are left out of sums and moments.
        Sums are in float64, and moments around one of the unit's own values: with n values the error of a variance is
        at most about n units in its last place, however far from 0 they lie.
    """
    from nonlin.inspection.totals import add, totals_for

    kind = pre_activation.dtype if pre_activation.dtype in (np.float32, np.float64) else np.dtype(np.float32)
    axes = _order(pre_activation, unit_axis % output.ndim)
    place, back = axes.index(unit_axis % output.ndim), np.argsort(axes)
    laid = pre_activation.transpose(axes), output.transpose(axes)
    totals: Totals | None = None
    for part in _parts(laid[1]):
        u, y = (np.require(x[part], kind, ["C", "W"]) for x in laid)
        s = None if slope is None else np.require(slope(u.transpose(back)).transpose(axes), kind, ["C", "W"])
        totals = totals or totals_for(u, y, place)
        add(totals, u, y, s, rests_at_zero=rests_at_zero)
    assert totals is not None  # noqa: S101 - there is at least one part
    return _statistics(totals, output, sloped=slope is not None)


def _order(values: Array, unit_axis: int) -> tuple[int, ...]:
    """Return the axes in the order of memory; as they are where the units come first, which parts must not cut."""
    axes = tuple(sorted(range(values.ndim), key=lambda axis: -abs(values.strides[axis])))
    return tuple(range(values.ndim)) if axes[0] == unit_axis else axes


def _parts(values: Array) -> Iterator[slice]:
    """Yield parts of the first axis, each of about as many values as the processor's cache holds."""
    step = max(1, _PART * len(values) // max(values.size, 1))
    return (slice(start, start + step) for start in range(0, len(values), step))


def _statistics(totals: Totals, output: Array, *, sloped: bool) -> UnitStatistics:
    values = output.size // totals.units
    sums, counts = [totals.by_unit(x) for x in totals.sums], [totals.by_unit(x) for x in totals.counts]
    finite = values - counts[1]
    pivots = totals.by_unit(totals.pivots[0], np.maximum), totals.by_unit(totals.pivots[1], np.maximum)
    low = high = None
    if sloped:
        # a comparison with NaN says nothing, and a sum keeps it
        lost = np.isnan(sums[5])
        low = np.where(lost, np.nan, totals.by_unit(totals.extremes[1], np.minimum))
        high = np.where(lost, np.nan, totals.by_unit(totals.extremes[2], np.maximum))
    return UnitStatistics(
        samples=output.shape[0],
        values=values,
        steepest=None if low is None or high is None else np.maximum(np.abs(low), np.abs(high)),
        slope_low=low,
        slope_high=high,
        slope_sum=sums[5] if sloped else None,
        saturated=counts[4],
        zeros=counts[0],
        resting=counts[5],
        pre_activation=_moments(finite, pivots[0], sums[0], sums[1]),
        output=_moments(finite, pivots[1], sums[2], sums[3]),
        absolute=sums[4],
        largest=totals.by_unit(totals.extremes[0], np.maximum),
        lost=counts[1],
        tiny=counts[3],
        near_zero=counts[2],
    )


def merge(a: UnitStatistics, b: UnitStatistics) -> UnitStatistics:
    """Return the statistics of both batches together."""

    def extreme(pick: Any, left: Array | None, right: Array | None) -> Array | None:
        return None if left is None or right is None else pick(left, right)

    return UnitStatistics(
        samples=a.samples + b.samples,
        values=a.values + b.values,
        steepest=extreme(np.maximum, a.steepest, b.steepest),
        slope_low=extreme(np.minimum, a.slope_low, b.slope_low),
        slope_high=extreme(np.maximum, a.slope_high, b.slope_high),
        slope_sum=extreme(np.add, a.slope_sum, b.slope_sum),
        saturated=a.saturated + b.saturated,
        zeros=a.zeros + b.zeros,
        resting=a.resting + b.resting,
        pre_activation=_merge_moments(a.pre_activation, b.pre_activation),
        output=_merge_moments(a.output, b.output),
        absolute=a.absolute + b.absolute,
        largest=np.maximum(a.largest, b.largest),
        lost=a.lost + b.lost,
        tiny=a.tiny + b.tiny,
        near_zero=a.near_zero + b.near_zero,
    )


def thin(values: Array, limit: int) -> Array:
    """Return at most `limit` entries of an array, evenly strided, as a flat array."""
    return np.asarray(values.flat[:: max(1, -(-values.size // limit))])


def _moments(count: Array, pivot: Array, total: Array, square: Array) -> Moments:
    """Return the moments from the sums of the deviations from a pivot and of their squares."""
    with np.errstate(over="ignore", invalid="ignore"):
        step = total / np.maximum(count, 1)
        deviation = np.where(np.isinf(square), square, np.maximum(square - total * step, 0.0))
    return Moments(count=count, mean=pivot + step, deviation=deviation)


def _merge_moments(a: Moments, b: Moments) -> Moments:
    count = a.count + b.count
    share = b.count / np.maximum(count, 1)
    step = b.mean - a.mean
    return Moments(
        count=count,
        mean=a.mean + step * share,
        deviation=a.deviation + b.deviation + step**2 * (a.count * share),
    )
