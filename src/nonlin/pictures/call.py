"""Pictures of one call: which part of its function the data uses, and what each of its units does."""

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nonlin.errors import InvalidInputError
from nonlin.functions import Function
from nonlin.inspection import Call, Inspection
from nonlin.inspection.recording import RecordedCall
from nonlin.inspection.statistics import UnitStatistics
from nonlin.inspection.thresholds import FLAT_SLOPE
from nonlin.pictures.style import (
    AT_REST,
    FLAT,
    INK,
    NONFINITE,
    ON_SLOPE,
    SLOPE,
    STATES,
    blank,
    legend,
    settle,
    styled,
)

__all__ = ["drawable", "pre_activations", "states", "units"]

Array = npt.NDArray[Any]

_WIDTH, _HEIGHT = 4.4, 2.7
_BINS = 60
_LARGEST = 1e300
"""Axes need room for differences, which must not overflow."""
_POINTS = 241
_ROOM = 0.16
"""The share of the units from which on a part of the strip has room for its name."""

_COLUMNS = 512
"""So many units are drawn at most; of more, every second, third, …"""


@styled
def pre_activations(inspection: Inspection, name: str) -> Figure:
    """Draw the pre-activations of a call over its function's own curve, so that one sees which part the data uses.

    Args:
        inspection: the result to draw.
        name: the call.

    Returns:
        A figure: the density of the pre-activations (a sample of them, the outermost 0.1 % at either end left out),
        blue where the function has a slope and another colour where it is flat; f(u) on the left axis, and its slope,
        relative to the largest, on the right. For a function of a whole vector (softmax) the density alone.

    Raises:
        InvalidInputError: if there is no such call, or it has no finite pre-activation.
    """
    _, recorded = _find(inspection, name)
    function = recorded.site.function
    values = drawable(recorded)
    if not len(values):
        raise InvalidInputError(
            f"expected finite pre-activations in {name}, got none; there is nothing to draw"
        )
    kinks = () if function.vector else function.kinks
    low, high = _range(values, kinks)
    bins = int(np.clip(np.sqrt(len(values)), 12, _BINS))
    figure, axes = blank(_WIDTH, _HEIGHT, left=0.62, right=0.2 if function.vector else 0.62)
    density = axes if function.vector else axes.twinx()
    _draw_density(density, values, function, _edges(low, high, kinks, bins))
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_xlabel("pre-activation u")
    if function.vector:
        axes.set_ylabel("density")
        return figure
    density.set_yticks([])
    density.set_zorder(axes.get_zorder() - 1)
    _draw_curve(axes, function, _grid(low, high, kinks))
    return figure


def drawable(recorded: RecordedCall) -> Array:
    """Return those of a call's sampled pre-activations that axes can show, in float64."""
    values = recorded.values.astype(np.float64)
    return values[np.abs(values) < _LARGEST]


