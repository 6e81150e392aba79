"""Everything that is at or above its threshold, the worst first."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from nonlin.inspection.recording import Recording
from nonlin.inspection.result import SEVERITIES, Call, Finding
from nonlin.inspection.thresholds import Thresholds
from nonlin.inspection.verdicts.collapse import collapse_finding
from nonlin.inspection.verdicts.gradients import gradient_findings
from nonlin.inspection.verdicts.nonfinite import nonfinite_findings
from nonlin.inspection.verdicts.outputs import output_findings
from nonlin.inspection.verdicts.ranks import low_ranks
from nonlin.inspection.verdicts.slopes import slope_findings
from nonlin.networks.finite import NonfiniteTensor

__all__ = ["findings", "with_verdicts"]


@np.errstate(over="ignore", invalid="ignore")  # of values next to float64's largest
def findings(
    recording: Recording,
    calls: Sequence[Call],
    limits: Thresholds,
    *,
    input_rank: float | None = None,
    weights: Sequence[NonfiniteTensor] = (),
) -> tuple[Finding, ...]:
    """Return everything that is at or above its threshold, the worst first.

    Args:
        recording: the measurements.
        calls: the same, described.
        limits: the thresholds.
        input_rank: the effective rank of the inputs; None where it is not known, and no call is blamed for its own.
        weights: those that are not finite.
    """
    found = list(nonfinite_findings(weights, calls, recording.nonfinite_outputs, recording.samples))
    for call, recorded in zip(calls, recording.calls, strict=True):
        found += slope_findings(call, recorded.site, limits)
        found += output_findings(call, recorded, limits)
    found += [collapse_finding(chain, recording.samples) for chain in recording.chains]
    found += gradient_findings(recording, calls, limits)
    if input_rank is not None and input_rank >= limits.rich_rank:
        found += low_ranks(recording, calls, limits)
    return tuple(sorted(found, key=lambda f: -SEVERITIES.index(f.severity)))


def with_verdicts(calls: Sequence[Call], found: Sequence[Finding]) -> Iterator[Call]:
    """Yield the calls with the kind of their worst finding (not a note) for a verdict."""
    for call in calls:
        mine = (f.kind for f in found if f.call == call.name and f.severity != "note")
        yield replace(call, verdict=next(mine, "healthy"))
