"""The picture of a law of linearity that a function breaks."""

from matplotlib.figure import Figure

from nonlin.functions.curve import Curve
from nonlin.functions.linearity import Counterexample
from nonlin.pictures.function import draw_curve
from nonlin.pictures.style import CYCLE, DEAD, GRID, INK, blank, legend, styled

__all__ = ["counterexample"]


@styled
def counterexample(example: Counterexample, curve: Curve) -> Figure:
    """Draw a function and where it breaks additivity or homogeneity.

    Args:
        example: from `nonlin.linearity(f).additivity` or `.homogeneity`.
        curve: the function, sampled around the example.

    Returns:
        A figure: the curve; a dot at what the function gives, a ring at what the law asks for, and the gap between.
    """
    additive = example.law == "additivity"
    at = example.first + example.second if additive else example.first * example.second
    figure, axes = blank(4.4, 2.9, left=0.5, above=0.35, below=0.45)
    draw_curve(axes, curve, "value", colour=CYCLE[0]).set_label("f")
    axes.plot(
        [at, at], [example.left, example.right], color=DEAD, linewidth=1.2, linestyle=(0, (3, 2)), gid="gap"
    )
    words = ("f(a + b)", "f(a) + f(b)") if additive else ("f(c·a)", "c·f(a)")
    axes.plot([at], [example.left], "o", color=INK, markersize=6, label=words[0])
    axes.plot([at], [example.right], "o", color=DEAD, markerfacecolor="none", markersize=8, label=words[1])
    axes.axhline(0, color=GRID, linewidth=0.7, zorder=0)
    axes.axvline(0, color=GRID, linewidth=0.7, zorder=0)
    axes.set_xlabel("x", labelpad=1)
    legend(axes)
    return figure
