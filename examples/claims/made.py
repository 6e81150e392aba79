"""Networks made for the claims, from NumPy arrays."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

import nonlin
from nonlin.networks import Network, Node, Tensor
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["certified", "dense", "random_weights", "tent"]


def dense(
    weights: Sequence[tuple[np.ndarray, np.ndarray]], function: str | None, *, last: bool = False
) -> Network:
    """Return a multi-layer perceptron.

    Args:
        weights: matrix, shape (units, inputs), and bias of every layer.
        function: between the layers, by name; None for nothing.
        last: whether the function also follows the last layer.
    """
    nodes, tensor = [], "x"
    for i, (matrix, bias) in enumerate(weights, 1):
        nodes.append(_node(f"layer{i}", Dense(weight=matrix, bias=bias), tensor))
        tensor = f"layer{i}"
        if function is not None and (last or i < len(weights)):
            nodes.append(_node(f"call{i}", Activation(function=nonlin.function(function)), tensor))
            tensor = f"call{i}"
    return Network(
        name="made",
        inputs=(Tensor(name="x", shape=(None, weights[0][0].shape[1]), dtype="float64"),),
        outputs=(Tensor(name=tensor, shape=(None, weights[-1][0].shape[0]), dtype="float64"),),
        nodes=tuple(nodes),
        parameters=sum(matrix.size + bias.size for matrix, bias in weights),
    )


def _node(name: str, operator: Dense | Activation, source: str) -> Node:
    return Node(name=name, operator=operator, inputs=(source,), output=name)


def random_weights(widths: Sequence[int], seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return layers with normal weights and biases, of variance 2/fan-in and 1."""
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=(units, inputs)) * np.sqrt(2 / inputs), rng.normal(size=units))
        for inputs, units in pairwise(widths)
    ]


def certified(found: Any) -> int:
    """Return the count of a line, a plane or a box, which must be certified."""
    if not found.certified:
        raise RuntimeError(f"expected a certified count, got {found}; the claim cannot be settled by it")
    return int(found.count)


def tent(layers: int) -> Network:
    """Return a network of two ReLUs a layer that folds [0, 1] onto itself at every layer: 2·relu(x) − 4·relu(x − ½)."""
    first = (np.array([[1.0], [1.0]]), np.array([0.0, -0.5]))
    again = (np.array([[2.0, -4.0], [2.0, -4.0]]), np.array([0.0, -0.5]))
    end = (np.array([[2.0, -4.0]]), np.array([0.0]))
    return dense([first, *[again] * (layers - 1), end], "relu")
