"""How each operator of a network is written as ONNX nodes."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper

from nonlin.errors import UnsupportedModelError
from nonlin.networks import onnx_emission_calls
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.network import Node
from nonlin.networks.normalization import Normalize
from nonlin.networks.onnx_emission import Emission
from nonlin.networks.shape import Cast, Concatenate, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import AveragePool, Convolution, MaxPool, Window

__all__ = ["emit", "has_bias"]

_GEMM_WITHOUT_BIAS = 11
_AXES_AS_INPUT = {"ReduceMean": 18, "ReduceSum": 13}


def emit(node: Node, emission: Emission) -> None:
    """Write a node.

    Raises:
        UnsupportedModelError: if ONNX has no operator for it; it is named.
    """
    writer = _WRITERS.get(type(node.operator).__name__)
    if writer is None:
        raise UnsupportedModelError(
            f"node '{node.name}' ({getattr(node.operator, 'operator', type(node.operator).__name__)}) cannot be "
            "written as ONNX without the file that it was read from; read it with nonlin.read"
        )
    writer(node, emission)


def _simple(operator: str) -> Callable[[Node, Emission], None]:
    def write(node: Node, emission: Emission) -> None:
        emission.add(operator, list(node.inputs), node.output)

    return write


def _dense(node: Node, emission: Emission) -> None:
    layer, out = node.operator, node.output
    assert isinstance(layer, Dense)  # noqa: S101 - by the table
    biased = has_bias(layer)
    if emission.ranks.get(node.inputs[0]) == 2 and (biased or emission.opset >= _GEMM_WITHOUT_BIAS):
        weights = [emission.store(f"{out}/weight", layer.weight)]
        if biased:
            weights.append(emission.store(f"{out}/bias", layer.bias))
        emission.add("Gemm", [node.inputs[0], *weights], out, transB=1)
        return
    weight = emission.store(f"{out}/weight", layer.weight.T)
    if not biased:
        emission.add("MatMul", [node.inputs[0], weight], out)
        return
    product = emission.add("MatMul", [node.inputs[0], weight], f"{out}/product")
    emission.add("Add", [product, emission.store(f"{out}/bias", layer.bias)], out)


def has_bias(layer: Dense | Convolution) -> bool:
    """Return whether a bias is written: one of zeros is not."""
    return layer.bias is not None and bool(np.any(layer.bias))


def _convolution(node: Node, emission: Emission) -> None:
    layer, out = node.operator, node.output
    assert isinstance(layer, Convolution)  # noqa: S101 - by the table
    weights = [emission.store(f"{out}/weight", layer.weight)]
    if has_bias(layer):
        weights.append(emission.store(f"{out}/bias", layer.bias))
    emission.add(
        "Conv", [node.inputs[0], *weights], out, group=layer.groups, **_window(layer.window, dilations=True)
    )


def _window(window: Window, *, dilations: bool) -> dict[str, Any]:
    pads = [before for before, _ in window.padding] + [after for _, after in window.padding]
    made: dict[str, Any] = {"kernel_shape": window.size, "strides": window.strides, "pads": pads}
    return {**made, "dilations": window.dilations} if dilations else made


def _max_pool(node: Node, emission: Emission) -> None:
    pool = node.operator
    assert isinstance(pool, MaxPool)  # noqa: S101 - by the table
    dilated = any(d != 1 for d in pool.window.dilations)
    emission.add("MaxPool", list(node.inputs), node.output, **_window(pool.window, dilations=dilated))


def _average_pool(node: Node, emission: Emission) -> None:
    pool = node.operator
    assert isinstance(pool, AveragePool)  # noqa: S101 - by the table
    dilated = any(d != 1 for d in pool.window.dilations)
    emission.add(
        "AveragePool",
        list(node.inputs),
        node.output,
        count_include_pad=int(pool.count_padding),
        **_window(pool.window, dilations=dilated),
    )


def _elementwise(node: Node, emission: Emission) -> None:
    operator, out, last = node.operator, node.output, node.inputs[0]
    assert isinstance(operator, Elementwise)  # noqa: S101 - by the table
    shifted = bool(np.any(operator.shift != 0))
    if np.any(operator.scale != 1):
        name = f"{out}/scaled" if shifted else out
        last = emission.add("Mul", [last, emission.store(f"{out}/scale", operator.scale)], name)
    if shifted:
        emission.add("Add", [last, emission.store(f"{out}/shift", operator.shift)], out)
    elif last != out:
        emission.add("Identity", [last], out)


def _sum(node: Node, emission: Emission) -> None:
    operator = node.operator
    assert isinstance(operator, Sum)  # noqa: S101 - by the table
    last = node.inputs[0]
    if operator.signs[0] < 0:
        last = emission.add("Neg", [last], f"{node.output}/0")
    for i, (sign, name) in enumerate(zip(operator.signs[1:], node.inputs[1:], strict=True), 1):
        out = node.output if i == len(operator.signs) - 1 else f"{node.output}/{i}"
        last = emission.add("Add" if sign > 0 else "Sub", [last, name], out)
    if last != node.output:
        emission.add("Identity", [last], node.output)


def _reduce(node: Node, emission: Emission) -> None:
    operator = node.operator
    assert isinstance(operator, Reduce)  # noqa: S101 - by the table
    name = "ReduceMean" if operator.mean else "ReduceSum"
    keep = int(operator.keepdims)
    if emission.opset < _AXES_AS_INPUT[name]:
        emission.add(name, list(node.inputs), node.output, axes=operator.axes, keepdims=keep)
        return
    axes = emission.store(f"{node.output}/axes", operator.axes, np.int64)
    emission.add(name, [node.inputs[0], axes], node.output, keepdims=keep)


def _reshape(node: Node, emission: Emission) -> None:
    operator = node.operator
    assert isinstance(operator, Reshape)  # noqa: S101 - by the table
    shape = emission.store(f"{node.output}/shape", operator.shape, np.int64)
    emission.add("Reshape", [node.inputs[0], shape], node.output)


def _transpose(node: Node, emission: Emission) -> None:
    operator = node.operator
    assert isinstance(operator, Transpose)  # noqa: S101 - by the table
    given = {} if operator.permutation is None else {"perm": operator.permutation}
    emission.add("Transpose", list(node.inputs), node.output, **given)


def _slice(node: Node, emission: Emission) -> None:
    operator, out = node.operator, node.output
    assert isinstance(operator, Slice)  # noqa: S101 - by the table
    end = np.iinfo(np.int64).max
    columns = {
        "starts": [r[1] or 0 for r in operator.ranges],
        "ends": [end if r[2] is None else r[2] for r in operator.ranges],
        "axes": [r[0] for r in operator.ranges],
        "steps": [r[3] for r in operator.ranges],
    }
    stored = [emission.store(f"{out}/{name}", values, np.int64) for name, values in columns.items()]
    emission.add("Slice", [node.inputs[0], *stored], out)


def _take(node: Node, emission: Emission) -> None:
    operator = node.operator
    assert isinstance(operator, Take)  # noqa: S101 - by the table
    indices = emission.store(f"{node.output}/indices", operator.indices, np.int64)
    emission.add("Gather", [node.inputs[0], indices], node.output, axis=operator.axis)


def _pad(node: Node, emission: Emission) -> None:
    operator, out = node.operator, node.output
    assert isinstance(operator, Pad)  # noqa: S101 - by the table
    widths = [before for before, _ in operator.widths] + [after for _, after in operator.widths]
    stored = [emission.store(f"{out}/pads", widths, np.int64), emission.store(f"{out}/value", operator.value)]
    emission.add("Pad", [node.inputs[0], *stored], out)


def _concatenate(node: Node, emission: Emission) -> None:
    operator = node.operator
    assert isinstance(operator, Concatenate)  # noqa: S101 - by the table
    emission.add("Concat", list(node.inputs), node.output, axis=operator.axis)


def _cast(node: Node, emission: Emission) -> None:
    operator = node.operator
    assert isinstance(operator, Cast)  # noqa: S101 - by the table
    to = helper.np_dtype_to_tensor_dtype(np.dtype(operator.dtype))
    emission.add("Cast", list(node.inputs), node.output, to=to)


def _normalize(node: Node, emission: Emission) -> None:
    operator, out = node.operator, node.output
    assert isinstance(operator, Normalize)  # noqa: S101 - by the table
    one = emission.store(f"{out}/one", np.ones((1,) * operator.axes))
    emission.add(
        "LayerNormalization", [node.inputs[0], one], out, axis=-operator.axes, epsilon=operator.epsilon
    )


_WRITERS: dict[str, Callable[[Node, Emission], None]] = {
    "Activation": onnx_emission_calls.activation,
    "AveragePool": _average_pool,
    "Cast": _cast,
    "Concatenate": _concatenate,
    "Convolution": _convolution,
    "Dense": _dense,
    "Divide": _simple("Div"),
    "Elementwise": _elementwise,
    "Identity": _simple("Identity"),
    "MatrixProduct": _simple("MatMul"),
    "MaxPool": _max_pool,
    "Multiply": _simple("Mul"),
    "Normalize": _normalize,
    "Pad": _pad,
    "ParametricRelu": onnx_emission_calls.parametric_relu,
    "Reduce": _reduce,
    "Reshape": _reshape,
    "Select": onnx_emission_calls.select,
    "Slice": _slice,
    "Softmax": onnx_emission_calls.softmax,
    "Sum": _sum,
    "Take": _take,
    "Transpose": _transpose,
}
