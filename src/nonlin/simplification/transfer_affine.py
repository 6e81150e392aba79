"""What sums, scales, pools and convolutions channel by channel make of the channels that they read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nonlin.networks import Node
from nonlin.networks.affine import Elementwise, Reduce, Sum
from nonlin.networks.window import AveragePool, Convolution
from nonlin.simplification.channels import Channels, Ties, alone, each, renamed, tied
from nonlin.simplification.editing import bias_of

__all__ = ["average_pool", "depthwise", "elementwise", "max_pool", "reduce", "sum_up"]

Shape = tuple[int, ...]


def elementwise(
    node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]
) -> Channels | None:
    """Scale and shift channels; one that is scaled differently within is no multiple any more."""
    operator, x, shape = node.operator, inputs[0], shapes[node.inputs[0]]
    assert isinstance(operator, Elementwise)  # noqa: S101 - by the table
    if shapes[node.output] != shape:
        return None
    scale, shift = each(operator.scale, x.axis, shape), each(operator.shift, x.axis, shape)
    if scale is None or shift is None:
        return replace(x, constant=np.full(len(x.labels), np.nan), **alone(node, x, ties))
    return replace(
        x,
        constant=scale * x.constant + shift,
        value=renamed(node, x, ties),
        factor=x.factor * scale,
        offset=x.offset * scale + shift,
    )


def depthwise(node: Node, inputs: list[Channels], ties: Ties, _: Mapping[str, Shape]) -> Channels | None:
    """Convolve each channel by itself."""
    layer, x = node.operator, inputs[0]
    assert isinstance(layer, Convolution)  # noqa: S101 - by the table
    if x.axis != 1:
        return None
    weight = np.asarray(layer.weight, np.float64).reshape(len(layer.weight), -1)
    bias = bias_of(layer)
    padded = any(map(any, layer.window.padding))
    given = np.where(x.constant == 0, 0.0, np.nan) if padded else x.constant
    constant = weight.sum(axis=1) * given + bias
    constant = np.where(np.any(weight != 0, axis=1), constant, bias)
    return replace(x, constant=constant, **alone(node, x, ties))


def max_pool(node: Node, inputs: list[Channels], ties: Ties, _: Mapping[str, Shape]) -> Channels | None:
    """Take the largest of each window: a multiple stays one where its factor keeps its sign."""
    x = inputs[0]
    if x.axis != 1:
        return None
    keys = zip(x.value.tolist(), (x.factor < 0).tolist(), strict=True)
    value = np.array([ties.value((node.output, *key)) for key in keys], np.int64)
    return replace(x, value=value, factor=np.abs(x.factor))


def average_pool(node: Node, inputs: list[Channels], ties: Ties, _: Mapping[str, Shape]) -> Channels | None:
    """Take the mean of each window; what is padded counts as 0 there, or not at all."""
    operator, x = node.operator, inputs[0]
    assert isinstance(operator, AveragePool)  # noqa: S101 - by the table
    if x.axis != 1:
        return None
    whole = not operator.count_padding or not any(map(any, operator.window.padding))
    constant = x.constant if whole else np.where(x.constant == 0, 0.0, np.nan)
    if not whole and np.any(x.offset != 0):
        return replace(x, constant=constant, **alone(node, x, ties))
    return replace(x, constant=constant, value=renamed(node, x, ties))


def reduce(node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    """Sum or average over other axes than that of the channels."""
    operator, x, shape = node.operator, inputs[0], shapes[node.inputs[0]]
    assert isinstance(operator, Reduce)  # noqa: S101 - by the table
    axes = {axis % len(shape) for axis in operator.axes}
    if x.axis in axes:
        return None
    count = 1.0 if operator.mean else float(np.prod([shape[axis] for axis in axes]))
    axis = x.axis if operator.keepdims else x.axis - sum(a < x.axis for a in axes)
    sized = operator.mean or None not in shape
    values: dict[str, Any] = {
        "value": renamed(node, x, ties),
        "factor": x.factor * count,
        "offset": x.offset * count,
    }
    if not operator.mean:  # how many are added may differ from run to run
        values = alone(node, x, ties) if np.any(x.offset != 0) else values
        sized = False
    return replace(
        x, axis=axis, constant=x.constant if sized else np.where(x.constant == 0, 0.0, np.nan), **values
    )


def sum_up(node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    """Add tensors channel by channel: multiples stay where every summand is the same multiple."""
    operator = node.operator
    assert isinstance(operator, Sum)  # noqa: S101 - by the table
    if len({len(shapes[name]) for name in node.inputs}) != 1 or not tied(inputs, ties):
        return None
    signed = list(zip(operator.signs, inputs, strict=True))
    constant = np.sum([sign * x.constant for sign, x in signed], axis=0)
    first = inputs[0].factor
    with np.errstate(all="ignore"):
        ratios = np.array([x.factor / first for x in inputs]).T
    keys = zip(np.array([x.value for x in inputs]).T.tolist(), ratios.tolist(), strict=True)
    value = np.array([ties.value((node.output, *v, *r)) for v, r in keys], np.int64)
    offset = np.sum([sign * x.offset for sign, x in signed], axis=0)
    if np.any(first == 0):
        return replace(inputs[0], constant=constant, **alone(node, inputs[0], ties))
    return replace(inputs[0], constant=constant, value=value, factor=first, offset=offset)
