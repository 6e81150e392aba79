"""What looks like an activation and is none: a maximum with 0 that keeps a root or a quotient from a bad argument."""

from nonlin.networks import Network, Node
from nonlin.networks.activation import Activation, Divide, Opaque
from nonlin.networks.affine import Elementwise
from nonlin.networks.shape import Identity, Reshape, Transpose

__all__ = ["guards"]

_PASSES = (Elementwise, Identity, Reshape, Transpose)
_PASSES_UNREAD = ("Expand", "Squeeze", "Unsqueeze")
_STEPS = ("x ** 0.5", "log(x)", "1 / x")
_GUARDED = ("Reciprocal", "Sqrt", "Log")


def guards(network: Network) -> frozenset[str]:
    """Return the names of the calls whose every reader is a root, a logarithm or a quotient, as in a written-out norm.

    Scales, shifts and reshapes may stand between. Of a quotient it is the divisor.
    """
    readers = network.consumers()
    guarded: set[str] = set()
    found = set()
    for node in reversed(network.nodes):
        after = readers.get(node.output, ())
        if after and all(_is_guarded(node.output, reader, guarded) for reader in after):
            if isinstance(node.operator, Activation) and node.operator.called:
                found.add(node.name)
            elif _passes(node):
                guarded.add(node.output)
    return frozenset(found)


def _is_guarded(tensor: str, reader: Node, guarded: set[str]) -> bool:
    operator = reader.operator
    if isinstance(operator, Activation):
        return operator.function.name in _STEPS
    if isinstance(operator, Divide) or (isinstance(operator, Opaque) and operator.operator == "Div"):
        return reader.inputs[0] != tensor
    if isinstance(operator, Opaque) and operator.operator in _GUARDED:
        return True
    return _passes(reader) and reader.output in guarded


def _passes(node: Node) -> bool:
    operator = node.operator
    return isinstance(operator, _PASSES) or (
        isinstance(operator, Opaque) and operator.operator in _PASSES_UNREAD
    )
