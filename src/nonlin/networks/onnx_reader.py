"""From an ONNX graph to a `Network`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from nonlin.networks.activation import Opaque
from nonlin.networks.affine import Dense, Elementwise
from nonlin.networks.array import Array
from nonlin.networks.finite import check_finite, nonfinite_tensors
from nonlin.networks.network import Network, Node, Operator, Origin, Tensor
from nonlin.networks.onnx_file import open_onnx, tensors_of
from nonlin.networks.onnx_operators import convert, convert_split
from nonlin.networks.onnx_use import Graph
from nonlin.networks.recognition import recognise
from nonlin.networks.recurrent import recurrence_of
from nonlin.networks.window import Convolution

__all__ = ["constants_of", "free_names", "inputs_of", "network_of", "opset_of", "read_onnx"]

_FOLDED_LIMIT = 10_000_000
_FLOATING = {
    number
    for name, number in onnx.TensorProto.DataType.items()
    if name.startswith(("FLOAT", "DOUBLE", "BFLOAT"))
}


def read_onnx(path: Path) -> Network:
    """Read a network from an ONNX file; see `open_onnx` and `check_finite` for what is refused."""
    model = open_onnx(path)
    check_finite(nonfinite_tensors(model), str(path))
    return network_of(model, name=path.name)


def network_of(model: onnx.ModelProto, *, name: str) -> Network:
    """Return the network of an ONNX model.

    Args:
        model: with its weights inside.
        name: what to call it.

    Returns:
        The network; operators that nonlin does not understand are opaque nodes in it.
    """
    graph = facts_of(model)
    inputs = inputs_of(model)
    outputs = tuple(_tensor(v) for v in model.graph.output)
    wanted = [tensor.name for tensor in outputs]
    nodes = recognise(absorb_biases(_needed(_nodes(model, graph), wanted), wanted), wanted)
    weights = (t for t in tensors_of(model.graph) if t.data_type in (1, 10, 11))
    parameters = sum(int(np.prod(t.dims)) for t in weights if len(t.dims) > 0)
    return Network(
        name=name,
        inputs=inputs,
        outputs=outputs,
        nodes=nodes,
        parameters=parameters,
        origin=Origin(model=model, nodes=nodes),
    )


def inputs_of(model: onnx.ModelProto) -> tuple[Tensor, ...]:
    """Return what must be fed to a model."""
    stored = {tensor.name for tensor in model.graph.initializer}
    return tuple(_tensor(value) for value in model.graph.input if value.name not in stored)


def constants_of(model: onnx.ModelProto) -> dict[str, Array]:
    """Return the value of every tensor that does not depend on the input, by name."""
    constants: dict[str, Array] = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    opset = opset_of(model)
    for node in model.graph.node:
        constants |= _folded(node, constants, opset)
    return constants


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of the standard operators that a model is written in."""
    return max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)


def facts_of(model: onnx.ModelProto) -> Graph:
    """Return what is known of a model's tensors before its nodes are read."""
    constants = constants_of(model)
    try:
        inferred = shape_inference.infer_shapes(model, data_prop=True).graph
    except (shape_inference.InferenceError, ValueError):
        inferred = model.graph
    known = (*inferred.input, *inferred.value_info, *inferred.output)
    shapes = {v.name: _shape(v) for v in known if v.type.tensor_type.HasField("shape")}
    whole = {v.name for v in known if v.type.tensor_type.elem_type not in (0, *_FLOATING)}
    leading = next((tensor.shape[0] for tensor in inputs_of(model) if tensor.shape), None)
    return Graph(
        constants=constants,
        shapes=shapes,
        whole=frozenset(whole.difference(constants)),
        makers={name: node for node in model.graph.node for name in node.output if name},
        opset=opset_of(model),
        batch_of_one=leading == 1,
    )


def _folded(node: onnx.NodeProto, constants: Mapping[str, Array], opset: int) -> dict[str, Array]:
    """Evaluate a node whose inputs are all constants."""
    if node.domain not in ("", "ai.onnx") or not all(not name or name in constants for name in node.input):
        return {}
    if node.op_type.startswith("Random") or any(a.HasField("g") for a in node.attribute):
        return {}
    feeds = {name: constants[name] for name in node.input if name}
    if sum(a.size for a in feeds.values()) > _FOLDED_LIMIT:
        return {}
    values = [onnx.helper.make_tensor_value_info(n, 0, None) for n in feeds]
    ends = [onnx.helper.make_tensor_value_info(n, 0, None) for n in node.output if n]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "constant", values, ends),
        opset_imports=[onnx.helper.make_opsetid("", opset)],
    )
    try:
        results = ReferenceEvaluator(model).run(None, feeds)
    except Exception:  # noqa: BLE001 - the evaluator raises anything; an unfolded node stays an opaque one
        return {}
    return dict(zip([n for n in node.output if n], map(np.asarray, results), strict=True))


