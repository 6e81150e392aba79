"""The pictures of a plane through a piecewise linear network: its crease pattern, its regions, its surface."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from nonlin.errors import InvalidInputError
from nonlin.geometry import Cell, Subdivision
from nonlin.geometry.checks import check_output
from nonlin.pictures.style import CYCLE, GRID, INK, MUTED, WIDE, blank, settle, shorten, styled

__all__ = ["Colouring", "crease_pattern", "regions", "surface"]

Colouring: TypeAlias = Literal["map", "output", "active"]
"""What the colour of a region tells: its affine map, the output's value in its middle, how many units are on."""

Marks: TypeAlias = Mapping[str, tuple[float, float]]
"""Points to name, such as the samples that a plane goes through."""

_VECTOR = 3000
"""So many regions stay vectors in a file, and ten times as many folds; more become one image inside it."""
_SIDE = 4.6
"""The side of the picture itself, in inches."""
_RIGHT = 1.5


@styled
def crease_pattern(
    made: Subdivision, *, marks: Marks | None = None, labels: tuple[str, str] = ("s", "t")
) -> Figure:
    """Draw the crease pattern: every fold of a plane, coloured by the call that makes it.

    Args:
        made: as `nonlin.geometry.subdivide` returns it.
        marks: points to name.
        labels: of the two axes.

    Returns:
        A figure; beside each call stands how many segments it makes. The earlier a call, the wider its folds. The
        decision boundary lies over it in ink.
    """
    figure, axes = _axes(made, labels)
    folds = made.folds
    many = len(folds.segments)
    handles = []
    names = shorten(folds.calls, 16)
    for i, colour in reversed(list(enumerate(_colours(len(folds.calls))))):
        mine = folds.segments[folds.call == i]
        later = 1 - 0.5 * i / len(folds.calls)
        width = (1.3 if many < 2000 else 0.8 if many < 20000 else 0.4) * later
        # one broken line instead of a segment each: thousands of folds stay one path
        ends = np.concatenate([mine, np.full((len(mine), 1, 2), np.nan)], axis=1).reshape(-1, 2)
        (drawn,) = axes.plot(*ends.T, color=colour, linewidth=width, gid=f"call{i}")
        drawn.set_rasterized(many > 10 * _VECTOR)
        handles.append(
            Line2D([], [], color=colour, linewidth=2.4 * later, label=f"{names[i]}  {len(mine):,}")
        )
    handles.reverse()
    if made.boundary:
        _draw_boundary(axes, made, colour=INK)
        handles.append(Line2D([], [], color=INK, linewidth=2, label="decision"))
    _mark(axes, marks)
    rows = len(handles)
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        fontsize=8.5 if rows <= 24 else 200 / rows,
        labelcolor=INK,
    )
    return figure


@styled
def regions(
    made: Subdivision,
    *,
    colour: Colouring = "map",
    output: int = 0,
    marks: Marks | None = None,
    labels: tuple[str, str] = ("s", "t"),
) -> Figure:
    """Draw the linear regions of a plane as what they are, polygons, with the decision boundary over them.

    Args:
        made: as `nonlin.geometry.subdivide` returns it.
        colour: "map", the direction in which the output grows on the plane, so that regions of one map have one colour
            and similar maps similar ones; "output", its value in the middle of the region; or "active", how many
            units are above their first kink.
        output: whose map or value; an index into the flattened output.
        marks: points to name.
        labels: of the two axes.

    Raises:
        InvalidInputError: if there is no such output or colouring.
    """
    _check_output(made, output)
    if colour not in _LABELS:
        raise InvalidInputError(f"expected a colouring of {', '.join(_LABELS)}, got {colour!r}; choose one")
    figure, axes = _axes(made, labels)
    values = np.array([_value(cell, colour, output) for cell in made.cells])
    low, high = (-180.0, 180.0) if colour == "map" else (float(values.min()), float(values.max()))
    scale = Normalize(low, high if high > low else low + 1)
    palette = mpl.colormaps["twilight" if colour == "map" else "viridis"]
    colours = palette(scale(values))
    drawn = PolyCollection(
        [cell.vertices for cell in made.cells],
        facecolors=colours,
        edgecolors=colours,  # without an edge of its own colour, the paper shines through between two regions
        linewidths=0.25,
        gid="regions",
    )
    drawn.set_rasterized(len(made.cells) > _VECTOR)
    axes.add_collection(drawn)
    _draw_boundary(axes, made, colour="#000000")
    _mark(axes, marks)
    _bar(figure, axes, ScalarMappable(norm=scale, cmap=palette), _LABELS[colour].format(output))
    return figure


_LABELS = {
    "map": "steepest ascent of output {}, in degrees",
    "output": "output {} in the middle of the region",
    "active": "active units",
}


