"""ONNX convolutions and pools: their attributes as a `Window`."""

from collections.abc import Mapping
from typing import Any

import onnx

from nonlin.networks.array import Array
from nonlin.networks.network import Operator
from nonlin.networks.window import AveragePool, Convolution, MaxPool, Window

__all__ = ["average_pool", "convolution", "global_max_pool", "max_pool"]

Shape = tuple[int | None, ...] | None
Made = tuple[tuple[Operator, ...], tuple[str, ...]]


def convolution(
    node: onnx.NodeProto,
    attributes: Mapping[str, Any],
    shape: Shape,
    constants: tuple[Array | None, Array | None],
) -> Made | None:
    """Convert Conv; None where the kernel is computed or the padding cannot be known."""
    weight, bias = constants
    if weight is None or (len(node.input) > 2 and node.input[2] and bias is None):
        return None
    window = _window(attributes, tuple(weight.shape[2:]), shape)
    if window is None:
        return None
    made = Convolution(weight=weight, bias=bias, window=window, groups=attributes.get("group", 1))
    return (made,), (node.input[0],)


def max_pool(node: onnx.NodeProto, attributes: Mapping[str, Any], shape: Shape) -> Made | None:
    """Convert MaxPool; None where its indices are asked for or the padding cannot be known."""
    window = _window(attributes, tuple(attributes["kernel_shape"]), shape)
    if window is None or len(node.output) > 1:
        return None
    return (MaxPool(window=window),), (node.input[0],)


def global_max_pool(node: onnx.NodeProto, shape: Shape) -> Made | None:
    """Convert GlobalMaxPool, one window over all positions; None where their number is not known."""
    sizes = () if shape is None else shape[2:]
    size = tuple(n for n in sizes if n is not None)
    if not size or len(size) < len(sizes):
        return None
    ones = (1,) * len(size)
    window = Window(size=size, strides=ones, dilations=ones, padding=((0, 0),) * len(size))
    return (MaxPool(window=window),), (node.input[0],)


def average_pool(node: onnx.NodeProto, attributes: Mapping[str, Any], shape: Shape) -> Made | None:
    """Convert AveragePool; None where the padding cannot be known, or is counted in windows that hang over the edge."""
    window = _window(attributes, tuple(attributes["kernel_shape"]), shape)
    counted = bool(attributes.get("count_include_pad", 0))
    if attributes.get("ceil_mode", 0):
        # what hangs over is not counted, whatever is said of the padding
        if counted and (
            any(attributes.get("pads", ())) or attributes.get("auto_pad", b"").startswith(b"SAME")
        ):
            return None
        counted = False
    if window is None:
        return None
    return (AveragePool(window=window, count_padding=counted),), (node.input[0],)


def _window(attributes: Mapping[str, Any], size: tuple[int, ...], shape: Shape) -> Window | None:
    ones = (1,) * len(size)
    strides = tuple(attributes.get("strides", ones))
    dilations = tuple(attributes.get("dilations", ones))
    automatic = attributes.get("auto_pad", b"NOTSET").decode()
    space = (None,) * len(size) if shape is None else shape[2:]
    padding: list[tuple[int, int]] = []
    pads = attributes.get("pads", (0,) * (2 * len(size)))
    for i, n in enumerate(space):
        reach = (size[i] - 1) * dilations[i] + 1
        if automatic in ("SAME_UPPER", "SAME_LOWER"):
            if n is None:
                return None
            total = max((-(-n // strides[i]) - 1) * strides[i] + reach - n, 0)
            small, large = total // 2, total - total // 2
            padding.append((small, large) if automatic == "SAME_UPPER" else (large, small))
            continue
        before, after = (0, 0) if automatic == "VALID" else (pads[i], pads[len(size) + i])
        if attributes.get("ceil_mode", 0):
            if n is None:
                return None
            overhang = _overhang(n + before, after, reach, strides[i])
            if overhang is None:
                return None
            after += overhang
        padding.append((int(before), int(after)))
    return Window(size=size, strides=strides, dilations=dilations, padding=tuple(padding))


def _overhang(length: int, after: int, reach: int, stride: int) -> int | None:
    """Return how far the last window of a ceil-mode pool hangs over.

    None where it would start behind the input: ONNX Runtime leaves such a window out, but ONNX's shape inference counts
    it, so that the shapes of all that follows would be wrong.
    """
    positions = -(-(length + after - reach) // stride) + 1
    if (positions - 1) * stride >= length:
        return None
    return max((positions - 1) * stride + reach - length - after, 0)
