"""What was measured, matched with the calls of a network."""

from collections.abc import Mapping, Sequence

from nonlin.errors import InvalidInputError
from nonlin.inspection.result import Call, Inspection
from nonlin.networks import Node
from nonlin.networks.activation import Softmax

__all__ = ["matched", "measured_gradients"]


def measured_gradients(
    nodes: Sequence[Node], measured: Inspection | Mapping[str, float] | None
) -> dict[str, float]:
    """Return the norm of the gradient by the name of the call's node.

    Args:
        nodes: the calls of the network.
        measured: as for `predict`.

    Raises:
        InvalidInputError: if what was measured is of other calls.
    """
    if measured is None:
        return {}
    if isinstance(measured, Inspection):
        found = matched(nodes, measured.calls)
        if nodes and not found:
            raise InvalidInputError(
                f"expected an inspection of the same {len(nodes)} calls, got one of {len(measured.calls)}; inspect the "
                "network that is predicted"
            )
        return {name: call.gradient for name, call in found.items() if call.gradient is not None}
    names = {node.name for node in nodes}
    if not set(measured) <= names:
        unknown = min(set(measured) - names)
        raise InvalidInputError(
            f"expected gradients by the names of calls, got '{unknown}'; the calls are {sorted(names)}"
        )
    return {name: float(value) for name, value in measured.items()}


def matched(nodes: Sequence[Node], calls: Sequence[Call]) -> dict[str, Call]:
    """Return the call that was measured at each node, by the node's name.

    A graph that was exported may name calls otherwise: where as many of the same functions stand in the same order,
    they are those.
    """
    by_name = {call.name: call for call in calls}
    found = {node.name: by_name[node.name] for node in nodes if node.name in by_name}
    # inside attention a softmax is no call of a recording, and at the end there is nothing to predict of one
    nodes = [node for node in nodes if not isinstance(node.operator, Softmax)]
    calls = [call for call in calls if call.dead is not None]
    functions = [getattr(node.operator, "function").label for node in nodes]  # noqa: B009 - every call has one
    if functions == [call.function for call in calls]:
        found |= {node.name: call for node, call in zip(nodes, calls, strict=True)}
    return found
