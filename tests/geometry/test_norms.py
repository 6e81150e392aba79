"""The bounds by norms that large layers have: checked against singular values and rational arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_strategy import Building

from nonlin.functions import function
from nonlin.geometry import sweep as sweeping
from nonlin.geometry.floating import Floating
from nonlin.geometry.rational import Rational
from nonlin.geometry.rounding import row_norms
from nonlin.geometry.spectral import spectral_bound
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense


@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (70, 3), (200, 200)])
@pytest.mark.parametrize("scale", [1e-100, 1.0, 1e100])
@pytest.mark.parametrize("kind", ["uniform", "rank one", "diagonal"])
def test_the_bound_is_above_the_largest_singular_value_and_near_it(shape, scale, kind):
    random = np.random.default_rng(0)
    weight = random.uniform(-1, 1, shape)
    if kind == "rank one":
        weight = np.outer(random.uniform(-1, 1, shape[0]), random.uniform(-1, 1, shape[1]))
    if kind == "diagonal":
        weight = np.eye(*shape) * 10.0 ** random.integers(-6, 1, shape)
    weight = weight * scale
    largest, bound = np.linalg.norm(weight, 2), spectral_bound(Dense(weight=weight))
    assert largest <= bound <= 1.5 * largest


def test_a_layer_of_zeros_does_not_stretch():
    assert spectral_bound(Dense(weight=np.zeros((4, 5)))) == 0


def test_where_squares_would_overflow_there_is_no_bound():
    assert spectral_bound(Dense(weight=np.full((2, 2), 1e150))) == np.inf


@pytest.mark.parametrize("size", [0.0, 2.0**-700, 2.0**-530, 1e-9, 1.0, 2.0**400])
def test_norms_of_rows_are_upper_bounds_however_small_the_entries(size):
    rows = size * np.random.default_rng(1).uniform(-1, 1, (5, 30))
    with np.errstate(under="ignore"):
        exact = [
            max(map(abs, row)) * np.sqrt(sum((v / max(map(abs, row))) ** 2 for v in row)) if size else 0
            for row in rows
        ]
        bounds = row_norms(rows)
    assert np.all(bounds >= np.array(exact) * (1 - 1e-15))
    assert np.all(bounds <= 30 * np.array(exact))


def _network(seed, depth, name):
    random, made = np.random.default_rng(seed), Building((4,))
    for _ in range(depth):
        weight = random.uniform(-1, 1, (6, made.shape[0])).astype(np.float32)
        made.add(Dense(weight=weight, bias=random.uniform(-1, 1, 6).astype(np.float32)), (6,))
        made.add(Activation(function=function(name)))
    made.add(Dense(weight=random.uniform(-1, 1, (3, 6))), (3,))
    return made.network(), random.uniform(-2, 2, (2, 4))


@given(
    seed=st.integers(0, 2**32), depth=st.integers(1, 4), name=st.sampled_from(["relu", "abs", "leaky_relu"])
)
@settings(max_examples=15, deadline=None)
def test_errors_at_the_exact_breakpoints_are_within_their_bounds(seed, depth, name):
    network, ends = _network(seed, depth, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeping, "LARGE_LAYER", 1)
        found = sweeping.sweep(Floating(), network, ends)
    exact = sweeping.sweep(Rational(), network, ends)
    if found.undecided:
        return
    assert found.rows.makers == exact.rows.makers
    for ours, theirs in ((found.rows.positions, exact.rows.positions), (found.outputs, exact.outputs)):
        off = np.abs(ours.value - Rational().floats(theirs.value))
        assert np.all(off <= ours.error + 2.0**-52 * np.abs(ours.value))
    assert found.outputs.error.max() < 1e-9


def test_the_check_above_would_see_errors_that_are_too_large():
    network, ends = _network(3, 3, "relu")
    found, exact = sweeping.sweep(Floating(), network, ends), sweeping.sweep(Rational(), network, ends)
    off = np.abs(found.outputs.value + 1e-6 - Rational().floats(exact.outputs.value))
    assert np.any(off > found.outputs.error + 2.0**-52 * np.abs(found.outputs.value))
