"""ONNX's own tests of its operators, which come with the package `onnx`, in the forms in which networks use them."""

import warnings
from functools import cache

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper


@cache
def cases():
    """Return {operator: [(name, model, inputs, outputs)]} for every case of one operator on plain arrays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some cases overflow on purpose
        from onnx.backend.test.case.node import collect_testcases

        collected = collect_testcases(None)
    table = {}
    for case in collected:
        for inputs, outputs in case.data_sets:
            arrays = [[as_array(x) for x in part] for part in (inputs, outputs)]
            operators = {node.op_type for node in case.model.graph.node}
            if len(operators) == 1 and all(x is not None for part in arrays for x in part):
                table.setdefault(operators.pop(), []).append((case.name, case.model, *arrays))
    return table


def as_array(x):
    if isinstance(x, TensorProto):
        x = numpy_helper.to_array(x)
    return np.asarray(x) if isinstance(x, np.ndarray | np.generic) else None


def forms(model, inputs):
    """Yield (model, feeds) with every input fed, and with each one fed and the others stored as constants."""
    yield model, {value.name: x for value, x in zip(model.graph.input, inputs, strict=False)}
    for fed in range(len(inputs) if len(inputs) > 1 else 0):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        values = list(copy.graph.input)
        del copy.graph.input[:]
        copy.graph.input.append(values[fed])
        for i, (value, x) in enumerate(zip(values, inputs, strict=False)):
            if i != fed:
                copy.graph.initializer.append(numpy_helper.from_array(x, value.name))
        yield copy, {values[fed].name: inputs[fed]}


def in_double(model, feeds):
    """Return a model and its inputs with every float32 made float64."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    for value in (*wide.graph.input, *wide.graph.output, *wide.graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for tensor in wide.graph.initializer:
        widen(tensor)
    for node in wide.graph.node:
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
            if attribute.HasField("t"):
                widen(attribute.t)
    return wide, {name: x.astype(np.float64) if x.dtype == np.float32 else x for name, x in feeds.items()}


def widen(tensor):
    if tensor.data_type == TensorProto.FLOAT:
        array = numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
