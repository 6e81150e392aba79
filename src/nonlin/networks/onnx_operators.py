"""What each ONNX operator means in nonlin's terms; what is not in the table is opaque.

A converter gets a node and what is known about its graph, and returns the operators, one after the other, that do
the same, with the names of the tensors that the first of them reads; or None where it does not understand this use.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from nonlin.functions import Function, define, function
from nonlin.networks.activation import Activation, Divide, MatrixProduct, Multiply, ParametricRelu, Softmax
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.array import Array
from nonlin.networks.network import Operator
from nonlin.networks.onnx_windows import average_pool, convolution, max_pool
from nonlin.networks.shape import Cast, Concatenate, Identity, Pad, Reshape, Slice, Take, Transpose

__all__ = ["Conversion", "Graph", "convert"]

Conversion = tuple[tuple[Operator, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What is known about the graph around a node.

    Args:
        constants: the value of every constant tensor by name.
        shapes: the inferred shape of every other tensor; None for an axis that is not known.
        whole: the other tensors that hold whole numbers or booleans.
        opset: the version of the standard operators.
        batch_of_one: whether the model was exported for a single sample, so that a leading 1 means the batch.
    """

    constants: Mapping[str, Array]
    shapes: Mapping[str, tuple[int | None, ...]]
    whole: frozenset[str]
    opset: int
    batch_of_one: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One node in its graph, with its attributes as Python values."""

    node: onnx.NodeProto
    graph: Graph
    attributes: Mapping[str, Any]

    def constant(self, position: int, attribute: str = "") -> Array | None:
        """Return a constant input, or the attribute that older opsets had in its place."""
        if position < len(self.node.input) and self.node.input[position]:
            return self.graph.constants.get(self.node.input[position])
        value = self.attributes.get(attribute)
        return None if value is None else np.asarray(value)

    def given(self, position: int) -> bool:
        """Whether an optional input is given."""
        return position < len(self.node.input) and bool(self.node.input[position])

    def shape(self, position: int) -> tuple[int | None, ...] | None:
        """Return the inferred shape of an input."""
        return self.graph.shapes.get(self.node.input[position])


def convert(node: onnx.NodeProto, graph: Graph) -> Conversion | None:
    """Return what a node does, or None if it is not understood."""
    converter = _CONVERTERS.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    if converter is None or (node.op_type not in _MOVES and graph.whole.intersection(node.input)):
        return None  # whole numbers divide and average in another way
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    try:
        made = converter(Use(node=node, graph=graph, attributes=attributes))
    except (IndexError, KeyError, TypeError, ValueError):
        return None  # a parameter that the catalogue does not take, such as min > max, or weights that do not fit
    return None if made is None or any(name in graph.constants for name in made[1]) else made


def _one(operator: Operator, use: Use, count: int = 1) -> Conversion:
    return (operator,), tuple(use.node.input[:count])


def _matmul(use: Use) -> Conversion | None:
    left, right = use.constant(0), use.constant(1)
    if right is not None and right.ndim == 2:
        return _one(Dense(weight=np.ascontiguousarray(right.T)), use)
    if left is not None and left.ndim == 2 and len(use.shape(1) or ()) == 2:
        steps = (Transpose(), Dense(weight=left), Transpose())
        return steps, (use.node.input[1],)
    return _one(MatrixProduct(), use, 2) if left is None and right is None else None


def _gemm(use: Use) -> Conversion | None:
    weight, bias = use.constant(1), use.constant(2)
    if weight is None or (use.given(2) and (bias is None or bias.size not in (1, *bias.shape[-1:]))):
        return None
    weight = weight if use.attributes.get("transB") else weight.T
    weight = np.ascontiguousarray(weight * weight.dtype.type(use.attributes.get("alpha", 1.0)))
    if bias is not None:
        bias = np.broadcast_to(
            bias.ravel() * bias.dtype.type(use.attributes.get("beta", 1.0)), weight.shape[:1]
        )
    before = (Transpose(),) if use.attributes.get("transA") else ()
    return (*before, Dense(weight=weight, bias=bias)), (use.node.input[0],)


def _arithmetic(use: Use) -> Conversion | None:
    name, constants = use.node.op_type, (use.constant(0), use.constant(1))
    if constants[0] is None and constants[1] is None:
        pairs: dict[str, Operator] = {"Add": Sum(signs=(1, 1)), "Sub": Sum(signs=(1, -1)), "Mul": Multiply()}
        return _one(pairs.get(name, Divide()), use, 2)
    position = 1 if constants[0] is None else 0
    value = constants[position]
    if value is None or not np.issubdtype(value.dtype, np.floating):
        return None
    one, zero = value.dtype.type(1), value.dtype.type(0)
    if name in ("Add", "Sub"):
        scale = -one if name == "Sub" and position == 0 else one
        shift = -value if name == "Sub" and position == 1 else value
        made = Elementwise(scale=np.asarray(scale), shift=shift)
    elif name == "Mul":
        made = Elementwise(scale=value, shift=np.asarray(zero))
    elif position == 1:
        made = Elementwise(scale=1 / value.astype(np.float64), shift=np.asarray(zero))
    else:
        inverse = Activation(function=define("1 / x"), called=False)
        return (inverse, Elementwise(scale=value, shift=np.asarray(zero))), (use.node.input[1],)
    return (made,), (use.node.input[1 - position],)


def _sum(use: Use) -> Conversion | None:
    if any(use.constant(i) is not None for i in range(len(use.node.input))):
        return None
    return _one(Sum(signs=(1,) * len(use.node.input)), use, len(use.node.input))


def _negate(use: Use) -> Conversion:
    return _one(Elementwise(scale=np.asarray(np.float32(-1)), shift=np.asarray(np.float32(0))), use)


def _batch_norm(use: Use) -> Conversion | None:
    values = [use.constant(i) for i in range(1, 5)]
    shape = use.shape(0)
    if shape is None or use.attributes.get("training_mode", 0) or any(v is None for v in values):
        return None
    gamma, beta, mean, variance = (np.asarray(v, np.float64) for v in values)
    scale = gamma / np.sqrt(variance + use.attributes.get("epsilon", 1e-5))
    channels = (-1,) + (1,) * (len(shape) - 2)
    return _one(
        Elementwise(scale=scale.reshape(channels), shift=(beta - mean * scale).reshape(channels)), use
    )


def _identity(use: Use) -> Conversion | None:
    if use.node.op_type == "Dropout" and use.given(2):
        return None
    return _one(Identity(), use)


def _cast(use: Use) -> Conversion | None:
    floating = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.DOUBLE: "float64"}
    to = floating.get(use.attributes["to"])
    return None if to is None else _one(Cast(dtype=to), use)


def _shaped(use: Use) -> Conversion | None:
    """Reshape, Flatten, Squeeze, Unsqueeze: by the shape that comes out."""
    out = use.graph.shapes.get(use.node.output[0])
    asked = use.constant(1) if use.node.op_type == "Reshape" else None
    if use.node.op_type == "Flatten" and use.attributes.get("axis", 1) == 1:
        return _one(Reshape(shape=(0, -1)), use)
    before = use.shape(0)
    leads = bool(use.graph.batch_of_one and before and out and before[0] == 1 and out[0] == 1)
    if leads and out is not None and None not in out[1:]:
        return _one(Reshape(shape=(-1, *(n or 0 for n in out[1:]))), use)
    if asked is not None and not use.attributes.get("allowzero", 0):
        return _one(Reshape(shape=tuple(int(n) for n in asked)), use)
    if out is not None and sum(n is None for n in out) <= 1 and 0 not in out:
        return _one(Reshape(shape=tuple(-1 if n is None else n for n in out)), use)
    return None


def _transpose(use: Use) -> Conversion:
    permutation = use.attributes.get("perm")
    return _one(Transpose(permutation=None if permutation is None else tuple(permutation)), use)


def _concatenate(use: Use) -> Conversion | None:
    if any(use.constant(i) is not None for i in range(len(use.node.input))):
        return None
    return _one(Concatenate(axis=use.attributes["axis"]), use, len(use.node.input))


def _slice(use: Use) -> Conversion | None:
    starts, stops = use.constant(1, "starts"), use.constant(2, "ends")
    if starts is None or stops is None or (use.given(3) and use.constant(3) is None):
        return None
    axes, steps = use.constant(3, "axes"), use.constant(4)
    if use.given(4) and steps is None:
        return None
    axes = np.arange(len(starts)) if axes is None else axes
    steps = np.ones(len(starts), int) if steps is None else steps
    if np.any(np.asarray(steps) < 1):
        return None
    parts = zip(axes.tolist(), starts.tolist(), stops.tolist(), steps.tolist(), strict=True)
    return _one(Slice(ranges=tuple(parts)), use)


def _gather(use: Use) -> Conversion | None:
    indices = use.constant(1)
    if indices is None or use.constant(0) is not None:
        return None
    return _one(Take(indices=indices, axis=use.attributes.get("axis", 0)), use)


def _pad(use: Use) -> Conversion | None:
    widths, value = use.constant(1, "pads"), use.constant(2, "value")
    if use.attributes.get("mode", b"constant") != b"constant" or widths is None or use.given(3):
        return None
    if use.given(2) and value is None:
        return None
    half = len(widths) // 2
    pairs = tuple((int(b), int(a)) for b, a in zip(widths[:half], widths[half:], strict=True))
    return _one(Pad(widths=pairs, value=0.0 if value is None else float(value)), use)


def _reduce(use: Use) -> Conversion | None:
    axes, shape = use.constant(1, "axes"), use.shape(0)
    if shape is None or (use.given(1) and axes is None) or use.attributes.get("noop_with_empty_axes", 0):
        return None
    every = range(len(shape)) if axes is None or not axes.size else (int(a) for a in np.ravel(axes))
    mean = use.node.op_type == "ReduceMean"
    keep = bool(use.attributes.get("keepdims", 1))
    return _one(Reduce(axes=tuple(every), mean=mean, keepdims=keep), use)


def _global_average(use: Use) -> Conversion | None:
    shape = use.shape(0)
    if shape is None:
        return None
    return _one(Reduce(axes=tuple(range(2, len(shape))), mean=True, keepdims=True), use)


def _softmax(use: Use) -> Conversion | None:
    shape, since = use.shape(0), 13
    axis = use.attributes.get("axis", -1 if use.graph.opset >= since else 1)
    if use.graph.opset < since and (shape is None or axis % len(shape) != len(shape) - 1):
        return None
    return _one(Softmax(axis=axis, logarithm=use.node.op_type == "LogSoftmax"), use)


def _prelu(use: Use) -> Conversion | None:
    slopes = use.constant(1)
    if slopes is None:
        return None
    if slopes.size == 1:
        return _call(use, function("prelu", weight=float(slopes.item())))
    return _one(ParametricRelu(slopes=slopes), use)


def _clip(use: Use) -> Conversion | None:
    low, high = use.constant(1, "min"), use.constant(2, "max")
    if (use.given(1) and low is None) or (use.given(2) and high is None):
        return None
    bounds = (-np.inf if low is None else float(low), np.inf if high is None else float(high))
    if bounds[0] == 0 and bounds[1] == np.inf:
        return _call(use, function("relu"))
    if bounds[0] == 0 and bounds[1] == 6:
        return _call(use, function("relu6"))
    if not all(np.isfinite(bounds)):
        return None
    return _call(use, function("hardtanh", min_val=bounds[0], max_val=bounds[1]))


def _maximum(use: Use) -> Conversion | None:
    constants = [use.constant(i) for i in range(len(use.node.input))]
    if len(constants) != 2 or (constants[0] is None) == (constants[1] is None):
        return None
    position = 0 if constants[0] is not None else 1
    if np.any(constants[position] != 0):
        return None
    return (Activation(function=function("relu")),), (use.node.input[1 - position],)


def _hard_sigmoid(use: Use) -> Conversion:
    alpha, beta = use.attributes.get("alpha", 0.2), use.attributes.get("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return _call(use, function("hardsigmoid"))
    return _call(use, function("hardsigmoid_affine", alpha=alpha, beta=beta))


def _selu(use: Use) -> Conversion:
    alpha, gamma = use.attributes.get("alpha", _SELU[0]), use.attributes.get("gamma", _SELU[1])
    if np.allclose((alpha, gamma), _SELU, rtol=1e-6):
        return _call(use, function("selu"))
    formula = "where(x > 0, gamma * x, gamma * alpha * expm1(x))"
    return _call(use, define(formula, alpha=float(alpha), gamma=float(gamma)))


def _gelu(use: Use) -> Conversion:
    return _call(use, function("gelu_tanh" if use.attributes.get("approximate") == b"tanh" else "gelu"))


def _power(use: Use) -> Conversion | None:
    exponent = use.constant(1)
    if exponent is None or exponent.size != 1 or float(exponent.item()) not in (0.5, 1.0, 2.0, 3.0, 4.0):
        return None
    power = float(exponent.item())
    formula = "x ** 0.5" if power == 0.5 else f"x ** {int(power)}"
    return _step(formula, use)


def _step(formula: str, use: Use) -> Conversion:
    return _one(Activation(function=define(formula), called=False), use)


def _call(use: Use, called: Function) -> Conversion:
    return _one(Activation(function=called), use)


def _plain(name: str, **renamed: str) -> "Converter":
    """Convert an operator whose attributes, under other names, are the function's parameters."""

    def converter(use: Use) -> Conversion:
        given = {theirs: use.attributes[ours] for theirs, ours in renamed.items() if ours in use.attributes}
        return _call(use, function(name, **given))

    return converter


