"""Nodes that hand on what they get: identities, activations of what already is in their range, moves undone."""

from collections.abc import Mapping
from dataclasses import replace

from nonlin.networks import Network, Node, Operator
from nonlin.networks.activation import Activation, ParametricRelu, Softmax
from nonlin.networks.affine import Elementwise, Reduce, Sum
from nonlin.networks.shape import Concatenate, Identity, Reshape, Slice, Take, Transpose
from nonlin.networks.window import AveragePool, MaxPool
from nonlin.simplification.editing import bypassed, replaced, single_readers
from nonlin.simplification.removal import Removal

__all__ = ["drop_identities"]

_NONNEGATIVE = {
    "abs",
    "hardsigmoid",
    "hardsigmoid_affine",
    "relu",
    "relu2",
    "relu6",
    "relun",
    "sigmoid",
    "softplus",
}
_HANDS_ON = {"abs", "leaky_relu", "prelu", "relu"}
"""These are the identity on numbers that are not negative."""
_KEEPS_SIGN = (AveragePool, Concatenate, Identity, MaxPool, Reduce, Reshape, Slice, Take, Transpose)


def drop_identities(network: Network) -> tuple[Network, list[Removal]]:
    """Drop every node that hands on its input, and undo moves that undo each other."""
    network, removals = _without_moves(network)
    going = True
    while going:
        going = False
        positive = _nonnegative(network)
        makers = network.producers()
        for node in network.nodes:
            reason = _reason(node, makers, positive)
            smaller = bypassed(network, node) if reason else None
            if smaller is not None:
                removals.append(Removal(kind="identity", node=node.name, reason=reason))
                network, going = smaller, True
                break
    return network, removals


def _reason(node: Node, makers: Mapping[str, Node], positive: set[str]) -> str:
    operator = node.operator
    if isinstance(operator, Identity):
        return "hands on its input"
    if isinstance(operator, Elementwise):
        neutral = (
            operator.scale.ndim <= 1
            and operator.scale.size == 1 == operator.shift.size
            and operator.shift.ndim <= 1
        )
        return "adds 0 and multiplies by 1" if neutral and operator.scale == 1 and operator.shift == 0 else ""
    if isinstance(operator, Transpose):
        plain = operator.permutation == tuple(range(len(operator.permutation or ())))
        return "leaves every axis where it is" if operator.permutation and plain else ""
    if isinstance(operator, Activation):
        name = operator.function.name
        if name == "identity":
            return "hands on its input"
        if name in _HANDS_ON and node.inputs[0] in positive:
            return f"{name} of what is never negative"
        before = makers.get(node.inputs[0])
        if (
            name in ("hardtanh", "relu6", "relun")
            and before is not None
            and isinstance(before.operator, Activation)
        ):
            return f"{name} of {name}" if before.operator.function == operator.function else ""
    if isinstance(operator, ParametricRelu) and node.inputs[0] in positive:
        return "prelu of what is never negative"
    return ""


def _nonnegative(network: Network) -> set[str]:
    found: set[str] = set()
    for node in network.nodes:
        operator = node.operator
        called = isinstance(operator, Activation) and operator.function.name in _NONNEGATIVE
        kept = isinstance(operator, _KEEPS_SIGN) or (isinstance(operator, Sum) and min(operator.signs) > 0)
        passed = kept and bool(node.inputs) and all(name in found for name in node.inputs)
        share = isinstance(operator, Softmax) and not operator.logarithm
        if called or passed or share:
            found.add(node.output)
    return found


def _without_moves(network: Network) -> tuple[Network, list[Removal]]:
    """Make one of two transposes, or reshapes, in a row."""
    for name, reader in single_readers(network).items():
        maker = network.producers().get(name)
        joined = None if maker is None else _joined(maker.operator, reader.operator)
        if maker is not None and joined is not None:
            made = replace(reader, operator=joined, inputs=maker.inputs)
            smaller, more = _without_moves(replaced(network, {reader.output: made, maker.output: None}))
            return smaller, [
                Removal(kind="merged", node=maker.name, reason=f"one move with {reader.name}"),
                *more,
            ]
    return network, []


def _joined(first: Operator, second: Operator) -> Operator | None:
    """Return one move in the place of two."""
    if isinstance(first, Transpose) and isinstance(second, Transpose):
        if first.permutation and second.permutation:
            return Transpose(permutation=tuple(first.permutation[i] for i in second.permutation))
    elif isinstance(first, Reshape) and isinstance(second, Reshape):
        # what the second keeps is what the first has made; a length that is inferred can be kept nowhere else
        kept = [first.shape[i] if n == 0 else n for i, n in enumerate(second.shape)]
        return Reshape(shape=tuple(kept)) if kept.count(-1) <= 1 else None
    return None
