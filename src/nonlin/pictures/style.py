"""How every picture looks: colours, sizes and text.

The colours are those of Okabe and Ito (2008), which the colour-blind tell apart. Text is never read as a formula,
for names come from other people's models.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = [
    "AT_REST",
    "CYCLE",
    "DEAD",
    "FLAT",
    "GRID",
    "HEALTHY",
    "INK",
    "LINEAR",
    "MUTED",
    "NONFINITE",
    "NO_SLOPE",
    "ON_SLOPE",
    "SATURATED",
    "SLOPE",
    "STATES",
    "WIDE",
    "blank",
    "dash",
    "in_a_row",
    "legend",
    "power_of_ten",
    "room_for",
    "settle",
    "shorten",
    "styled",
]

INK = "#1c2024"
MUTED = "#60676e"
GRID = "#d5d9dd"

DEAD = "#d55e00"
SATURATED = "#e69f00"
LINEAR = "#0072b2"
NONFINITE = "#cc79a7"
HEALTHY = "#cdd2d6"
NO_SLOPE = "#eceef0"
STATES = (
    ("dead", DEAD, "#000000"),
    ("saturated", SATURATED, "#000000"),
    ("linear", LINEAR, "#ffffff"),
    ("NaN or infinite", NONFINITE, "#000000"),
    ("healthy", HEALTHY, INK),
)
"""What a unit can be: its name, its colour, and the colour of what is written on that."""

AT_REST = "#b3b9bf"
FLAT = SATURATED
ON_SLOPE = "#56b4e9"
SLOPE = "#cc79a7"

CYCLE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")

_DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))

WIDE = 6.8
"""The width of a picture that spans a page, in inches."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_PARAMETERS: dict[str, Any] = {
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9,
    "font.family": "sans-serif",
    "font.size": 9,
    "hatch.linewidth": 0.6,
    "legend.borderaxespad": 0.0,
    "legend.borderpad": 0.0,
    "legend.columnspacing": 1.4,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "legend.handletextpad": 0.5,
    "lines.linewidth": 1.4,
    "text.color": INK,
    "text.parse_math": False,
}


P = ParamSpec("P")
T = TypeVar("T")


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Draw in the house style, whatever the user's matplotlib settings are, and leave those as they were."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        with mpl.rc_context(_settings()):
            return draw(*args, **kwargs)

    return drawn


@cache
def _settings() -> Any:
    """Return matplotlib's defaults with the house's changes, but for what belongs to the user's session."""
    session = ("backend", "interactive", "toolbar", "webagg", "figure.hooks")
    return {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith(session)} | _PARAMETERS


def blank(
    width: float,
    height: float,
    *,
    left: float = 0.6,
    right: float = 0.15,
    above: float = 0.35,
    below: float = 0.5,
) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes.

    Args:
        width: of the figure, in inches.
        height: of the figure, in inches.
        left: room beside the axes, in inches.
        right: the same on the other side.
        above: room for the legend, in inches.
        below: room for the numbers and the label of the axis, in inches.
    """
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes(
        (
            left / width,
            below / height,
            (width - left - right) / width,
            (height - above - below) / height,
        )
    )
    settle(axes)
    return figure, axes


def settle(axes: Axes) -> None:
    """Fix the look of the ticks, which matplotlib makes only when it draws, under the settings of that moment."""
    look: dict[str, Any] = {
        "color": MUTED,
        "labelcolor": INK,
        "labelsize": 8.5,
        "width": 0.7,
        "direction": "out",
    }
    axes.tick_params(which="major", length=3.5, **look)
    axes.tick_params(which="minor", length=2, **look)


def power_of_ten(x: float, _position: float = 0) -> str:
    """Return the label of a power of ten on a logarithmic axis; "" for other numbers.

    >>> power_of_ten(1e-12), power_of_ten(100.0), power_of_ten(3.0)
    ('10⁻¹²', '100', '')
    """
    exponent = round(math.log10(x)) if x > 0 else 0
    if not math.isclose(x, 10.0**exponent):
        return ""
    return f"{x:g}" if 0 <= exponent <= 3 else f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def legend(axes: Axes, handles: Sequence[Any] | None = None, *, columns: int | None = None) -> None:
    """Put the legend above the axes, into one line or so many columns."""
    if handles is None:
        handles = axes.get_legend_handles_labels()[0]
    size = axes.get_position().height * axes.figure.get_figheight()  # type: ignore[union-attr]
    place = (0, 1 + 0.09 / size)
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=place, ncols=columns or len(handles))


def in_a_row(names: Sequence[str], width: float = WIDE) -> int:
    """Return how many entries of a legend fit into a line, in inches; a lower estimate, whatever the font."""
    return max(1, min(len(names), int(width / (0.5 + 0.075 * max(map(len, names))))))


def dash(i: int) -> Any:
    """Return the dash of the i-th line in colour i of `CYCLE`: lines side by side differ in grey, and 24 in all."""
    return _DASHES[(i + i // (2 * len(CYCLE))) % len(_DASHES)]


def room_for(names: Iterable[str]) -> float:
    """Return the room that names need beside an axis, in inches; an upper estimate, whatever the font."""
    return 0.2 + 0.073 * max((len(name) for name in names), default=0)


def shorten(names: Sequence[str], limit: int = 28) -> list[str]:
    """Return names that fit beside an axis; where one is too long, what all begin or end with goes first.

    >>> shorten(["encoder/layers.0/feed_forward/Relu", "encoder/layers.11/feed_forward/Relu"])
    ['…0/feed_forward/Relu', '…11/feed_forward/Relu']
    """
    if max(map(len, names), default=0) <= limit:
        return list(names)
    start = _common(names)
    short = [f"…{name[start:]}" if start else name for name in names]
    if max(map(len, short)) > limit and len(names) > 1:
        end = _common([name[::-1] for name in short])
        short = [f"{name[:-end]}…" if end else name for name in short]
    return [_without_middle(name, limit) for name in short]


def _common(names: Sequence[str]) -> int:
    """Return how many characters all names begin with, up to a separator, where something of each is left."""
    if len(names) < 2:
        return 0
    shared = min(map(len, names)) - 1
    for i, letters in enumerate(zip(*names, strict=False)):
        if len(set(letters)) > 1:
            shared = min(shared, i)
            break
    return max(names[0].rfind(mark, 0, shared) for mark in "/.:_") + 1


def _without_middle(name: str, limit: int) -> str:
    if len(name) <= limit:
        return name
    end = (limit - 1) * 2 // 3
    return f"{name[: limit - 1 - end]}…{name[-end:]}"
