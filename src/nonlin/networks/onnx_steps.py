"""ONNX operators that are several of ours in a row: maxima over axes, transposed convolutions, enlargements, splits.

Each function converts one kind of node, or returns None where it does not understand this use of it.
"""

import numpy as np

from nonlin.networks.affine import Elementwise
from nonlin.networks.array import Array
from nonlin.networks.network import Operator
from nonlin.networks.onnx_use import Conversion, Use
from nonlin.networks.shape import Concatenate, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import Convolution, MaxPool, Window

__all__ = [
    "depth_to_space",
    "largest_of",
    "reduced_maximum",
    "resized",
    "split",
    "transposed_convolution",
    "wrapped_pad",
]

_NEGATED = Elementwise(scale=np.asarray(np.float32(-1)), shift=np.asarray(np.float32(0)))
_WRAPS = {b"reflect": "reflect", b"edge": "edge", b"wrap": "wrap"}


def reduced_maximum(use: Use) -> Conversion | None:
    """Convert ReduceMax, ReduceMin over axes of known length: a pooling over all of them at once."""
    shape, axes = use.shape(0), use.constant(1, "axes")
    if shape is None or (use.given(1) and axes is None) or use.attributes.get("noop_with_empty_axes", 0):
        return None
    every = range(len(shape)) if axes is None or not axes.size else np.ravel(axes).tolist()
    over = sorted(axis % len(shape) for axis in every)
    count = _product([shape[axis] for axis in over])
    if over[0] == 0 or count is None:
        return None
    kept = [axis for axis in range(len(shape)) if axis not in over]
    after = [
        1 if i in over else n for i, n in enumerate(shape) if use.attributes.get("keepdims", 1) or i in kept
    ]
    last = _reshape(after)
    if last is None:
        return None
    moved = (Transpose(permutation=(*kept, *over)), Reshape(shape=(0, -1, count)))
    steps: tuple[Operator, ...] = (*moved, _over_last(count), last)
    if use.node.op_type == "ReduceMin":
        steps = (_NEGATED, *steps, _NEGATED)
    return steps, (use.node.input[0],)


def largest_of(use: Use) -> Conversion | None:
    """Convert Max, Min of computed tensors of one shape."""
    count = len(use.node.input)
    shapes = [use.shape(i) for i in range(count)]
    first = shapes[0]
    if any(use.constant(i) is not None for i in range(count)) or first is None or len(first) < 2 or count < 2:
        return None
    after = _reshape(list(first))
    if any(shape != first or None in shape[1:] for shape in shapes) or after is None:
        return None
    steps: tuple[Operator, ...] = (
        Reshape(shape=(0, count, -1)),
        Transpose(permutation=(0, 2, 1)),
        _over_last(count),
        after,
    )
    if use.node.op_type == "Min":
        steps = (_NEGATED, *steps, _NEGATED)
    return (Concatenate(axis=1), *steps), tuple(use.node.input)


def _over_last(count: int) -> MaxPool:
    return MaxPool(window=Window(size=(count,), strides=(1,), dilations=(1,), padding=((0, 0),)))


