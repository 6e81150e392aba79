"""The steepest slope by branch and bound against every region, and against samples of the gradient."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_strategy import Building, networks

from nonlin.errors import InvalidInputError
from nonlin.functions import function
from nonlin.geometry import box, lipschitz, output_range, region
from nonlin.geometry.cells.lowering import lower
from nonlin.geometry.verification.gradients import gradients, pieces_at
from nonlin.geometry.verification.propagation import Boxes, prepare, propagated
from nonlin.networks import evaluate
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense
from nonlin.networks.shape import Reshape
from nonlin.networks.window import Convolution, MaxPool, Window

DUAL = {1: np.inf, 2: 2, np.inf: 1}


def dense_network(seed, sizes, call="relu"):
    rng = np.random.default_rng(seed)
    made = Building((sizes[0],))
    for i, (n, m) in enumerate(itertools.pairwise(sizes)):
        made.add(Dense(weight=rng.normal(size=(m, n)) / np.sqrt(n), bias=0.3 * rng.normal(size=m)), (m,))
        if i < len(sizes) - 2:
            made.add(Activation(function=function(call)))
    return made.network()


def steepest_region(network, low, high, output, norm):
    weights = [cell.weight[output] for cell in box(network, low, high).cells]
    return max(float(np.linalg.norm(w, DUAL[norm])) for w in weights)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
@pytest.mark.parametrize(
    ("sizes", "call"),
    [((2, 8, 8, 3), "relu"), ((3, 7, 5, 4, 2), "relu"), ((2, 6, 5, 2), "hardtanh"), ((1, 9, 1), "abs")],
)
def test_it_is_that_of_all_regions(sizes, call, norm):
    network = dense_network(len(sizes), sizes, call)
    output = sizes[-1] - 1
    found = lipschitz(network, -1.0, 1.0, output=output, norm=norm)
    exact = steepest_region(network, -1.0, 1.0, output, norm)
    assert found.closed
    assert found.constant[0] <= exact * (1 + 1e-9)
    assert found.constant[1] >= exact * (1 - 1e-9)
    assert found.constant[1] - found.constant[0] <= 1e-6 * max(1.0, exact)
    there = region(network, found.witness).weight[output]
    assert np.linalg.norm(there, DUAL[norm]) >= found.constant[0] * (1 - 1e-9)


@given(networks(), st.sampled_from([1, 2, np.inf]), st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_no_region_is_steeper_than_the_bound_and_some_is_as_steep(drawn, norm, seed):
    network, start, _ = drawn
    rng = np.random.default_rng(seed)
    width = np.where(np.arange(start.size) < 2, 1.0, 0.0).reshape(
        start.shape
    )  # two inputs vary, the others do not
    low, high = start - rng.random(start.shape) * width, start + (0.1 + rng.random(start.shape)) * width
    exact = steepest_region(network, low, high, 0, norm)
    found = lipschitz(network, low, high, norm=norm, timeout=0.2)
    assert found.constant[0] <= exact * (1 + 1e-9) + 1e-12
    assert found.constant[1] >= exact * (1 - 1e-9) - 1e-12
    assert found.closed == (not found.reason)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("call", ["relu", "leaky_relu", "hardsigmoid"])
def test_no_sampled_gradient_leaves_the_bounds_of_its_box(seed, call):
    network = dense_network(seed, (3, 20, 15, 10, 2), call)
    rng = np.random.default_rng(seed)
    relaxation, _, first = prepare(lower(network, (3,)), -np.ones(3), np.ones(3))
    middle, radius = rng.uniform(-0.7, 0.7, (30, 3)), rng.uniform(0.001, 0.3, (30, 3))
    boxes = Boxes(low=middle - radius, high=middle + radius, pieces=np.repeat(first.pieces, 30, axis=0))
    known = propagated(relaxation, boxes)[1]
    bound = gradients(relaxation, known.pieces, 1)
    points = boxes.low[:, None] + rng.random((30, 300, 3)) * 2 * radius[:, None]
    there = gradients(relaxation, pieces_at(relaxation, points.reshape(-1, 3)), 1)
    low, high = there.low.reshape(30, 300, 3), there.high.reshape(30, 300, 3)
    assert np.all(high >= bound.low[:, None])
    assert np.all(low <= bound.high[:, None])
    assert np.any(bound.high - bound.low > 0)


def test_more_inputs_than_can_be_enumerated_have_an_interval_with_a_witness():
    network = dense_network(5, (20, 8, 6, 1))
    found = lipschitz(network, -0.5, 0.5)
    rng = np.random.default_rng(0)
    slopes = [np.linalg.norm(r.weight) for r in region(network, rng.uniform(-0.5, 0.5, (300, 20)))]
    assert found.closed
    assert max(slopes) <= found.constant[1]
    assert np.linalg.norm(region(network, found.witness).weight) == pytest.approx(found.constant[0])


def test_two_folds_at_one_place_make_no_slope_that_is_not_there():
    # relu(x) − relu(−x) is x: with both units on, which no interval has, its slope would be 2
    made = Building((1,))
    made.add(Dense(weight=np.array([[1.0], [-1.0]]), bias=None), (2,))
    made.add(Activation(function=function("relu")))
    made.add(Dense(weight=np.array([[1.0, -1.0]]), bias=None), (1,))
    found = lipschitz(made.network(), -1.0, 1.0, timeout=1.0)
    assert found.constant[0] <= 1 <= found.constant[1]
    assert found.closed == (found.constant[1] < 1.1)


def test_windows_are_put_on_their_entries():
    rng = np.random.default_rng(1)
    made = Building((1, 13))
    window = Window(size=(3,), strides=(1,), dilations=(1,), padding=((0, 0),))
    made.add(Convolution(weight=rng.normal(size=(1, 1, 3)), bias=None, window=window), (1, 11))
    made.add(Activation(function=function("relu")))
    pool = Window(size=(2,), strides=(2,), dilations=(1,), padding=((0, 0),))
    made.add(MaxPool(window=pool), (1, 5))
    made.add(Reshape(shape=(0, -1)), (5,))
    made.add(Dense(weight=rng.normal(size=(1, 5)), bias=None), (1,))
    network = made.network()
    base = rng.uniform(-0.3, 0.3, (1, 13))
    low, high = base - 0.2, base + 0.2
    found, values = lipschitz(network, low, high), output_range(network, low, high)
    assert found.closed
    assert values.closed
    x = rng.uniform(low, high, (300, 1, 13))
    y = evaluate(network, {"x": x})[0][:, 0]
    assert values.minimum[0] <= y.min() <= y.max() <= values.maximum[1]
    slopes = [np.linalg.norm(r.weight) for r in region(network, x)]
    assert 0.5 * found.constant[1] < max(slopes) <= found.constant[1]


def test_what_is_fixed_does_not_count():
    network = dense_network(3, (3, 8, 1))
    low, high = np.array([0.2, -1.0, 0.1]), np.array([0.2, 1.0, 0.1])
    found = lipschitz(network, low, high)
    assert found.constant[1] == pytest.approx(steepest_region(network, low, high, 0, 2), rel=1e-5)


def test_an_interrupt_and_a_time_limit_keep_the_interval():
    network = dense_network(7, (6, 40, 40, 1))

    def interrupt(_share, _seconds):
        raise KeyboardInterrupt

    for found, reason in (
        (lipschitz(network, -1, 1, progress=interrupt), "interrupted"),
        (lipschitz(network, -1, 1, timeout=1e-9), "out of time"),
    ):
        assert (found.closed, found.reason) == (False, reason)
        assert 0 < found.constant[0] < found.constant[1]
        assert found.witness.shape == (6,)


def test_wrong_arguments():
    network = dense_network(0, (2, 4, 1))
    with pytest.raises(InvalidInputError, match="output from 0 to 0"):
        lipschitz(network, -1, 1, output=1)
    with pytest.raises(InvalidInputError, match="norm 1, 2 or inf"):
        lipschitz(network, -1, 1, norm=3)
    with pytest.raises(InvalidInputError, match="none of low above high"):
        lipschitz(network, 1, -1)
    with pytest.raises(InvalidInputError, match="node 'n1' may; a jump has no Lipschitz constant"):
        lipschitz(dense_network(0, (2, 4, 1), "step"), -1, 1)
