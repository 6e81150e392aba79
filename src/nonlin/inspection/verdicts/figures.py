"""The figures of a call, from its statistics by unit."""

from dataclasses import replace
from math import nan

import numpy as np
import numpy.typing as npt

from nonlin.inspection.recording import RecordedCall
from nonlin.inspection.result import Call
from nonlin.inspection.thresholds import DEAD_SLOPE, Thresholds

__all__ = ["describe"]

Indices = npt.NDArray[np.intp]


@np.errstate(over="ignore", invalid="ignore")  # of values next to float64's largest
def describe(recorded: RecordedCall, limits: Thresholds) -> Call:
    """Return a call's figures; the verdict is put in by `with_verdicts`."""
    s = recorded.statistics
    dead, saturated, linear = _states(recorded, limits)
    values = max(s.values * s.units, 1)
    known = s.steepest is not None
    call = Call(
        name=recorded.site.name,
        function=recorded.site.function.label,
        layer=recorded.site.layer,
        shape=recorded.shape,
        units=s.units,
        samples=s.samples,
        values=s.values,
        dead=len(dead) if known else None,
        saturated=len(saturated) if known else None,
        linear=len(linear) if known else None,
        dead_units=tuple(dead.tolist()),
        saturated_units=tuple(saturated.tolist()),
        linear_units=tuple(linear.tolist()),
        nonfinite_units=tuple(np.flatnonzero(s.lost).tolist()),
        slope_mean=None if s.slope_sum is None else float(s.slope_sum.sum() / values),
        sparsity=float(s.zeros.sum() / values),
        resting=float(s.resting.sum() / values),
        mean=float(s.output.mean.mean()),
        std=_spread(s.output.mean, s.output.variance),
        input_mean=float(s.pre_activation.mean.mean()),
        input_std=_spread(s.pre_activation.mean, s.pre_activation.variance),
        largest=float(s.largest.max()),
        gradient=None if recorded.site.function.vector else recorded.gradient,
        nonfinite=s.nonfinite,
        rank=recorded.rank,
    )
    if s.nonfinite < values:
        return call
    unknown = replace(call, sparsity=nan, resting=nan, mean=nan, std=nan, input_mean=nan, input_std=nan)
    return replace(unknown, dead=None, saturated=None, linear=None, slope_mean=None)


def _spread(mean: npt.NDArray[np.float64], variance: npt.NDArray[np.float64]) -> float:
    """Return the standard deviation over everything, from those of the units."""
    return float(np.sqrt(np.mean(variance) + np.var(mean)))


def _states(recorded: RecordedCall, limits: Thresholds) -> tuple[Indices, Indices, Indices]:
    """Return the indices of the dead, the saturated and the linear units.

    Each unit is at most one of them, and none where a value of it is not finite: its slopes are NaN.
    """
    s = recorded.statistics
    none = np.zeros(0, np.intp)
    if s.steepest is None or s.slope_low is None or s.slope_high is None:
        return none, none, none
    dead = s.steepest <= DEAD_SLOPE
    linear = ~dead & (s.slope_high - s.slope_low <= limits.constant_slope) & (s.values > 1)
    saturated = ~dead & ~linear & (s.lost == 0) & (s.saturated > limits.saturated_values * s.values)
    return np.flatnonzero(dead), np.flatnonzero(saturated), np.flatnonzero(linear)
