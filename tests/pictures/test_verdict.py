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


def test_bars_are_the_intervals_and_dots_the_counterexample():
    left, right = pictures.verdict(FOUND, trail=[(0.0, 0.0), (1.0, 0.5), (2.0, 1.0)]).axes
    (bars,) = left.collections
    assert [segment[:, 0].tolist() for segment in bars.get_segments()] == RANGES.tolist()
    (dots,) = left.lines
    assert dots.get_xdata().tolist() == [1.5, 0.25]
    assert right.lines[0].get_ydata().tolist() == [0.0, 50.0, 100.0]


def test_without_a_search_there_is_one_panel_and_without_ranges_none():
    assert len(pictures.verdict(replace(FOUND, counterexample=None, outputs=None)).axes) == 1
    with pytest.raises(InvalidInputError, match="expected a verdict with the range"):
        pictures.verdict(replace(FOUND, ranges=None))
