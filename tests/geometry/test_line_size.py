"""A line with more folds than memory is refused before it is filled."""

import numpy as np
import pytest

from nonlin.errors import UnsupportedModelError
from nonlin.functions import function
from nonlin.geometry import line, rows
from nonlin.networks import Network, Node, Tensor
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense


def wide(units):
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((units, 2))
    return Network(
        name="wide",
        inputs=(Tensor(name="x", shape=(None, 2), dtype="float64"),),
        outputs=(Tensor(name="y", shape=(None, units), dtype="float64"),),
        nodes=(
            Node(name="dense", operator=Dense(weight=weight), inputs=("x",), output="h"),
            Node(name="call", operator=Activation(function=function("relu")), inputs=("h",), output="y"),
        ),
        parameters=weight.size,
    )


def test_too_many_folds_are_refused_by_name(monkeypatch):
    network, ends = wide(200), (np.array([-1.0, 0.3]), np.array([1.0, -0.2]))
    count = line(network, *ends).count
    monkeypatch.setattr(rows, "_MOST_NUMBERS", (count + 1) * 200)
    assert line(network, *ends).count == count
    monkeypatch.setattr(rows, "_MOST_NUMBERS", (count + 1) * 200 - 1)
    with pytest.raises(
        UnsupportedModelError, match=rf"{count - 1} folds by node 'call' and 200 numbers at each"
    ):
        line(network, *ends)
