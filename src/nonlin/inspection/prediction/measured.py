"""What was measured, matched with the calls of a network."""

from collections.abc import Mapping, Sequence

from nonlin.errors import InvalidInputError
from nonlin.inspection.result import Inspection
from nonlin.networks import Node
from nonlin.networks.activation import Softmax

__all__ = ["measured_gradients"]


def measured_gradients(
    nodes: Sequence[Node], measured: Inspection | Mapping[str, float] | None
) -> dict[str, float]:
    """Return the norm of the gradient by the name of the call's node.

    Args:
        nodes: the calls of the network.
        measured: as for `predict`. An inspection of the module that the network was read from names its calls
            otherwise; then they are matched in order, if they are as many of the same functions.

    Raises:
        InvalidInputError: if what was measured is of other calls.
    """
    if measured is None:
        return {}
    names = {node.name for node in nodes}
    if not isinstance(measured, Inspection):
        if not set(measured) <= names:
            unknown = min(set(measured) - names)
            raise InvalidInputError(
                f"expected gradients by the names of calls, got '{unknown}'; the calls are {sorted(names)}"
            )
        return {name: float(value) for name, value in measured.items()}
    calls = [call for call in measured.calls if call.dead is not None]
    found = {call.name: call.gradient for call in calls if call.gradient is not None}
    if names & set(found):
        return {name: value for name, value in found.items() if name in names}
    # inside attention a softmax is no call of a recording
    nodes = [node for node in nodes if not isinstance(node.operator, Softmax)]
    functions = [getattr(node.operator, "function").label for node in nodes]  # noqa: B009 - as in predict
    if [call.function for call in calls] != functions:
        raise InvalidInputError(
            f"expected an inspection of the same {len(functions)} calls, got one of {len(calls)}; inspect the network "
            "that is predicted"
        )
    return {
        node.name: call.gradient for node, call in zip(nodes, calls, strict=True) if call.gradient is not None
    }
