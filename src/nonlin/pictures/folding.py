"""Pictures of functions that ReLUs build: from neurons, and for a given function."""

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nonlin.functions.curve import Curve
from nonlin.geometry.approximation import Approximation
from nonlin.pictures.style import CYCLE, GRID, INK, MUTED, WIDE, blank, dash, legend, settle, styled

__all__ = ["approximation", "neurons"]

Array = npt.NDArray[Any]

_HEIGHT = 2.6


@styled
def neurons(x: Array, parts: Array, final: Array) -> Figure:
    """Draw what the neurons of a layer make of a line, and what they make together.

    Args:
        x: the inputs, shape (points,), increasing, the folds among them.
        parts: each neuron's share of the output (its value times its outgoing weight), shape (points, neurons).
        final: the output, shape (points,).

    Returns:
        A figure: on the left the intermediate functions, one line a neuron; on the right the final one.
    """
    figure, left = blank(WIDE, _HEIGHT, left=0.55, right=WIDE / 2 + 0.15, above=0.4, below=0.4)
    box = left.get_position()
    right = figure.add_axes((0.5 + 0.55 / WIDE, box.y0, box.width, box.height))
    settle(right)
    for i, part in enumerate(np.asarray(parts).T):
        left.plot(x, part, color=CYCLE[i % len(CYCLE)], linestyle=dash(i), label=f"neuron {i + 1}")
    right.plot(x, final, color=INK, label="together")
    for axes in (left, right):
        _cross(axes)
        axes.set_xlim(x[0], x[-1])
        axes.set_xlabel("x", labelpad=1)
        legend(axes, axes.get_legend_handles_labels()[0][:4])
    return figure


@styled
def approximation(found: Approximation, target: Curve) -> Figure:
    """Draw a function, the ReLU network that approximates it, and below the difference of the two.

    Args:
        found: what `nonlin.approximate` returns.
        target: the function on the same interval, from `nonlin.functions.curve.sample`.
    """
    below = 1.5
    figure, top = blank(WIDE, _HEIGHT + below, left=0.7, above=0.35, below=0.45 + below)
    box, height = top.get_position(), figure.get_figheight()
    bottom = figure.add_axes((box.x0, 0.45 / height, box.width, (below - 0.2) / height), sharex=top)
    settle(bottom)
    built = np.interp(target.x, found.knots, found.values)
    top.plot(target.x, target.value, color=MUTED, linewidth=3, alpha=0.5, label=target.label)
    top.plot(
        found.knots, found.values, color=CYCLE[0], marker="o", markersize=3, label=f"{found.pieces} ReLUs"
    )
    bottom.plot(target.x, built - target.value, color=CYCLE[5])
    for side in (-found.error, found.error):
        bottom.axhline(side, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)), gid="error")
    bottom.set_ylabel("difference")
    bottom.set_xlabel("x", labelpad=1)
    for axes in (top, bottom):
        _cross(axes)
        axes.set_xlim(found.low, found.high)
    top.tick_params(labelbottom=False)
    legend(top)
    return figure


def _cross(axes: Axes) -> None:
    axes.axhline(0, color=GRID, linewidth=0.7, zorder=0)
    axes.axvline(0, color=GRID, linewidth=0.7, zorder=0)
