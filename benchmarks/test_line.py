"""How long a line through a large network takes, beside one pass of its breakpoints through the matrices alone.

    OMP_NUM_THREADS=1 pytest benchmarks/test_line.py

The pass is the least that any method must do that evaluates the network at its breakpoints: eight matrix products in
float64, biases and ReLU.
"""

from itertools import pairwise

import numpy as np
import pytest

from nonlin.geometry import line

SIZES = {"784-1024⁸-10": (784, *[1024] * 8, 10), "784-256²-10": (784, 256, 256, 10)}


def layers_of(sizes):
    """Return the weight and the bias of each layer in float32, with PyTorch's initialisation."""
    random = np.random.default_rng(0)
    return [
        tuple(
            random.uniform(-(inputs**-0.5), inputs**-0.5, shape).astype(np.float32)
            for shape in ((units, inputs), units)
        )
        for inputs, units in pairwise(sizes)
    ]


def forward(layers, x):
    for i, (weight, bias) in enumerate(layers):
        x = x @ weight
        x += bias
        if i < len(layers) - 1:
            np.maximum(x, 0, out=x)
    return x


@pytest.fixture(scope="module", params=SIZES)
def case(request, dense_network):
    layers = layers_of(SIZES[request.param])
    network = dense_network(layers)
    layers = [(weight.astype(np.float64).T.copy(), bias.astype(np.float64)) for weight, bias in layers]
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
