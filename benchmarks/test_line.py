"""How long a line through a large network takes, beside one pass of its breakpoints through the matrices alone.

    OMP_NUM_THREADS=1 pytest benchmarks/test_line.py

The pass is the least that any method must do that evaluates the network at its breakpoints: eight matrix products in
float64, biases and ReLU.
"""

from itertools import pairwise

import numpy as np
import pytest

from nonlin.functions import function
from nonlin.geometry import line
from nonlin.networks import Network, Node, Tensor
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense

SIZES = {"784-1024⁸-10": (784, *[1024] * 8, 10), "784-256²-10": (784, 256, 256, 10)}


def network_of(sizes):
    """Return a network with PyTorch's initialisation, and its weights in float64."""
    random, nodes, last, layers = np.random.default_rng(0), [], "x", []
    for i, (inputs, units) in enumerate(pairwise(sizes)):
        bound = inputs**-0.5
        weight = random.uniform(-bound, bound, (units, inputs)).astype(np.float32)
        bias = random.uniform(-bound, bound, units).astype(np.float32)
        layers.append((weight.astype(np.float64).T.copy(), bias.astype(np.float64)))
        nodes.append(
            Node(name=f"layer{i}", operator=Dense(weight=weight, bias=bias), inputs=(last,), output=f"h{i}")
        )
        last = f"h{i}"
        if i < len(sizes) - 2:
            relu = Activation(function=function("relu"))
            nodes.append(Node(name=f"relu{i}", operator=relu, inputs=(last,), output=f"a{i}"))
            last = f"a{i}"
    tensors = [
        Tensor(name=n, shape=(None, m), dtype="float32") for n, m in (("x", sizes[0]), (last, sizes[-1]))
    ]
    network = Network(
        name="random", inputs=(tensors[0],), outputs=(tensors[1],), nodes=tuple(nodes), parameters=0
    )
    return network, layers


def forward(layers, x):
    for i, (weight, bias) in enumerate(layers):
        x = x @ weight
        x += bias
        if i < len(layers) - 1:
            np.maximum(x, 0, out=x)
    return x


@pytest.fixture(scope="module", params=SIZES)
def case(request):
    network, layers = network_of(SIZES[request.param])
    random = np.random.default_rng(1)
    return network, layers, random.random(SIZES[request.param][0]), random.random(SIZES[request.param][0])


def test_line(benchmark, case):
    network, layers, a, b = case
    found = benchmark.pedantic(line, (network, a, b), warmup_rounds=1, rounds=5)
    benchmark.extra_info.update(pieces=found.count, certified=found.certified, undecided=found.undecided)
    t = np.random.default_rng(2).random(50)
    direct = forward(layers, a + t[:, None] * (b - a))
    between = np.stack([np.interp(t, found.positions, column) for column in found.outputs.T], axis=1)
    np.testing.assert_allclose(between, direct, rtol=0, atol=1e-9 * np.abs(direct).max())


def test_matrices_alone(benchmark, case):
    network, layers, a, b = case
    found = line(network, a, b)
    x = a + found.positions[:, None] * (b - a)
    outputs = benchmark.pedantic(forward, (layers, x), warmup_rounds=1, rounds=5)
    np.testing.assert_allclose(outputs, found.outputs, rtol=0, atol=1e-9 * np.abs(outputs).max())