@styled
def units(inspection: Inspection, name: str) -> Figure:
    """Draw what every unit of a call does with its values.

    Args:
        inspection: the result to draw.
        name: the call.

    Returns:
        A figure, one column a unit: the shares of its values at rest, on another flat part, and on the slope, and
        its mean slope relative to the function's largest. The units are sorted: dead, saturated, linear, NaN or
        infinite, healthy (the strip below), and by mean slope within each. A unit with a value that is NaN or infinite
        shows the share of those too, and has no mean slope. Of more than 512 units, evenly spaced ones are drawn.

    Raises:
        InvalidInputError: if there is no such call, or its function has no slope of one number.
    """
    call, recorded = _find(inspection, name)
    statistics = recorded.statistics
    if statistics.slope_sum is None:
        raise InvalidInputError(
            f"expected a call of a function with a slope of one number, got {call.function} in {name}; "
            "draw its pre-activations"
        )
    count = max(statistics.values, 1)
    slope = statistics.slope_sum / count
    state = states(call)
    order = np.lexsort((slope, state))
    step = -(-call.units // _COLUMNS)
    shown = order[::step]
    broken = bool(call.nonfinite_units)
    figure, axes = blank(_WIDTH, _HEIGHT, left=0.7, right=0.2, above=0.56 if broken else 0.35)
    edges = np.minimum(np.arange(len(shown) + 1) * step, call.units)
    handles = _draw_shares(axes, edges, statistics, shown)
    handles.append(
        axes.stairs(slope[shown], edges, baseline=None, color=INK, linewidth=1.2, label="mean slope")
    )
    _draw_strip(axes, state)
    axes.set_xlim(0, call.units)
    axes.set_ylim(float(np.nanmin([-0.12, *slope])), 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_ylabel("share of the unit's values")
    axes.set_xlabel("units, sorted" + (f" (one in {step} drawn)" if step > 1 else ""))
    legend(axes, handles, columns=3 if broken else None)
    return figure


def _find(inspection: Inspection, name: str) -> tuple[Call, RecordedCall]:
    for call, recorded in zip(inspection.calls, inspection.recording.calls, strict=True):
        if call.name == name:
            return call, recorded
    names = ", ".join(call.name for call in inspection.calls)
    raise InvalidInputError(f"expected the name of a call, got {name!r}; this network has {names or 'none'}")


def states(call: Call) -> Array:
    """Return the place of each unit's state in `STATES`; −1 where there is no slope of one number to tell it by."""
    state = np.full(call.units, -1 if call.dead is None else len(STATES) - 1)
    members = (call.dead_units, call.saturated_units, call.linear_units, call.nonfinite_units)
    for number, units in enumerate(members):
        state[list(units)] = number
    return state


def _draw_shares(axes: Axes, edges: Array, statistics: UnitStatistics, shown: Array) -> list[Any]:
    """Stack the shares of each unit's values, those on the slope below; return those that are not all 0."""
    lost, resting, flat = (
        part[shown] / max(statistics.values, 1)
        for part in (statistics.lost, statistics.resting, statistics.saturated)
    )
    parts = [
        ("on the slope", ON_SLOPE, 1 - resting - flat - lost),
        ("flat", FLAT, flat),
        ("at rest", AT_REST, resting),
    ]
    parts += [("NaN or infinite", NONFINITE, lost)] if lost.any() else []
    tops = np.cumsum([share for *_, share in parts], axis=0)
    tops[-1] = 1
    drawn = [
        axes.stairs(top, edges, baseline=low, fill=True, color=colour, label=label)
        for (label, colour, _), low, top in zip(parts, [np.zeros(len(shown)), *tops], tops, strict=False)
    ]
    return [patch for patch, (*_, share) in zip(drawn, parts, strict=True) if share.any()]


def _draw_strip(axes: Axes, state: Array) -> None:
    start = 0
    for number, (name, colour, ink) in enumerate(STATES):
        size = int(np.count_nonzero(state == number))
        if size:
            axes.barh(-0.06, size, left=start, height=0.07, color=colour)
        if size > _ROOM * len(state):
            where: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": 6.5, "gid": "state"}
            axes.text(start + size / 2, -0.062, f"{size:,} {name}", color=ink, **where)
        start += size


def _range(values: Array, kinks: tuple[float, ...]) -> tuple[float, float]:
    """Return where most of the values lie, with the nearest kink (or 0) where it is not far away."""
    low, high = (float(x) for x in np.quantile(values, [0.001, 0.999]))
    width = high - low or abs(low) or 1.0
    for point in kinks or (0.0,):
        if low - 4 * width < point < high + 4 * width:
            low, high = min(low, point - 0.1 * width), max(high, point + 0.1 * width)
    margin = 0.03 * (high - low)
    return low - margin, high + margin


def _edges(low: float, high: float, kinks: tuple[float, ...], bins: int) -> Array:
    """Return the edges of the bins; the kinks in the range are among them, so that no bin has two slopes."""
    even = np.linspace(low, high, bins + 1)
    inside = np.array([kink for kink in kinks if low < kink < high])
    if not len(inside):
        return even
    apart = np.abs(even[:, None] - inside).min(axis=1) > 0.4 * (high - low) / bins
    return np.union1d(even[apart], inside)


def _grid(low: float, high: float, kinks: tuple[float, ...]) -> Array:
    """Return the points at which the curve is drawn, with both sides of every kink."""
    sides = [np.nextafter(kink, side) for kink in kinks if low < kink < high for side in (-np.inf, np.inf)]
    return np.union1d(np.linspace(low, high, _POINTS), [*sides, *(k for k in kinks if low < k < high)])


def _relative_slope(function: Function, u: Array) -> tuple[Array, bool]:
    """Return the slope, relative to the function's largest where that is finite, and whether it is."""
    largest = function.largest_slope
    relative = bool(np.isfinite(largest)) and largest > 0
    return np.asarray(function.slope(u)) / (largest if relative else 1.0), relative


def _draw_density(axes: Axes, values: Array, function: Function, edges: Array) -> None:
    heights, _ = np.histogram(values, edges, density=True)
    if function.vector:
        axes.stairs(heights, edges, fill=True, color=ON_SLOPE)
        return
    slope, _ = _relative_slope(function, (edges[1:] + edges[:-1]) / 2)
    flat = np.abs(slope) < FLAT_SLOPE
    for part, colour in ((~flat, ON_SLOPE), (flat, AT_REST if function.rests_at_zero else FLAT)):
        axes.stairs(np.where(part, heights, 0), edges, fill=True, color=colour)
    axes.set_ylim(0, float(heights.max()) * 1.08)


def _draw_curve(axes: Axes, function: Function, u: Array) -> None:
    with np.errstate(all="ignore"):
        value = np.asarray(function(u))
        slope, relative = _relative_slope(function, u)
    axes.patch.set_visible(False)
    (curve,) = axes.plot(u, value, color=INK, linewidth=1.6, label="f(u)")
    axes.set_ylabel("f(u)")
    beside = axes.twinx()
    settle(beside)
    beside.spines["right"].set_visible(True)
    (steepness,) = beside.plot(u, slope, color=SLOPE, linestyle=(0, (4, 1.5)), label="slope")
    beside.set_ylabel("slope / largest slope" if relative else "slope")
    if relative:
        beside.set_ylim(min(-0.05, float(np.nanmin(slope)) * 1.1), 1.08)
        beside.yaxis.set_major_formatter(PercentFormatter(1))
    flat_label, flat_colour = ("at rest", AT_REST) if function.rests_at_zero else ("flat", FLAT)
    legend(
        axes,
        [
            curve,
            steepness,
            Patch(color=ON_SLOPE, label="data on the slope"),
            Patch(color=flat_colour, label=flat_label),
        ],
    )
