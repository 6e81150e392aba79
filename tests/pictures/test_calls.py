"""The pictures of the whole network, through their artists."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from nonlin import pictures
from nonlin.errors import InvalidInputError
from nonlin.pictures.style import DEAD


def bars(figure):
    """Return (left, width) of every bar by the label of its kind."""
    (axes,) = figure.axes
    found = {}
    for container in axes.containers:
        found[container.get_label()] = [(bar.get_x(), bar.get_width()) for bar in container]
    return found


def with_gradients(inspection, *gradients):
    calls = [replace(c, gradient=g) for c, g in zip(inspection.calls, gradients, strict=True)]
    return replace(inspection, calls=tuple(calls))


def names(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_bars_are_the_shares_of_the_units_in_forward_order(demo):
    figure = pictures.overview(demo)
    drawn = bars(figure)
    assert names(figure) == ["relu1", "relu2", "relu3", "relu4"]
    assert [width for _, width in drawn["dead"]] == [31 / 64, 3 / 48, 7 / 32, 4 / 24]
    assert [width for _, width in drawn["saturated"]] == [0, 0, 0, 0]
    for row in range(4):
        ends = [drawn[state][row] for state in ("dead", "saturated", "linear", "healthy")]
        assert sum(width for _, width in ends) == pytest.approx(1)
        assert ends[3][0] == pytest.approx(sum(width for _, width in ends[:3]))


def test_the_first_call_is_above(demo):
    low, high = pictures.overview(demo).axes[0].get_ylim()
    assert low > high


def test_the_numbers_in_the_bars_are_units(demo):
    texts = {text.get_text() for text in pictures.overview(demo).axes[0].texts}
    assert {"31", "33", "64 units", "24 units"} <= texts


def test_a_function_without_a_slope_has_a_hatched_bar_only(made):
    figure = pictures.overview(made(("relu", "Relu"), ("softmax", "Softmax")))
    hatched = [patch for patch in figure.axes[0].patches if patch.get_hatch()]
    assert [patch.get_width() for patch in hatched] == [1]
    assert hatched[0].get_y() < 1 < hatched[0].get_y() + hatched[0].get_height()
    assert all(width == 0 for state in ("dead", "healthy") for _, width in bars(figure)[state][1:])


def test_units_that_are_not_finite_are_seen(demo):
    some = replace(demo.calls[0], nonfinite=7, nonfinite_units=(1, 2, 3), dead_units=(0,), dead=1)
    whole = replace(some, nonfinite_units=tuple(range(64)), dead_units=(), dead=None)
    figure = pictures.overview(replace(demo, calls=(some, whole)))
    drawn = bars(figure)
    assert [width for _, width in drawn["NaN or infinite"]] == [3 / 64, 1]
    assert [width for _, width in drawn["healthy"]] == [pytest.approx(60 / 64), 0]
    assert not [patch for patch in figure.axes[0].patches if patch.get_hatch()]
    named = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "NaN or infinite" in named
    assert "NaN or infinite" not in [
        text.get_text() for text in pictures.overview(demo).axes[0].get_legend().get_texts()
    ]


def test_only_some_calls(demo):
    assert names(pictures.overview(demo, only={"relu3", "relu1"})) == ["relu1", "relu3"]
    with pytest.raises(InvalidInputError, match="got none; this network has relu1, relu2"):
        pictures.overview(demo, only={"relu9"})


def test_gradients_stand_where_they_are(demo):
    (axes,) = pictures.gradients(demo).axes
    flow = axes.lines[0]
    assert list(flow.get_xdata()) == [call.gradient for call in demo.calls]
    assert list(flow.get_ydata()) == [0, 1, 2, 3]
    assert axes.get_xscale() == "log"


def test_the_threshold_is_relative_to_the_last_call(demo):
    (axes,) = pictures.gradients(demo).axes
    marks = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert marks == [demo.calls[-1].gradient * demo.thresholds.vanishing]


def test_a_vanished_and_an_exploded_gradient_are_marked(demo):
    faulty = with_gradients(demo, 1e-5, 1.0, 2e3, 1.0)
    (axes,) = pictures.gradients(faulty).axes
    wrong = [line for line in axes.lines if line.get_marker() == "o" and to_hex(line.get_color()) == DEAD]
    assert [list(line.get_xdata()) for line in wrong] == [[1e-5, 2e3]]
    assert [text.get_text() for text in axes.texts] == ["← vanished", "exploded →"]


def test_a_gradient_of_zero_has_a_place_on_a_logarithmic_axis(demo):
    (axes,) = pictures.gradients(with_gradients(demo, 0.0, 0.1, np.nan, 1.0)).axes
    assert [(text.get_text(), text.get_position()[1]) for text in axes.texts if "0" in text.get_text()] == [
        (" 0", 0)
    ]
    assert list(axes.lines[0].get_xdata()) == [0.1, 1.0]


def test_all_gradients_zero(demo):
    pictures.gradients(with_gradients(demo, 0.0, 0.0, 0.0, 0.0)).canvas.draw()


def test_without_gradients_there_is_no_such_picture(demo):
    with pytest.raises(InvalidInputError, match="expected an inspection with gradients, got none"):
        pictures.gradients(with_gradients(demo, None, None, None, None))


def test_a_name_is_never_read_as_a_formula(made):
    inspection = made((r"$\frac", "Relu"), (r"a_{b$", "Tanh"))
    for figure in (pictures.overview(inspection), pictures.gradients(inspection)):
        figure.canvas.draw()
        assert names(figure) == [r"$\frac", r"a_{b$"]


def test_hundreds_of_calls_stay_a_picture(demo):
    many = replace(demo, calls=tuple(replace(demo.calls[0], name=f"relu{i}") for i in range(300)))
    figure = pictures.overview(many)
    assert len(names(figure)) == 300
    assert figure.get_figheight() < 50
