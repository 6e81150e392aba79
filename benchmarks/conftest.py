"""What several benchmarks fold."""

import pytest

from nonlin.functions import function
from nonlin.networks import Network, Node, Tensor
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense


@pytest.fixture(scope="session")
def dense_network():
    """Return what makes a network of dense layers, each a weight and a bias, with ReLU between them."""
    return _dense_network


def _dense_network(layers):
    nodes, last = [], "x"
    for i, (weight, bias) in enumerate(layers):
        dense = Dense(weight=weight, bias=bias)
        nodes.append(Node(name=f"layer{i}", operator=dense, inputs=(last,), output=f"h{i}"))
        last = f"h{i}"
        if i < len(layers) - 1:
            relu = Activation(function=function("relu"))
            nodes.append(Node(name=f"relu{i}", operator=relu, inputs=(last,), output=f"a{i}"))
            last = f"a{i}"
    inputs, outputs, dtype = layers[0][0].shape[1], layers[-1][0].shape[0], str(layers[0][0].dtype)
    ends = [Tensor(name=n, shape=(None, m), dtype=dtype) for n, m in (("x", inputs), (last, outputs))]
    return Network(name="dense", inputs=(ends[0],), outputs=(ends[1],), nodes=tuple(nodes), parameters=0)
