import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_strategy import Building, networks

from nonlin.errors import InvalidInputError
from nonlin.functions import function
from nonlin.geometry import region
from nonlin.geometry.cells.lowering import lower
from nonlin.geometry.verification.layers import _layer
from nonlin.geometry.verification.points import Exactly
from nonlin.networks import evaluate, trace
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense


def small(seed=0, sizes=(3, 8, 6, 4)):
    rng = np.random.default_rng(seed)
    made = Building((sizes[0],))
    for i, (n, m) in enumerate(itertools.pairwise(sizes)):
        made.add(Dense(weight=rng.normal(size=(m, n)) / np.sqrt(n), bias=0.3 * rng.normal(size=m)), (m,))
        if i < len(sizes) - 2:
            made.add(Activation(function=function("relu")))
    return made.network()


def run(network, x):
    return evaluate(network, {"x": x})[0]


@given(networks(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_inside_the_half_spaces_the_network_is_the_map(drawn, seed):
    network, start, _ = drawn
    rng = np.random.default_rng(seed)
    found = region(network, start + rng.normal(size=start.shape))
    if found.tie or not found.certified:
        return
    slopes, offsets = found.halfspaces
    assert np.all(slopes @ found.x.ravel() <= offsets + 1e-9 * (1 + np.abs(offsets)))
    reach = min(found.distance(2), 10.0)
    way = rng.normal(size=(20, found.x.size))
    way *= 0.999 * reach / np.linalg.norm(way, axis=1, keepdims=True)
    points = found.x.ravel() + way
    expected = np.stack([found.map(point) for point in points])
    direct = run(network, points.reshape(-1, *found.x.shape)).reshape(20, -1)
    np.testing.assert_allclose(direct, expected, rtol=1e-7, atol=1e-7 * (1 + np.abs(expected).max()))


@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_the_unit_switches_right_behind_the_nearest_fold(norm):
    network, rng = small(), np.random.default_rng(1)
    for found in region(network, rng.normal(size=(20, 3))):
        fold = found.nearest(norm)
        which = next(
            i
            for i, pair in enumerate(zip(found.calls, found.units, strict=True))
            if pair == (fold.call, fold.unit)
        )
        slope = found.slopes[which]
        # the step that reaches the fold with the least norm
        if norm == 2:
            step = slope / (slope @ slope)
        elif norm == 1:
            step = np.eye(3)[np.abs(slope).argmax()] / slope[np.abs(slope).argmax()]
        else:
            step = np.sign(slope) / np.abs(slope).sum()
        step = step * found.slacks[which]
        assert np.linalg.norm(step, norm) == pytest.approx(fold.distance)
        node = next(node for node in network.nodes if node.name == fold.call)
        before, after = (
            trace(network, {"x": (found.x + factor * step)[None]})[node.inputs[0]][0] > 0
            for factor in (1 - 1e-6, 1 + 1e-6)
        )
        assert np.flatnonzero(before != after).tolist() == [fold.unit]


@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_within_the_margin_the_decision_stays(norm):
    network, rng = small(3), np.random.default_rng(2)
    for found in region(network, rng.normal(size=(10, 3))):
        way = rng.normal(size=(500, 3))
        way *= 0.9999 * found.margin(norm) / np.linalg.norm(way, norm, axis=1, keepdims=True)
        decision = run(network, found.x[None])[0].argmax()
        assert np.all(run(network, found.x + way).argmax(axis=1) == decision)


def test_without_the_redundant_half_spaces_the_region_is_the_same():
    found = region(small(), np.array([0.3, -0.2, 0.5]))
    kept = ~found.redundant
    assert 3 <= kept.sum() < len(kept)
    x = found.x + np.random.default_rng(0).normal(size=(20000, 3))
    whole = np.all(x @ found.slopes.T <= found.offsets, axis=1)
    fewer = np.all(x @ found.slopes[kept].T <= found.offsets[kept], axis=1)
    np.testing.assert_array_equal(whole, fewer)
    assert 0 < whole.sum() < len(x)


def test_on_a_fold_is_a_tie():
    made = Building((2,))
    made.add(Dense(weight=np.array([[1.0, 0.0], [0.0, 1.0]]), bias=None), (2,))
    made.add(Activation(function=function("relu")))
    on, off = region(made.network(), [[0.0, 1.0], [1.0, 3.0]])
    assert on.tie
    assert not on.certified
    assert on.reason == "the sample lies exactly on the fold of n1, unit 0"
    assert on.distance() == 0
    assert off.certified
    assert off.nearest(1).unit == 0
    assert off.distance(np.inf) == 1


def dense_relu(weight, bias=None, then=None):
    made = Building((np.shape(weight)[1],))
    made.add(Dense(weight=np.array(weight, float), bias=bias), (len(weight),))
    made.add(Activation(function=function("relu")))
    if then is not None:
        made.add(Dense(weight=np.array(then, float), bias=None), (len(then),))
        made.add(Activation(function=function("relu")))
    return made.network()


def test_a_side_that_float64_does_not_tell_is_decided_in_fractions():
    # 0.1 + 0.2 − 0.3 is not 0 but 2⁻⁵⁴·…, smaller than the rounding of the sum
    network = dense_relu([[0.1, 0.2, -0.3]])
    x = np.ones(3)
    exact = Fraction(0.1) + Fraction(0.2) - Fraction(0.3)
    assert exact > 0
    for sign in (1, -1):
        found = region(dense_relu([[sign * 0.1, sign * 0.2, sign * -0.3]]), x)
        assert (found.certified, found.exact, found.tie, found.reason) == (True, True, False, "")
        assert found.slacks[0] == float(exact)
        assert found.weight.any() == (sign > 0)
    assert not region(network, x * 4).tie
    assert not region(network, np.array([1.0, 1.0, 0.5])).exact


def test_a_fold_that_is_nowhere_one_in_the_region_is_no_tie():
    # twice the same unit, once added and once taken away: 0 all over the region
    network = dense_relu([[0.1, 0.7], [0.1, 0.7]], then=[[1.0, -1.0], [1.0, 1.0]])
    found = region(network, [0.3, 0.2])
    assert (found.certified, found.tie, found.exact) == (True, False, True)
    on = region(network, [-0.7, 0.1])
    assert on.tie == (Fraction(0.1) * Fraction(-0.7) + Fraction(0.7) * Fraction(0.1) == 0)


@given(networks(jumps=True), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_what_is_certified_is_what_fractions_say(drawn, seed):
    network, start, other = drawn
    rng = np.random.default_rng(seed)
    x = [start, other, start + rng.choice([0.0, 0.1, 0.25, 1.0], start.shape)][seed % 3]
    found = region(network, x)
    chain = lower(network, x.shape)
    stages, _ = Exactly(chain).at(x.ravel())
    pieces = gradient_of(chain, stages)
    assert found.certified == (not found.reason)
    assert found.tie == (not found.certified)
    if found.certified:
        # the map of the exact pieces, taken in float64
        np.testing.assert_allclose(found.weight.reshape(-1, x.size), pieces, rtol=1e-9, atol=1e-12)


def gradient_of(chain, stages):
    """The gradient of the exact pieces, by another way: forwards, in float64."""
    slope = np.eye(chain.inputs)
    for stage, here in zip(chain.stages, stages, strict=True):
        layer = _layer(stage)
        slope = np.asarray(layer.weight @ slope)
        if stage.windows:
            slope = np.concatenate([slope[layer.passing], slope[here.pieces]])
        else:
            slope = layer.slopes[np.arange(layer.units), here.pieces][:, None] * slope
    return np.where(chain.outputs[:, None] < 0, 0.0, slope[chain.outputs])


@given(networks(jumps=True), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_fractions_at_a_point_are_what_the_network_makes(drawn, seed):
    network, start, _ = drawn
    x = start + np.random.default_rng(seed).choice([0.0, 0.1, 1 / 3], start.shape)
    made = [float(y) for y in Exactly(lower(network, x.shape)).outputs(x.ravel())]
    stages, _ = Exactly(lower(network, x.shape)).at(x.ravel())
    # float64 may be on the other side of a jump, where the exact value is next to it
    if min((abs(float(z)) for here in stages for z in here.before if z), default=1) > 1e-9:
        np.testing.assert_allclose(made, run(network, x[None]).ravel(), rtol=1e-9, atol=1e-9)


def test_it_turns_into_json_and_columns():
    found = region(small(), np.array([0.3, -0.2, 0.5]))
    assert json.loads(found.to_json()) == found.to_dict()
    columns = found.columns()
    assert {len(column) for column in columns.values()} == {len(found.offsets)}
    assert min(columns["distance_1"]) == found.distance(1)


def test_a_linear_network_is_one_region():
    made = Building((2,))
    made.add(Dense(weight=np.array([[1.0, 0.0], [0.0, 1.0]]), bias=None), (2,))
    found = region(made.network(), [2.0, 1.0])
    assert (found.distance(), found.margin(), found.certified) == (np.inf, pytest.approx(0.5**0.5), True)


def test_wrong_samples():
    with pytest.raises(InvalidInputError, match=r"points for the input x \(any, 3\)"):
        region(small(), [1.0, 2.0])
    with pytest.raises(InvalidInputError, match="norm 1, 2 or inf"):
        region(small(), [1.0, 2.0, 3.0]).distance(3)
