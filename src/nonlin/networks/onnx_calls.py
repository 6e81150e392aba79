"""ONNX operators that are calls of activation functions, or steps of one that was written out.

Each function converts one kind of node, or returns None where it does not understand this use of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nonlin.functions import Function, define, function
from nonlin.networks.activation import Activation, ParametricRelu, Select, Softmax
from nonlin.networks.onnx_steps import largest_of
from nonlin.networks.onnx_use import Conversion, Use, single

__all__ = [
    "call",
    "clip",
    "compared",
    "gelu",
    "hard_sigmoid",
    "maximum",
    "minimum",
    "plain",
    "power",
    "prelu",
    "softmax",
    "step",
]


_COMPARISONS = {
    "Greater": (True, False),
    "GreaterOrEqual": (True, True),
    "Less": (False, False),
    "LessOrEqual": (False, True),
}
"""Whether it holds above the number, and on it."""


def softmax(use: Use) -> Conversion | None:
    """Convert Softmax, LogSoftmax."""
    shape, since = use.shape(0), 13
    axis = use.attributes.get("axis", -1 if use.graph.opset >= since else 1)
    if use.graph.opset < since and (shape is None or axis % len(shape) != len(shape) - 1):
        return None
    return single(Softmax(axis=axis, logarithm=use.node.op_type == "LogSoftmax"), use)


def prelu(use: Use) -> Conversion | None:
    """Convert PRelu."""
    slopes = use.constant(1)
    if slopes is None:
        return None
    if slopes.size == 1:
        return call(use, function("prelu", weight=float(slopes.item())))
    return single(ParametricRelu(slopes=slopes), use)


def clip(use: Use) -> Conversion | None:
    """Convert Clip."""
    low, high = use.constant(1, "min"), use.constant(2, "max")
    if (use.given(1) and low is None) or (use.given(2) and high is None):
        return None
    bounds = (-np.inf if low is None else float(low), np.inf if high is None else float(high))
    if bounds[0] == 0 and bounds[1] == np.inf:
        return call(use, function("relu"))
    if bounds[0] == 0 and 0 < bounds[1] < np.inf:
        return call(use, function("relu6") if bounds[1] == 6 else function("relun", n=bounds[1]))
    if bounds[1] == np.inf:
        return call(use, _from(bounds[0]))
    if bounds[0] == -np.inf:
        return call(use, _up_to(bounds[1]))
    return call(use, function("hardtanh", min_val=bounds[0], max_val=bounds[1]))


def maximum(use: Use) -> Conversion | None:
    """Convert Max of a tensor and a number, or of tensors."""
    return _of_two(use, _from) or largest_of(use)


def minimum(use: Use) -> Conversion | None:
    """Convert Min of a tensor and a number, or of tensors."""
    return _of_two(use, _up_to) or largest_of(use)


def _of_two(use: Use, bounded: Callable[[float], Function]) -> Conversion | None:
    constants = [use.constant(i) for i in range(len(use.node.input))]
    if len(constants) != 2 or (constants[0] is None) == (constants[1] is None):
        return None
    position = 0 if constants[0] is not None else 1
    stored = np.asarray(constants[position])
    numbers = np.unique(stored)
    if len(numbers) != 1 or not np.isfinite(numbers[0]):
        return None
    shape = use.shape(1 - position)
    if stored.ndim and (shape is None or stored.ndim > len(shape)):
        return None  # the numbers may broadcast the tensor
    return (Activation(function=bounded(float(numbers[0]))),), (use.node.input[1 - position],)


def _from(low: float) -> Function:
    """Return max(x, low)."""
    return function("relu") if low == 0 else function("threshold", threshold=low, value=low)


def _up_to(high: float) -> Function:
    """Return min(x, high)."""
    return define("min(x, high)", high=high)


def hard_sigmoid(use: Use) -> Conversion:
    """Convert HardSigmoid; with 1/6 rounded to float32 it is PyTorch's, with 1/6."""
    alpha, beta = use.number("alpha"), use.number("beta")
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return call(use, function("hardsigmoid"))
    return call(use, function("hardsigmoid_affine", alpha=alpha, beta=beta))


def gelu(use: Use) -> Conversion:
    """Convert Gelu."""
    return call(use, function("gelu_tanh" if use.attributes.get("approximate") == b"tanh" else "gelu"))


def select(use: Use) -> Conversion | None:
    """Convert Where whose condition compares a computed tensor with a number."""
    found = _comparison(use)
    values = [use.constant(1), use.constant(2)]
    if found is None or any(v is not None and v.size != 1 for v in values):
        return None
    # what holds below the number chooses the second value above it, and there on the number where it did not hold
    order = (1, 2) if found.above else (2, 1)
    stored = [None if (v := values[i - 1]) is None else float(v.item()) for i in order]
    computed = (use.node.input[i] for i in order if values[i - 1] is None)
    return (_selected(found, stored[0], stored[1]),), (found.tensor, *computed)


def compared(use: Use) -> Conversion | None:
    """Convert a comparison of a computed tensor with a number, as the numbers 1 and 0."""
    found = _comparison(use)
    if found is None:
        return None
    holds, fails = (1.0, 0.0) if found.above else (0.0, 1.0)
    return (_selected(found, holds, fails),), (found.tensor,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """What a condition asks: whether a tensor is above a number, or below it; and whether it holds on it."""

    tensor: str
    threshold: float
    above: bool
    equal: bool


def _comparison(use: Use) -> _Comparison | None:
    made = use.graph.makers.get(use.node.input[0])
    if made is None or made.domain not in ("", "ai.onnx") or made.op_type not in _COMPARISONS:
        return None
    sides = [use.graph.constants.get(name) for name in made.input]
    if (sides[0] is None) == (sides[1] is None):
        return None
    number = 0 if sides[0] is not None else 1
    threshold = sides[number]
    above, equal = _COMPARISONS[made.op_type]
    if threshold is None or threshold.size != 1:
        return None
    # where the number stands first, 3 below x is x above 3
    return _Comparison(
        tensor=made.input[1 - number],
        threshold=float(threshold.item()),
        above=above if number else not above,
        equal=equal,
    )


def _selected(found: _Comparison, above: float | None, below: float | None) -> Select:
    return Select(threshold=found.threshold, equal=found.equal == found.above, above=above, below=below)


def power(use: Use) -> Conversion | None:
    """Convert Pow by a small whole number or ½."""
    exponent = use.constant(1)
    if exponent is None or exponent.size != 1 or float(exponent.item()) not in (0.5, 1.0, 2.0, 3.0, 4.0):
        return None
    power = float(exponent.item())
    formula = "x ** 0.5" if power == 0.5 else f"x ** {int(power)}"
    return step(formula, use)


def step(formula: str, use: Use) -> Conversion:
    """Return a function that is no call of its own, but may be a part of one."""
    return single(Activation(function=define(formula), called=False), use)


def call(use: Use, called: Function) -> Conversion:
    """Return a call of a function."""
    return single(Activation(function=called), use)


def plain(name: str, **renamed: str) -> Callable[[Use], Conversion | None]:
    """Convert an operator whose attributes, under other names, are the function's parameters."""

    def converter(use: Use) -> Conversion:
        given = {theirs: use.number(ours) for theirs, ours in renamed.items()}
        return call(use, function(name, **given))

    return converter
