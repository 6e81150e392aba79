"""The pictures of one call, through their artists."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.patches import StepPatch

from nonlin import function, pictures
from nonlin.errors import InvalidInputError
from nonlin.pictures.style import AT_REST, DEAD, FLAT, HEALTHY, INK, NONFINITE, ON_SLOPE


def steps(figure, colour):
    found = [
        patch
        for axes in figure.axes
        for patch in axes.patches
        if isinstance(patch, StepPatch) and patch.get_fill() and to_hex(patch.get_facecolor()) == colour
    ]
    assert len(found) == 1
    return found[0].get_data()


def curve(figure, label):
    (line,) = (line for axes in figure.axes for line in axes.lines if line.get_label() == label)
    return line.get_xdata(), line.get_ydata()


def test_the_density_is_split_where_the_function_gets_flat(demo):
    figure = pictures.pre_activations(demo, "relu1")
    sloped, resting = steps(figure, ON_SLOPE), steps(figure, AT_REST)
    assert 0.0 in sloped.edges
    assert not np.any(sloped.values[sloped.edges[1:] <= 0])
    assert not np.any(resting.values[resting.edges[:-1] >= 0])
    assert np.sum((sloped.values + resting.values) * np.diff(sloped.edges)) == pytest.approx(1)


def test_the_density_is_that_of_the_values(demo):
    figure = pictures.pre_activations(demo, "relu2")
    values = demo.recording.calls[1].values
    sloped = steps(figure, ON_SLOPE)
    inside = values[(values >= sloped.edges[0]) & (values <= sloped.edges[-1])]
    on = np.sum(sloped.values * np.diff(sloped.edges))
    assert on == pytest.approx(np.mean(inside >= 0), abs=2 / len(inside))


@pytest.mark.parametrize("operator", ["Relu", "Tanh", "Sigmoid", "LeakyRelu", "Elu", "Softplus", "HardSwish"])
def test_the_curves_are_the_function_and_its_slope(made, operator):
    inspection = made(("call", operator))
    f = inspection.recording.calls[0].site.function
    figure = pictures.pre_activations(inspection, "call")
    u, value = curve(figure, "f(u)")
    assert np.array_equal(value, f(u))
    u, slope = curve(figure, "slope")
    assert np.array_equal(slope, f.slope(u) / f.largest_slope)
    assert all(kink in u for kink in f.kinks if u[0] < kink < u[-1])


def test_the_slope_jumps_at_the_kink(demo):
    u, slope = curve(pictures.pre_activations(demo, "relu1"), "slope")
    jump = np.flatnonzero(np.diff(slope))
    assert len(jump) == 1
    assert u[jump[0] + 1] - u[jump[0]] < 1e-300


def test_a_saturated_sigmoid_is_flat_and_not_at_rest(made):
    inspection = made(("call", "Sigmoid"))
    recorded = replace(inspection.recording.calls[0], values=np.linspace(-20, 20, 400))
    inspection = replace(inspection, recording=replace(inspection.recording, calls=(recorded,)))
    flat = steps(pictures.pre_activations(inspection, "call"), FLAT)
    middle = (flat.edges[1:] + flat.edges[:-1]) / 2
    slope = function("sigmoid").slope(middle) / 0.25
    assert np.array_equal(flat.values > 0, slope < 0.01)


def test_far_from_the_kink_the_data_fill_the_picture(made):
    inspection = made(("call", "Relu"))
    recorded = replace(inspection.recording.calls[0], values=np.linspace(1000, 1001, 400))
    inspection = replace(inspection, recording=replace(inspection.recording, calls=(recorded,)))
    low, high = pictures.pre_activations(inspection, "call").axes[0].get_xlim()
    assert 999 < low < 1000
    assert 1001 < high < 1002


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_one_value_only(made, value):
    inspection = made(("call", "Relu"))
    recorded = replace(inspection.recording.calls[0], values=np.full(50, value))
    inspection = replace(inspection, recording=replace(inspection.recording, calls=(recorded,)))
    pictures.pre_activations(inspection, "call").canvas.draw()


def test_nan_and_infinite_values_are_left_out(made):
    inspection = made(("call", "Tanh"))
    recorded = replace(inspection.recording.calls[0], values=np.array([np.nan, -1.0, 1.0, np.inf]))
    some = replace(inspection, recording=replace(inspection.recording, calls=(recorded,)))
    pictures.pre_activations(some, "call").canvas.draw()
    recorded = replace(recorded, values=np.array([np.nan, np.inf]))
    none = replace(inspection, recording=replace(inspection.recording, calls=(recorded,)))
    with pytest.raises(InvalidInputError, match="expected finite pre-activations in call, got none"):
        pictures.pre_activations(none, "call")


def test_columns_are_the_shares_of_the_units_values(demo):
    figure = pictures.units(demo, "relu1")
    statistics = demo.recording.calls[0].statistics
    on = 1 - np.sort(statistics.resting / statistics.values)[::-1]
    sloped, resting = steps(figure, ON_SLOPE), steps(figure, AT_REST)
    assert np.allclose(np.sort(sloped.values), np.sort(on), rtol=0, atol=1e-15)
    assert np.array_equal(resting.baseline, sloped.values)
    assert np.all(resting.values == 1)


def test_the_mean_slope_is_that_of_each_unit_in_order(demo):
    (line,) = (p for p in pictures.units(demo, "relu1").axes[0].patches if p.get_label() == "mean slope")
    statistics = demo.recording.calls[0].statistics
    assert np.array_equal(line.get_data().values, np.sort(statistics.slope_sum / statistics.values))
    assert line.get_data().values.max() <= 1


def test_values_on_a_flat_part_lie_on_top_of_those_on_the_slope(made):
    inspection = made(("call", "Sigmoid"), scale=10.0)
    statistics = inspection.recording.calls[0].statistics
    figure = pictures.units(inspection, "call")
    sloped, flat, resting = (steps(figure, colour) for colour in (ON_SLOPE, FLAT, AT_REST))
    assert np.any(statistics.saturated)
    assert np.array_equal(flat.baseline, sloped.values)
    shares = np.sort(statistics.saturated / statistics.values)
    assert np.allclose(np.sort(flat.values - flat.baseline), shares, rtol=0, atol=1e-15)
    assert np.allclose(np.sort(1 - sloped.values), shares, rtol=0, atol=1e-15)
    assert np.allclose(resting.values - resting.baseline, 0, rtol=0, atol=1e-15)


def test_the_dead_units_come_first_and_the_strip_counts_them(demo):
    figure = pictures.units(demo, "relu1")
    assert np.all(steps(figure, ON_SLOPE).values[:31] == 0)
    assert steps(figure, ON_SLOPE).values[31] > 0
    strip = {to_hex(bar.get_facecolor()): bar.get_width() for c in figure.axes[0].containers for bar in c}
    assert strip == {DEAD: 31, HEALTHY: 33}
    written = {text.get_text(): text.get_color() for text in figure.axes[0].texts}
    assert written == {"31 dead": "#000000", "33 healthy": INK}


def test_units_that_are_not_finite_are_seen(made):
    inspection = made(("call", "Relu"), width=8)
    (call,), (recorded,) = inspection.calls, inspection.recording.calls
    lost = np.array([0, 0, 0, 0, 20, 20, 80, 80])
    slopes = np.where(lost, np.nan, recorded.statistics.slope_sum)
    resting = np.minimum(recorded.statistics.resting, 80 - lost)
    statistics = replace(recorded.statistics, lost=lost, slope_sum=slopes, resting=resting)
    recording = replace(inspection.recording, calls=(replace(recorded, statistics=statistics),))
    call = replace(call, nonfinite=200, nonfinite_units=(4, 5, 6, 7))
    figure = pictures.units(replace(inspection, calls=(call,), recording=recording), "call")
    shares = steps(figure, NONFINITE)
    assert np.allclose(shares.values - shares.baseline, [0.25, 0.25, 1, 1, 0, 0, 0, 0], rtol=0, atol=1e-15)
    assert np.all(steps(figure, ON_SLOPE).values[2:4] == 0)
    written = [text.get_text() for text in figure.axes[0].texts]
    assert written == ["4 NaN or infinite", "4 healthy"]
    (axes,) = figure.axes
    (box,) = [axes.get_legend().get_window_extent(FigureCanvasAgg(figure).get_renderer())]
    assert box.x1 < figure.bbox.x1
    assert box.y1 < figure.bbox.y1


@pytest.mark.parametrize("ends", [(-0.155, 0.017), (-1.55e-4, 1.7e-5), (-1.0, 1.0), (1000.0, 1001.0)])
def test_numbers_on_the_axis_do_not_touch(made, ends):
    inspection = made(("call", "Sigmoid"))
    recorded = replace(inspection.recording.calls[0], values=np.linspace(*ends, 400))
    inspection = replace(inspection, recording=replace(inspection.recording, calls=(recorded,)))
    figure = pictures.pre_activations(inspection, "call")
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [label.get_window_extent(renderer) for label in figure.axes[0].get_xticklabels()]
    boxes = sorted((box.x0, box.x1) for box in boxes if box.width)
    assert len(boxes) > 2
    assert all(right[0] - left[1] > 4 for left, right in pairwise(boxes))


def test_more_units_than_columns(made):
    figure = pictures.units(made(("call", "Relu"), width=1200), "call")
    columns = steps(figure, ON_SLOPE)
    assert len(columns.values) == 400
    assert columns.edges[-1] == 1200
    assert figure.axes[0].get_xlabel() == "units, sorted (one in 3 drawn)"


def test_a_function_of_a_whole_vector_has_a_density_only(made):
    inspection = made(("call", "Softmax"))
    density = steps(pictures.pre_activations(inspection, "call"), ON_SLOPE)
    assert np.sum(density.values * np.diff(density.edges)) == pytest.approx(1)
    with pytest.raises(InvalidInputError, match="a slope of one number, got softmax in call"):
        pictures.units(inspection, "call")


def test_a_wrong_name_gets_the_right_ones(demo):
    with pytest.raises(InvalidInputError, match="got 'relu7'; this network has relu1, relu2, relu3, relu4"):
        pictures.units(demo, "relu7")
