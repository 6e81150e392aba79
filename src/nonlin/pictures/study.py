"""Pictures of a comparison: what was reached with its intervals, and the way there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from nonlin.experiments.curves import Curve, curve, health_curve
from nonlin.pictures.style import CYCLE, INK, MUTED, WIDE, blank, room_for, settle, shorten, styled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from nonlin.experiments.study import Study

__all__ = ["study_curves", "study_health", "study_scores"]

_ROW = 0.26
_ACROSS = 3
_HIGH = 1.7


@styled
def study_scores(study: Study) -> Figure:
    """Draw every run's test score, each function's mean and its 95 % interval, the best on top."""
    names = shorten([row.function for row in study.table])
    figure, axes = blank(WIDE, 0.75 + _ROW * len(names), left=room_for(names), above=0.15, below=0.5)
    for place, row in enumerate(study.table):
        runs = [t.test_score for t in study.trials if t.function == row.function and t.test_score is not None]
        axes.plot(runs, [place] * len(runs), "o", color=MUTED, markersize=3, alpha=0.45, markeredgewidth=0)
        axes.plot([row.low, row.high], [place, place], color=INK, linewidth=1.6)
        axes.plot([row.test], [place], "o", color=INK, markersize=4.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(f"test {study.score}")
    return figure


@styled
def study_curves(study: Study) -> Figure:
    """Draw the loss of every function on training and test data: the mean over the seeds, and a standard deviation."""

    def draw(axes: Axes, name: str) -> None:
        for part, colour in (("train", CYCLE[0]), ("test", CYCLE[1])):
            _band(axes, curve(study.trials, name, f"{part}_loss"), colour, part)
        axes.set_yscale("log")

    figure = _panels(study, draw, "loss", ("train", "test"))
    _number(figure.axes[0])  # all have its axis
    return figure


def _number(axes: Axes) -> None:
    """Let a logarithmic axis have numbers, also where it stays within a power of ten."""
    low, high = axes.get_ylim()
    steps = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if high < 10 * low else (1.0, 3.0)
    axes.yaxis.set_major_locator(LogLocator(subs=steps))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


@styled
def study_health(study: Study) -> Figure:
    """Draw the dead share, and the decades by which the gradient changes from call to call, along the training."""

    def draw(axes: Axes, name: str) -> None:
        _band(axes, health_curve(study.trials, name, "dead"), CYCLE[5], "dead share")
        _band(axes, health_curve(study.trials, name, "decay"), CYCLE[2], "decades a call")
        axes.axhline(0, color=MUTED, linewidth=0.5)

    return _panels(study, draw, "", ("dead share", "decades a call"))


def _panels(study: Study, draw: Callable[[Axes, str], None], label: str, legend: Sequence[str]) -> Figure:
    """Draw a small picture for each function, all with the same axes."""
    names = [row.function for row in study.table]
    down = -(-len(names) // _ACROSS)
    figure = Figure(figsize=(WIDE, 0.5 + _HIGH * down))
    grid = figure.subplots(down, _ACROSS, sharex=True, sharey=True, squeeze=False)
    height = figure.get_figheight()
    figure.subplots_adjust(
        left=0.09, right=0.98, top=1 - 0.45 / height, bottom=0.45 / height, hspace=0.45, wspace=0.1
    )
    for axes, name in zip(grid.flat, names, strict=False):
        draw(axes, name)
        axes.set_title(shorten([name], 30)[0], loc="left")
        settle(axes)
    for axes in list(grid.flat)[len(names) :]:
        axes.set_axis_off()
    for axes in list(grid.flat)[max(len(names) - _ACROSS, 0) : len(names)]:  # the lowest of each column
        axes.set_xlabel("step")
        axes.tick_params(labelbottom=True)
    for axes in grid[:, 0]:
        axes.set_ylabel(label)
    lines = next(iter(grid.flat)).get_lines()[: len(legend)]
    figure.legend(
        lines, legend, loc="upper right", ncols=len(legend), bbox_to_anchor=(0.98, 1 - 0.02 / height)
    )
    return figure


def _band(axes: Axes, drawn: Curve, colour: str, label: str) -> None:
    axes.plot(drawn.steps, drawn.mean, color=colour, label=label)
    low = drawn.mean - drawn.spread
    if len(drawn.mean) and np.nanmin(drawn.mean) > 0:
        low = np.maximum(low, drawn.mean / 10)  # a logarithmic axis has no room below 0
    axes.fill_between(drawn.steps, low, drawn.mean + drawn.spread, color=colour, alpha=0.2, linewidth=0)
