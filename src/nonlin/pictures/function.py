"""Pictures of functions: value, slope and curvature, several functions on one picture."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from nonlin.functions.curve import Curve
from nonlin.pictures.style import CYCLE, GRID, WIDE, blank, dash, in_a_row, legend, settle, styled

__all__ = ["draw_curve", "functions", "settle_height"]

_ORDERS = (("value", "f(x)"), ("slope", "f′(x)"), ("curvature", "f″(x)"))
_STEEP = 12.0
"""A value so many times the middle half of all is left out of the picture's height."""

_ROUNDING = 1e-12
"""Values that are all smaller are drawn as 0."""

_PANEL = 1.9


@styled
def functions(curves: Sequence[Curve], *, curvature: bool = True) -> Figure:
    """Draw functions, one above the other their values, slopes and curvatures.

    Args:
        curves: what `nonlin.functions.curve.sample` returns, one a function; each has a colour and a dash of its own.
        curvature: whether to draw the second derivative, too.

    Returns:
        A figure with two or three panels over one axis; a dot marks a kink, a gap a jump.
    """
    orders = _ORDERS if curvature else _ORDERS[:2]
    below = 0.5 + (_PANEL + 0.15) * (len(orders) - 1)
    columns = in_a_row([curve.label for curve in curves])
    rows = -(-len(curves) // columns)
    height = _PANEL + below + 0.15 + 0.18 * rows
    figure, top = blank(WIDE, height, left=0.95, above=0.15 + 0.18 * rows, below=below)
    panels = [top, *_panels_below(figure, top, len(orders) - 1)]
    for axes, (name, label) in zip(panels, orders, strict=True):
        for i, curve in enumerate(curves):
            _draw(axes, curve, name, i)
        settle_height(axes, curves, [name])
        axes.axhline(0, color=GRID, linewidth=0.7, zorder=0)
        axes.axvline(0, color=GRID, linewidth=0.7, zorder=0)
        axes.set_ylabel(label)
        axes.yaxis.set_label_coords(-0.105, 0.5)
        axes.tick_params(labelbottom=axes is panels[-1])
    panels[-1].set_xlabel("x")
    top.set_xlim(min(curve.x[0] for curve in curves), max(curve.x[-1] for curve in curves))
    named = [line for line in top.lines if not str(line.get_label()).startswith("_")]
    legend(top, named, columns=columns)
    return figure


def _panels_below(figure: Figure, top: Axes, count: int) -> list[Axes]:
    box, height = top.get_position(), figure.get_figheight()
    found = []
    for i in range(1, count + 1):
        bottom = box.y0 - i * (_PANEL + 0.15) / height
        axes = figure.add_axes((box.x0, bottom, box.width, _PANEL / height), sharex=top)
        settle(axes)
        found.append(axes)
    return found


def _draw(axes: Axes, curve: Curve, name: str, index: int) -> None:
    drawn = draw_curve(axes, curve, name, colour=CYCLE[index % len(CYCLE)])
    drawn.set_linestyle(dash(index))


def draw_curve(axes: Axes, curve: Curve, name: str, *, colour: str) -> Line2D:
    """Draw the value, slope or curvature of a function, with dots at the kinks of its value."""
    (drawn,) = axes.plot(curve.x, getattr(curve, name), color=colour, label=curve.label, zorder=2)
    if name == "value" and curve.kinks:
        axes.plot(curve.kinks, curve.kink_values, "o", color=colour, markersize=3.5, zorder=3, gid="kinks")
    return drawn


def settle_height(axes: Axes, curves: Sequence[Curve], names: Sequence[str]) -> None:
    """Leave out what would press the rest flat: a growth many times the middle half of the values."""
    values = np.concatenate([getattr(curve, name) for curve in curves for name in names])
    values = values[np.isfinite(values)]
    if not len(values):
        return
    low, high = np.quantile(values, [0.02, 0.98])
    largest = float(np.abs(values).max())
    size = min(largest, 1.0) if largest > _ROUNDING else 1.0
    least = 1e-3 * size
    room = _STEEP * max(
        float(np.subtract(*np.quantile(values, [0.75, 0.25]))), least, float(high - low) / _STEEP
    )
    if high - low <= _ROUNDING * largest:
        room = 2 * largest  # a spike on a level line: all of it
    bottom, top = max(values.min(), low - room), min(values.max(), high + room)
    margin = 0.06 * float(top - bottom) if top - bottom > least else max(size, largest)
    axes.set_ylim(bottom - margin, top + margin)
    if not 1e-4 <= max(abs(end) for end in axes.get_ylim()) < 1e6:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))


def _short(value: float) -> str:
    """Write 2500000 as 2.5e6."""
    digits, _, exponent = f"{value:g}".partition("e")
    return (digits + (f"e{int(exponent)}" if exponent else "")).replace("-", "−")