Converter = Callable[[Use], Conversion | None]

_SELU = (1.6732632423543772, 1.0507009873554805)
_MOVES = {
    "Cast",
    "Concat",
    "Flatten",
    "Gather",
    "Identity",
    "Reshape",
    "Slice",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
}

_CONVERTERS: dict[str, Converter] = {
    "Abs": _plain("abs"),
    "Add": _arithmetic,
    "AveragePool": lambda use: average_pool(use.node, use.attributes, use.shape(0)),
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Celu": _plain("celu", alpha="alpha"),
    "Clip": _clip,
    "Concat": _concatenate,
    "Conv": lambda use: convolution(
        use.node, use.attributes, use.shape(0), (use.constant(1), use.constant(2))
    ),
    "Div": _arithmetic,
    "Dropout": _identity,
    "Elu": _plain("elu", alpha="alpha"),
    "Erf": lambda use: _step("erf(x)", use),
    "Exp": lambda use: _step("exp(x)", use),
    "Flatten": _shaped,
    "Gather": _gather,
    "Gelu": _gelu,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_average,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _plain("hardswish"),
    "Identity": _identity,
    "LogSoftmax": _softmax,
    "MatMul": _matmul,
    "Max": _maximum,
    "MaxPool": lambda use: max_pool(use.node, use.attributes, use.shape(0)),
    "Mish": _plain("mish"),
    "Mul": _arithmetic,
    "Neg": _negate,
    "PRelu": _prelu,
    "Pow": _power,
    "Pad": _pad,
    "ReduceMean": _reduce,
    "ReduceSum": _reduce,
    "Relu": _plain("relu"),
    "Reshape": _shaped,
    "Selu": _selu,
    "Sigmoid": _plain("sigmoid"),
    "Sin": _plain("sine"),
    "Slice": _slice,
    "Softmax": _softmax,
    "Softplus": _plain("softplus"),
    "Softsign": _plain("softsign"),
    "Sqrt": lambda use: _step("x ** 0.5", use),
    "Log": lambda use: _step("log(x)", use),
    "Squeeze": _shaped,
    "Sub": _arithmetic,
    "Sum": _sum,
    "Swish": _plain("swish", beta="alpha"),
    "Tanh": _plain("tanh"),
    "ThresholdedRelu": _plain("thresholded_relu", alpha="alpha"),
    "Transpose": _transpose,
    "Unsqueeze": _shaped,
}
_CONVERTERS["LeakyRelu"] = lambda use: _call(
    use, function("leaky_relu", negative_slope=use.attributes.get("alpha", 0.01))
)
