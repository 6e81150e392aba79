"""What a converter gets: one ONNX node, and what is known about the graph around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from nonlin.networks.array import Array
from nonlin.networks.network import Operator

__all__ = ["Conversion", "Graph", "Use", "single"]

Conversion = tuple[tuple[Operator, ...], tuple[str, ...]]
"""The operators, one after the other, that do the same, and the names of the tensors that the first of them reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What is known about the graph around a node.

    Args:
        constants: the value of every constant tensor by name.
        shapes: the inferred shape of every other tensor; None for an axis that is not known.
        whole: the other tensors that hold whole numbers or booleans.
        makers: the node that makes each tensor.
        opset: the version of the standard operators.
        batch_of_one: whether the model was exported for a single sample, so that a leading 1 means the batch.
    """

    constants: Mapping[str, Array]
    shapes: Mapping[str, tuple[int | None, ...]]
    whole: frozenset[str]
    makers: Mapping[str, onnx.NodeProto]
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

    def number(self, attribute: str) -> float:
        """Return a number among the attributes, by default the standard's, which is a float32: 0.01 is 0.0099999998.

        Raises:
            onnx.defs.SchemaError: if the standard of this opset has no such operator.
        """
        value = self.attributes.get(attribute)
        if value is None:
            schema = onnx.defs.get_schema(self.node.op_type, self.graph.opset, "")
            value = schema.attributes[attribute].default_value.f
        return float(value)

    def given(self, position: int) -> bool:
        """Whether an optional input is given."""
        return position < len(self.node.input) and bool(self.node.input[position])

    def shape(self, position: int) -> tuple[int | None, ...] | None:
        """Return the inferred shape of an input."""
        return self.graph.shapes.get(self.node.input[position])

    def rank(self, position: int) -> int | None:
        """Return the number of axes of an input; a convolution's weight tells it where no shape is inferred."""
        name = self.node.input[position]
        if name in self.graph.shapes:
            return len(self.graph.shapes[name])
        maker = self.graph.makers.get(name)
        weight = (
            self.graph.constants.get(maker.input[1])
            if maker is not None and maker.op_type == "Conv"
            else None
        )
        return None if weight is None else int(weight.ndim)


def single(operator: Operator, use: Use, count: int = 1) -> Conversion:
    """Return one operator that reads the first inputs of the node."""
    return (operator,), tuple(use.node.input[:count])
