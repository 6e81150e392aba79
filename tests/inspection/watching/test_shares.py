import numpy as np
import pytest

import nonlin
from nonlin import Thresholds
from nonlin.inspection.watching.shares import Lasting, UnitRanges, shares_of
from nonlin.inspection.watching.zones import dead_and_linear, slope_spread, zones_of

FUNCTIONS = ["relu", "gelu", "silu", "mish", "elu", "selu", "sigmoid", "tanh", "leaky_relu", "relu6", "hardtanh",
             "hardswish", "softplus", "softsign", "hardsigmoid"]  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_zones_say_what_every_value_would(name):
    function = nonlin.function(name)
    zones = zones_of(function, 0.01)
    generator = np.random.default_rng(0)
    low = generator.uniform(-12, 12, 400)
    high = low + generator.exponential(2, 400) * generator.integers(0, 2, 400)
    values = low + (high - low) * np.linspace(0, 1, 2001)[:, None]
    values = np.concatenate([values, np.clip(0, low, high)[None]])  # where some slopes peak
    slope = function.slope(values) / function.largest_slope
    dead, found = dead_and_linear(function, zones, low, high, constant_slope=0.01)
    assert np.array_equal(dead, np.abs(slope).max(axis=0) <= 1e-3)
    spread = slope.max(axis=0) - slope.min(axis=0)
    np.testing.assert_allclose(slope_spread(function, zones, low, high), spread, atol=2e-3)
    linear = slope_spread(function, zones, low, high) <= 0.01
    assert np.array_equal(found, linear & ~dead)
    assert linear.any()


def test_intervals_off_the_grid_and_without_end():
    function = nonlin.function("relu")
    zones = zones_of(function, 0.01)
    low = np.array([1e-9, -1e-9, 100.0, -np.inf, np.nan, 1e-9])
    high = np.array([2e-9, 1e-9, 900.0, 1.0, 1.0, np.inf])
    _, linear = dead_and_linear(function, zones, low, high, constant_slope=0.01)
    assert linear.tolist() == [True, False, True, False, False, False]


def test_a_slope_without_bound_is_dead_only_where_it_is_zero():
    function = nonlin.function("relu2")
    low, high = np.array([-2.0, -2.0]), np.array([0.0, 1e-6])
    dead, _ = dead_and_linear(function, zones_of(function, 0.01), low, high, constant_slope=0.01)
    assert dead.tolist() == [True, False]


def test_the_slopes_of_a_prelu_are_by_unit():
    ranges = UnitRanges(
        low=np.array([-2.0, -2.0, -2.0, 1.0, -2.0]),
        high=np.array([-1.0, -1.0, 1.0, 2.0, 1.0]),
        flat=np.array([1.0, 1.0, 0.6, 0.0, 0.6]),
        slopes=np.array([0.25, 1e-4, 0.25, 1e4, 5e-3]),
    )
    shares = shares_of(nonlin.function("prelu"), None, ranges, Thresholds())
    assert shares.dead_units.tolist() == [False, True, False, True, False]
    assert (shares.linear, shares.saturated) == (1 / 3, 1 / 5)


def test_dead_lasts_only_as_long_as_every_step_says_so():
    lasting = Lasting()
    assert lasting.add(np.array([True, True, False, False])) == (0.5, 1)
    assert lasting.add(np.array([True, False, True, False])) == (0.25, 2)
    for _ in range(10):
        share = lasting.add(np.array([True, True, True, False]))
    assert share == (0.75, 10)
    assert lasting.add(np.array([True, True])) == (1.0, 1)
