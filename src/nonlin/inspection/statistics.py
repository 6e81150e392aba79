"""Statistics of an activation's units: pure functions on arrays, batch by batch, merged without loss.

Everything that a verdict needs comes from one quantity, the relative slope f'(u) / max abs f': what share of the
largest gradient a value lets through.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.inspection.thresholds import FLAT_SLOPE, RESTING_OUTPUT

__all__ = ["UnitStatistics", "counting_small_values", "measure", "merge", "thin"]

Array = npt.NDArray[Any]

TINY = 1e-5
"""TheDeepChecker's size of an output that counts as none."""

NEAR_ZERO = 0.05
"""fastai's bound of a layer's output that counts as near 0."""

_COUNTING: ContextVar[bool] = ContextVar("counting small values", default=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """Count, mean and sum of squared deviations by unit; merged by Chan, Golub and LeVeque (1979)."""

    count: int
    mean: Array
    deviation: Array

    @property
    def variance(self) -> Array:
        """The variance by unit, shape (units,)."""
        return self.deviation / max(self.count, 1)


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
        zeros: how many outputs are exactly 0.
        resting: how many values are at rest: on a flat part where the function is 0, or nearly.
        pre_activation, output: moments.
        absolute: the sum of abs(output).
        largest: the largest abs(output), finite ones.
        nonfinite: how many outputs or pre-activations are NaN or infinite.
        tiny: how many outputs have a size under 1e-5; None where small values are not counted.
        near_zero: how many pre-activations are at most 0.05; None as above.
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
    nonfinite: int
    tiny: Array | None = None
    near_zero: Array | None = None

    @property
    def units(self) -> int:
        """The number of units."""
        return len(self.zeros)


def measure(
    pre_activation: Array, output: Array, slope: Array | None, *, unit_axis: int, rests_at_zero: bool
) -> UnitStatistics:
    """Measure one batch of one call.

    Args:
        pre_activation: shape (batch, …).
        output: the same shape.
        slope: f'(u) / max abs f', the same shape; None where the function has no slope of one number.
        unit_axis: the axis of the units.
        rests_at_zero: whether a flat part of the function where it is 0 counts as "at rest" (ReLU) and not as
            "saturated" (sigmoid).

    Returns:
        The statistics by unit. NaN and infinite entries are counted in `nonfinite` and left out of the moments.
    """
    others = tuple(i for i in range(output.ndim) if i != unit_axis % output.ndim)
    finite = np.isfinite(pre_activation) & np.isfinite(output)
    nonfinite = int(finite.size - np.count_nonzero(finite))
    if nonfinite:
        pre_activation, output = np.where(finite, pre_activation, 0), np.where(finite, output, 0)
    size = np.abs(output)
    flat = resting = np.zeros(output.shape, bool)
    low = high = None
    if slope is not None:
        low, high = slope.min(axis=others), slope.max(axis=others)
        flat = (slope < FLAT_SLOPE) & (slope > -FLAT_SLOPE)  # cheaper than the slope's size
        if rests_at_zero:
            resting = flat & (size <= RESTING_OUTPUT)
    return UnitStatistics(
        samples=output.shape[0],
        values=int(np.prod([output.shape[i] for i in others])),
        steepest=None if low is None or high is None else np.maximum(np.abs(low), np.abs(high)),
        slope_low=low,
        slope_high=high,
        slope_sum=None if slope is None else slope.sum(axis=others, dtype=np.float64),
        saturated=np.count_nonzero(flat & ~resting, axis=others),
        zeros=np.count_nonzero(output == 0, axis=others),
        resting=np.count_nonzero(resting, axis=others),
        pre_activation=_moments(pre_activation, others),
        output=_moments(output, others),
        absolute=size.sum(axis=others, dtype=np.float64),
        largest=size.max(axis=others),
        nonfinite=nonfinite,
        tiny=np.count_nonzero(size < TINY, axis=others) if _COUNTING.get() else None,
        near_zero=np.count_nonzero(pre_activation <= NEAR_ZERO, axis=others) if _COUNTING.get() else None,
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
        nonfinite=a.nonfinite + b.nonfinite,
        tiny=extreme(np.add, a.tiny, b.tiny),
        near_zero=extreme(np.add, a.near_zero, b.near_zero),
    )


@contextmanager
def counting_small_values() -> Iterator[None]:
    """Count also what only the rules of other tools want to know, for as long as the context lasts."""
    token = _COUNTING.set(True)
    try:
        yield
    finally:
        _COUNTING.reset(token)


def thin(values: Array, limit: int) -> Array:
    """Return at most `limit` entries of an array, evenly strided, as a flat array."""
    flat = np.ravel(values)
    return flat[:: max(1, -(-flat.size // limit))].copy()  # a view would keep the whole array


def _moments(x: Array, axes: tuple[int, ...]) -> Moments:
    mean = x.mean(axis=axes, dtype=np.float64)
    wide = np.expand_dims(mean, axes).astype(x.dtype, copy=False)
    deviation = np.square(x - wide, dtype=np.float64).sum(axis=axes)
    return Moments(count=int(np.prod([x.shape[i] for i in axes])), mean=mean, deviation=deviation)


def _merge_moments(a: Moments, b: Moments) -> Moments:
    count = a.count + b.count
    step = b.mean - a.mean
    return Moments(
        count=count,
        mean=a.mean + step * (b.count / max(count, 1)),
        deviation=a.deviation + b.deviation + step**2 * (a.count * b.count / max(count, 1)),
    )
