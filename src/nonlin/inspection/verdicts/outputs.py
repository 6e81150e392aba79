"""Verdicts on outputs: exploding, massive, dormant, not centred."""

from collections.abc import Iterator
from math import inf

import numpy as np

from nonlin.inspection.recording import RecordedCall
from nonlin.inspection.result import Call, Finding
from nonlin.inspection.thresholds import Thresholds
from nonlin.inspection.verdicts.finding import found_at, role_of
from nonlin.results import number

__all__ = ["output_findings"]


def output_findings(call: Call, recorded: RecordedCall, limits: Thresholds) -> Iterator[Finding]:
    """Yield what is wrong with the outputs of a call."""
    s = recorded.statistics
    magnitude = float(s.absolute.sum() / max(int(s.finite.sum()), 1))
    if magnitude > limits.large_output:
        yield found_at(
            "exploding", "warning", call,
            f"{call.name}: the outputs have a mean size of {number(magnitude)}",
            against=(magnitude, limits.large_output),
        )  # fmt: skip
    rms = float(np.hypot(call.mean, call.std))
    largest = s.largest.astype(np.float64)  # in its own type the limit may overflow
    massive = np.flatnonzero((largest > limits.massive) & (largest > limits.massive_ratio * rms))
    if len(massive):
        yield found_at(
            "massive", "note", call,
            f"{call.name}: {len(massive)} units reach outputs of up to {number(call.largest)}, over "
            f"{limits.massive_ratio:g} times the call's root mean square",
            against=(call.largest, limits.massive), units=tuple(massive.tolist()),
        )  # fmt: skip
    if not recorded.site.function.vector:
        yield from _dormant(call, recorded, limits)
        ratio = abs(call.mean) / call.std if call.std else 0.0
        hidden = role_of(call, recorded.site.role) == "hidden"
        if ratio > limits.uncentred and call.units > 1 and hidden:
            yield found_at(
                "uncentred", "note", call,
                f"{call.name}: the outputs are not centred: mean {number(call.mean)}, standard deviation "
                f"{number(call.std)}",
                against=(ratio, limits.uncentred),
            )  # fmt: skip


def _dormant(call: Call, recorded: RecordedCall, limits: Thresholds) -> Iterator[Finding]:
    """Find the units that answer, but far less than their layer (Sokar et al. 2023).

    Dead ones are not named twice, and of those whose values are not finite the size is not known.
    """
    count = recorded.statistics.finite
    size = recorded.statistics.absolute / np.maximum(count, 1)
    average = float(size.sum() / max(np.count_nonzero(count), 1))
    if not 0 < average < inf:
        return
    score = size / average
    others = {*call.dead_units, *call.nonfinite_units}
    quiet = [i for i in np.flatnonzero(score <= limits.dormant).tolist() if i not in others]
    if len(quiet) >= limits.few * call.units:
        yield found_at(
            "dormant", "note", call,
            f"{call.name}: {len(quiet)} of {call.units} units are alive but dormant: their mean size is at most "
            f"{limits.dormant:.1%} of the layer's",
            against=(float(score[quiet].max()), limits.dormant), units=tuple(quiet),
        )  # fmt: skip
