"""The count along a line against brute force in rational numbers, on networks full of coincidences."""

from fractions import Fraction

import numpy as np
import pytest
from folding_oracle import pieces
from hypothesis import HealthCheck, given, settings
from networks_strategy import networks

from nonlin.geometry import line
from nonlin.geometry.checks import samples_of
from nonlin.geometry.floating import Floating
from nonlin.geometry.line import _line
from nonlin.geometry.stretches import swept_by_stretches
from nonlin.networks import evaluate

SETTINGS = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


def check_equal(found, exact):
    assert found.count == len(exact)
    starts = [low for low, _, _ in exact[1:]]
    np.testing.assert_allclose(found.breakpoints, [float(t) for t in starts], rtol=1e-9, atol=1e-12)


@SETTINGS
@given(case=networks())
def test_a_small_network_is_always_certified_and_counted_right(case):
    network, a, b = case
    found = line(network, a, b)
    assert found.certified
    check_equal(found, pieces(network, a, b))


@SETTINGS
@given(case=networks(jumps=True))
def test_with_jumps_too(case):
    network, a, b = case
    found = line(network, a, b)
    assert found.certified
    check_equal(found, pieces(network, a, b))


def in_floats(network, a, b):
    network, ends = samples_of(network, a, b)
    return _line(Floating(), swept_by_stretches(Floating(), network, ends), network, ends)


@SETTINGS
@given(case=networks(jumps=True))
def test_floats_alone_are_right_whenever_they_say_so(case):
    network, a, b = case
    found = in_floats(network, a, b)
    if found.certified:
        check_equal(found, pieces(network, a, b))


@SETTINGS
@given(case=networks(jumps=True))
def test_the_outputs_are_the_exact_ones_at_both_ends_of_every_piece(case):
    network, a, b = case
    found, exact = line(network, a, b), pieces(network, a, b)
    left = np.flatnonzero(~found.jumps)
    assert len(left) == len(exact)
    for i, (low, high, outputs) in zip(left, exact, strict=True):
        for row, t in ((i, low), (i + 1, high)):
            values = np.array([float(u.at(t)) for u in outputs.ravel()])
            np.testing.assert_allclose(found.outputs[row].ravel(), values, rtol=1e-12, atol=1e-12)


@SETTINGS
@given(case=networks())
def test_the_outputs_are_those_of_the_network(case):
    network, a, b = case
    found = line(network, a, b)
    t = np.random.default_rng(0).random(20)
    points = a + t.reshape(-1, *[1] * a.ndim) * (b - a)
    (direct,) = evaluate(network, {"x": points})
    between = np.interp(t, found.positions, found.outputs.reshape(len(found.positions), -1)[:, 0])
    size = max(1.0, float(np.abs(found.outputs).max()))
    np.testing.assert_allclose(between, direct.ravel(), rtol=0, atol=1e-9 * size)


@pytest.mark.campaign
@settings(SETTINGS, max_examples=5000)
@given(case=networks(jumps=True))
def test_many_more(case):
    network, a, b = case
    exact, found = pieces(network, a, b), line(network, a, b)
    assert found.certified
    check_equal(found, exact)
    floats = in_floats(network, a, b)
    if floats.certified:
        check_equal(floats, exact)


def test_the_oracle_can_tell():
    with pytest.raises(AssertionError):
        check_equal(line_of_one_fold(), [(Fraction(0), Fraction(1), None)])


def line_of_one_fold():
    from nonlin.functions import function
    from nonlin.networks import Network, Node, Tensor
    from nonlin.networks.activation import Activation

    network = Network(
        name="one",
        inputs=(Tensor(name="x", shape=(None, 1), dtype="float64"),),
        outputs=(Tensor(name="y", shape=(None, 1), dtype="float64"),),
        nodes=(Node(name="r", operator=Activation(function=function("relu")), inputs=("x",), output="y"),),
        parameters=0,
    )
    return line(network, np.array([-1.0]), np.array([2.0]))
