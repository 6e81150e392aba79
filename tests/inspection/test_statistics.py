import tracemalloc
from fractions import Fraction
from operator import attrgetter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nonlin.inspection.statistics import measure, merge, thin


def of(x, axis=1):
    return measure(x, np.maximum(x, 0), lambda u: (u > 0).astype(float), unit_axis=axis, rests_at_zero=True)


@settings(deadline=None)  # the first compiles
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
    output = np.zeros_like(x)
    rectifier = measure(x, output, np.zeros_like, unit_axis=1, rests_at_zero=True)
    sigmoid = measure(x, output, np.zeros_like, unit_axis=1, rests_at_zero=False)
    assert (rectifier.resting[0], rectifier.saturated[0]) == (10, 0)
    assert (sigmoid.resting[0], sigmoid.saturated[0]) == (0, 10)


def test_nonfinite_values_are_counted_and_left_out():
    x = np.array([[1.0, np.nan], [3.0, 2.0], [np.inf, 4.0]])
    statistics = of(x)
    assert statistics.nonfinite == 2
    assert np.isfinite(statistics.output.mean).all()


def test_a_value_that_is_not_finite_is_on_no_flat_part():
    x = np.array([[-np.inf, -1.0], [-1.0, -1.0], [1.0, 1.0]])
    statistics = of(x)
    assert statistics.lost.tolist() == [1, 0]
    assert statistics.resting.tolist() == [1, 2]
    assert np.isnan(statistics.slope_sum).tolist() == [True, False]


def plainly(u, axis, *, rests):
    """The same figures of SiLU's values by NumPy's passes, in float64."""
    y, slope = silu(u), silu_slope(u)
    lost = ~(np.isfinite(u) & np.isfinite(y))
    u, y, flat = np.where(lost, 0, u), np.where(lost, 0, y), np.abs(slope) < np.asarray(1e-2, u.dtype)
    resting = flat & (np.abs(y) <= np.asarray(1e-2, u.dtype)) & rests
    others = tuple(i for i in range(u.ndim) if i != axis)
    known_u, known_y = (np.ma.array(x, mask=lost, dtype=float) for x in (u, y))
    return {
        "slope_low": slope.min(others),
        "slope_high": slope.max(others),
        "saturated": (flat & ~resting).sum(others),
        "resting": resting.sum(others),
        "zeros": (y == 0).sum(others),
        "tiny": (np.abs(y) < 1e-5).sum(others),
        "near_zero": (u <= np.asarray(0.05, u.dtype)).sum(others),
        "largest": np.abs(y).max(others),
        "nonfinite": lost.sum(),
    }, {
        "slope_sum": slope.sum(others, dtype=float),
        "absolute": np.abs(y).sum(others, dtype=float),
        "pre_activation.mean": known_u.mean(others),
        "output.mean": known_y.mean(others),
        "pre_activation.variance": known_u.var(others),
        "output.variance": known_y.var(others),
    }


def silu(u):
    with np.errstate(all="ignore"):
        return u / (1 + np.exp(-u))


def silu_slope(u):
    with np.errstate(all="ignore"):
        s = 1 / (1 + np.exp(-u))
        return s * (1 + u * (1 - s))


