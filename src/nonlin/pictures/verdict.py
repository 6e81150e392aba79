"""The picture of a verdict: what each output can be, where the counterexample is, and how the search went."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nonlin.errors import InvalidInputError
from nonlin.geometry import Verdict
from nonlin.pictures.style import AT_REST, DEAD, GRID, LINEAR, WIDE, legend, settle, styled

__all__ = ["verdict"]


@styled
def verdict(found: Verdict, *, trail: Sequence[tuple[float, float]] = ()) -> Figure:
    """Draw the interval of every output over the property's inputs, and the share of them that was decided in time.

    Args:
        found: by `nonlin.geometry.verify`.
        trail: pairs of seconds and the share of the alternative at hand that was decided then, as `progress` is told.

    Returns:
        A figure: on the left a bar from the least to the largest value that each output can have, proven before any
        search, with a dot where a counterexample has it; on the right, after a search that found none, how far it came.

    Raises:
        InvalidInputError: if the verdict has no intervals.
    """
    if found.ranges is None:
        raise InvalidInputError(
            "expected a verdict with the range of every output, got none; give more time, or a network of at most 128 "
            "outputs"
        )
    searched = len(trail) > 1 and found.counterexample is None  # one point ends a search wherever it is
    figure = Figure(figsize=(WIDE, max(1.9, 0.9 + 0.26 * len(found.ranges))))
    figure.set_layout_engine("constrained")
    axes = figure.subplots(1, 2, width_ratios=(3, 2), squeeze=False)[0] if searched else [figure.subplots()]
    _intervals(axes[0], found)
    if searched:
        _search(axes[1], np.array(trail))
    return figure


def _intervals(axes: Axes, found: Verdict) -> None:
    assert found.ranges is not None  # noqa: S101 - the caller has looked
    settle(axes)
    places = np.arange(len(found.ranges))
    axes.hlines(places, *found.ranges.T, color=AT_REST, linewidth=6, zorder=2)
    handles = [Line2D([], [], color=AT_REST, linewidth=6, label="proven interval")]
    if found.outputs is not None:
        (dots,) = axes.plot(
            found.outputs, places, "o", color=DEAD, markersize=5, zorder=3, label="counterexample"
        )
        handles.append(dots)
    axes.set_yticks(places, [f"Y_{i}" for i in places])
    axes.set_ylim(len(places) - 0.5, -0.5)
    axes.grid(visible=True, axis="x", color=GRID, linewidth=0.6)
    axes.set_xlabel("value over all inputs of the property")
    legend(axes, handles)


def _search(axes: Axes, trail: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    settle(axes)
    axes.plot(trail[:, 0], 100 * trail[:, 1], color=LINEAR, linewidth=1.4, drawstyle="steps-post")
    axes.set_ylim(0, 103)
    axes.set_xlim(0, None)
    axes.set_xlabel("seconds")
    axes.set_ylabel("% of the inputs decided")
