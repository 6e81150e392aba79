"""Lines through networks that others trained, of VNN-COMP and Marabou, in the folder that NONLIN_NETWORKS names."""

import os
from pathlib import Path

import numpy as np
import pytest

from nonlin import read
from nonlin.geometry import line
from nonlin.networks import evaluate, trace
from nonlin.networks.activation import Activation

DATA = Path(os.environ.get("NONLIN_NETWORKS", ""))
NAMES = (
    "acasxu/ACASXU_run2a_1_1_batch_2000",
    "acasxu/ACASXU_run2a_3_3_batch_2000",
    "mnistfc/mnist-net_256x2",
    "mnistfc/mnist-net_256x4",
    "onnx/KJ_TinyTaxiNet",
    "onnx/mnist5x20_leaky_relu",
    "onnx/oneInput_twoBranches",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_published_network_is_certified_and_affine_between_its_breakpoints(name):
    path = DATA / f"{name}.onnx"
    if "NONLIN_NETWORKS" not in os.environ or not path.exists():
        pytest.skip(f"NONLIN_NETWORKS does not name a folder with {name}.onnx")
    network = read(path)
    random = np.random.default_rng(0)
    a, b = (random.uniform(-1, 1, network.inputs[0].shape[1:]) for _ in range(2))
    found = line(network, a, b)
    assert found.certified
    t = np.sort(random.random(300))
    direct = evaluate(network, {network.inputs[0].name: points(a, b, t)})[0]
    direct, outputs = direct.reshape(len(t), -1), found.outputs.reshape(len(found.positions), -1)
    between = np.stack([np.interp(t, found.positions, column) for column in outputs.T], axis=1)
    np.testing.assert_allclose(between, direct, rtol=0, atol=1e-9 * np.abs(outputs).max())
    np.testing.assert_array_equal(seen_on_a_grid(network, a, b, found.breakpoints), 1)


def points(a, b, t):
    return a + t.reshape(-1, *[1] * a.ndim) * (b - a)


def seen_on_a_grid(network, a, b, breakpoints):
    """Return for each stretch between the middles of neighbouring pieces whether the pattern changes there, 1 or 0."""
    ends = np.concatenate([[0.0], breakpoints, [1.0]])
    values = trace(network, {network.inputs[0].name: points(a, b, (ends[1:] + ends[:-1]) / 2)})
    patterns = [
        values[node.inputs[0]].reshape(len(ends) - 1, -1) > 0
        for node in network.nodes
        if isinstance(node.operator, Activation)
    ]
    every = np.concatenate(patterns, axis=1)
    return np.any(every[1:] != every[:-1], axis=1).astype(int)