LAYOUTS = {
    "rows": ((700, 130), 1, None),
    "one unit": ((100, 1), 1, None),
    "many units": ((3, 9000), 1, None),
    "images": ((37, 5, 30, 31), 1, None),
    "small images": ((300, 40, 3, 3), 1, None),
    "long rows": ((3, 4, 100_001), 1, None),
    "channels last in memory": ((37, 5, 30, 31), 1, (0, 2, 3, 1)),
    "steps first in memory": ((70, 50, 24), 2, (1, 0, 2)),
    "units first in memory": ((70, 33), 1, (1, 0)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_figures_are_those_of_plain_passes(layout, dtype):
    (shape, axis, order), rng = LAYOUTS[layout], np.random.default_rng(0)
    u = (rng.standard_normal(shape) * 8 + 3).astype(dtype)
    u[rng.random(shape) < 1e-2] = 0
    if order is not None:
        u = np.ascontiguousarray(u.transpose(order)).transpose(np.argsort(order))
    for rests in (False, True):
        found = measure(u, silu(u), silu_slope, unit_axis=axis, rests_at_zero=rests)
        exact, rounded = plainly(u, axis, rests=rests)
        for name, wanted in exact.items():
            np.testing.assert_array_equal(getattr(found, name), wanted, err_msg=name)
        for name, wanted in rounded.items():
            np.testing.assert_allclose(attrgetter(name)(found), wanted, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nonfinite_values_are_left_out_in_any_place(dtype):
    u = np.random.default_rng(1).standard_normal((500, 6, 70)).astype(dtype)
    u[0, 0, 0], u[9, 1, 5], u[499, 2, 69] = np.nan, np.inf, -np.inf
    found = measure(u, silu(u), silu_slope, unit_axis=1, rests_at_zero=True)
    exact, rounded = plainly(u, 1, rests=True)
    for name in ("tiny", "zeros", "near_zero", "largest", "nonfinite", "slope_low", "slope_high"):
        np.testing.assert_array_equal(getattr(found, name), exact[name], err_msg=name)
    for name, wanted in rounded.items():
        np.testing.assert_allclose(attrgetter(name)(found), wanted, rtol=1e-12, atol=1e-12, err_msg=name)
    assert np.isnan(found.steepest).tolist() == [True, True, True, False, False, False]
    assert found.output.count.tolist() == [34_999] * 3 + [35_000] * 3


def test_a_value_that_is_lost_leaves_a_small_spread_far_from_zero_as_it_is():
    u = np.random.default_rng(4).standard_normal((2000, 2)) * 1e-3 + 1e6
    known = u[:, 0].copy()
    u[1000:, 0], u[3:, 1] = np.nan, np.inf
    halves = [measure(part, part, None, unit_axis=1, rests_at_zero=False) for part in (u[:1000], u[1000:])]
    found = merge(*halves).output
    assert found.count.tolist() == [1000, 3]
    assert found.mean[0] == pytest.approx(known[:1000].mean(), rel=1e-15)
    assert found.variance[0] == pytest.approx(float(np.var([Fraction(x) for x in known[:1000]])), rel=1e-12)
    assert (halves[1].output.mean.tolist(), halves[1].output.variance.tolist()) == ([0, 0], [0, 0])


def test_a_variance_far_from_zero_and_of_equal_values():
    spread = np.random.default_rng(2).standard_normal((70_000, 2)) * 1e-3
    u = spread + np.array([1e8, -3e5])
    u[:, 1] = 0.1
    found = measure(u, u, None, unit_axis=1, rests_at_zero=False)
    exact = [np.var([Fraction(x) for x in u[:2000, 0].tolist()]), 0]
    part = measure(u[:2000], u[:2000], None, unit_axis=1, rests_at_zero=False)
    assert part.pre_activation.variance[0] == pytest.approx(float(exact[0]), rel=1e-12)
    assert found.pre_activation.variance[1] == 0
    assert found.slope_sum is None


def test_what_is_read_only_or_narrow_is_measured_too():
    u = np.random.default_rng(3).standard_normal((40, 4)).astype(np.float16)
    u.flags.writeable = False
    found = measure(u, u, np.ones_like, unit_axis=1, rests_at_zero=False)
    np.testing.assert_allclose(found.output.mean, u.astype(float).mean(0), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1)])
def test_nothing_of_the_size_of_the_batch_is_made(order):
    u = np.ones((64, 32, 64, 64), np.float32).transpose(order).transpose(np.argsort(order))
    measure(u[:2], u[:2], silu_slope, unit_axis=1, rests_at_zero=True)  # loads what it needs
    tracemalloc.start()
    measure(u, u, silu_slope, unit_axis=1, rests_at_zero=True)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < u.nbytes / 4


@pytest.mark.parametrize("size", [1, 10, 11, 99])
def test_thin_keeps_at_most_the_limit(size):
    kept = thin(np.arange(size), 10)
    assert len(kept) <= 10
    assert kept[0] == 0
