"""The verdict on gradients that vanish or explode on their way back."""

from collections.abc import Iterator, Sequence

import numpy as np

from nonlin.inspection.recording import Recording
from nonlin.inspection.result import Call, Finding
from nonlin.inspection.thresholds import Thresholds
from nonlin.inspection.verdicts.finding import found_at
from nonlin.results import number

__all__ = ["gradient_findings"]


def gradient_findings(recording: Recording, calls: Sequence[Call], limits: Thresholds) -> Iterator[Finding]:
    """Judge the smallest and the largest gradient relative to that at the last call that has one.

    A softmax at the end is no yardstick: a loss has a gradient there of 1 / p, which a single wrong and sure answer
    makes as large as one likes, while that of its scores stays under √2.
    """
    seen = [(call, call.gradient) for call in calls if call.gradient is not None]
    while seen and seen[-1][0].dead is None:
        seen.pop()
    if len(seen) < 2:
        return
    last = seen[-1][1]
    if not last or not np.isfinite(last):
        return
    ratios = [(call, gradient / last) for call, gradient in seen]
    low = min(ratios, key=lambda item: item[1])
    high = max(ratios, key=lambda item: item[1])
    of, at = recording.gradient_of, seen[-1][0].name
    if low[1] < limits.vanishing:
        yield found_at(
            "vanishing", "error", low[0],
            f"{low[0].name}: the gradient of {of} has vanished: {number(low[1], 2)} of what it is at {at}",
            against=(low[1], limits.vanishing),
        )  # fmt: skip
    if high[1] > limits.exploding:
        yield found_at(
            "exploding", "error", high[0],
            f"{high[0].name}: the gradient of {of} explodes: {number(high[1], 2)} times what it is at {at}",
            against=(high[1], limits.exploding),
        )  # fmt: skip
