"""The picture of a piecewise linear network along a straight line."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nonlin.geometry import Line
from nonlin.pictures.style import CYCLE, INK, MUTED, WIDE, blank, room_for, settle, shorten, styled

__all__ = ["line"]

Array = npt.NDArray[Any]

_OUTPUTS = 12
"""So many outputs are drawn at most."""

_DOTS = 150
"""Up to so many folds, each is a dot on the highlighted outputs."""


@styled
def line(found: Line, *, highlight: Sequence[int] = (), order: Sequence[str] = ()) -> Figure:
    """Draw the outputs of a network along a line, and where it folds.

    Args:
        found: the line, as `nonlin.geometry.line` returns it.
        highlight: the indices of the outputs to draw in ink, such as the classes of the two ends; the others are
            grey.
        order: the names of the calls in forward order, one row each where they fold; the others follow.

    Returns:
        A figure: above, the outputs along t from 0 to 1, of more than 12 those that are highlighted or largest
        somewhere first; below, one row a call with a mark at every fold that it makes, in the call's own colour, and
        the number of its folds.
    """
    calls = [name for name in dict.fromkeys([*order, *found.calls]) if name in set(found.calls)]
    row = 0.2 if len(calls) <= 30 else 0.1
    below = 0.5 + row * len(calls)
    names = shorten(calls, 22)
    left = max(0.7, room_for(names))
    figure, axes = blank(WIDE, 2.5 + below, left=left, right=0.6, above=0.2, below=below + 0.1)
    colours = dict(zip(calls, _colours(len(calls)), strict=True))
    _draw_outputs(axes, found, highlight, colours)
    axes.set_xlim(0, 1)
    axes.tick_params(labelbottom=not calls)
    if not calls:
        axes.set_xlabel("t")
        return figure
    box, height = axes.get_position(), figure.get_figheight()
    rug = figure.add_axes((box.x0, 0.45 / height, box.width, row * len(calls) / height), sharex=axes)
    settle(rug)
    _draw_folds(rug, found, colours)
    rug.set_yticks(range(len(calls)), names, fontsize=8.5 if len(calls) <= 30 else 5)
    return figure


def _colours(count: int) -> list[Any]:
    if count <= len(CYCLE):
        return list(CYCLE[:count])
    return [mpl.colormaps["viridis"](x) for x in np.linspace(0.1, 0.9, count)]


def _draw_outputs(axes: Axes, found: Line, highlight: Sequence[int], colours: dict[str, Any]) -> None:
    outputs = found.outputs.reshape(len(found.positions), -1)
    chosen = [i for i in dict.fromkeys(highlight) if 0 <= i < outputs.shape[1]]
    for i in [i for i in _most_telling(outputs, chosen) if i not in chosen]:
        axes.plot(
            found.positions, outputs[:, i], color=MUTED, linewidth=0.7, alpha=0.55, zorder=1, gid=f"output{i}"
        )
    shifts = _apart(outputs, chosen)
    starts = np.flatnonzero(~found.jumps)[1:]  # a jump has two rows; its dot is where the next piece starts
    for i in chosen:
        axes.plot(found.positions, outputs[:, i], color=INK, zorder=2, gid=f"output{i}")
        axes.annotate(
            f"output {i}",
            (1, outputs[-1, i]),
            xytext=(4, shifts[i]),
            textcoords="offset points",
            va="center",
            fontsize=8,
            annotation_clip=False,
        )
        if len(found.breakpoints) <= _DOTS:
            edge = [colours[name] for name in found.calls]
            axes.scatter(found.breakpoints, outputs[starts, i], c=edge, s=9, linewidths=0, zorder=3)
    axes.set_ylabel("output")


def _apart(outputs: Array, chosen: Sequence[int]) -> dict[int, float]:
    """Return by how many points to move the names of outputs that end close together, so that each can be read."""
    shifts = dict.fromkeys(chosen, 0.0)
    ordered = sorted(chosen, key=lambda i: float(outputs[-1, i]))
    for low, high in pairwise(ordered):
        if outputs[-1, high] - outputs[-1, low] < 0.07 * np.ptp(outputs):
            shifts[low], shifts[high] = shifts[low] - 5, shifts[high] + 5
    return shifts


def _most_telling(outputs: Array, chosen: Sequence[int]) -> list[int]:
    """Return at most so many outputs: the chosen ones, those that are largest somewhere, then by number."""
    winners = np.unique(outputs.argmax(axis=1)).tolist()
    return list(dict.fromkeys([*chosen, *winners, *range(outputs.shape[1])]))[:_OUTPUTS]


def _draw_folds(axes: Axes, found: Line, colours: dict[str, Any]) -> None:
    makers = np.array(found.calls)
    for row, (name, colour) in enumerate(colours.items()):
        t = found.breakpoints[makers == name]
        # one broken line instead of a mark each: thousands of folds stay one path
        x = np.column_stack([t, t, np.full(len(t), np.nan)]).ravel()
        y = np.tile([row - 0.36, row + 0.36, np.nan], len(t))
        axes.plot(x, y, color=colour, linewidth=1.2 if len(t) < 200 else 0.5, solid_capstyle="butt")
        axes.annotate(
            f"{len(t):,}",
            (1, row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=MUTED,
            annotation_clip=False,
        )
    axes.set_ylim(len(colours) - 0.5, -0.5)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("position t on the line; a mark is a fold")
