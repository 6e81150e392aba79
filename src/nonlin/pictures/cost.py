"""The picture of what functions cost: in a cache, in memory, against PyTorch's own, and in training."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nonlin.functions.cost import Cost
from nonlin.pictures.style import CYCLE, GRID, WIDE, blank, legend, room_for, settle, styled

__all__ = ["costs"]

_ROW = 0.3
_GAP = 0.16
_EDGE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """One panel: its label, and a row of bars for each function, None where something was not measured."""

    label: str
    accurate: list[float | None]
    fast: list[float | None] | None


@styled
def costs(found: Sequence[Cost]) -> Figure:
    """Draw the cost of functions, the cheapest first.

    Args:
        found: what `nonlin.functions.cost.measure` returns.

    Returns:
        A figure with up to four panels of bars, accurate and fast: alone in the cache and in memory, in copies of the
        array; forward and backward with PyTorch beside PyTorch's own function; a training step beside one with the
        identity. What was measured for no function has no panel.
    """
    ordered = sorted(found, key=lambda cost: -cost.accurate)
    names = [cost.name for cost in ordered]
    panels = [panel for panel in _panels(ordered) if any(value is not None for value in panel.accurate)]
    left = room_for(names)
    width = (WIDE - left - _EDGE - _GAP * (len(panels) - 1)) / len(panels)
    height = 1.15 + _ROW * len(ordered)
    right = WIDE - left - width
    figure, first = blank(WIDE, height, left=left, right=right, above=0.45, below=0.65)
    for i, panel in enumerate(panels):
        axes = first if i == 0 else _beside(figure, first, i * (width + _GAP) / WIDE)
        _draw(axes, panel)
    first.set_yticks(range(len(names)), names)
    legend(first)
    return figure


def _panels(ordered: Sequence[Cost]) -> list[_Panel]:
    count = f"{ordered[0].elements:.0e}".replace("e+0", "e").replace("e+", "e") if ordered else ""
    return [
        _Panel(
            label=f"{count} elements,\nin copies",
            accurate=[cost.accurate for cost in ordered],
            fast=[cost.fast for cost in ordered],
        ),
        _Panel(
            label="in memory,\nin copies",
            accurate=[cost.large for cost in ordered],
            fast=[cost.large_fast for cost in ordered],
        ),
        _Panel(
            label="forward, backward,\nPyTorch's own = 1",
            accurate=[cost.backward for cost in ordered],
            fast=[cost.backward_fast for cost in ordered],
        ),
        _Panel(label="training step,\nidentity = 1", accurate=[cost.step for cost in ordered], fast=None),
    ]


def _beside(figure: Figure, first: Axes, shift: float) -> Axes:
    box = first.get_position()
    axes = figure.add_axes((box.x0 + shift, box.y0, box.width, box.height))
    settle(axes)
    axes.set_yticks([])
    return axes


def _draw(axes: Axes, panel: _Panel) -> None:
    thick = 0.6 if panel.fast is None else 0.36
    bars = [(panel.accurate, thick if panel.fast else 0.6, CYCLE[0], "accurate")]
    if panel.fast is not None:
        bars.append((panel.fast, -thick, CYCLE[1], "fast"))
    for values, size, colour, label in bars:
        rows = [row for row, value in enumerate(values) if value is not None]
        widths = [value for value in values if value is not None]
        axes.barh(
            rows, widths, size, color=colour, label=label, align="center" if panel.fast is None else "edge"
        )
    axes.set_ylim(-0.6, len(panel.accurate) - 0.4)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.axvline(1, color=GRID, zorder=0)
    axes.set_xlabel(panel.label)
