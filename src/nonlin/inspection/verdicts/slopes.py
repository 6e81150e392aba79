"""Verdicts on slopes: units that are dead, saturated or linear."""

from collections.abc import Iterator
from dataclasses import replace

from nonlin.inspection.advice import SURE
from nonlin.inspection.recording import CallSite, Role
from nonlin.inspection.result import Call, Finding, Severity
from nonlin.inspection.thresholds import Thresholds
from nonlin.inspection.verdicts.finding import found_at, role_of

__all__ = ["slope_findings"]

_WORDS = {
    **dict.fromkeys(("relu", "relu6"), "are always on"),
    **dict.fromkeys(("leaky_relu", "prelu", "rrelu"), "stay on one side of the kink"),
}


def slope_findings(call: Call, site: CallSite, limits: Thresholds) -> Iterator[Finding]:
    """Yield what is wrong with the slopes at a call; none where it has no slope of one number."""
    if call.dead is None:
        return
    if call.dead_units:
        yield _dead(call, limits, rests=site.function.rests_at_zero)
    alive = call.units - len(call.dead_units)
    share = len(call.linear_units) / max(alive, 1)
    if share >= limits.few:
        yield _linear(call, alive, limits, between=role_of(call, site.role) == "hidden")
    share = len(call.saturated_units) / call.units
    if share >= limits.few:
        yield _saturated(call, site.role, limits)


def _saturated(call: Call, role: Role, limits: Thresholds) -> Finding:
    """Judge saturated units: a fault between layers; where a gate or an answer is decided, it may be what is wanted."""
    share = len(call.saturated_units) / call.units
    severe = share >= limits.saturated and role_of(call, role) == "hidden"
    message = (
        f"{call.name}: {len(call.saturated_units)} of {call.units} units ({share:.0%}) are saturated: over "
        f"{limits.saturated_values:.0%} of their values let through under 1 % of the largest slope"
    )
    if role == "answer":
        message += ", as sure answers do"
    found = found_at(
        "saturated",
        "warning" if severe else "note",
        call,
        message,
        against=(share, limits.saturated),
        units=call.saturated_units,
    )
    return replace(found, advice=SURE) if role == "answer" else found


def _dead(call: Call, limits: Thresholds, *, rests: bool) -> Finding:
    share = len(call.dead_units) / call.units
    severity: Severity = (
        "error" if share >= limits.dead_layer else "warning" if share >= limits.dead else "note"
    )
    what = f"{call.name}: {len(call.dead_units)} of {call.units} units ({share:.0%})"
    fires = "fires" if rests else "gets one"
    if call.samples < limits.least_samples:
        severity = "note"
        seen = "the only sample" if call.samples == 1 else f"any of {call.samples} samples"
        message = (
            f"{what} have no gradient on {seen}, too few to call them dead; give at least "
            f"{limits.least_samples}"
        )
    else:
        message = (
            f"{what} are dead: no gradient on any of {call.samples:,} samples; each {fires} on fewer than "
            f"{3 / call.samples:.2%} of such samples (95 % confidence)"
        )
    return found_at("dead", severity, call, message, against=(share, limits.dead), units=call.dead_units)


def _linear(call: Call, alive: int, limits: Thresholds, *, between: bool) -> Finding:
    share = len(call.linear_units) / alive
    word = _WORDS.get(call.function.split("(")[0], "act linearly")
    message = f"{call.name}: {len(call.linear_units)} of {alive} live units ({share:.0%}) {word}, on all of "
    message += f"{call.samples:,} samples"
    whole = share >= limits.linear and call.samples >= limits.least_samples
    if whole:
        message += "; the call bends nothing"
    if whole and between:
        message += ", and the layers before and after it are one on this data"
    severity: Severity = "warning" if whole and between else "note"
    return found_at(
        "linear", severity, call, message, against=(share, limits.linear), units=call.linear_units
    )
