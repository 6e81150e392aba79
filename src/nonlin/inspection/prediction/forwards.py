"""The way forwards: from the input to every tensor that the recursion covers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from nonlin.inspection.prediction.bending import Bent, bend
from nonlin.inspection.prediction.lengths import Lengths, bent_lengths, mixed, shifted, start, widened
from nonlin.inspection.prediction.normal import curve_of
from nonlin.inspection.prediction.signal import AFFINE, Signal, forward
from nonlin.networks import Network, Node
from nonlin.networks.activation import Activation, ParametricRelu, Softmax
from nonlin.networks.affine import Dense, Elementwise, Sum
from nonlin.networks.array import Array
from nonlin.networks.shape import Concatenate, Pad
from nonlin.networks.window import Convolution

__all__ = ["CallPassed", "Passed", "is_call", "pushed"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CallPassed:
    """A call on the way forwards.

    Args:
        signal, lengths: before it.
        bent: what it makes of them.
        length_slope: d log E[f²] / d log q.
        slopes: E[f'²] of each sample's length relative to the mean length's.
    """

    signal: Signal
    lengths: Lengths
    bent: Bent
    length_slope: float
    slopes: Array


@dataclass(slots=True, kw_only=True)
class Passed:
    """Every tensor that the recursion covers, every call by the name of its node, and what is not covered."""

    signals: dict[str, Signal]
    lengths: dict[str, Lengths]
    calls: dict[str, CallPassed] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @property
    def uncovered(self) -> tuple[str, ...]:
        """The operators without a recursion, in words."""
        return tuple(self.missing)


def is_call(node: Node) -> bool:
    """Whether a node is a call of an activation."""
    operator = node.operator
    return isinstance(operator, ParametricRelu | Softmax) or (
        isinstance(operator, Activation) and operator.called
    )


def pushed(network: Network, inputs: Mapping[str, Signal]) -> Passed:
    """Take signals from the inputs as far as the recursion goes."""
    passed = Passed(signals=dict(inputs), lengths={name: start() for name in inputs})
    noise = np.random.default_rng(0)
    for node in network.nodes:
        if any(name not in passed.signals for name in node.inputs):
            continue
        reason = _refused(node)
        if not reason:
            with np.errstate(all="ignore"):
                reason = _step(node, passed, noise)
        if reason:
            passed.missing.append(f"{reason} (node '{node.name}')")
    return passed


def _refused(node: Node) -> str:
    operator = node.operator
    if isinstance(operator, Sum | Concatenate) and len(set(node.inputs)) < len(node.inputs):
        return "a tensor joined with itself"
    if not node.inputs:
        return "a constant"
    if isinstance(operator, Activation):
        return f"{operator.function.label}, of a whole vector" if operator.function.vector else ""
    if isinstance(operator, (*AFFINE, ParametricRelu)):
        return ""
    return getattr(operator, "operator", "") or type(operator).__name__


def _step(node: Node, passed: Passed, noise: np.random.Generator) -> str:
    """Take one node; return why not, where it cannot be."""
    inputs = [passed.signals[name] for name in node.inputs]
    operator = node.operator
    if isinstance(operator, Activation | ParametricRelu):
        call = _called(operator, inputs[0], passed.lengths[node.inputs[0]])
        if not np.all(np.isfinite(call[0].bent.slope_second)):
            return f"{operator.function.label}, whose slope has no second moment here,"
        passed.calls[node.name], lengths = call
        signal = passed.calls[node.name].bent.output
    else:
        try:
            signal = forward(operator, inputs)
        except (ValueError, IndexError):
            return f"{type(operator).__name__} on this shape of input"
        lengths = _affine_lengths(node, passed, signal, noise)
    if len(signal.mean) != 1:
        return f"{type(operator).__name__}, which mixes the samples of a batch,"
    if not np.isfinite(signal.second):
        return "an overflow"
    passed.signals[node.output], passed.lengths[node.output] = signal, lengths
    return ""


def _called(
    operator: Activation | ParametricRelu, signal: Signal, lengths: Lengths
) -> tuple[CallPassed, Lengths]:
    bent = bend(operator, signal)
    length = signal.second
    slope, after, slopes = 1.0, lengths, np.ones_like(lengths.relative)
    if length > 0:
        expression = operator.function.expression
        if expression is not None:
            moments = operator.function.moments(length)
            slope = moments.length_slope * length / moments.length if moments.length > 0 else 1.0
        one = curve_of(Activation(function=operator.function), ())
        after, slopes = bent_lengths(lengths, one, length, slope)
    call = CallPassed(signal=signal, lengths=lengths, bent=bent, length_slope=slope, slopes=slopes)
    return call, after


def _affine_lengths(node: Node, passed: Passed, signal: Signal, noise: np.random.Generator) -> Lengths:
    operator = node.operator
    parts = [(passed.lengths[name], passed.signals[name]) for name in node.inputs]
    if isinstance(operator, Sum | Concatenate):
        return mixed([(lengths, x.second * x.mean.size) for lengths, x in parts])
    lengths, before = parts[0]
    if isinstance(operator, Dense | Convolution):
        lengths = widened(lengths, before, signal, noise)
    if isinstance(operator, Dense | Convolution | Elementwise | Pad):
        shift = operator.apply(np.zeros_like(before.mean))
        return shifted(lengths, shift, signal)
    return lengths
