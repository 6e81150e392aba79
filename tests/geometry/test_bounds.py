import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonlin.errors import InvalidInputError
from nonlin.functions import function
from nonlin.geometry.bounds import bounds
from nonlin.geometry.relaxation import relax
from nonlin.networks import Network, Node, Tensor, read, trace
from nonlin.networks.activation import Activation, ParametricRelu, Softmax
from nonlin.networks.affine import Dense, Elementwise, Sum
from nonlin.networks.shape import Reshape
from nonlin.networks.window import AveragePool, Convolution, MaxPool, Window

from .networks_strategy import networks

MNIST = Path(os.environ.get("NONLIN_NETWORKS", "")) / "mnistfc" / "mnist-net_256x2.onnx"


def dense(rng, units, inputs, bias=0.3):
    return Dense(
        weight=rng.standard_normal((units, inputs)) / np.sqrt(inputs), bias=bias * rng.standard_normal(units)
    )


def call(name):
    return Activation(function=function(name))


def made(nodes, shape):
    return Network(
        name="made up",
        inputs=(Tensor(name="x", shape=(None, *shape), dtype="float64"),),
        outputs=(Tensor(name=nodes[-1].output, shape=(None,), dtype="float64"),),
        nodes=tuple(nodes),
        parameters=0,
    )


def chain(operators, shape):
    names = ["x", *(f"n{i}" for i in range(len(operators)))]
    nodes = [
        Node(name=names[i + 1], operator=o, inputs=(names[i],), output=names[i + 1])
        for i, o in enumerate(operators)
    ]
    return made(nodes, shape)


def samples(rng, low, high, count=2000):
    """Points of a box: inside it, and corners, where the extremes are."""
    inside = rng.uniform(low, high, (count, *low.shape))
    corners = np.where(rng.random((count, *low.shape)) < 0.5, low, high)
    return np.concatenate([inside, corners, low[None], high[None]])


def violations(network, found, x):
    """The values outside of their bounds, beyond what evaluating them in float64 may lose."""
    values = trace(network, {network.inputs[0].name: x})
    worst = 0.0
    for bounded in found.calls:
        u = values[bounded.node.inputs[0]]
        slack = 1e-12 * (1 + np.abs(u))
        worst = max(worst, np.max(bounded.low - u - slack), np.max(u - bounded.high - slack))
    for name, (low, high) in found.outputs.items():
        slack = 1e-12 * (1 + np.abs(values[name]))
        worst = max(worst, np.max(low - values[name] - slack), np.max(values[name] - high - slack))
    return worst


NAMES = ("relu", "leaky_relu", "hardtanh", "abs", "step", "sigmoid", "tanh", "elu", "gelu", "softplus")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("linear", [False, True])
def test_no_sample_leaves_its_bounds(name, linear):
    rng = np.random.default_rng(1)
    layers = [x for _ in range(3) for x in (dense(rng, 12, 12), call(name))]
    network = chain([dense(rng, 12, 5), call(name), *layers, dense(rng, 3, 12)], (5,))
    low = rng.uniform(-1, 0, 5)
    high = low + rng.uniform(0, 1, 5)
    found = bounds(network, low, high, linear=linear)
    assert len(found.calls) == 4
    assert found.outputs
    assert violations(network, found, samples(rng, low, high)) == 0


@settings(max_examples=60, deadline=None)
@given(drawn=networks(jumps=True), seed=st.integers(0, 99))
def test_networks_full_of_coincidences(drawn, seed):
    network, a, b = drawn
    low, high = np.minimum(a, b), np.maximum(a, b)
    found = bounds(network, low, high)
    rng = np.random.default_rng(seed)
    values = trace(network, {"x": samples(rng, low, high, 50)})
    # a value that float64 puts on the wrong side of a jump is no violation: look at the tensors before the first call
    first = found.calls[0]
    u = values[first.node.inputs[0]]
    slack = 1e-12 * (1 + np.abs(u))
    assert np.all(first.low - slack <= u)
    assert np.all(u <= first.high + slack)
    if not any(operator_jumps(node) for node in network.nodes):
        assert violations(network, found, samples(rng, low, high, 50)) == 0


def operator_jumps(node):
    operator = node.operator
    return isinstance(operator, Activation) and not np.isfinite(operator.function.properties.lipschitz.value)


def test_a_wrong_bound_would_be_seen(monkeypatch):
    rng = np.random.default_rng(2)
    layers = [x for _ in range(2) for x in (dense(rng, 12, 12), call("relu"))]
    network = chain([dense(rng, 12, 5), call("relu"), *layers, dense(rng, 3, 12)], (5,))
    low, high = np.full(5, -0.2), np.full(5, 0.2)
    assert violations(network, bounds(network, low, high), samples(rng, low, high)) == 0

    def wrong(*args):
        lines = relax(*args)
        return replace(lines, upper_shift=0.5 * lines.upper_shift)

    monkeypatch.setattr("nonlin.geometry.bounds.relax", wrong)
    assert violations(network, bounds(network, low, high), samples(rng, low, high)) > 0


