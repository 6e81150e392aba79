"""The figures of a call, from its statistics by unit."""

from dataclasses import replace
from math import nan

import numpy as np
import numpy.typing as npt

from nonlin.inspection.recording import RecordedCall
from nonlin.inspection.result import Call
from nonlin.inspection.statistics import Moments
from nonlin.inspection.thresholds import DEAD_SLOPE, Thresholds

__all__ = ["describe"]

Indices = npt.NDArray[np.intp]


@np.errstate(over="ignore", invalid="ignore")  # of values next to float64's largest
def describe(recorded: RecordedCall, limits: Thresholds) -> Call:
    """Return a call's figures; the verdict is put in by `with_verdicts`."""
    s = recorded.statistics
    dead, saturated, linear = _states(recorded, limits)
    values = max(s.values * s.units, 1)
    finite = max(values - s.nonfinite, 1)
    mean, std = _spread(s.output)
    input_mean, input_std = _spread(s.pre_activation)
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
        sparsity=float((s.zeros - s.lost).sum() / finite),
        resting=float(s.resting.sum() / finite),
        mean=mean,
        std=std,
        input_mean=input_mean,
        input_std=input_std,
        largest=float(s.largest.max()),
        gradient=None if recorded.site.function.vector else recorded.gradient,
        nonfinite=s.nonfinite,
        rank=recorded.rank,
    )
    if s.nonfinite < values:
        return call
    unknown = replace(call, sparsity=nan, resting=nan, mean=nan, std=nan, input_mean=nan, input_std=nan)
    return replace(unknown, dead=None, saturated=None, linear=None, slope_mean=None)


def _spread(units: Moments) -> tuple[float, float]:
    """Return the mean and the standard deviation over everything, each unit weighed by its finite values."""
    share = units.count / max(int(units.count.sum()), 1)
    mean = (share * units.mean).sum()
    return float(mean), float(np.sqrt((share * (units.variance + (units.mean - mean) ** 2)).sum()))


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
