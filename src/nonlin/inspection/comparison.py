"""What changed between two inspections of the same network."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nonlin.errors import InvalidInputError, MissingInputError
from nonlin.inspection.result import Inspection

__all__ = ["CallChange", "Changes", "changes", "read_report"]

_FIGURES = ("dead", "saturated", "linear", "sparsity", "mean", "std", "gradient")

_LEAST_CHANGE = 0.05
"""Relative change from which a figure that is not a count is worth a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallChange:
    """One figure of one call that changed; a call that is new or gone has None on one side."""

    call: str
    figure: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What changed since an older report.

    Args:
        appeared, gone: the messages of the findings that are new, and of those that are no longer there; a finding is
            the same if its kind and its call are.
        calls: the figures of calls that changed; those that are not counts by at least 5 %.
    """

    appeared: tuple[str, ...]
    gone: tuple[str, ...]
    calls: tuple[CallChange, ...]

    def __bool__(self) -> bool:
        return bool(self.appeared or self.gone or self.calls)


def read_report(path: Path) -> dict[str, Any]:
    """Read a report that was written as JSON.

    Raises:
        MissingInputError: if there is no such file.
        InvalidInputError: if it is not such a report.
    """
    if not path.is_file():
        raise MissingInputError(f"expected an older report as JSON, but there is no {path}; check the path")
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        readable = isinstance(report, dict) and {"calls", "findings", "schema"} <= report.keys()
    except ValueError:
        readable = False
    if not readable:
        raise InvalidInputError(
            f"expected a report that nonlin wrote as JSON, got {path}; write one with nonlin inspect --output old.json"
        )
    found: dict[str, Any] = report
    return found


def changes(before: Mapping[str, Any], after: Inspection) -> Changes:
    """Compare an older report with a new inspection; gradients only where they are of the same thing.

    Args:
        before: an older report, from `read_report` or `Inspection.to_dict`.
        after: the new one.
    """
    now = after.to_dict()
    old, new = (
        {(f["kind"], f["call"]): f["message"] for f in report["findings"]} for report in (before, now)
    )
    old_calls, new_calls = ({call["name"]: call for call in report["calls"]} for report in (before, now))
    same = before.get("gradient_of") == now["gradient_of"]
    figures = tuple(figure for figure in _FIGURES if same or figure != "gradient")
    found: list[CallChange] = []
    for name in dict.fromkeys([*old_calls, *new_calls]):
        found += _of_call(name, old_calls.get(name), new_calls.get(name), figures)
    return Changes(
        appeared=tuple(message for key, message in new.items() if key not in old),
        gone=tuple(message for key, message in old.items() if key not in new),
        calls=tuple(found),
    )


def _of_call(
    name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, figures: tuple[str, ...]
) -> list[CallChange]:
    if before is None or after is None:
        sides = (None if side is None else side["units"] for side in (before, after))
        return [CallChange(call=name, figure="units", before=next(sides), after=next(sides))]
    pairs = [(figure, before.get(figure), after.get(figure)) for figure in figures]
    return [CallChange(call=name, figure=f, before=a, after=b) for f, a, b in pairs if _differ(f, a, b)]


def _differ(figure: str, before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is not after
    if figure in ("dead", "saturated", "linear"):
        return before != after
    return abs(after - before) > _LEAST_CHANGE * max(abs(before), abs(after))
