"""Pictures of the whole network, one row a call of an activation, in the order of the forward pass."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter, PercentFormatter

from nonlin.errors import InvalidInputError
from nonlin.inspection import Call, Inspection
from nonlin.pictures.call import states
from nonlin.pictures.style import (
    DEAD,
    GRID,
    LINEAR,
    MUTED,
    NO_SLOPE,
    NONFINITE,
    STATES,
    WIDE,
    blank,
    legend,
    power_of_ten,
    room_for,
    shorten,
    styled,
)

__all__ = ["gradients", "overview"]

_ROOMY = 40
"""Up to so many rows, rows are tall enough for a number inside."""

_IN_FULL = {"linear": "linear (ReLU: always on)"}


@styled
def overview(inspection: Inspection, *, only: Collection[str] | None = None) -> Figure:
    """Draw the states of the units of every call: dead, saturated, linear (always on), NaN or infinite, healthy.

    Args:
        inspection: the result to draw.
        only: the names of the calls to draw; None for all of them.

    Returns:
        A figure, one row a call in forward order, the first above. Each bar is a share of the call's units, with
        the number of units in it. Calls of functions that have no slope of one number (softmax) are hatched.
    """
    calls = _chosen(inspection, only)
    figure, axes = _rows(calls, right=0.85)
    left = np.zeros(len(calls))
    found = [np.bincount(numbers[numbers >= 0], minlength=len(STATES)) for numbers in map(states, calls)]
    for (state, colour, ink), counts in zip(STATES, np.transpose(found), strict=True):
        shares = counts / [max(call.units, 1) for call in calls]
        bars = axes.barh(range(len(calls)), shares, left=left, height=0.74, color=colour, label=state)
        left += shares
        if len(calls) <= _ROOMY:
            labels = [f"{n}" if share >= 0.05 else "" for n, share in zip(counts, shares, strict=True)]
            axes.bar_label(bars, labels, label_type="center", color=ink, fontsize=8)
    unknown = np.flatnonzero([call.dead is None for call in calls] & (left < 1))
    if len(unknown):
        rest: dict[str, Any] = {"color": NO_SLOPE, "edgecolor": GRID, "hatch": "////", "linewidth": 0}
        axes.barh(unknown, 1 - left[unknown], left=left[unknown], height=0.74, **rest)
    for i, call in enumerate(calls):
        axes.text(1.015, i, f"{call.units:,} units", va="center", fontsize=_size(calls), color=MUTED)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("share of the call's units")
    broken = any(call.nonfinite for call in calls)
    handles = [
        Patch(color=colour, label=_IN_FULL.get(state, state))
        for state, colour, _ in STATES
        if broken or colour != NONFINITE
    ]
    if len(unknown):
        handles.append(Patch(facecolor=NO_SLOPE, edgecolor=GRID, hatch="////", label="no slope"))
    legend(axes, handles)
    return figure


@styled
def gradients(inspection: Inspection, *, only: Collection[str] | None = None) -> Figure:
    """Draw how large the gradient is at every call, and where it counts as vanished or exploded.

    Args:
        inspection: the result to draw.
        only: the names of the calls to draw; None for all of them.

    Returns:
        A figure, one row a call in forward order, with a logarithmic axis of the gradient's norm. The thresholds are
        relative to the last call that has a gradient. A gradient that is 0, infinite or NaN stands at the left edge, in
        words.

    Raises:
        InvalidInputError: if no call has a gradient.
    """
    calls = _chosen(inspection, only)
    sizes = np.array([np.nan if call.gradient is None else call.gradient for call in calls])
    drawn = np.isfinite(sizes) & (sizes > 0)
    if all(call.gradient is None for call in calls):
        raise InvalidInputError(
            f"expected an inspection with gradients, got none ({inspection.gradient_of}); give data that the network "
            "can be run backwards on"
        )
    last = next((c.gradient for c in reversed(inspection.calls) if c.gradient is not None), 0.0)
    low, high = last * inspection.thresholds.vanishing, last * inspection.thresholds.exploding
    figure, axes = _rows(calls, right=0.3)
    rows = np.arange(len(calls))
    axes.plot(sizes[drawn], rows[drawn], color=GRID, linewidth=1.2, zorder=1)
    wrong = drawn & ((sizes < low) | (sizes > high))
    for mask, colour in ((drawn & ~wrong, LINEAR), (wrong, DEAD)):
        axes.plot(sizes[mask], rows[mask], "o", color=colour, markersize=5 if len(calls) <= _ROOMY else 3)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(power_of_ten)
    axes.xaxis.set_minor_formatter(NullFormatter())
    _limit(axes, sizes[drawn], low, high)
    for row, call in enumerate(calls):
        if call.gradient is not None and not drawn[row]:
            word = f" {call.gradient:g}".replace("nan", "NaN").replace("inf", "∞")
            axes.text(axes.get_xlim()[0], row, word, va="center", color=DEAD, fontweight="bold")
    of = f" of {inspection.gradient_of}" if inspection.recording.has_gradient else ""
    axes.set_xlabel(f"norm of the gradient{of}, by sample")
    return figure


def _limit(axes: Axes, sizes: np.ndarray, low: float, high: float) -> None:
    """Choose the range, and draw the thresholds that lie in it."""
    marks = [low] if np.isfinite(low) and low > 0 else []
    if marks and len(sizes) and sizes.max() > high / 30:
        marks.append(high)
    everything = [*marks, *sizes]
    if not everything:
        return
    axes.set_xlim(min(everything) / 3, max(everything) * 3)
    for mark in marks:
        word = "vanished" if mark == low else "exploded"
        axes.axvline(mark, color=DEAD, linestyle=(0, (4, 2)), linewidth=1)
        axes.annotate(
            f"← {word}" if mark == low else f"{word} →",
            (mark, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            color=DEAD,
            fontsize=8.5,
        )


def _chosen(inspection: Inspection, only: Collection[str] | None) -> list[Call]:
    calls = [call for call in inspection.calls if only is None or call.name in only]
    if not calls:
        raise InvalidInputError(
            "expected at least one call of an activation to draw, got none; this network has "
            + (", ".join(call.name for call in inspection.calls) or "no activations")
        )
    return calls


def _rows(calls: Sequence[Call], *, right: float) -> tuple[Figure, Axes]:
    names = shorten([call.name for call in calls])
    row = 0.25 if len(calls) <= _ROOMY else 0.145
    figure, axes = blank(WIDE, 0.85 + row * len(calls), left=room_for(names), right=right)
    axes.set_yticks(range(len(calls)), names, fontsize=_size(calls))
    axes.set_ylim(len(calls) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure, axes


def _size(calls: Sequence[Call]) -> float:
    return 8.5 if len(calls) <= _ROOMY else 7
