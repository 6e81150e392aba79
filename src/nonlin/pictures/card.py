"""Small pictures of one function, for a card or a column of text."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nonlin.functions.curve import Curve
from nonlin.pictures.function import draw_curve, settle_height
from nonlin.pictures.style import CYCLE, GRID, blank, dash, legend, styled

__all__ = ["function", "outputs"]


@styled
def function(curve: Curve, *, width: float = 3.3) -> Figure:
    """Draw a function and its slope in one panel.

    Args:
        curve: what `nonlin.functions.curve.sample` returns.
        width: of the figure, in inches.

    Returns:
        A figure: the value in blue, the slope in orange and dashed; a dot marks a kink, a gap a jump.
    """
    figure, axes = _panel(width)
    settle_height(axes, [curve], ("value", "slope"))
    (slope,) = axes.plot(curve.x, curve.slope, color=CYCLE[1], linestyle=dash(1), label="slope f′", zorder=2)
    value = draw_curve(axes, curve, "value", colour=CYCLE[0])
    value.set_label("f")
    axes.set_xlim(curve.x[0], curve.x[-1])
    legend(axes, [value, slope])
    return figure


@styled
def outputs(curves: Sequence[Curve], *, width: float = 3.3, moving: str = "") -> Figure:
    """Draw the outputs of a function of a vector while one of its inputs moves.

    Args:
        curves: what `nonlin.functions.curve.sample_vector` returns, one an output.
        width: of the figure, in inches.
        moving: what stands below the axis, such as "x of softmax(0, 1, x)".
    """
    figure, axes = _panel(width, below=0.48 if moving else 0.26)
    axes.set_xlabel(moving)
    settle_height(axes, curves, ("value",))
    for i, curve in enumerate(curves):
        line = draw_curve(axes, curve, "value", colour=CYCLE[i % len(CYCLE)])
        line.set_linestyle(dash(i))
    axes.set_xlim(curves[0].x[0], curves[0].x[-1])
    legend(axes)
    return figure


def _panel(width: float, *, below: float = 0.26) -> tuple[Figure, Axes]:
    figure, axes = blank(width, 0.62 * width, left=0.42, right=0.1, above=0.28, below=below)
    axes.axhline(0, color=GRID, linewidth=0.7, zorder=0)
    axes.axvline(0, color=GRID, linewidth=0.7, zorder=0)
    return figure, axes
