"""Counts on planes against brute force in rational numbers, on networks full of coincidences."""

from fractions import Fraction

import numpy as np
import pytest
from cell_oracle import area, cells, slice_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks_strategy import networks

from nonlin.geometry import plane
from nonlin.networks import evaluate

SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
WINDOW = (-1.0, 2.0, -0.5, 1.5)


def third(a, b, seed):
    return np.random.default_rng(seed).integers(-2, 3, a.shape) / 2 + 0 * (a + b)


def check(network, points, *, jumps=False):
    found = plane(network, *points, window=WINDOW)
    exact = cells(network, slice_of(*points), WINDOW)
    assert found.certified
    assert found.count == len(exact)
    volumes = np.sort(found.volumes())
    assert len(volumes) == found.count
    np.testing.assert_allclose(volumes.sum(), 6, rtol=1e-12)
    np.testing.assert_allclose(volumes, np.sort([float(area(p)) for p, _ in exact]), rtol=1e-6, atol=1e-12)


@SETTINGS
@given(case=networks(), seed=st.integers(0, 100))
def test_a_small_network_is_counted_right(case, seed):
    network, a, b = case
    check(network, (a, b, third(a, b, seed)))


@SETTINGS
@given(case=networks(jumps=True), seed=st.integers(0, 100))
def test_with_jumps_too(case, seed):
    network, a, b = case
    check(network, (a, b, third(a, b, seed)))


@SETTINGS
@given(case=networks(), seed=st.integers(0, 100))
def test_maps_are_those_of_the_network(case, seed):
    network, a, b = case
    points = (a, b, third(a, b, seed))
    for cell in plane(network, *points, window=WINDOW).cells:
        s, t = cell.vertices.mean(axis=0)
        x = a + s * (b - a) + t * (points[2] - a)
        (direct,) = evaluate(network, {"x": x[None]})
        found = cell.weight @ (s, t) + cell.bias
        np.testing.assert_allclose(found, direct.ravel(), rtol=1e-9, atol=1e-9 * max(1, np.abs(direct).max()))


@pytest.mark.campaign
@settings(SETTINGS, max_examples=3000)
@given(case=networks(jumps=True), seed=st.integers(0, 100))
def test_many_more(case, seed):
    network, a, b = case
    check(network, (a, b, third(a, b, seed)))


def test_the_oracle_can_tell():
    square = [(Fraction(x), Fraction(y)) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))]
    assert area(square) == 1
    assert area(square[:2]) == 0
