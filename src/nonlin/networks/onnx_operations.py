"""How each operator of a network is written as ONNX nodes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from nonlin.errors import UnsupportedModelError
from nonlin.functions import Function
from nonlin.networks.activation import Activation, ParametricRelu, Select, Softmax
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.network import Node
from nonlin.networks.normalization import Normalize
from nonlin.networks.shape import Cast, Concatenate, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import AveragePool, Convolution, MaxPool, Window

__all__ = ["Emission", "emit"]

_AXES_AS_INPUT = {"ReduceMean": 18, "ReduceSum": 13}
_PLAIN = {
    "abs": "Abs",
    "hardswish": "HardSwish",
    "identity": "Identity",
    "mish": "Mish",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "softsign": "Softsign",
    "tanh": "Tanh",
}
_WITH_PARAMETERS: dict[str, tuple[str, dict[str, str]]] = {
    "celu": ("Celu", {"alpha": "alpha"}),
    "elu": ("Elu", {"alpha": "alpha"}),
    "hardsigmoid_affine": ("HardSigmoid", {"alpha": "alpha", "beta": "beta"}),
    "leaky_relu": ("LeakyRelu", {"negative_slope": "alpha"}),
    "selu": ("Selu", {"alpha": "alpha", "scale": "gamma"}),
    "thresholded_relu": ("ThresholdedRelu", {"alpha": "alpha"}),
}
_SINCE = {"Celu": 12, "HardSwish": 14, "LayerNormalization": 17, "Mish": 18}
"""The version of the standard operators from which on one exists."""


@dataclass(slots=True, kw_only=True)
class Emission:
    """The nodes and weights written so far.

    Args:
        opset: the version of the standard operators.
        dtype: the element type of the weights that are written anew.
        ranks: the number of axes of each tensor, where it is known.
    """

    opset: int
    dtype: Any
    ranks: Mapping[str, int]
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def store(self, name: str, array: Any, dtype: Any = None) -> str:
        """Store an array under a name; floating unless a dtype says otherwise."""
        made = np.ascontiguousarray(np.asarray(array, dtype or self.dtype)).reshape(np.shape(array))
        self.weights[name] = numpy_helper.from_array(made, name)
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Append a node, named after what it makes."""
        if self.opset < _SINCE.get(operator, 0):
            raise UnsupportedModelError(
                f"expected a file of opset {_SINCE[operator]} or later to write {operator} into, got opset "
                f"{self.opset}; convert it with onnx.version_converter"
            )
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


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
    if emission.ranks.get(node.inputs[0]) == 2:
        weights = [emission.store(f"{out}/weight", layer.weight)]
        if layer.bias is not None:
            weights.append(emission.store(f"{out}/bias", layer.bias))
        emission.add("Gemm", [node.inputs[0], *weights], out, transB=1)
        return
    weight = emission.store(f"{out}/weight", layer.weight.T)
    if layer.bias is None:
        emission.add("MatMul", [node.inputs[0], weight], out)
        return
    product = emission.add("MatMul", [node.inputs[0], weight], f"{out}/product")
    emission.add("Add", [product, emission.store(f"{out}/bias", layer.bias)], out)


def _convolution(node: Node, emission: Emission) -> None:
    layer, out = node.operator, node.output
    assert isinstance(layer, Convolution)  # noqa: S101 - by the table
    weights = [emission.store(f"{out}/weight", layer.weight)]
    if layer.bias is not None:
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


def _activation(node: Node, emission: Emission) -> None:
    operator = node.operator
    assert isinstance(operator, Activation)  # noqa: S101 - by the table
    function, x, out = operator.function, node.inputs[0], node.output
    parameters = dict(function.parameters)
    if function.name in _PLAIN:
        emission.add(_PLAIN[function.name], [x], out)
    elif function.name in _WITH_PARAMETERS:
        name, renamed = _WITH_PARAMETERS[function.name]
        emission.add(name, [x], out, **{theirs: float(parameters[ours]) for ours, theirs in renamed.items()})
    elif function.name == "prelu":
        emission.add("LeakyRelu", [x], out, alpha=float(parameters["weight"]))
    elif function.name in ("silu", "hardsigmoid", "softplus", "relu6", "hardtanh"):
        _written_out(function, node, emission)
    else:
        raise UnsupportedModelError(
            f"node '{node.name}' calls {function.label}, which is no operator of ONNX; write its network from the "
            "file that it was read from"
        )


def _written_out(function: Function, node: Node, emission: Emission) -> None:
    parameters, x, out = dict(function.parameters), node.inputs[0], node.output
    if function.name == "silu":
        emission.add("Mul", [x, emission.add("Sigmoid", [x], f"{out}/gate")], out)
    elif function.name == "hardsigmoid":
        emission.add("HardSigmoid", [x], out, alpha=1 / 6, beta=0.5)
    elif function.name == "softplus" and parameters.get("beta", 1.0) == 1.0:
        emission.add("Softplus", [x], out)
    else:
        low, high = parameters.get("min_val", 0.0), parameters.get("max_val", 6.0)
        ends = [emission.store(f"{out}/{end}", value) for end, value in (("low", low), ("high", high))]
        emission.add("Clip", [x, *ends], out)


def _parametric_relu(node: Node, emission: Emission) -> None:
    operator = node.operator
    assert isinstance(operator, ParametricRelu)  # noqa: S101 - by the table
    emission.add(
        "PRelu", [node.inputs[0], emission.store(f"{node.output}/slopes", operator.slopes)], node.output
    )


def _softmax(node: Node, emission: Emission) -> None:
    operator = node.operator
    assert isinstance(operator, Softmax)  # noqa: S101 - by the table
    name = "LogSoftmax" if operator.logarithm else "Softmax"
    emission.add(name, list(node.inputs), node.output, axis=operator.axis)


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


def _select(node: Node, emission: Emission) -> None:
    operator, out = node.operator, node.output
    assert isinstance(operator, Select)  # noqa: S101 - by the table
    given = iter(node.inputs[1:])
    sides = [
        next(given) if value is None else emission.store(f"{out}/{name}", value)
        for name, value in (("above", operator.above), ("below", operator.below))
    ]
    threshold = emission.store(f"{out}/threshold", operator.threshold)
    comparison = "GreaterOrEqual" if operator.equal else "Greater"
    above = emission.add(comparison, [node.inputs[0], threshold], f"{out}/condition")
    emission.add("Where", [above, *sides], out)


_WRITERS: dict[str, Callable[[Node, Emission], None]] = {
    "Activation": _activation,
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
    "ParametricRelu": _parametric_relu,
    "Reduce": _reduce,
    "Reshape": _reshape,
    "Select": _select,
    "Slice": _slice,
    "Softmax": _softmax,
    "Sum": _sum,
    "Take": _take,
    "Transpose": _transpose,
}
