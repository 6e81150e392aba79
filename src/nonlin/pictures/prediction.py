"""The picture of what the weights predict beside what was measured."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from nonlin.errors import InvalidInputError
from nonlin.inspection import Inspection, PredictedCall, Prediction
from nonlin.pictures.style import (
    DEAD,
    GRID,
    LINEAR,
    MUTED,
    WIDE,
    legend,
    power_of_ten,
    room_for,
    settle,
    shorten,
    styled,
)

__all__ = ["prediction"]

_GAP = 0.25
_QUIET: dict[str, Any] = {"va": "center", "color": MUTED, "fontsize": 8.5}


@styled
def prediction(made: Inspection | Prediction | None, *, only: Collection[str] | None = None) -> Figure:
    """Draw the length of every pre-activation and the gradient at every call, predicted, beside what was measured.

    Args:
        made: a prediction, or an inspection with one.
        only: the names of the calls to draw; None for all of them.

    Returns:
        A figure, one row a call in forward order: on the left the length (the second moment of the pre-activation),
        on the right the gradient over that at the last call that is covered, both on logarithmic axes. Dots are
        measured, rings are predicted, orange rings are predictions that an unstable length map makes unsure.

    Raises:
        InvalidInputError: if there is no prediction of any call.
    """
    if isinstance(made, Inspection):
        made = made.prediction
    rows = [call for call in (made.calls if made is not None else ()) if only is None or call.name in only]
    if not any(call.length is not None for call in rows):
        raise InvalidInputError(
            "expected a prediction of some call, got none; inspect with predicted=True, or call nonlin.predict"
        )
    names = shorten([call.name for call in rows])
    left, height = room_for(names), 0.85 + 0.25 * len(rows)
    figure = Figure(figsize=(WIDE, height))
    width = (WIDE - left - _GAP - 0.15) / 2
    for i, (attribute, measured, label) in enumerate(
        (("length", "measured_length", "length"), ("gradient", "measured", "gradient / the last call's"))
    ):
        place = (left + i * (width + _GAP)) / WIDE, 0.5 / height, width / WIDE, (height - 0.85) / height
        axes = figure.add_axes(place)
        settle(axes)
        _side(axes, rows, attribute, measured)
        axes.set_xlabel(label)
        axes.set_yticks(range(len(rows)), names if not i else [""] * len(rows), fontsize=8.5)
    handles = [_mark(MUTED, full=False, label="predicted")]
    if any(call.measured is not None or call.measured_length is not None for call in rows):
        handles.insert(0, _mark(LINEAR, full=True, label="measured"))
    if any(call.confidence == "unstable" for call in rows):
        handles.append(_mark(DEAD, full=False, label="predicted, unstable"))
    legend(figure.axes[0], handles)
    return figure


def _side(axes: Axes, rows: Sequence[PredictedCall], attribute: str, measured: str) -> None:
    places = np.arange(len(rows))
    seen = np.array([_positive(getattr(call, measured)) for call in rows])
    said = np.array([_positive(getattr(call, attribute)) for call in rows])
    unstable = np.array([call.confidence == "unstable" for call in rows])
    axes.hlines(places, seen, said, color=GRID, linewidth=1.2, zorder=1)
    axes.plot(seen, places, "o", color=LINEAR, markersize=4)
    for mask, colour in ((~unstable, MUTED), (unstable, DEAD)):
        axes.plot(
            said[mask],
            places[mask],
            "o",
            markerfacecolor="none",
            markeredgecolor=colour,
            markersize=8,
            markeredgewidth=1.3,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(power_of_ten)
    axes.xaxis.set_minor_formatter(NullFormatter())
    drawn = np.concatenate([seen, said])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn):
        # at least a decade, so that a difference of a few percent is not drawn as a large one
        middle, half = (
            np.sqrt(drawn.min() * drawn.max()),
            max(np.sqrt(drawn.max() / drawn.min()) * 1.6, 10.0),
        )
        axes.set_xlim(middle / half, middle * half)
    for i, call in enumerate(rows):
        if getattr(call, attribute) is None:
            axes.text(0.02, i, "not covered", transform=axes.get_yaxis_transform(), **_QUIET)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _positive(value: float | None) -> float:
    return value if value is not None and np.isfinite(value) and value > 0 else np.nan


def _mark(colour: str, *, full: bool, label: str) -> Line2D:
    face = colour if full else "none"
    return Line2D(
        [], [], marker="o", linestyle="", markerfacecolor=face, markeredgecolor=colour,
        markersize=4 if full else 8, label=label,
    )  # fmt: skip
