"""What each operator makes of the channels that it reads."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nonlin.networks import Network, Node
from nonlin.networks.activation import Activation, Multiply, ParametricRelu, Softmax
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.array import Array
from nonlin.networks.shape import Cast, Concatenate, Identity, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import AveragePool, Convolution, MaxPool
from nonlin.simplification.channels import Channels, Ties, fresh_of, layer_channels
from nonlin.simplification.transfer_affine import (
    average_pool,
    depthwise,
    elementwise,
    max_pool,
    reduce,
    sum_up,
)
from nonlin.simplification.transfer_calls import activation, product, softmax
from nonlin.simplification.transfer_moves import concatenate, moved, pad, reshape

__all__ = ["follow", "is_depthwise"]

Shape = tuple[int, ...]


def follow(
    network: Network, shapes: Mapping[str, Shape], known: Mapping[str, Array]
) -> tuple[Ties, dict[str, Channels]]:
    """Follow the channels through a network.

    Args:
        network: any.
        shapes: of its tensors; channels of a tensor without one are fixed.
        known: values that are known from elsewhere, by tensor: one for each channel, NaN where none is.

    Returns:
        The ties, and the channels of every tensor that has some.
    """
    ties = Ties()
    table: dict[str, Channels] = {}
    for node in network.nodes:
        made = _made(node, table, ties, shapes)
        if made is None:
            for name in node.inputs:
                if name in table:
                    ties.fix(table[name].labels)
            continue
        if node.output in known and len(known[node.output]) == len(made.labels):
            extra = known[node.output]
            made = replace(made, constant=np.where(np.isnan(extra), made.constant, extra))
        table[node.output] = made
    for tensor in network.outputs:
        if tensor.name in table:
            ties.fix(table[tensor.name].labels)
    ties.fixed = {ties.root(label) for label in ties.fixed}
    return ties, table


def is_depthwise(operator: Any) -> bool:
    """Whether a convolution works on each channel by itself."""
    return (
        isinstance(operator, Convolution)
        and operator.groups == len(operator.weight)
        and operator.weight.shape[1] == 1
    )


def _made(node: Node, table: dict[str, Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    operator = node.operator
    if (
        node.output not in shapes
        or any(name not in shapes for name in node.inputs)
        or operator.kind == "opaque"
    ):
        return None
    shape = shapes[node.inputs[0]] if node.inputs else ()
    if isinstance(operator, Dense) or (isinstance(operator, Convolution) and not is_depthwise(operator)):
        axis = len(shape) - 1 if isinstance(operator, Dense) else 1
        given = table.get(node.inputs[0])
        if given is None or given.axis != axis:
            if given is not None:
                ties.fix(given.labels)
            given = fresh_of(ties, axis, shape[axis], fixed=True)
        if isinstance(operator, Convolution) and operator.groups != 1:
            ties.fix(given.labels)
            return fresh_of(ties, 1, len(operator.weight), fixed=True)
        return layer_channels(node, given, ties, len(shape))
    if any(name not in table for name in node.inputs):
        return None
    transfer = _TRANSFERS.get(type(operator))
    inputs = [table[name] for name in node.inputs]
    made = None if transfer is None else transfer(node, inputs, ties, shapes)
    if made is not None and shapes[node.output][made.axis] != len(made.labels):
        return None
    return made


_TRANSFERS: dict[type, Callable[..., Channels | None]] = {
    Activation: activation,
    AveragePool: average_pool,
    Cast: moved,
    Concatenate: concatenate,
    Convolution: depthwise,
    Elementwise: elementwise,
    Identity: moved,
    MaxPool: max_pool,
    Multiply: product,
    Pad: pad,
    ParametricRelu: activation,
    Reduce: reduce,
    Reshape: reshape,
    Slice: moved,
    Softmax: softmax,
    Sum: sum_up,
    Take: moved,
    Transpose: moved,
}
