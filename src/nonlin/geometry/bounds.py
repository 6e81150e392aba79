"""Proven bounds of every tensor of a network over a box of inputs.

First by intervals, layer by layer; then, for the pre-activations that intervals leave undecided, by linear functions of
the input. Everything is rounded outwards, so that a bound holds for the network in real arithmetic, with its weights as
stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.geometry.bends import bends_of
from nonlin.geometry.checks import box_ends, box_shape
from nonlin.geometry.relaxation import relax
from nonlin.geometry.substitution import Box, Step, largest, moved
from nonlin.networks import Network, Node, Tensor
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.array import Array
from nonlin.networks.window import Convolution, MaxPool

__all__ = ["Bounds", "CallBounds", "bounds"]

Certificate = Literal["interval", "linear"]
Ends: TypeAlias = "npt.ArrayLike | Mapping[str, npt.ArrayLike]"

_WORK = 2e11
"""Multiplications up to which a call's pre-activations are bounded by linear functions: about a minute."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CallBounds:
    """Bounds of a call's pre-activation over the box.

    Args:
        node: the call.
        low, high: shape of one sample.
        certificate: "linear" where linear functions of the input were tried on what intervals left undecided.
    """

    node: Node
    low: Array
    high: Array
    certificate: Certificate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounds:
    """Bounds of a network over a box.

    Args:
        calls: those that are bounded, in order.
        outputs: low and high of each output that is bounded, by name, shape of one sample.
        uncovered: what is not bounded, each with its node; nor is what stands behind it.
    """

    calls: tuple[CallBounds, ...]
    outputs: dict[str, tuple[Array, Array]]
    uncovered: tuple[str, ...]


def bounds(network: Network, low: Ends, high: Ends, *, linear: bool = True) -> Bounds:
    """Bound every tensor of a network over a box of inputs.

    Args:
        network: any.
        low: the box's lower ends; a number, or an array that broadcasts to the shape of one sample; finite. With
            several inputs a mapping of such by name: what reads an input that is not named is not bounded.
        high: its upper ends likewise, none below the lower.
        linear: whether to go on from intervals to linear functions of the input.

    Raises:
        InvalidInputError: if the box is none.
        UnsupportedModelError: if the network has several inputs, and the ends are not given by name.

    >>> from nonlin import demonstration
    >>> from nonlin.networks import read
    >>> found = bounds(read(demonstration.model_path()), 0.0, 16.0)
    >>> [(call.node.name, int((call.high <= 0).sum())) for call in found.calls]  # units that are off in the whole box
    [('relu1', 0), ('relu2', 0), ('relu3', 0), ('relu4', 0)]
    """
    state = _State(boxes=_boxes(network, low, high))
    for node in network.nodes:
        if all(name in state.boxes for name in node.inputs):
            reason = _take(node, state, linear=linear)
            if reason:
                state.uncovered.append(f"{reason} (node '{node.name}')")
    ends = {t.name: state.boxes[t.name] for t in network.outputs if t.name in state.boxes}
    return Bounds(
        calls=tuple(state.calls),
        outputs={name: (box.low[0], box.high[0]) for name, box in ends.items()},
        uncovered=tuple(state.uncovered),
    )


@dataclass(slots=True, kw_only=True)
class _State:
    boxes: dict[str, Box]
    steps: list[Step] = field(default_factory=list)
    calls: list[CallBounds] = field(default_factory=list)
    uncovered: list[str] = field(default_factory=list)
    work: float = 0.0


def _boxes(network: Network, low: Any, high: Any) -> dict[str, Box]:
    """Return the box of each input that is bounded."""
    if isinstance(low, Mapping):
        known = {tensor.name: tensor for tensor in network.inputs}
        return {name: _box(known[name], low[name], high[name]) for name in low}
    if len(network.inputs) != 1:
        raise UnsupportedModelError(
            f"expected a network with one input, got {len(network.inputs)}; give the ends of its box by name"
        )
    tensor = network.inputs[0]
    return {tensor.name: _box(tensor, low, high)}


