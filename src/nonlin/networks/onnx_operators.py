"""What each ONNX operator means in nonlin's terms; what is not in the table is opaque."""

from collections.abc import Callable

import onnx

from nonlin.networks import onnx_calls, onnx_linear, onnx_moves, onnx_steps
from nonlin.networks.network import Operator
from nonlin.networks.onnx_use import Conversion, Graph, Use
from nonlin.networks.onnx_windows import average_pool, convolution, global_max_pool, max_pool

__all__ = ["convert", "convert_split"]

_Converter = Callable[[Use], Conversion | None]
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
    "Where",
}


def convert(node: onnx.NodeProto, graph: Graph) -> Conversion | None:
    """Return what a node does, or None if it is not understood."""
    converter = _CONVERTERS.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    if converter is None or (node.op_type not in _MOVES and graph.whole.intersection(node.input)):
        return None  # whole numbers divide and average in another way
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    try:
        made = converter(Use(node=node, graph=graph, attributes=attributes))
    except (IndexError, KeyError, TypeError, ValueError, onnx.defs.SchemaError):
        return None  # a parameter that the catalogue does not take, such as min > max, or weights that do not fit
    return None if made is None or any(name in graph.constants for name in made[1]) else made


def convert_split(node: onnx.NodeProto, graph: Graph) -> list[Operator] | None:
    """Return what a Split does for each of its outputs, or None if that is not understood."""
    if node.op_type != "Split" or node.domain not in ("", "ai.onnx") or node.input[0] in graph.constants:
        return None
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return onnx_steps.split(Use(node=node, graph=graph, attributes=attributes))


_CONVERTERS: dict[str, _Converter] = {
    "Abs": onnx_calls.plain("abs"),
    "Add": onnx_linear.arithmetic,
    "Atan": onnx_calls.plain("arctan"),
    "AveragePool": lambda use: average_pool(use.node, use.attributes, use.shape(0)),
    "BatchNormalization": onnx_linear.batch_norm,
    "Cast": onnx_moves.cast,
    "Celu": onnx_calls.plain("celu", alpha="alpha"),
    "Clip": onnx_calls.clip,
    "Concat": onnx_moves.concatenate,
    "Conv": lambda use: convolution(
        use.node, use.attributes, use.shape(0), (use.constant(1), use.constant(2))
    ),
    "ConvTranspose": onnx_steps.transposed_convolution,
    "Cos": onnx_calls.plain("cosine"),
    "DepthToSpace": onnx_steps.depth_to_space,
    "Div": onnx_linear.arithmetic,
    "Dropout": onnx_moves.identity,
    "Elu": onnx_calls.plain("elu", alpha="alpha"),
    "Erf": lambda use: onnx_calls.step("erf(x)", use),
    "Exp": lambda use: onnx_calls.step("exp(x)", use),
    "Flatten": onnx_moves.shaped,
    "Gather": onnx_moves.gather,
    "Gelu": onnx_calls.gelu,
    "Gemm": onnx_linear.gemm,
    "GlobalAveragePool": onnx_linear.global_average,
    "GlobalMaxPool": lambda use: global_max_pool(use.node, use.shape(0)),
    "HardSigmoid": onnx_calls.hard_sigmoid,
    "HardSwish": onnx_calls.plain("hardswish"),
    "Identity": onnx_moves.identity,
    "LayerNormalization": onnx_linear.layer_norm,
    "LeakyRelu": onnx_calls.plain("leaky_relu", negative_slope="alpha"),
    "LogSoftmax": onnx_calls.softmax,
    "MatMul": onnx_linear.matmul,
    "Max": onnx_calls.maximum,
    "MaxPool": lambda use: max_pool(use.node, use.attributes, use.shape(0)),
    "Min": onnx_calls.minimum,
    "Mish": onnx_calls.plain("mish"),
    "Mul": onnx_linear.arithmetic,
    "Neg": onnx_linear.negate,
    "PRelu": onnx_calls.prelu,
    "Pow": onnx_calls.power,
    "Pad": onnx_moves.pad,
    "ReduceMax": onnx_steps.reduced_maximum,
    "ReduceMean": onnx_linear.reduce,
    "ReduceMin": onnx_steps.reduced_maximum,
    "ReduceSum": onnx_linear.reduce,
    "Relu": onnx_calls.plain("relu"),
    "Resize": onnx_steps.resized,
    "Reshape": onnx_moves.shaped,
    "Selu": onnx_calls.plain("selu", alpha="alpha", scale="gamma"),
    "Sigmoid": onnx_calls.plain("sigmoid"),
    "Reciprocal": lambda use: onnx_calls.step("1 / x", use),
    "Sign": lambda use: onnx_calls.step("where(x > 0, 1, where(x < 0, -1, 0))", use),
    "Sin": onnx_calls.plain("sine"),
    "Slice": onnx_moves.cut,
    "Softmax": onnx_calls.softmax,
    "Softplus": onnx_calls.plain("softplus"),
    "Softsign": onnx_calls.plain("softsign"),
    "Sqrt": lambda use: onnx_calls.step("x ** 0.5", use),
    "Log": lambda use: onnx_calls.step("log(x)", use),
    "Squeeze": onnx_moves.shaped,
    "Sub": onnx_linear.arithmetic,
    "Sum": onnx_linear.add_up,
    "Swish": onnx_calls.plain("swish", beta="alpha"),
    "Tanh": onnx_calls.plain("tanh"),
    "ThresholdedRelu": onnx_calls.plain("thresholded_relu", alpha="alpha"),
    "Transpose": onnx_moves.transpose,
    "Unsqueeze": onnx_moves.shaped,
    "Where": onnx_calls.select,
}
