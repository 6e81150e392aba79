"""The picture of what functions cost, alone and in training."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nonlin.functions.cost import Cost
from nonlin.pictures.style import CYCLE, GRID, WIDE, blank, legend, room_for, settle, styled

__all__ = ["costs"]

_ROW = 0.26


@styled
def costs(found: Sequence[Cost]) -> Figure:
    """Draw the cost of functions, the cheapest first.

    Args:
        found: what `nonlin.functions.cost.measure` returns.

    Returns:
        A figure: on the left the cost alone in copies of the array, accurate and fast; on the right, where PyTorch
        was there, that of a training step beside one with the identity.
    """
    ordered = sorted(found, key=lambda cost: -cost.accurate)
    names = [cost.name for cost in ordered]
    left, height = room_for(names), 0.95 + _ROW * len(ordered)
    steps = [cost.step for cost in ordered if cost.step is not None]
    right = 0.15 if not steps else 0.2 + (WIDE - left) * 0.42
    figure, axes = blank(WIDE, height, left=left, right=right, above=0.4, below=0.5)
    rows = range(len(ordered))
    axes.barh(rows, [cost.accurate for cost in ordered], 0.36, color=CYCLE[0], label="accurate", align="edge")
    axes.barh(rows, [cost.fast for cost in ordered], -0.36, color=CYCLE[1], label="fast", align="edge")
    axes.set_yticks(list(rows), names)
    axes.axvline(1, color=GRID, zorder=0)
    axes.set_xlabel("alone, in copies of the array")
    legend(axes)
    if len(steps) == len(ordered):
        _draw_steps(figure, axes, steps)
    return figure


def _draw_steps(figure: Figure, beside: Axes, steps: Sequence[float]) -> None:
    box, width = beside.get_position(), figure.get_figwidth()
    start = box.x1 + 0.25 / width
    axes = figure.add_axes((start, box.y0, 1 - 0.15 / width - start, box.height))
    settle(axes)
    axes.barh(range(len(steps)), steps, 0.6, color=CYCLE[2])
    axes.axvline(1, color=GRID, zorder=0)
    axes.set_yticks([])
    axes.set_xlabel("training step, identity = 1")