def _box(tensor: Tensor, low: Any, high: Any) -> Box:
    shape = tensor.shape[1:]
    given = box_shape(low, high)
    if None in shape and len(given) != len(shape):
        raise InvalidInputError(
            f"expected an input of known shape, got {shape}; give the box as arrays of the shape of one sample"
        )
    whole = given if None in shape else tuple(n or 0 for n in shape)
    ends = [end.reshape(1, *whole) for end in box_ends(whole, low, high)]
    return Box(low=ends[0], high=ends[1])


def _take(node: Node, state: _State, *, linear: bool) -> str:
    """Take one node; return why not, where it cannot be."""
    operator = node.operator
    if isinstance(operator, Activation | ParametricRelu):
        return _call(node, state, linear=linear)
    inputs = [state.boxes[name] for name in node.inputs]
    with np.errstate(all="ignore"):
        if isinstance(operator, MaxPool):
            # the largest of some numbers grows with each of them, and nothing is rounded
            box = Box(low=operator.apply(inputs[0].low), high=operator.apply(inputs[0].high))
            step = Step(node=node)
        elif operator.kind != "affine" or not inputs:
            return getattr(operator, "operator", "") or type(operator).__name__
        else:
            try:
                box, step = moved(node, inputs)
            except (ValueError, IndexError):
                return f"{type(operator).__name__} on this shape of input"
    if len(box.low) != 1:
        return f"{type(operator).__name__}, which mixes the samples of a batch,"
    if not (np.all(np.isfinite(box.low)) and np.all(np.isfinite(box.high))):
        return "an overflow"
    state.boxes[node.output] = box
    state.steps.append(step)
    state.work += _work(node, box)
    return ""


def _call(node: Node, state: _State, *, linear: bool) -> str:
    name = node.inputs[0]
    certificate: Certificate = "interval"
    undecided = _undecided(node, state.boxes[name])
    if linear and 2 * len(undecided) * state.work <= _WORK:
        certificate = "linear"
        state.boxes[name] = _narrowed(name, undecided, state)
    box = state.boxes[name]
    lines = relax(node, box.low, box.high)
    operator = node.operator
    assert isinstance(operator, Activation | ParametricRelu)  # noqa: S101 - as the caller has it
    if operator.kind != "nonlinear" or lines is not None:
        state.calls.append(CallBounds(node=node, low=box.low[0], high=box.high[0], certificate=certificate))
    if lines is None:
        return f"{operator.function.label}, of whose slope nothing is proven,"
    state.boxes[node.output] = Box(low=lines.low, high=lines.high)
    state.steps.append(Step(node=node, lines=lines))
    return ""


def _narrowed(name: str, entries: Sequence[int], state: _State) -> Box:
    box = state.boxes[name]
    upper = largest(state.steps, state.boxes, name, [(i, sign) for sign in (1, -1) for i in entries])
    low, high = box.low.copy(), box.high.copy()
    at = np.asarray(entries, np.intp)
    high.ravel()[at] = np.minimum(high.ravel()[at], upper[: len(at)])
    low.ravel()[at] = np.maximum(low.ravel()[at], -upper[len(at) :])
    return Box(low=low, high=high)


def _undecided(node: Node, box: Box) -> list[int]:
    """Return the entries that are not on one piece."""
    try:
        kinks = [float(kink) for kink in bends_of(node, box.low.shape[1:]).kinks]
    except UnsupportedModelError:
        return list(range(box.low.size))
    low, high = box.low.ravel(), box.high.ravel()
    astride = np.zeros(low.shape, bool)
    for kink in kinks:
        astride |= (low < kink) & (high > kink)
    return [int(i) for i in np.flatnonzero(astride)]


def _work(node: Node, box: Box) -> float:
    weight = getattr(node.operator, "weight", None)
    if weight is None:
        return float(box.low.size)
    each = weight.shape[1:] if isinstance(node.operator, Convolution) else weight.shape[-1:]
    return float(box.low.size * np.prod(each))