def test_linear_bounds_are_narrower_and_exact_where_nothing_bends():
    rng = np.random.default_rng(3)
    first, second = dense(rng, 20, 4), dense(rng, 6, 20)
    shift = Elementwise(scale=np.ones(1), shift=np.full(1, 9.0))
    network = chain([first, shift, call("relu"), second, call("relu")], (4,))
    low, high = np.full(4, -1.0), np.full(4, 1.0)
    (_, plain), (_, better) = (bounds(network, low, high, linear=x).calls for x in (False, True))
    weight = second.weight @ first.weight
    middle = second.weight @ (first.bias + 9) + second.bias
    exact = middle + np.abs(weight).sum(axis=1)
    astride = (plain.low < 0) & (plain.high > 0)
    assert np.any(astride)
    assert better.high[astride] == pytest.approx(exact[astride], rel=1e-5)
    assert np.all(better.high >= exact)
    assert np.all(plain.high[astride] > exact[astride] + 0.1)


def test_rounding_goes_outwards():
    # 0.1 + 0.2 − 0.3 is not 0 in float64; the bound of the exact value must hold it
    weight = np.array([[0.1, 0.2, -0.3]])
    network = chain([Dense(weight=weight), call("relu")], (3,))
    found = bounds(network, 1.0, 1.0).calls[0]
    exact = sum(Fraction(float(w)) for w in weight[0])
    assert Fraction(float(found.low[0])) <= exact <= Fraction(float(found.high[0]))
    assert found.high[0] - found.low[0] < 1e-14


def test_convolutions_pools_and_branches():
    rng = np.random.default_rng(4)
    window = Window(size=(3, 3), strides=(1, 1), dilations=(1, 1), padding=((1, 1), (1, 1)))
    pool = Window(size=(2, 2), strides=(2, 2), dilations=(1, 1), padding=((0, 1), (0, 1)))
    convolution = [
        Convolution(weight=rng.standard_normal((4, n, 3, 3)) / 4, bias=rng.standard_normal(4), window=window)
        for n in (2, 4)
    ]
    steps = [
        ("a", convolution[0], ("x",)), ("b", call("relu"), ("a",)), ("c", convolution[1], ("b",)),
        ("d", Sum(signs=(1, -1)), ("c", "b")), ("e", ParametricRelu(slopes=rng.uniform(-0.5, 2, (4, 1, 1))), ("d",)),
        ("f", MaxPool(window=pool), ("e",)), ("g", AveragePool(window=pool), ("f",)),
        ("h", Reshape(shape=(0, -1)), ("g",)), ("i", dense(rng, 5, 16), ("h",)), ("j", call("tanh"), ("i",)),
    ]  # fmt: skip
    network = made([Node(name=n, operator=o, inputs=i, output=n) for n, o, i in steps], (2, 6, 6))
    low = np.zeros((2, 6, 6))
    found = bounds(network, low, 0.3)
    assert [c.node.name for c in found.calls] == ["b", "e", "j"]
    assert violations(network, found, samples(rng, low, low + 0.3, 300)) == 0


def test_what_is_not_bounded_is_named():
    rng = np.random.default_rng(5)
    operators = [dense(rng, 6, 4), call("relu"), Softmax(axis=-1), dense(rng, 6, 6), call("relu")]
    found = bounds(chain(operators, (4,)), 0.0, 1.0)
    assert found.uncovered == ("Softmax (node 'n2')",)
    assert len(found.calls) == 1
    assert not found.outputs


def test_wrong_boxes():
    network = chain([dense(np.random.default_rng(6), 6, 4), call("relu")], (4,))
    with pytest.raises(InvalidInputError, match="none of low above high"):
        bounds(network, 1.0, 0.0)
    with pytest.raises(InvalidInputError, match="broadcasts to the shape"):
        bounds(network, np.zeros(3), 1.0)
    with pytest.raises(InvalidInputError, match="finite ends"):
        bounds(network, 0.0, np.inf)


@pytest.mark.skipif(
    not MNIST.exists(), reason="NONLIN_NETWORKS does not name a folder with VNN-COMP's mnistfc"
)
def test_mnist():
    network = read(MNIST)
    found = bounds(network, 0.0, 1.0)
    assert [int((c.high <= 0).sum()) for c in found.calls] == [0, 0]
    assert [c.certificate for c in found.calls] == ["linear", "linear"]
    rng = np.random.default_rng(7)
    shape = network.inputs[0].shape[1:]
    assert violations(network, found, samples(rng, np.zeros(shape), np.ones(shape), 300)) == 0
