"""The affine layer in front of each call of an ONNX model, as the file has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from nonlin.inspection.curing.layer_weights import LayerWeights
from nonlin.inspection.onnx_calls import calls_of
from nonlin.networks import Network

__all__ = ["Shaping", "shaping_of", "weights_of"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaping:
    """Where the weights of a layer are stored.

    Args:
        node: the product or convolution.
        output: the tensor behind the layer with its bias.
        weight: the initialiser's name.
        bias: the same; None where there is none.
        inputs_first: whether the weight is stored as (inputs, units).
    """

    node: onnx.NodeProto
    output: str
    weight: str
    bias: str | None
    inputs_first: bool

    @property
    def name(self) -> str:
        """The node's name."""
        return str(self.node.name or self.node.output[0])


def shaping_of(graph: onnx.GraphProto, tensor: str) -> Shaping | None:
    """Return the layer whose output a tensor is, None where it is none with stored weights."""
    stored = {initializer.name for initializer in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    node = made.get(tensor)
    if node is None:
        return None
    bias = None
    if node.op_type == "Add":
        bias = next((name for name in node.input if name in stored), None)
        before = next((made[name] for name in node.input if name in made), None)
        if bias is None or before is None or before.op_type != "MatMul":
            return None
        node = before
    if node.op_type not in ("Gemm", "Conv", "MatMul") or len(node.input) < 2 or node.input[1] not in stored:
        return None
    options = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    if node.op_type == "Gemm" and (
        options.get("transA") or options.get("alpha", 1) != 1 or options.get("beta", 1) != 1
    ):
        return None
    if node.op_type != "MatMul" and len(node.input) > 2:
        bias = node.input[2]
        if bias not in stored:
            return None
    first = node.op_type == "MatMul" or (node.op_type == "Gemm" and not options.get("transB"))
    return Shaping(node=node, output=tensor, weight=node.input[1], bias=bias, inputs_first=first)


def weights_of(graph: onnx.GraphProto, network: Network) -> Mapping[str, LayerWeights]:
    """Return the layer that shapes each call's pre-activation, by the call's name."""
    stored = {initializer.name: initializer for initializer in graph.initializer}
    found = {}
    for node in calls_of(network):
        shaping = shaping_of(graph, node.inputs[0])
        if shaping is None:
            continue
        weight = numpy_helper.to_array(stored[shaping.weight]).astype(np.float64)
        if shaping.inputs_first:
            weight = np.moveaxis(weight, -1, 0)
        bias = (
            None if shaping.bias is None else numpy_helper.to_array(stored[shaping.bias]).astype(np.float64)
        )
        found[node.name] = LayerWeights(
            name=shaping.name,
            weight=weight.reshape(len(weight), -1),
            bias=None if bias is None else bias.ravel(),
        )
    return found
