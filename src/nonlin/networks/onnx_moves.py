"""ONNX operators that move entries: reshapes, transposes, slices, concatenation, padding.

Each function converts one kind of node, or returns None where it does not understand this use of it.
"""

import numpy as np
import onnx

from nonlin.networks.onnx_calls import compared
from nonlin.networks.onnx_steps import wrapped_pad
from nonlin.networks.onnx_use import Conversion, Use, single
from nonlin.networks.shape import Cast, Concatenate, Identity, Pad, Reshape, Slice, Take, Transpose

__all__ = ["cast", "concatenate", "cut", "gather", "identity", "pad", "shaped", "transpose"]


def identity(use: Use) -> Conversion | None:
    """Convert Identity, Dropout at inference."""
    if use.node.op_type == "Dropout" and use.given(2):
        training = use.constant(2)
        if training is None or bool(training):
            return None
    return single(Identity(), use)


def cast(use: Use) -> Conversion | None:
    """Convert Cast to a floating-point type, of a comparison too."""
    floating = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.DOUBLE: "float64"}
    to = floating.get(use.attributes["to"])
    if to is None:
        return None
    return compared(use) or single(Cast(dtype=to), use)


def shaped(use: Use) -> Conversion | None:
    """Reshape, Flatten, Squeeze, Unsqueeze: by the shape that comes out."""
    out = use.graph.shapes.get(use.node.output[0])
    asked = use.constant(1) if use.node.op_type == "Reshape" else None
    if use.node.op_type == "Flatten" and use.attributes.get("axis", 1) == 1:
        return single(Reshape(shape=(0, -1)), use)
    before = use.shape(0)
    leads = bool(use.graph.batch_of_one and before and out and before[0] == 1 and out[0] == 1)
    if leads and out is not None and None not in out[1:]:
        return single(Reshape(shape=(-1, *(n or 0 for n in out[1:]))), use)
    if asked is not None and not use.attributes.get("allowzero", 0):
        return single(Reshape(shape=tuple(int(n) for n in asked)), use)
    if out is not None and sum(n is None for n in out) <= 1 and 0 not in out:
        return single(Reshape(shape=tuple(-1 if n is None else n for n in out)), use)
    return None


def transpose(use: Use) -> Conversion:
    """Convert Transpose."""
    permutation = use.attributes.get("perm")
    return single(Transpose(permutation=None if permutation is None else tuple(permutation)), use)


def concatenate(use: Use) -> Conversion | None:
    """Convert Concat."""
    if any(use.constant(i) is not None for i in range(len(use.node.input))):
        return None
    return single(Concatenate(axis=use.attributes["axis"]), use, len(use.node.input))


def cut(use: Use) -> Conversion | None:
    """Convert Slice forwards."""
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
    return single(Slice(ranges=tuple(parts)), use)


def gather(use: Use) -> Conversion | None:
    """Convert Gather by stored indices."""
    indices = use.constant(1)
    if indices is None or use.constant(0) is not None:
        return None
    return single(Take(indices=indices, axis=use.attributes.get("axis", 0)), use)


def pad(use: Use) -> Conversion | None:
    """Convert Pad with a stored number."""
    widths, value = use.constant(1, "pads"), use.constant(2, "value")
    if widths is None or use.given(3):
        return None
    if use.attributes.get("mode", b"constant") != b"constant":
        return wrapped_pad(use, np.asarray(widths))
    if use.given(2) and value is None:
        return None
    half = len(widths) // 2
    pairs = tuple((int(b), int(a)) for b, a in zip(widths[:half], widths[half:], strict=True))
    return single(Pad(widths=pairs, value=0.0 if value is None else float(value)), use)
