"""What activations and products make of the channels that they read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nonlin.networks import Node
from nonlin.networks.activation import Activation, ParametricRelu, Softmax
from nonlin.networks.array import Array
from nonlin.simplification.channels import Channels, Ties, alone, each, tied

__all__ = ["activation", "product", "softmax"]

Shape = tuple[int, ...]
_HOMOGENEOUS = ("relu", "leaky_relu", "prelu")
_EXACT = {
    *_HOMOGENEOUS,
    "abs",
    "elu",
    "identity",
    "relu6",
    "relun",
    "hardtanh",
    "sigmoid",
    "softplus",
    "tanh",
}
"""Functions that are in every file what they are in the catalogue, to the last bits; others only at 0."""


def activation(
    node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]
) -> Channels | None:
    """Apply a function to each channel: f(a v) = a f(v) for a > 0 where it is homogeneous."""
    operator, x = node.operator, inputs[0]
    if isinstance(operator, ParametricRelu):
        shape = shapes[node.inputs[0]]
        slopes = each(operator.slopes, x.axis, shape)
        if slopes is None:
            return replace(x, constant=np.full(len(x.labels), np.nan), **alone(node, x, ties))
        constant = np.where(x.constant > 0, x.constant, slopes * x.constant)
        return replace(x, constant=constant, **_homogeneous(node, x, ties, slopes))
    assert isinstance(operator, Activation)  # noqa: S101 - by the table
    name = operator.function.name
    constant = np.full(len(x.labels), np.nan)
    fixed = ~np.isnan(x.constant) if name in _EXACT else x.constant == 0
    with np.errstate(all="ignore"):
        constant[fixed] = operator.apply(x.constant[fixed])
    if name in ("leaky_relu", "prelu"):
        # its slope is an attribute, which is float32 in every file
        slope = float(np.float32(next(iter(operator.function.parameters.values()))))
        constant = np.where(x.constant < 0, slope * x.constant, constant)
    if name in _HOMOGENEOUS:
        return replace(x, constant=constant, **_homogeneous(node, x, ties, np.zeros(len(x.labels))))
    return replace(x, constant=constant, **_same(node, x, ties))


def _homogeneous(node: Node, x: Channels, ties: Ties, extra: Array) -> dict[str, Any]:
    """f(a v + b) = |a| f(±v + b/|a|)."""
    size = np.abs(x.factor)
    with np.errstate(all="ignore"):
        shifted = np.where(size > 0, x.offset / size, 0.0)
    keys = zip(x.value.tolist(), shifted.tolist(), (x.factor < 0).tolist(), extra.tolist(), strict=True)
    value = np.array([ties.value((node.output, "call", *key)) for key in keys], np.int64)
    return {"value": value, "factor": size, "offset": np.zeros(len(size))}


def _same(node: Node, x: Channels, ties: Ties) -> dict[str, Any]:
    keys = zip(x.value.tolist(), x.factor.tolist(), x.offset.tolist(), strict=True)
    value = np.array([ties.value((node.output, "of", *key)) for key in keys], np.int64)
    return {"value": value, "factor": np.ones(len(value)), "offset": np.zeros(len(value))}


def product(node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    """Multiply two tensors channel by channel."""
    if len({len(shapes[name]) for name in node.inputs}) != 1 or not tied(inputs, ties):
        return None
    a, b = inputs
    constant = np.where((a.constant == 0) | (b.constant == 0), 0.0, a.constant * b.constant)
    return replace(a, constant=constant, **alone(node, a, ties))


def softmax(node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    """Divide by a sum over another axis than that of the channels."""
    operator, x = node.operator, inputs[0]
    assert isinstance(operator, Softmax)  # noqa: S101 - by the table
    if operator.axis % len(shapes[node.inputs[0]]) == x.axis:
        return None
    return replace(x, constant=np.full(len(x.labels), np.nan), **alone(node, x, ties))
