"""The shape of every tensor of a network in one run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nonlin.networks import Network, Node
from nonlin.networks.affine import Dense
from nonlin.networks.window import AveragePool, Convolution, MaxPool, Window

if TYPE_CHECKING:
    from nonlin.networks.array import Array

__all__ = ["shapes_in_run"]

Shape = tuple[int, ...]


def shapes_in_run(network: Network, known: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return the shape of every tensor that can be known.

    Args:
        network: any.
        known: the shapes of the inputs, and of what operators make that are not understood.
    """
    shapes = {t.name: known[t.name] for t in network.inputs if t.name in known}
    for node in network.nodes:
        if node.operator.kind == "opaque":
            shapes |= {name: known[name] for name in (node.output, *node.extra_outputs) if name in known}
        elif node.inputs and all(name in shapes for name in node.inputs):
            made = _shape(node, [shapes[name] for name in node.inputs])
            if made is not None:
                shapes[node.output] = made
    return shapes


def _shape(node: Node, inputs: list[Shape]) -> Shape | None:
    operator = node.operator
    if isinstance(operator, Dense):
        return (*inputs[0][:-1], len(operator.weight))
    if isinstance(operator, Convolution):
        return (inputs[0][0], len(operator.weight), *_positions(operator.window, inputs[0]))
    if isinstance(operator, MaxPool | AveragePool):
        return (*inputs[0][:2], *_positions(operator.window, inputs[0]))
    zeros: list[Array] = [np.broadcast_to(np.float32(0), shape) for shape in inputs]
    try:
        with np.errstate(all="ignore"):
            return tuple(operator.apply(*zeros).shape)
    except (ValueError, IndexError):
        return None


def _positions(window: Window, shape: Shape) -> Shape:
    return tuple(
        (n + before + after - (size - 1) * dilation - 1) // stride + 1
        for n, (before, after), size, dilation, stride in zip(
            shape[2:], window.padding, window.size, window.dilations, window.strides, strict=True
        )
    )
