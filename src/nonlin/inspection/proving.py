"""Puts what is proven over a box of inputs beside what was measured."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.geometry.bounds import CallBounds, bounds
from nonlin.inspection.proofs import Proven, prove
from nonlin.inspection.recording import RecordedCall
from nonlin.inspection.result import Call
from nonlin.networks import Network, Node
from nonlin.networks.activation import Activation, ParametricRelu

__all__ = ["Proofs", "prove_calls", "with_proofs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What is proven of the calls of a network.

    Args:
        box: over which inputs, in words; None where it was not asked for.
        calls: by the name of the call.
        unbounded: where the bounds end, by name.
    """

    box: str | None = None
    calls: dict[str, Proven] = field(default_factory=dict)
    unbounded: tuple[str, ...] = ()


def prove_calls(
    network: Callable[[], Network],
    recorded: Sequence[RecordedCall],
    box: tuple[Any, Any],
    constant_slope: float,
) -> Proofs:
    """Prove which units are dead or linear over a box.

    Args:
        network: reads the network.
        recorded: its calls.
        box: low and high ends.
        constant_slope: the largest change of the relative slope that still counts as none.

    Raises:
        InvalidInputError: if the box is none, or does not fit the input.
    """
    words = f"[{_end(box[0])}, {_end(box[1])}]"
    try:
        read = network()
    except (InvalidInputError, UnsupportedModelError) as error:
        return Proofs(box=words, unbounded=(str(error),))
    try:
        found = bounds(read, *box)
    except UnsupportedModelError as error:
        return Proofs(box=words, unbounded=(str(error),))
    places = _places(read, recorded)
    proven = {
        place.site.name: prove(call, unit_axis=place.site.unit_axis, constant_slope=constant_slope)
        for call in found.calls
        if (place := places.get(call.node.name)) is not None and _fits(call, place)
    }
    return Proofs(box=words, calls=proven, unbounded=found.uncovered)


def with_proofs(calls: Iterable[Call], proofs: Proofs) -> Iterator[Call]:
    """Yield the calls with what is proven of them."""
    for call in calls:
        proven = proofs.calls.get(call.name)
        if proven is None:
            yield call
            continue
        yield replace(
            call,
            proven_dead=len(proven.dead),
            proven_linear=len(proven.linear),
            proven_dead_units=proven.dead,
            proven_linear_units=proven.linear,
            certificate=proven.certificate,
        )


def _places(network: Network, recorded: Sequence[RecordedCall]) -> dict[str, RecordedCall]:
    """Match the nodes with the calls: by name, or in order where a module's calls have names of their own."""
    # inside attention a softmax is no call of a recording, and nothing is proven of one
    nodes = [node for node in network.nodes if _is_call(node)]
    recorded = [call for call in recorded if not call.site.function.vector]
    by_name = {call.site.name: call for call in recorded}
    named = {node.name: by_name[node.name] for node in nodes if node.name in by_name}
    if named:
        return named
    functions = [getattr(node.operator, "function").label for node in nodes]  # noqa: B009 - every call has one
    if functions != [call.site.function.label for call in recorded]:
        return {}
    return {node.name: call for node, call in zip(nodes, recorded, strict=True)}


def _is_call(node: Node) -> bool:
    operator = node.operator
    return isinstance(operator, ParametricRelu) or (isinstance(operator, Activation) and operator.called)


def _fits(call: CallBounds, place: RecordedCall) -> bool:
    return call.low.shape == place.shape


def _end(x: Any) -> str:
    return f"{float(x):g}" if np.ndim(x) == 0 else f"array {np.shape(x)}"