def _nodes(model: onnx.ModelProto, graph: Graph) -> list[Node]:
    nodes: list[Node] = []
    taken: set[str] = set()
    read = {name for node in model.graph.node for name in node.input}
    read = read.union(v.name for v in model.graph.output) - {""}
    for index, node in enumerate(model.graph.node):
        if all(name in graph.constants for name in node.output if name):
            continue
        name = node.name or f"{node.op_type}_{index}"
        name = _free(name, taken)
        taken.add(name)
        parts = convert_split(node, graph)
        made = None if read.intersection(node.output[1:]) else convert(node, graph)
        if parts is not None:
            nodes += _parts(parts, node, name)
        elif made is None:
            nodes.append(_opaque(node, name, graph))
        else:
            nodes += _chain(*made, name=name, output=node.output[0])
    fixed = [v.name for v in model.graph.output if v.name in graph.constants]
    return [*nodes, *(_constant(name) for name in fixed)]


def _parts(operators: list[Operator], node: onnx.NodeProto, name: str) -> list[Node]:
    return [
        Node(name=f"{name}/{i}" if i else name, operator=operator, inputs=(node.input[0],), output=output)
        for i, (operator, output) in enumerate(zip(operators, node.output, strict=True))
        if output
    ]


def _free(name: str, taken: set[str]) -> str:
    """Return a name that no other node has: of nodes of one name the second is #2."""
    numbered = (f"{name}#{i}" for i in count(2))
    return name if name not in taken else next(n for n in numbered if n not in taken)


def _constant(name: str) -> Node:
    """Return the node of an output that does not depend on the input: it is opaque, since it has nothing to apply."""
    return Node(name=name, operator=Opaque(operator="Constant", node=name), inputs=(), output=name)


def _chain(operators: tuple[Operator, ...], inputs: tuple[str, ...], *, name: str, output: str) -> list[Node]:
    nodes = []
    for i, operator in enumerate(operators):
        last = i == len(operators) - 1
        made = output if last else f"{output}/{i}"
        nodes.append(
            Node(name=name if last else f"{name}/{i}", operator=operator, inputs=inputs, output=made)
        )
        inputs = (made,)
    return nodes


def _opaque(node: onnx.NodeProto, name: str, graph: Graph) -> Node:
    operator = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
    outer = [n for a in node.attribute for g in (a.g, *a.graphs) for n in free_names(g)]
    outputs = [n for n in node.output if n]
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return Node(
        name=name,
        operator=Opaque(
            operator=operator, node=name, recurrence=recurrence_of(node, attributes, graph.constants)
        ),
        inputs=tuple(n for n in dict.fromkeys([*node.input, *outer]) if n and n not in graph.constants),
        output=outputs[0],
        extra_outputs=tuple(outputs[1:]),
    )


def free_names(graph: onnx.GraphProto) -> list[str]:
    """Return the tensors that a subgraph reads from around it."""
    made = {v.name for v in graph.input} | {t.name for t in graph.initializer}
    free: list[str] = []
    for node in graph.node:
        inner = [n for a in node.attribute for g in (a.g, *a.graphs) for n in free_names(g)]
        free += [n for n in (*node.input, *inner) if n not in made]
        made |= set(node.output)
    return [*free, *(v.name for v in graph.output if v.name not in made)]


def _needed(nodes: list[Node], wanted: Iterable[str]) -> list[Node]:
    """Drop what nothing reads, such as the shape arithmetic of an export."""
    needed, kept = set(wanted), []
    for node in reversed(nodes):
        if needed.intersection((node.output, *node.extra_outputs)):
            needed.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def absorb_biases(nodes: list[Node], wanted: Iterable[str]) -> list[Node]:
    """Make a matrix product and the addition behind it one dense layer, and likewise a convolution."""
    readers: dict[str, int] = dict.fromkeys(wanted, 2)
    for node in nodes:
        for name in node.inputs:
            readers[name] = readers.get(name, 0) + 1
    made: dict[str, int] = {}
    result: list[Node] = []
    for node in nodes:
        at = made.get(node.inputs[0]) if len(node.inputs) == 1 else None
        joined = None
        if at is not None and readers[node.inputs[0]] == 1 and isinstance(node.operator, Elementwise):
            joined = _with_bias(result[at].operator, node.operator)
        if joined is None or at is None:
            made[node.output] = len(result)
            result.append(node)
        else:
            result[at] = replace(result[at], operator=joined, output=node.output)
            made[node.output] = at
    return result


def _with_bias(layer: Operator, after: Elementwise) -> Operator | None:
    if (
        after.scale.ndim
        or after.scale != 1
        or not isinstance(layer, Dense | Convolution)
        or layer.bias is not None
    ):
        return None
    units, shift = layer.weight.shape[0], after.shift
    space = 0 if isinstance(layer, Dense) else len(layer.window.size)
    axis = shift.ndim - 1 - space
    fits = shift.size == 1 or (axis >= 0 and shift.size == shift.shape[axis] == units)
    return replace(layer, bias=np.broadcast_to(shift.ravel(), (units,))) if fits else None


def _shape(value: onnx.ValueInfoProto) -> tuple[int | None, ...]:
    dims = value.type.tensor_type.shape.dim
    return tuple(d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in dims)


def _tensor(value: onnx.ValueInfoProto) -> Tensor:
    element = value.type.tensor_type.elem_type
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(element)).name if element else "unknown"
    return Tensor(name=value.name, shape=_shape(value), dtype=dtype)