def transposed_convolution(use: Use) -> Conversion | None:
    """Convert ConvTranspose: zeros between the entries, then a convolution with the kernel turned round."""
    shape, weight = use.shape(0), use.constant(1)
    bias = use.constant(2)
    if shape is None or None in shape[1:] or weight is None or (use.given(2) and bias is None):
        return None
    dimensions, groups = weight.ndim - 2, use.attributes.get("group", 1)
    ones, zeros = (1,) * dimensions, (0,) * dimensions
    strides = tuple(use.attributes.get("strides", ones))
    dilations = tuple(use.attributes.get("dilations", ones))
    extra = tuple(use.attributes.get("output_padding", zeros))
    pads = tuple(use.attributes.get("pads", zeros * 2))
    if use.attributes.get("auto_pad", b"NOTSET") != b"NOTSET" or "output_shape" in use.attributes:
        return None
    space = [n or 0 for n in shape[2:]]
    apart = [size for n in space for size in (n, 1)]
    grown = [(0, 0), *((0, 0) if i % 2 == 0 else (0, strides[i // 2] - 1) for i in range(2 * dimensions))]
    reach = [(k - 1) * d for k, d in zip(weight.shape[2:], dilations, strict=True)]
    edges = tuple(
        (reach[i] - pads[i], reach[i] - pads[dimensions + i] + extra[i] - (strides[i] - 1))
        for i in range(dimensions)
    )
    channels = shape[1] or 0
    window = Window(
        size=tuple(weight.shape[2:]), strides=ones, dilations=dilations, padding=((0, 0),) * dimensions
    )
    steps = (
        Reshape(shape=(0, channels, *apart)),
        Pad(widths=((0, 0), *grown)),
        Reshape(shape=(0, channels, *(n * s for n, s in zip(space, strides, strict=True)))),
        Pad(widths=((0, 0), (0, 0), *edges)),
        Convolution(weight=_turned(weight, groups), bias=bias, window=window, groups=groups),
    )
    return steps, (use.node.input[0],)


def _turned(weight: Array, groups: int) -> Array:
    """Return a kernel of shape (in, out / groups, …) as one of shape (out, in / groups, …), turned round."""
    flipped = weight[(slice(None), slice(None), *(slice(None, None, -1),) * (weight.ndim - 2))]
    parts = flipped.reshape(groups, len(weight) // groups, *weight.shape[1:]).swapaxes(1, 2)
    return np.ascontiguousarray(parts.reshape(-1, len(weight) // groups, *weight.shape[2:]))


def resized(use: Use) -> Conversion | None:
    """Convert Resize, Upsample to the nearest by whole factors: entries repeated."""
    before, after = use.shape(0), use.graph.shapes.get(use.node.output[0])
    modes = {"mode": b"nearest", "coordinate_transformation_mode": b"asymmetric", "nearest_mode": b"floor"}
    if before is None or after is None or len(before) != len(after) or before[0] != after[0]:
        return None
    if any(use.attributes.get(key, b"") != mode for key, mode in modes.items()):
        return None
    steps: list[Operator] = []
    for axis, (n, m) in enumerate(zip(before[1:], after[1:], strict=True), start=1):
        if n is None or m is None or m % n:
            return None
        if m > n:
            steps.append(Take(indices=np.repeat(np.arange(n), m // n), axis=axis))
    return (tuple(steps), (use.node.input[0],)) if steps else None


def wrapped_pad(use: Use, widths: Array) -> Conversion | None:
    """Convert Pad that repeats entries of the tensor: reflected, at the edge, or wrapped around."""
    shape, half = use.shape(0), len(widths) // 2
    mode = _WRAPS.get(use.attributes["mode"])
    if shape is None or mode is None or half != len(shape):
        return None
    steps: list[Operator] = []
    for axis, (n, low, high) in enumerate(
        zip(shape, widths[:half].tolist(), widths[half:].tolist(), strict=True)
    ):
        if low == high == 0:
            continue
        if n is None or axis == 0 or low < 0 or high < 0:
            return None
        places: Array = np.pad(np.arange(n), (low, high), mode=mode)  # type: ignore[call-overload] # its modes are literals
        steps.append(Take(indices=places, axis=axis))
    return (tuple(steps), (use.node.input[0],)) if steps else None


def depth_to_space(use: Use) -> Conversion | None:
    """Convert DepthToSpace (pixel shuffle)."""
    shape, size = use.shape(0), use.attributes["blocksize"]
    if shape is None or len(shape) != 4 or None in shape[1:]:
        return None
    channels, height, width = (n or 0 for n in shape[1:])
    first = use.attributes.get("mode", b"DCR") == b"DCR"
    blocks = (size, size, channels // size**2) if first else (channels // size**2, size, size)
    order = (0, 3, 4, 1, 5, 2) if first else (0, 1, 4, 2, 5, 3)
    steps = (
        Reshape(shape=(0, *blocks, height, width)),
        Transpose(permutation=order),
        Reshape(shape=(0, channels // size**2, height * size, width * size)),
    )
    return steps, (use.node.input[0],)


def split(use: Use) -> list[Operator] | None:
    """Convert Split: a slice for each output; None where its places are not known."""
    node, shape = use.node, use.shape(0)
    sizes = use.constant(1, "split")
    axis = use.attributes.get("axis", 0)
    count = len(node.output)
    if (use.given(1) and sizes is None) or shape is None:
        return None
    length = shape[axis]
    if sizes is None:
        if length is None:
            return None
        each = -(-length // count)
        sizes = np.minimum(np.arange(1, count + 1) * each, length) - np.arange(count) * each
    ends = np.cumsum(sizes).tolist()
    starts = [0, *ends[:-1]]
    return [Slice(ranges=((axis, a, b, 1),)) for a, b in zip(starts, ends, strict=True)]


def _reshape(shape: list[int | None]) -> Reshape | None:
    """Return a reshape to a shape whose first axis stays, with at most one more that is not known."""
    rest = [-1 if n is None else n for n in shape[1:]]
    return None if rest.count(-1) > 1 or 0 in rest else Reshape(shape=(0, *rest))


def _product(sizes: list[int | None]) -> int | None:
    return None if None in sizes else int(np.prod([n for n in sizes if n is not None]))
