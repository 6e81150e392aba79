"""Running a network forwards, and pulling a cotangent back through it, in NumPy."""

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.networks.array import Array
from nonlin.networks.network import Network, Node
from nonlin.networks.samples import keeps_samples

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
        UnsupportedModelError: if an operator is opaque, or mixes the samples where the network was exported for one
            and several are fed; it is named.
        InvalidInputError: if an operator does not fit what is fed.
    """
    _check_fed(network, inputs)
    values: Values = dict(inputs)
    several = _several(network, inputs)
    left = Counter(name for node in network.nodes for name in node.inputs)
    wanted = {tensor.name for tensor in network.outputs}
    for node in network.nodes:
        values[node.output] = _apply(node, values, several=several)
        for name in node.inputs:
            left[name] -= 1
            if not left[name] and name not in wanted:
                values.pop(name, None)
    return tuple(values[tensor.name] for tensor in network.outputs)


def trace(network: Network, inputs: Mapping[str, Array]) -> Values:
    """Run the network on a batch and return every tensor by name."""
    _check_fed(network, inputs)
    values: Values = dict(inputs)
    several = _several(network, inputs)
    for node in network.nodes:
        values[node.output] = _apply(node, values, several=several)
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


def _check_fed(network: Network, inputs: Mapping[str, Array]) -> None:
    missing = [str(tensor) for tensor in network.inputs if tensor.name not in inputs]
    if missing:
        raise InvalidInputError(f"expected an array for every input, got none for {missing[0]}; feed it too")


def _several(network: Network, inputs: Mapping[str, Array]) -> bool:
    """Return whether a network that was made for one sample is fed several."""
    return any(
        tensor.shape[:1] == (1,) and tensor.name in inputs and len(inputs[tensor.name]) > 1
        for tensor in network.inputs
    )


def _apply(node: Node, values: Values, *, several: bool) -> Array:
    inputs = [values[name] for name in node.inputs]
    shapes = [x.shape for x in inputs]
    try:
        with np.errstate(all="ignore"):
            made = node.operator.apply(*inputs)
    except (ValueError, IndexError) as error:
        got = ", ".join(map(str, shapes))
        raise InvalidInputError(
            f"expected arrays that fit node '{node.name}' ({type(node.operator).__name__}), got {got}: {error}; "
            "feed the shape that the network was exported for, or export it with a batch axis of any length"
        ) from error
    if several and not keeps_samples(node.operator, shapes, made.shape):
        raise UnsupportedModelError(
            f"expected one sample, since the network was exported for one and node '{node.name}' "
            f"({type(node.operator).__name__}) mixes the samples of a batch, got several; feed one at a time, or "
            "export it with a batch axis of any length"
        )
    return made
