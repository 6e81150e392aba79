"""The picture of a watched run: depth against time."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nonlin.inspection.watching.grid import GRID_FIGURES, Grid, grid
from nonlin.inspection.watching.history import History
from nonlin.pictures.style import NO_SLOPE, NONFINITE, WIDE, blank, room_for, settle, shorten, styled

__all__ = ["history"]

_ROW = 0.22


@styled
def history(watched: History, *, figure: str = "dead") -> Figure:
    """Draw one figure of a watched run, a row a call and a column a watched step.

    Args:
        watched: `log.history`, or what `nonlin.read_log` returns.
        figure: dead, dead_lasting, saturated, linear, slope_mean, rms or gradient (its norm).

    Returns:
        A figure. Shares are coloured from 0 to 1, sizes by their logarithm. Where there is no number, or a size is 0 or
        not finite, the field is grey; where outputs were NaN or infinite it has a colour of its own.

    Raises:
        InvalidInputError: another figure, or a history without it.
    """
    shown = grid(watched, figure)
    names = shorten(shown.calls)
    left, right = room_for(names), 0.8
    height = 0.9 + max(_ROW * len(names), 0.6)
    drawn, axes = blank(WIDE, height, left=left, right=right, above=0.3, below=0.5)
    usable = np.isfinite(shown.values) & ((shown.values > 0) | (not shown.logarithmic))
    fields = np.ma.array(shown.values, mask=~usable)
    scale = Normalize(0, 1)
    if shown.logarithmic:
        sizes = shown.values[usable]
        low, high = (sizes.min(), sizes.max()) if len(sizes) else (1.0, 1.0)
        scale = LogNorm(low, max(high, low * 10))
    axes.set_facecolor(NO_SLOPE)
    edges = np.arange(len(shown.steps) + 1)
    mesh = axes.pcolormesh(edges, np.arange(len(names) + 1), fields, cmap="viridis", norm=scale)
    if shown.nonfinite.any():
        _mark(axes, shown)
    axes.set_yticks(np.arange(len(names)) + 0.5, names)
    axes.invert_yaxis()
    marks = np.unique(np.linspace(0, len(shown.steps) - 1, min(6, len(shown.steps))).round().astype(int))
    axes.set_xticks(marks + 0.5, [str(shown.steps[i]) for i in marks])
    axes.set_xlabel("step")
    axes.set_title(GRID_FIGURES[figure], loc="left")
    beside = drawn.add_axes((1 - (right - 0.12) / WIDE, 0.5 / height, 0.12 / WIDE, (height - 0.8) / height))
    bar = drawn.colorbar(mesh, cax=beside)
    settle(beside)
    if shown.logarithmic:
        # within one power of ten matplotlib labels every tick, one over the other
        ends = np.geomspace(*mesh.get_clim(), 3).tolist()
        bar.set_ticks(ends, labels=[f"{end:.2g}" for end in ends])
        bar.minorticks_off()
    return drawn


def _mark(axes: Axes, shown: Grid) -> None:
    """Cover the fields where outputs were not finite, and say so above."""
    extent = (0, len(shown.steps), 0, len(shown.calls))
    covered = np.ma.array(np.ones(shown.nonfinite.shape), mask=~shown.nonfinite)
    colour = ListedColormap([NONFINITE])
    axes.imshow(
        covered, colour, aspect="auto", interpolation="nearest", origin="lower", extent=extent, zorder=2
    )
    handle = Patch(color=NONFINITE, label="NaN or infinite outputs")
    axes.legend(handles=[handle], loc="lower right", bbox_to_anchor=(1, 1.02))