@styled
def surface(made: Subdivision, *, output: int = 0, labels: tuple[str, str] = ("s", "t")) -> Figure:
    """Draw an output over a plane in three dimensions, a flat facet for every linear region.

    Args:
        made: as `nonlin.geometry.subdivide` returns it.
        output: an index into the flattened output.
        labels: of the two axes.

    Raises:
        InvalidInputError: if there is no such output.
    """
    from mpl_toolkits.mplot3d.art3d import (  # type: ignore[import-untyped] # a part of matplotlib
        Poly3DCollection,
    )

    _check_output(made, output)
    figure = Figure(figsize=(WIDE, 4.9))
    axes: Any = figure.add_axes((0.0, 0.02, 0.96, 1.0), projection="3d")
    facets = [
        np.column_stack([cell.vertices, cell.vertices @ cell.weight[output] + cell.bias[output]])
        for cell in made.cells
    ]
    heights = np.array([facet[:, 2].mean() for facet in facets])
    low, high = min(f[:, 2].min() for f in facets), max(f[:, 2].max() for f in facets)
    high = high if high > low else low + 1
    colours = mpl.colormaps["viridis"](Normalize(low, high)(heights))
    few = len(facets) <= 600
    drawn = Poly3DCollection(
        facets, facecolors=colours, edgecolors="#1b1f2366" if few else colours, linewidths=0.3, gid="surface"
    )
    drawn.set_rasterized(len(facets) > _VECTOR)
    left, right, bottom, top = made.window
    axes.set(xlim=(left, right), ylim=(bottom, top), zlim=(low, high))
    axes.autoscale(
        enable=False
    )  # polygons of several sizes are padded, which overflows when it looks for limits
    axes.add_collection3d(drawn)
    axes.set_box_aspect((1, 1, 0.62))
    axes.view_init(elev=30, azim=_from_below(made, output))
    names = (*labels, f"output {output}")
    for axis, name in zip((axes.xaxis, axes.yaxis, axes.zaxis), names, strict=True):
        _settle_axis(axis, name)
    return figure


def _settle_axis(axis: Any, name: str) -> None:
    axis.set_pane_color((0, 0, 0, 0))
    axis.line.set_color(MUTED)
    axis._axinfo["grid"].update(color=GRID, linewidth=0.5)  # noqa: SLF001 - mplot3d has no other way
    axis.set_label_text(name)
    axis.label.set_color(INK)
    axis.set_major_locator(MaxNLocator(5))
    axis.set_tick_params(colors=MUTED, labelcolor=INK, labelsize=8)


def _from_below(made: Subdivision, output: int) -> float:
    """Return from where to look so that the surface rises behind, in degrees."""
    slopes = np.array([cell.weight[output] for cell in made.cells])
    areas = np.array([cell.volume for cell in made.cells])
    x, y = areas @ slopes
    return float(np.degrees(np.arctan2(-y, -x))) + 25.0


def _axes(made: Subdivision, labels: tuple[str, str]) -> tuple[Figure, Axes]:
    """Return axes over the window, as high as it is; a very flat or high one is stretched."""
    left, right, bottom, top = made.window
    tall = float(np.clip((top - bottom) / (right - left), 0.4, 1.15)) * _SIDE
    figure, axes = blank(WIDE, tall + 0.65, left=WIDE - _SIDE - _RIGHT, right=_RIGHT, above=0.15, below=0.5)
    axes.set(xlim=(left, right), ylim=(bottom, top), xlabel=labels[0], ylabel=labels[1])
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)
    return figure, axes


def _colours(count: int) -> list[Any]:
    if count <= len(CYCLE):
        return list(CYCLE[:count])
    return [mpl.colormaps["viridis"](x) for x in np.linspace(0.1, 0.9, count)]


def _draw_boundary(axes: Axes, made: Subdivision, *, colour: str) -> None:
    halo = [] if colour == INK else [withStroke(linewidth=3, foreground="#ffffff")]
    for curve in made.boundary:
        axes.plot(
            *curve.points.T,
            color=colour,
            linewidth=1.6,
            path_effects=halo,
            solid_joinstyle="round",
            gid=f"between {curve.between[0]} and {curve.between[1]}",
        )


def _mark(axes: Axes, marks: Marks | None) -> None:
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    for name, (x, y) in (marks or {}).items():
        if not (left <= x <= right and bottom <= y <= top):
            continue
        axes.plot(
            [x], [y], "o", color="#ffffff", markeredgecolor="#000000", markersize=5, clip_on=False, zorder=5
        )
        far = x > left + 0.8 * (right - left)
        axes.annotate(
            name,
            (x, y),
            xytext=(-6 if far else 6, 5 if y < top - 0.06 * (top - bottom) else -11),
            textcoords="offset points",
            ha="right" if far else "left",
            fontsize=8.5,
            color="#000000",
            path_effects=[withStroke(linewidth=2.5, foreground="#ffffff")],
            zorder=6,
        )


def _bar(figure: Figure, axes: Axes, scale: ScalarMappable, label: str) -> None:
    box = axes.get_position()
    beside = figure.add_axes((box.x1 + 0.15 / WIDE, box.y0, 0.13 / WIDE, box.height))
    bar = figure.colorbar(scale, cax=beside)
    bar.set_label(label, color=INK, fontsize=8.5)
    bar.outline.set_visible(False)
    if scale.norm.vmax == 180:
        bar.set_ticks([-180, -90, 0, 90, 180])
    settle(beside)


def _value(cell: Cell, colour: Colouring, output: int) -> float:
    if colour == "active":
        return float(np.count_nonzero(cell.pattern))
    if colour == "output":
        return float(cell.vertices.mean(axis=0) @ cell.weight[output] + cell.bias[output])
    return float(np.degrees(np.arctan2(cell.weight[output, 1], cell.weight[output, 0])))


def _check_output(made: Subdivision, output: int) -> None:
    check_output(output, len(made.cells[0].bias) if made.cells else 0)
