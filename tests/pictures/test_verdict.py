"""The picture of a verdict, through its artists."""

from dataclasses import replace

import numpy as np
import pytest

from nonlin import pictures
from nonlin.errors import InvalidInputError
from nonlin.geometry import Verdict

RANGES = np.array([[-1.0, 2.0], [0.0, 0.5]])
FOUND = Verdict(
    status="sat",
    counterexample=np.zeros(3),
    outputs=np.array([1.5, 0.25]),
    margin=(0.5, 1.0),
    share=0.0,
    nodes=3,
    seconds=2.0,
    reason="",
    ranges=RANGES,
)


TRAIL = [(0.0, 0.0), (1.0, 0.5), (2.0, 1.0)]


def test_bars_are_the_intervals_and_dots_the_counterexample():
    (axes,) = pictures.verdict(FOUND, trail=TRAIL).axes
    (bars,) = axes.collections
    assert [segment[:, 0].tolist() for segment in bars.get_segments()] == RANGES.tolist()
    (dots,) = axes.lines
    assert dots.get_xdata().tolist() == [1.5, 0.25]


def test_a_search_that_found_nothing_shows_how_far_it_came():
    _, right = pictures.verdict(replace(FOUND, counterexample=None, outputs=None), trail=TRAIL).axes
    assert right.lines[0].get_ydata().tolist() == [0.0, 50.0, 100.0]


def test_without_a_search_there_is_one_panel_and_without_ranges_none():
    assert len(pictures.verdict(replace(FOUND, counterexample=None, outputs=None)).axes) == 1
    with pytest.raises(InvalidInputError, match="expected a verdict with the range"):
        pictures.verdict(replace(FOUND, ranges=None))
