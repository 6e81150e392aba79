"""Runs ONNX models to compare them: in their own arithmetic, and with every floating number a float64."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from nonlin.errors import UnsupportedModelError
from nonlin.networks.array import Array

__all__ = ["Runner", "doubled", "runner_of"]

Runner = Callable[[Mapping[str, Array]], list[Array]]

_NARROW = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16}
_DOUBLE = onnx.TensorProto.DOUBLE


def runner_of(model: onnx.ModelProto) -> Runner:
    """Return what runs a model: ONNX Runtime where it is installed and takes it, else ONNX's reference.

    Raises:
        UnsupportedModelError: if neither takes it.
    """
    reason = ""
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except ImportError:
        pass
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors have no common base
        reason = str(error).strip().splitlines()[0]
    else:
        return lambda feeds: [np.asarray(x) for x in session.run(None, dict(feeds))]
    try:
        from nonlin.simplification.windows import WINDOWS

        evaluator = ReferenceEvaluator(model, new_ops=WINDOWS)
    except Exception as error:
        raise UnsupportedModelError(
            f"expected a model that can be run to check it, but neither ONNX Runtime nor ONNX takes it: "
            f"{reason or error}"
        ) from error
    return lambda feeds: _quietly(evaluator, feeds)


def _quietly(evaluator: Any, feeds: Mapping[str, Array]) -> list[Array]:
    with np.errstate(all="ignore"):
        return [np.asarray(x) for x in evaluator.run(None, dict(feeds))]


def doubled(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model that computes the same in float64.

    Raises:
        UnsupportedModelError: if it holds functions of its own, whose types are not known.
    """
    if model.functions:
        raise UnsupportedModelError("expected a model without functions of its own to run it in float64")
    made = onnx.ModelProto()
    made.CopyFrom(model)
    _double(made.graph)
    return made


def _double(graph: onnx.GraphProto) -> None:
    for tensor in graph.initializer:
        _widen(tensor)
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type in _NARROW:
            value.type.tensor_type.elem_type = _DOUBLE
    for node in graph.node:
        for attribute in node.attribute:
            _double_attribute(node, attribute)


def _double_attribute(node: onnx.NodeProto, attribute: onnx.AttributeProto) -> None:
    if attribute.HasField("t"):
        _widen(attribute.t)
    if attribute.HasField("g"):
        _double(attribute.g)
    for inner in attribute.graphs:
        _double(inner)
    if node.op_type == "Cast" and attribute.name == "to" and attribute.i in _NARROW:
        attribute.i = _DOUBLE


def _widen(tensor: onnx.TensorProto) -> None:
    if tensor.data_type in _NARROW:
        tensor.CopyFrom(
            numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name)
        )
