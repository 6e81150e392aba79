"""ONNX operators that are calls of activation functions, or steps of one that was written out.

Each function converts one kind of node, or returns None where it does not understand this use of it.
"""

from collections.abc import Callable

import numpy as np

from nonlin.functions import Function, define, function
from nonlin.networks.activation import Activation, ParametricRelu, Select, Softmax
from nonlin.networks.onnx_use import Conversion, Use, single

__all__ = [
    "call",
    "clip",
    "gelu",
    "hard_sigmoid",
    "maximum",
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
    if bounds[0] == 0 and bounds[1] == 6:
        return call(use, function("relu6"))
    if not all(np.isfinite(bounds)):
        return None
    return call(use, function("hardtanh", min_val=bounds[0], max_val=bounds[1]))


def maximum(use: Use) -> Conversion | None:
    """Convert Max with 0."""
    constants = [use.constant(i) for i in range(len(use.node.input))]
    if len(constants) != 2 or (constants[0] is None) == (constants[1] is None):
        return None
    position = 0 if constants[0] is not None else 1
    if np.any(constants[position] != 0):
        return None
    return (Activation(function=function("relu")),), (use.node.input[1 - position],)


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
    made = use.graph.makers.get(use.node.input[0])
    if made is None or made.domain not in ("", "ai.onnx") or made.op_type not in _COMPARISONS:
        return None
    sides = [use.graph.constants.get(name) for name in made.input]
    if (sides[0] is None) == (sides[1] is None):
        return None
    number = 0 if sides[0] is not None else 1
    threshold = sides[number]
    above, equal = _COMPARISONS[made.op_type]
    if number == 0:  # the number stands first: 3 below x is x above 3
        above = not above
    values = [use.constant(1), use.constant(2)]
    if threshold is None or any(v is not None and v.size != 1 for v in (threshold, *values)):
        return None
    # what holds below the number chooses the second value above it, and there on the number where it did not hold
    order = (1, 2) if above else (2, 1)
    stored = [None if (v := values[i - 1]) is None else float(v.item()) for i in order]
    operator = Select(
        threshold=float(threshold.item()), equal=equal == above, above=stored[0], below=stored[1]
    )
    computed = (use.node.input[i] for i in order if values[i - 1] is None)
    return (operator,), (made.input[1 - number], *computed)


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
