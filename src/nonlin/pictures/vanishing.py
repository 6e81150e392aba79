"""The picture of a gradient on its way back through deep layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from nonlin.functions.layers import Layers
from nonlin.pictures.style import (
    CYCLE,
    GRID,
    INK,
    WIDE,
    blank,
    dash,
    in_a_row,
    legend,
    power_of_ten,
    settle,
    styled,
)

__all__ = ["vanishing"]

_MARKS = "os^Dv<"
_BELOW = 1.45
_LEAST = 1e-30
"""Smaller sizes are below the picture."""


@styled
def vanishing(predicted: Sequence[Layers], tried: Sequence[Layers] = ()) -> Figure:
    """Draw the gradient at every layer, and below it the variance of the pre-activations.

    Args:
        predicted: `f.layers(depth, …)`, one or several; each has a colour and a dash of its own.
        tried: `f.layers(depth, …, width=…)`, random networks; each has the colour of the prediction for the same
            function and variances, and marks instead of a line.

    Returns:
        A figure with two panels over the layers, both on logarithmic axes: the gradient over the last layer's, where a
        grey line stands at 1, and the variance q. Where there is no number, or it is 0, there is a gap.
    """
    alike = len({_variances(one) for one in predicted}) == 1
    names = [*(_said(one, alike=alike) for one in predicted), *_networks(tried)]
    columns = in_a_row(names, WIDE - 0.75)
    rows = -(-len(names) // columns)
    above = 0.17 + 0.18 * rows
    figure, top = blank(WIDE, 2.35 + above + _BELOW, left=0.75, above=above, below=0.45 + _BELOW)
    box, height = top.get_position(), figure.get_figheight()
    bottom = figure.add_axes((box.x0, 0.45 / height, box.width, (_BELOW - 0.2) / height), sharex=top)
    settle(bottom)
    for axes, name in ((top, "gradient"), (bottom, "variance")):
        axes.axhline(1, color=GRID, linewidth=0.9, zorder=0)
        for i, one in enumerate(predicted):
            _draw(axes, one, name, color=CYCLE[i % len(CYCLE)], linestyle=dash(i), label=names[i])
        for one in tried:
            i = _place(one, predicted)
            marks = {"marker": _MARKS[i % len(_MARKS)], "markersize": 3.2, "linestyle": ""}
            _draw(axes, one, name, color=CYCLE[i % len(CYCLE)], markerfacecolor="none", **marks)
        _decades(axes)
    top.set_ylabel("gradient / last layer's")
    bottom.set_ylabel("variance q")
    bottom.set_xlabel(f"layer; {_variances(predicted[0])}" if alike else "layer", labelpad=1)
    bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
    depth = max(len(one.variance) for one in (*predicted, *tried))
    top.set_xlim(0.5, depth + 0.5)
    top.tick_params(labelbottom=False)
    handles = [line for line in top.lines if not str(line.get_label()).startswith("_")]
    mark: dict[str, Any] = {
        "marker": "o",
        "markersize": 3.2,
        "linestyle": "",
        "markerfacecolor": "none",
        "color": INK,
    }
    handles += [Line2D([], [], label=name, **mark) for name in names[len(predicted) :]]
    legend(top, handles, columns=columns)
    return figure


def _draw(axes: Axes, one: Layers, name: str, **look: Any) -> None:
    values = getattr(one, name)
    axes.plot(np.arange(1, len(values) + 1), _seen(values), gid=name, **look)


def _seen(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(np.isfinite(values) & (values > _LEAST) & (values < 1 / _LEAST), values, np.nan)


def _said(one: Layers, *, alike: bool) -> str:
    return one.label if alike else f"{one.label}, {_variances(one)}"


def _variances(one: Layers) -> str:
    biases = f", σb² = {one.bias_variance:.3g}" if one.bias_variance else ""
    return f"σw² = {one.weight_variance:.3g}{biases}"


def _place(one: Layers, predicted: Sequence[Layers]) -> int:
    """Return which prediction a random network belongs to; the number of them where there is none."""

    def facts(layers: Layers) -> tuple[str, float, float]:
        return layers.label, layers.weight_variance, layers.bias_variance

    return next((i for i, other in enumerate(predicted) if facts(other) == facts(one)), len(predicted))


def _networks(tried: Sequence[Layers]) -> list[str]:
    if not tried:
        return []
    widths = " and ".join(str(width) for width in sorted({one.width for one in tried if one.width}))
    return [f"random, width {widths}"]


def _decades(axes: Axes) -> None:
    """Put the numbers on logarithmic axes that show at least two decades."""
    drawn = np.concatenate([np.ones(1), *(np.asarray(line.get_ydata(), float) for line in axes.lines[1:])])
    drawn = drawn[np.isfinite(drawn)]
    low, high = drawn.min(), drawn.max()
    room = max((high / low) ** 0.06, 10 ** max(1 - np.log10(high / low) / 2, 0.0))
    axes.set_yscale("log")
    axes.set_ylim(low / room, high * room)
    axes.yaxis.set_major_formatter(power_of_ten)
    axes.yaxis.set_minor_formatter(NullFormatter())
