"""What a finding at a call is made of."""

from nonlin.inspection.advice import advice
from nonlin.inspection.recording import Role
from nonlin.inspection.result import Call, Finding, Kind, Severity

__all__ = ["found_at", "role_of"]

_GATE = "_gate"
"""How the names of a recurrent layer's gates end: they are there to be open or shut, and flat ends are no fault."""


def found_at(
    kind: Kind,
    severity: Severity,
    call: Call,
    message: str,
    *,
    against: tuple[float, float],
    units: tuple[int, ...] = (),
) -> Finding:
    """Make a finding; `against` is its figure and the threshold."""
    return Finding(
        kind=kind,
        severity=severity,
        call=call.name,
        units=units,
        figure=against[0],
        threshold=against[1],
        samples=call.samples,
        message=message,
        advice=advice(kind, call.function),
    )


def role_of(call: Call, role: Role) -> Role:
    """Return the role of a call; a recorder that knows none tells a gate by its name."""
    return "gate" if role == "hidden" and call.name.endswith(_GATE) else role
