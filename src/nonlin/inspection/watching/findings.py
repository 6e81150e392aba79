"""Findings of a watched run: the words and thresholds of the inspection, on the last watched step of each call."""

from collections.abc import Iterator, Sequence
from math import isfinite, sqrt

from nonlin.inspection.advice import advice
from nonlin.inspection.result import SEVERITIES, Finding, Kind, Severity
from nonlin.inspection.thresholds import Thresholds
from nonlin.inspection.watching.history import History, Record
from nonlin.results import number

__all__ = ["findings_of"]


def findings_of(history: History, limits: Thresholds) -> tuple[Finding, ...]:
    """Return what is at or above its threshold at the last watched step, the worst first.

    `units` is empty in all of them: a history has shares, and no indices.
    """
    if not len(history):
        return ()
    last = [record for record in history if record.step == history.steps[-1]]
    found = [finding for record in last for finding in _of_call(record, limits)]
    found += _of_gradients(last, limits)
    return tuple(sorted(found, key=lambda finding: -SEVERITIES.index(finding.severity)))


def _make(
    kind: Kind, severity: Severity, record: Record, message: str, *, against: tuple[float, float]
) -> Finding:
    return Finding(
        kind=kind,
        severity=severity,
        call=record.call,
        units=(),
        figure=against[0],
        threshold=against[1],
        samples=record.samples,
        message=f"{record.call}, step {record.step}: {message}",
        advice=advice(kind, record.function),
    )


def _of_call(record: Record, limits: Thresholds) -> Iterator[Finding]:
    if not (isfinite(record.mean) and isfinite(record.rms)):
        message = "there are NaN or infinite values"
        yield _make("nonfinite", "error", record, message, against=(1.0, 1.0))
        return
    if record.dead_lasting:
        yield _dead(record, record.dead_lasting, limits)
    enough = record.samples >= limits.least_samples
    if record.saturated is not None and record.saturated >= limits.few:
        severity: Severity = "warning" if record.saturated >= limits.saturated else "note"
        message = f"{record.saturated:.0%} of {record.units} units are saturated"
        yield _make("saturated", severity, record, message, against=(record.saturated, limits.saturated))
    if record.linear is not None and record.linear >= limits.few and record.dead != 1:
        severity = "warning" if record.linear >= limits.linear and enough else "note"
        message = f"{record.linear:.0%} of the live units act linearly on the batch of {record.samples}"
        yield _make("linear", severity, record, message, against=(record.linear, limits.linear))
    if record.rms > limits.large_output:
        message = f"the outputs have a root mean square of {number(record.rms)}"
        yield _make("exploding", "warning", record, message, against=(record.rms, limits.large_output))


def _dead(record: Record, share: float, limits: Thresholds) -> Finding:
    samples = record.samples * record.lasting_steps
    severity: Severity = (
        "error" if share >= limits.dead_layer else "warning" if share >= limits.dead else "note"
    )
    if samples < limits.least_samples:
        severity = "note"
    message = f"{share:.0%} of {record.units} units have been dead on each of the last {record.lasting_steps} watched "
    message += f"steps ({samples:,} samples)"
    return _make("dead", severity, record, message, against=(share, limits.dead))


def _of_gradients(last: Sequence[Record], limits: Thresholds) -> Iterator[Finding]:
    # norms, as in the inspection: a root mean square would make a wide call's gradient small
    norms = [(r, r.gradient_rms * sqrt(r.values)) for r in last if r.gradient_rms is not None]
    if len(norms) < 2 or not norms[-1][1] or not isfinite(norms[-1][1]):
        return
    at_last = norms[-1][0].call
    ratios = [(record, norm / norms[-1][1]) for record, norm in norms]
    low, high = min(ratios, key=lambda item: item[1]), max(ratios, key=lambda item: item[1])
    if low[1] < limits.vanishing:
        message = f"the gradient has vanished: {number(low[1], 2)} of what it is at {at_last}"
        yield _make("vanishing", "error", low[0], message, against=(low[1], limits.vanishing))
    if high[1] > limits.exploding:
        message = f"the gradient explodes: {number(high[1], 2)} times what it is at {at_last}"
        yield _make("exploding", "error", high[0], message, against=(high[1], limits.exploding))
