"""The part of an ONNX graph that some data takes: its sizes put in, and the branches of its conditions chosen.

Exporters write "if the sampling rate is 16 kHz" and "if this axis has length 1" into the graph. With the data at hand
these are decided, and what is left is a plain network whose every call can be seen.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from nonlin.networks.onnx_reader import constants_of

__all__ = ["Conditions", "specialised", "with_shapes"]

Array = npt.NDArray[Any]
Conditions = dict[str, bool]
Evaluate = Callable[[onnx.ModelProto, list[str]], dict[str, Array]]
"""Runs a model on the data at hand and returns the tensors of these names."""

_DEEPEST = 8


def specialised(
    model: onnx.ModelProto, feeds: Mapping[str, Array], evaluate: Evaluate
) -> tuple[onnx.ModelProto, Conditions]:
    """Return a copy of a model for data of these shapes, and the conditions that were decided by running it.

    Args:
        model: the model; it is not changed.
        feeds: one piece of the data, by input name; numbers (arrays without an axis) become constants.
        evaluate: decides the conditions that are not constants.

    Returns:
        The model, and the value of each condition that must hold for the rest of the data too.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    _put_in(copy.graph, feeds)
    decided: Conditions = {}
    for _ in range(_DEEPEST):
        choices = [node for node in copy.graph.node if node.op_type == "If"]
        if not choices:
            break
        known = constants_of(copy)
        unknown = [node.input[0] for node in choices if node.input[0] not in known]
        found = evaluate(copy, unknown) if unknown else {}
        decided |= {name: bool(np.all(value)) for name, value in found.items() if name in unknown}
        truth = {n.input[0]: bool(np.all(known.get(n.input[0], found.get(n.input[0])))) for n in choices}
        _choose(copy.graph, truth)
    return copy, decided


def with_shapes(
    model: onnx.ModelProto, once: Mapping[str, Array], twice: Mapping[str, Array]
) -> onnx.ModelProto:
    """Return a copy of a model that declares the shapes which a run has shown, so that less of it must be guessed.

    Args:
        model: it is not changed.
        once: the tensors of a run, by name.
        twice: those of a run of twice the samples, whose longer axes are those of the samples; empty where the model
            takes no more samples at once.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = {value.name for value in (*copy.graph.input, *copy.graph.output)}
    del copy.graph.value_info[:]
    for name, value in once.items():
        longer = twice.get(name, value).shape
        if name in known or len(longer) != value.ndim:
            continue
        shape = [n if n == m else None for n, m in zip(value.shape, longer, strict=True)]
        kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
        copy.graph.value_info.append(onnx.helper.make_tensor_value_info(name, kind, shape))
    return copy


def _put_in(graph: onnx.GraphProto, feeds: Mapping[str, Array]) -> None:
    for value in list(graph.input):
        array = feeds.get(value.name)
        if array is None:
            continue
        if array.ndim == 0:
            graph.input.remove(value)
            graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
            continue
        dims = value.type.tensor_type.shape.dim
        for axis in range(1, min(len(dims), array.ndim)):
            dims[axis].dim_value = array.shape[axis]


def _choose(graph: onnx.GraphProto, truth: Mapping[str, bool]) -> None:
    nodes = list(graph.node)
    del graph.node[:]
    for index, node in enumerate(nodes):
        if node.op_type != "If" or node.input[0] not in truth:
            graph.node.append(node)
            continue
        wanted = "then_branch" if truth[node.input[0]] else "else_branch"
        branch = next(a.g for a in node.attribute if a.name == wanted)
        _inline(graph, node, branch, prefix=f"{node.name or f'If_{index}'}/")


def _inline(graph: onnx.GraphProto, node: onnx.NodeProto, branch: onnx.GraphProto, *, prefix: str) -> None:
    own = {t.name for t in branch.initializer} | {
        name for inner in branch.node for name in inner.output if name
    }
    renamed = {name: prefix + name for name in own}
    for tensor in branch.initializer:
        copied = graph.initializer.add()
        copied.CopyFrom(tensor)
        copied.name = renamed[tensor.name]
    for inner in branch.node:
        copied = graph.node.add()
        copied.CopyFrom(inner)
        _rename(copied, renamed)
    for outer, result in zip(node.output, branch.output, strict=True):
        made = renamed.get(result.name, result.name)
        graph.node.append(onnx.helper.make_node("Identity", [made], [outer], name=f"{prefix}{outer}"))


def _rename(node: onnx.NodeProto, renamed: Mapping[str, str]) -> None:
    for names in (node.input, node.output):
        new = [renamed.get(name, name) for name in names]
        del names[:]
        names.extend(new)
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            hidden = {v.name for v in inner.input} | {n for i in inner.node for n in i.output}
            outer = {old: new for old, new in renamed.items() if old not in hidden}
            for nested in inner.node:
                _rename(nested, outer)
            for value in inner.output:
                value.name = outer.get(value.name, value.name)
