"""The picture of a network along a line, through its artists."""

from dataclasses import replace

import numpy as np
import pytest

from nonlin import pictures
from nonlin.geometry import Line


@pytest.fixture
def found(demo) -> Line:
    return demo.folds.line


def marks(axes):
    """Return the positions of the marks of every row."""
    return [line.get_xdata()[::3].tolist() for line in axes.lines]


def test_the_outputs_are_drawn_through_every_breakpoint(found):
    outputs = pictures.line(found, highlight=(1, 4)).axes[0]
    drawn = {line.get_gid(): line for line in outputs.lines}
    assert len(drawn) == 10
    for i in range(10):
        assert np.array_equal(drawn[f"output{i}"].get_xdata(), found.positions)
        assert np.array_equal(drawn[f"output{i}"].get_ydata(), found.outputs[:, i])


def test_every_fold_is_a_mark_in_the_row_of_its_call(found):
    rug = pictures.line(found, order=("relu1", "relu2", "relu3", "relu4")).axes[1]
    names = [label.get_text() for label in rug.get_yticklabels()]
    assert names == ["relu1", "relu2", "relu3", "relu4"]
    for name, row in zip(names, marks(rug), strict=True):
        expected = [t for t, call in zip(found.breakpoints, found.calls, strict=True) if call == name]
        assert row == expected
    assert sum(map(len, marks(rug))) == len(found.breakpoints) == 46


def test_the_number_of_folds_stands_beside_each_row(found):
    rug = pictures.line(found, order=("relu1",)).axes[1]
    assert [text.get_text() for text in rug.texts] == [str(len(row)) for row in marks(rug)]


def test_the_highlighted_outputs_are_named_and_dotted_with_the_folds(found):
    outputs = pictures.line(found, highlight=(1, 4, 99)).axes[0]
    assert [text.get_text() for text in outputs.texts] == ["output 1", "output 4"]
    dots = outputs.collections[0].get_offsets()
    assert np.array_equal(dots[:, 0], found.breakpoints)
    assert np.array_equal(dots[:, 1], found.outputs[1:-1, 1])


def test_of_many_outputs_the_chosen_and_the_largest_are_drawn(found):
    outputs = np.zeros((len(found.positions), 1000))
    outputs[:, 700] = 1
    axes = pictures.line(replace(found, outputs=outputs), highlight=(900,)).axes[0]
    drawn = {line.get_gid() for line in axes.lines}
    assert len(drawn) == 12
    assert {"output700", "output900"} <= drawn


def test_a_line_without_a_fold(found):
    straight = Line(
        network=found.network,
        ends=found.ends,
        units=np.zeros(0, int),
        breakpoints=np.zeros(0),
        calls=(),
        positions=np.array([0.0, 1.0]),
        outputs=np.array([[1.0, 2.0], [3.0, 4.0]]),
        jumps=np.array([False]),
        certified=True,
        undecided=0,
    )
    figure = pictures.line(straight, highlight=(0, 1))
    figure.canvas.draw()
    assert len(figure.axes) == 1


def test_names_of_outputs_that_end_together_are_moved_apart(found):
    outputs = found.outputs.copy()
    outputs[-1, 4] = outputs[-1, 1]
    close = pictures.line(replace(found, outputs=outputs), highlight=(1, 4)).axes[0]
    assert [text.xyann[1] for text in close.texts] == [-5, 5]
    apart = pictures.line(found, highlight=(1, 4)).axes[0]
    assert [text.xyann[1] for text in apart.texts] == [0, 0]


def test_at_a_jump_the_line_has_both_ends_and_one_dot(found):
    jumping = Line(
        network=found.network,
        ends=found.ends,
        units=np.array([0, 0]),
        breakpoints=np.array([0.25, 0.5]),
        calls=("step", "relu"),
        positions=np.array([0.0, 0.25, 0.25, 0.5, 1.0]),
        outputs=np.array([[0.0], [1.0], [3.0], [3.0], [5.0]]),
        jumps=np.array([False, True, False, False]),
        certified=True,
        undecided=0,
    )
    outputs = pictures.line(jumping, highlight=(0,)).axes[0]
    assert outputs.lines[0].get_ydata().tolist() == [0, 1, 3, 3, 5]
    assert outputs.collections[0].get_offsets().tolist() == [[0.25, 3], [0.5, 3]]
