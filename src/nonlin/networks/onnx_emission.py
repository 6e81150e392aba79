"""ONNX nodes and weights as they are written, one after the other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from nonlin.errors import UnsupportedModelError

__all__ = ["Emission"]

_SINCE = {
    "Celu": 12,
    "Clip": 11,
    "Cos": 7,
    "Erf": 9,
    "Gelu": 20,
    "Greater": 9,
    "GreaterOrEqual": 12,
    "Less": 9,
    "LessOrEqual": 12,
    "HardSwish": 14,
    "IsNaN": 9,
    "LayerNormalization": 17,
    "Mish": 18,
    "Pad": 11,
    "Sin": 7,
    "Slice": 10,
    "Where": 9,
}
"""The version of the standard operators from which on one exists in the form in which it is written here."""


@dataclass(slots=True, kw_only=True)
class Emission:
    """The nodes and weights written so far.

    Args:
        opset: the version of the standard operators.
        dtype: the element type of the weights that are written anew; None where none can be.
        ranks: the number of axes of each tensor, where it is known.
    """

    opset: int
    dtype: Any
    ranks: Mapping[str, int]
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def store(self, name: str, array: Any, dtype: Any = None) -> str:
        """Store an array under a name; floating unless a dtype says otherwise."""
        if dtype is None and self.dtype is None:
            raise UnsupportedModelError(
                f"expected a file whose weights are of one floating type to write {name} into, got several; say which "
                "with dtype="
            )
        made = np.ascontiguousarray(np.asarray(array, dtype or self.dtype)).reshape(np.shape(array))
        self.weights[name] = numpy_helper.from_array(made, name)
        return name

    def has(self, operator: str) -> bool:
        """Return whether the file's version of the standard operators has one."""
        return self.opset >= _SINCE.get(operator, 0)

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Append a node, named after what it makes."""
        if not self.has(operator):
            raise UnsupportedModelError(
                f"expected a file of opset {_SINCE[operator]} or later to write {operator} into, got opset "
                f"{self.opset}; convert it with onnx.version_converter"
            )
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output
