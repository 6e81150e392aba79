"""Running a network forwards, and pulling a cotangent back through it, in NumPy."""

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np

from nonlin.networks.array import Array
from nonlin.networks.network import Network, Node

__all__ = ["evaluate", "pullback", "trace"]

Values = dict[str, Array]


def evaluate(network: Network, inputs: Mapping[str, Array]) -> tuple[Array, ...]:
    """Run the network on a batch.

    Args:
        network: with no opaque operator.
        inputs: an array for each input by name, shape (batch, …); computed in its dtype, so feed float64 for
            float64 arithmetic.

    Returns:
        One array for each output of the network.

    Raises:
        UnsupportedModelError: if an operator is opaque; it is named.
    """
    values: Values = dict(inputs)
    left = Counter(name for node in network.nodes for name in node.inputs)
    wanted = {tensor.name for tensor in network.outputs}
    for node in network.nodes:
        values[node.output] = _apply(node, values)
        for name in node.inputs:
            left[name] -= 1
            if not left[name] and name not in wanted:
                values.pop(name, None)
    return tuple(values[tensor.name] for tensor in network.outputs)


def trace(network: Network, inputs: Mapping[str, Array]) -> Values:
    """Run the network on a batch and return every tensor by name."""
    values: Values = dict(inputs)
    for node in network.nodes:
        values[node.output] = _apply(node, values)
    return values


def pullback(
    network: Network,
    values: Mapping[str, Array],
    cotangents: Mapping[str, Array],
    visit: Callable[[str, Array], None],
) -> None:
    """Pull cotangents back from some tensors towards the inputs.

    Args:
        network: with no opaque operator.
        values: every tensor by name, from `trace`.
        cotangents: by tensor name, each of its tensor's shape.
        visit: called with the name and the whole cotangent of each tensor that is reached, last first.
    """
    pending: Values = dict(cotangents)
    for node in reversed(network.nodes):
        cotangent = pending.pop(node.output, None)
        if cotangent is None:
            continue
        visit(node.output, cotangent)
        inputs = [values[name] for name in node.inputs]
        for name, part in zip(node.inputs, node.operator.pullback(cotangent, *inputs), strict=True):
            pending[name] = pending[name] + part if name in pending else part
    for tensor in network.inputs:
        if tensor.name in pending:
            visit(tensor.name, pending[tensor.name])


def _apply(node: Node, values: Values) -> Array:
    with np.errstate(all="ignore"):
        return node.operator.apply(*(values[name] for name in node.inputs))
