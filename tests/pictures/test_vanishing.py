"""The picture of vanishing gradients, through its artists."""

import numpy as np

import nonlin
from nonlin import pictures


def layers(name, **more):
    return nonlin.function(name).layers(8, weight_variance=1.0, **more)


def drawn(axes, colour, marker):
    (line,) = (k for k in axes.lines[1:] if (k.get_color(), k.get_marker()) == (colour, marker))
    return line.get_ydata()


def test_predictions_are_lines_and_random_networks_marks_of_the_same_colour():
    predicted, tried = [layers("tanh"), layers("relu")], [layers("relu", width=32)]
    top, bottom = pictures.vanishing(predicted, tried).axes
    for axes, name in ((top, "gradient"), (bottom, "variance")):
        lines = [line for line in axes.lines[1:] if line.get_linestyle() != "None"]
        for line, one in zip(lines, predicted, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), getattr(one, name))
        assert lines[0].get_linestyle() != lines[1].get_linestyle()
        np.testing.assert_array_equal(drawn(axes, lines[1].get_color(), "s"), getattr(tried[0], name))
        assert axes.get_yscale() == "log"
    said = [text.get_text() for text in top.get_legend().get_texts()]
    assert said == ["tanh", "relu", "random, width 32"]
    assert bottom.get_xlabel() == "layer; σw² = 1"


def test_what_is_no_number_is_a_gap():
    lost = nonlin.function("relu2").layers(40, weight_variance=6.0)
    top, _ = pictures.vanishing([lost]).axes
    values = top.lines[1].get_ydata()
    assert np.isnan(values[0])
    assert values[-1] == 1


def test_different_variances_are_named():
    top, bottom = pictures.vanishing([layers("tanh"), nonlin.function("relu").layers(8)]).axes
    assert [text.get_text() for text in top.get_legend().get_texts()] == ["tanh, σw² = 1", "relu, σw² = 2"]
    assert bottom.get_xlabel() == "layer"
