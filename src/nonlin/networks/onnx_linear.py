"""ONNX operators that multiply and add: matrix products, arithmetic, normalisation, means.

Each function converts one kind of node, or returns None where it does not understand this use of it.
"""

import numpy as np

from nonlin.functions import define
from nonlin.networks.activation import Activation, Divide, MatrixProduct, Multiply
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.normalization import Normalize
from nonlin.networks.onnx_use import Conversion, Use, single
from nonlin.networks.shape import Transpose

__all__ = ["add_up", "arithmetic", "batch_norm", "gemm", "global_average", "matmul", "negate", "reduce"]


def matmul(use: Use) -> Conversion | None:
    """Convert MatMul by a stored matrix, or of two computed ones."""
    left, right = use.constant(0), use.constant(1)
    if right is not None and right.ndim == 2:
        return single(Dense(weight=np.ascontiguousarray(right.T)), use)
    if left is not None and left.ndim == 2 and len(use.shape(1) or ()) == 2:
        steps = (Transpose(), Dense(weight=left), Transpose())
        return steps, (use.node.input[1],)
    return single(MatrixProduct(), use, 2) if left is None and right is None else None


def gemm(use: Use) -> Conversion | None:
    """Convert Gemm."""
    weight, bias = use.constant(1), use.constant(2)
    if weight is None or (use.given(2) and (bias is None or bias.size not in (1, *bias.shape[-1:]))):
        return None
    weight = weight if use.attributes.get("transB") else weight.T
    weight = np.ascontiguousarray(weight * weight.dtype.type(use.number("alpha")))
    if bias is not None:
        bias = np.broadcast_to(bias.ravel() * bias.dtype.type(use.number("beta")), weight.shape[:1])
    before = (Transpose(),) if use.attributes.get("transA") else ()
    return (*before, Dense(weight=weight, bias=bias)), (use.node.input[0],)


def arithmetic(use: Use) -> Conversion | None:
    """Convert Add, Sub, Mul, Div."""
    name, constants = use.node.op_type, (use.constant(0), use.constant(1))
    if constants[0] is None and constants[1] is None:
        if name in ("Add", "Sub"):
            return single(Sum(signs=(1, 1 if name == "Add" else -1)), use, 2)
        return single(Multiply() if name == "Mul" else Divide(), use, 2)
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
        with np.errstate(divide="ignore"):  # the model divides by 0, which its outputs show
            made = Elementwise(scale=1 / value.astype(np.float64), shift=np.asarray(zero))
    else:
        inverse = Activation(function=define("1 / x"), called=False)
        return (inverse, Elementwise(scale=value, shift=np.asarray(zero))), (use.node.input[1],)
    return (made,), (use.node.input[1 - position],)


def add_up(use: Use) -> Conversion | None:
    """Convert Sum."""
    if any(use.constant(i) is not None for i in range(len(use.node.input))):
        return None
    return single(Sum(signs=(1,) * len(use.node.input)), use, len(use.node.input))


def negate(use: Use) -> Conversion:
    """Convert Neg."""
    return single(Elementwise(scale=np.asarray(np.float32(-1)), shift=np.asarray(np.float32(0))), use)


def batch_norm(use: Use) -> Conversion | None:
    """Convert BatchNormalization at inference."""
    values = [use.constant(i) for i in range(1, 5)]
    rank = use.rank(0)
    if rank is None or use.attributes.get("training_mode", 0) or any(v is None for v in values):
        return None
    gamma, beta, mean, variance = (np.asarray(v, np.float64) for v in values)
    scale = gamma / np.sqrt(variance + use.number("epsilon"))
    channels = (-1,) + (1,) * (rank - 2)
    return single(
        Elementwise(scale=scale.reshape(channels), shift=(beta - mean * scale).reshape(channels)), use
    )


def reduce(use: Use) -> Conversion | None:
    """Convert ReduceMean, ReduceSum."""
    axes, shape = use.constant(1, "axes"), use.shape(0)
    if shape is None or (use.given(1) and axes is None) or use.attributes.get("noop_with_empty_axes", 0):
        return None
    every = range(len(shape)) if axes is None or not axes.size else (int(a) for a in np.ravel(axes))
    mean = use.node.op_type == "ReduceMean"
    keep = bool(use.attributes.get("keepdims", 1))
    return single(Reduce(axes=tuple(every), mean=mean, keepdims=keep), use)


def layer_norm(use: Use) -> Conversion | None:
    """Convert LayerNormalization with stored scale and shift, computed in float32 or wider."""
    shape, scale = use.shape(0), use.constant(1)
    shift = use.constant(2) if use.given(2) else np.zeros((), np.float32)
    if shape is None or scale is None or shift is None or len(use.node.output) > 1:
        return None
    if use.attributes.get("stash_type", 1) != 1:
        return None
    axis = use.attributes.get("axis", -1)
    normalize = Normalize(axes=-axis if axis < 0 else len(shape) - axis, epsilon=use.number("epsilon"))
    return (normalize, Elementwise(scale=scale, shift=shift)), (use.node.input[0],)


def global_average(use: Use) -> Conversion | None:
    """Convert GlobalAveragePool."""
    shape = use.shape(0)
    if shape is None:
        return None
    return single(Reduce(axes=tuple(range(2, len(shape))), mean=True, keepdims=True), use)
