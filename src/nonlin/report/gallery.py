"""The pictures of an inspection's page, drawn and embedded; of a very large network only some."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from nonlin import pictures
from nonlin.inspection import Call, Inspection
from nonlin.pictures.call import drawable
from nonlin.report.figures import embed

__all__ = ["Gallery", "draw"]

_ROWS = 60
"""So many calls stand in the pictures of the whole network."""

_PICTURED = 24
"""So many calls have pictures of their own: about 1 MB, and two seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """The pictures of a page.

    Args:
        overview, gradients, prediction, line: of the whole network; None where there is nothing to draw.
        rows: how many calls stand in those.
        pre_activations, units: by the name of the call.
        pictured: the names of the calls that have pictures of their own, the worst first.
    """

    overview: Markup | None
    gradients: Markup | None
    prediction: Markup | None
    line: Markup | None
    rows: int
    pre_activations: dict[str, Markup]
    units: dict[str, Markup]
    pictured: tuple[str, ...]


def draw(inspection: Inspection) -> Gallery:
    """Draw the pictures of an inspection; where calls are left out, those with the worst findings stay."""
    calls = _worst_first(inspection)
    rows = frozenset(call.name for call in calls[:_ROWS])
    pictured = calls[:_PICTURED]
    both = zip(inspection.calls, inspection.recording.calls, strict=True)
    shown = {call.name for call, recorded in both if len(drawable(recorded))}
    graded = any(call.gradient is not None for call in calls[:_ROWS])
    return Gallery(
        overview=embed(
            pictures.overview(inspection, only=rows), "overview", "States of the units of every call"
        )
        if calls
        else None,
        gradients=embed(
            pictures.gradients(inspection, only=rows), "gradients", "Norm of the gradient at every call"
        )
        if graded
        else None,
        prediction=_prediction(inspection, rows),
        line=_line(inspection),
        rows=len(rows),
        pre_activations=_of_each(
            [call for call in pictured if call.name in shown],
            lambda call: pictures.pre_activations(inspection, call.name),
            "Pre-activations over the curve of the function, at",
        ),
        units=_of_each(
            [call for call in pictured if call.dead is not None],
            lambda call: pictures.units(inspection, call.name),
            "What each unit does with its values, at",
        ),
        pictured=tuple(call.name for call in pictured),
    )


def _worst_first(inspection: Inspection) -> list[Call]:
    by_name = {call.name: call for call in inspection.calls}
    names = [finding.call for finding in inspection.findings if finding.severity != "note"]
    return [by_name[name] for name in dict.fromkeys([*names, *by_name]) if name in by_name]


def _of_each(calls: Sequence[Call], picture: Callable[[Call], Figure], words: str) -> dict[str, Markup]:
    kind = words.split(maxsplit=1)[0].lower()
    return {
        call.name: embed(picture(call), f"{kind}{number}", f"{words} {call.name}")
        for number, call in enumerate(calls)
    }


def _prediction(inspection: Inspection, rows: frozenset[str]) -> Markup | None:
    made = inspection.prediction
    if made is None or not any(call.length is not None and call.name in rows for call in made.calls):
        return None
    figure = pictures.prediction(inspection, only=rows)
    return embed(figure, "prediction", "Length and gradient at every call, predicted beside measured")


def _line(inspection: Inspection) -> Markup | None:
    folds = inspection.folds
    if folds.line is None:
        return None
    order = [call.name for call in inspection.calls]
    figure = pictures.line(folds.line, highlight=folds.classes, order=order)
    return embed(figure, "line", "Outputs along the line between two samples, with the folds")
