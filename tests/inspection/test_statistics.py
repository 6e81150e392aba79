import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nonlin.inspection.statistics import measure, merge, thin


def of(x, axis=1):
    slope = (x > 0).astype(float)
    return measure(x, np.maximum(x, 0), slope, unit_axis=axis, rests_at_zero=True)


@given(hnp.arrays(float, (12, 3, 4), elements=st.floats(-1e3, 1e3)), st.integers(1, 11))
def test_merging_parts_gives_the_whole(x, cut):
    whole, joined = of(x), merge(of(x[:cut]), of(x[cut:]))
    assert (
        (whole.samples, whole.values, whole.units)
        == (12, 48, 3)
        == (joined.samples, joined.values, joined.units)
    )
    for name in (
        "steepest",
        "slope_low",
        "slope_high",
        "slope_sum",
        "zeros",
        "resting",
        "saturated",
        "largest",
    ):
        np.testing.assert_array_equal(getattr(whole, name), getattr(joined, name))
    for name in ("pre_activation", "output"):
        a, b = getattr(whole, name), getattr(joined, name)
        np.testing.assert_allclose(a.mean, b.mean, rtol=1e-12, atol=1e-10)
        np.testing.assert_allclose(a.variance, b.variance, rtol=1e-9, atol=1e-7)


def test_units_are_on_their_axis():
    x = np.random.default_rng(0).standard_normal((5, 7, 11))
    assert of(x, axis=1).units == 7
    assert of(x, axis=2).units == of(x, axis=-1).units == 11
    np.testing.assert_allclose(of(x, axis=2).pre_activation.mean, x.mean(axis=(0, 1)))


def test_flat_values_of_a_rectifier_rest_and_of_a_sigmoid_saturate():
    x = np.full((10, 1), -50.0)
    slope, output = np.zeros_like(x), np.zeros_like(x)
    rectifier = measure(x, output, slope, unit_axis=1, rests_at_zero=True)
    sigmoid = measure(x, output, slope, unit_axis=1, rests_at_zero=False)
    assert (rectifier.resting[0], rectifier.saturated[0]) == (10, 0)
    assert (sigmoid.resting[0], sigmoid.saturated[0]) == (0, 10)


def test_nonfinite_values_are_counted_and_left_out():
    x = np.array([[1.0, np.nan], [3.0, 2.0], [np.inf, 4.0]])
    statistics = of(x)
    assert statistics.nonfinite == 2
    assert np.isfinite(statistics.output.mean).all()


@pytest.mark.parametrize("size", [1, 10, 11, 99])
def test_thin_keeps_at_most_the_limit(size):
    kept = thin(np.arange(size), 10)
    assert len(kept) <= 10
    assert kept[0] == 0
