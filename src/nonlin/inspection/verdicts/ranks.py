"""The verdict on calls whose units all follow one or two directions."""

from collections.abc import Iterator, Sequence

from nonlin.inspection.recording import Recording
from nonlin.inspection.result import Call, Finding, Severity
from nonlin.inspection.thresholds import Thresholds
from nonlin.inspection.verdicts.finding import found_at

__all__ = ["low_ranks"]


def low_ranks(recording: Recording, calls: Sequence[Call], limits: Thresholds) -> Iterator[Finding]:
    """Find the hidden calls with a low effective rank; the caller knows that the inputs have more to offer.

    Before the answers it is only noted: a network that tells two classes apart comes to use one direction there
    (Papyan, Han and Donoho 2020).
    """
    hidden = [
        call for call, recorded in zip(calls, recording.calls, strict=True) if recorded.site.role == "hidden"
    ]
    for call in hidden:
        judged = call.rank is not None and call.dead is not None and not call.nonfinite
        if judged and call.samples >= limits.least_samples and call.rank <= limits.low_rank:  # type: ignore[operator]
            yield _narrow(call, limits, "note" if call is hidden[-1] else "warning")


def _narrow(call: Call, limits: Thresholds, severity: Severity) -> Finding:
    rank = call.rank or 0.0
    message = (
        f"{call.name}: the {call.units} units follow few directions: together they have an effective rank of "
    )
    message += f"{rank:.1f}" + (", as before the answer of two classes" if severity == "note" else "")
    return found_at("low-rank", severity, call, message, against=(rank, limits.low_rank))
