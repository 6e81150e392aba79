"""Pictures of functions, through their artists."""

import numpy as np
import pytest

import nonlin
from nonlin import pictures
from nonlin.errors import InvalidInputError
from nonlin.functions.curve import sample


def lines(axes):
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def test_each_panel_holds_what_it_says():
    f = nonlin.function("gelu")
    figure = pictures.functions([sample(f, -2, 3)])
    for axes, g in zip(figure.axes, (f, f.slope, f.curvature), strict=True):
        x, y = lines(axes)["gelu"].get_data()
        np.testing.assert_allclose(y, g(x), rtol=1e-14)
        assert (x[0], x[-1]) == (-2, 3)
    assert [axes.get_ylabel() for axes in figure.axes] == ["f(x)", "f′(x)", "f″(x)"]
    assert len(pictures.functions([sample(f)], curvature=False).axes) == 2


def test_no_two_functions_look_the_same():
    curves = [sample(f) for f in nonlin.functions() if not f.vector][:24]
    top = pictures.functions(curves).axes[0]
    looks = {
        (line.get_color(), str(line.get_linestyle()), str(line._dash_pattern)) for line in lines(top).values()
    }
    assert len(looks) == len(curves) == len(lines(top))
    assert [text.get_text() for text in top.get_legend().get_texts()] == [curve.label for curve in curves]


def test_a_jump_is_a_gap_and_a_kink_a_dot():
    curve = sample(nonlin.function("hardshrink"))
    assert np.isnan(curve.value[np.isin(curve.x, [-0.5, 0.5])]).all()
    assert not np.isnan(np.delete(curve.value, np.flatnonzero(np.isin(curve.x, [-0.5, 0.5])))).any()
    relu = sample(nonlin.function("relu"))
    assert not np.isnan(relu.value).any()
    assert np.isnan(relu.slope[relu.x == 0]).all()
    (dots,) = (line for line in pictures.functions([relu]).axes[0].lines if line.get_gid() == "kinks")
    assert dots.get_xdata().tolist() == [0.0]


def test_the_picture_shows_the_kinks():
    assert sample(nonlin.function("relu6")).x[-1] == 9.0
    assert sample(nonlin.function("relu6"), -1, 1).kinks == (0.0,)
    with pytest.raises(InvalidInputError, match="low < high"):
        sample(nonlin.function("relu"), 1, 1)


def test_a_pole_does_not_press_the_rest_flat():
    curve = sample(nonlin.define("1 / x"))
    low, high = pictures.functions([curve]).axes[2].get_ylim()
    assert 0 < high - low < np.nanmax(np.abs(curve.curvature)) / 100


def panels(formula):
    figure = pictures.functions([sample(nonlin.define(formula))])
    figure.canvas.draw()
    return figure.axes


def test_what_is_small_or_narrow_fills_its_panel():
    value, slope, curvature = (axes.get_ylim() for axes in panels("1e-8*x"))
    assert 4e-8 < value[1] < 5e-8
    assert slope == (0, 2e-8)
    assert curvature == (-1, 1)
    assert 1e6 <= panels("tanh(1e6*x)")[1].get_ylim()[1] < 1.1e6


@pytest.mark.parametrize("formula", ["exp(exp(x))", "1e-8*x", "1/x", "tanh(1e6*x)", "-1e7*x"])
def test_numbers_keep_off_the_labels_and_the_key(formula):
    for axes in panels(formula):
        assert axes.yaxis.get_offset_text().get_text() == ""
        label = axes.yaxis.label.get_window_extent()
        shown = [
            t
            for t in axes.get_yticklabels()
            if axes.get_ylim()[0] <= t.get_position()[1] <= axes.get_ylim()[1]
        ]
        assert not any(label.overlaps(text.get_window_extent()) for text in shown)
        assert all(text.get_window_extent().x0 >= 0 for text in shown)
