"""From a `Network` to an ONNX model: what was not changed stands there as it was read."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from nonlin.errors import UnsupportedModelError
from nonlin.networks.affine import Dense
from nonlin.networks.array import Array
from nonlin.networks.network import Network, Node, Tensor
from nonlin.networks.onnx_emission import Emission
from nonlin.networks.onnx_emitters import emit, has_bias
from nonlin.networks.onnx_file import tensors_of
from nonlin.networks.onnx_reader import constants_of, free_names, opset_of
from nonlin.networks.ranks import ranks_of
from nonlin.networks.window import Convolution

__all__ = ["floating_types", "model_of", "shortened"]

_OPSET = 17
_IR_VERSION = 8


def model_of(network: Network, *, dtype: Any = None) -> onnx.ModelProto:
    """Return a network as an ONNX model.

    Args:
        network: read from ONNX or PyTorch, or made. Nodes that are as they were read are written as they stood in the
            file, opaque ones too; names and shapes of the inputs and outputs, opset, metadata and functions are kept.
        dtype: the element type of the weights that are written anew; None for that of the others.

    Returns:
        The model; weights are rounded to the nearest of the element type.

    Raises:
        UnsupportedModelError: if ONNX has no operator for a node; it is named.
    """
    original = None if network.origin is None else _Original.of(network)
    emission = Emission(
        opset=_OPSET if original is None else opset_of(original.model),
        dtype=_dtype(network) if dtype is None else np.dtype(dtype),
        ranks=ranks_of(network),
    )
    written: set[str] = set()
    for node in network.nodes:
        kept = None if original is None else original.protos(node)
        if kept is None:
            emit(node, emission)
        else:
            emission.nodes += [p for p in kept if not written.intersection(n for n in p.output if n)]
        written.update(n for p in emission.nodes for n in p.output)
    made = _assembled(network, emission, original)
    if original is not None and network.nodes is network.origin.nodes:  # type: ignore[union-attr] # it has one then
        # nothing was changed, and the file may be shorter as it was
        return min(made, original.model, key=lambda model: int(model.ByteSize()))
    return made


def shortened(network: Network) -> tuple[Network, dict[str, str]]:
    """Have affine nodes written anew that the file spells out in more than is needed.

    Returns:
        The network, and what was too much of each such node, by its name.
    """
    if network.origin is None:
        return network, {}
    original, ranks, nodes, why = _Original.of(network), ranks_of(network), [], {}
    for node in network.nodes:
        kept = original.protos(node)
        if kept and node.operator.kind == "affine":
            reason = _too_long(
                node, kept, Emission(opset=opset_of(original.model), dtype=np.float64, ranks=ranks)
            )
            if reason:
                why[node.name] = reason
        nodes.append(replace(node, operator=replace(node.operator)) if node.name in why else node)
    return replace(network, nodes=tuple(nodes)), why


def _too_long(node: Node, kept: list[onnx.NodeProto], emission: Emission) -> str:
    layer, count = node.operator, sum(proto.op_type != "Constant" for proto in kept)
    spare = isinstance(layer, Dense | Convolution) and layer.bias is not None and not has_bias(layer)
    if count < 2 and not spare:
        return ""
    try:
        emit(node, emission)
    except UnsupportedModelError:
        return ""
    if len(emission.nodes) < count:
        return f"{len(emission.nodes)} in the place of {count} operations"
    return "a bias of 0" if spare and len(emission.nodes) == count else ""


def floating_types(model: onnx.ModelProto) -> set[int]:
    """Return the floating element types of a model's weights, as ONNX numbers them; single numbers do not count."""
    floats = {1, 10, 11, 16}
    return {t.data_type for t in tensors_of(model.graph) if t.data_type in floats and np.prod(t.dims) > 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Original:
    """The file that a network was read from."""

    model: onnx.ModelProto
    nodes: dict[int, Node]
    makers: dict[str, onnx.NodeProto]
    constants: dict[str, Array]
    made: frozenset[str]

    @classmethod
    def of(cls, network: Network) -> "_Original":
        origin = network.origin
        assert origin is not None  # noqa: S101 - as the caller has it
        return cls(
            model=origin.model,
            nodes={id(node.operator): node for node in origin.nodes},
            makers={name: proto for proto in origin.model.graph.node for name in proto.output if name},
            constants=constants_of(origin.model),
            made=frozenset(
                name for node in origin.nodes for name in (node.output, *node.extra_outputs, *node.inputs)
            ),
        )

    def protos(self, node: Node) -> list[onnx.NodeProto] | None:
        """Return the nodes of the file that are this node, in order; None if it has changed or was taken apart."""
        was = self.nodes.get(id(node.operator))
        if was is None or (node.operator.kind == "opaque" and node.inputs != was.inputs):
            return None
        if node.output in self.constants and not node.inputs:
            return []
        sources = {*self.makers, *(value.name for value in self.model.graph.input)}
        if any(name not in sources for name in was.inputs):
            return None
        found: dict[str, onnx.NodeProto] = {}
        if not self._collect(was.output, was, found):
            return None
        names = dict(zip(was.inputs, node.inputs, strict=True)) | {was.output: node.output}
        return [_renamed(proto, names) for proto in found.values()]

    def _collect(self, name: str, node: Node, found: dict[str, onnx.NodeProto]) -> bool:
        """Gather what makes a tensor from the node's inputs; return whether nothing else is needed for it."""
        proto = self.makers.get(name)
        if proto is None:
            return False
        for needed in _reads(proto):
            if not needed or needed in node.inputs or needed in self.constants:
                continue
            if needed in self.made or not self._collect(needed, node, found):
                return False
        found[proto.output[0] or name] = proto
        return True


def _reads(proto: onnx.NodeProto) -> list[str]:
    return [*proto.input, *_inner(proto)]


def _inner(proto: onnx.NodeProto) -> list[str]:
    return [n for a in proto.attribute for g in (a.g, *a.graphs) for n in free_names(g)]


def _renamed(proto: onnx.NodeProto, names: dict[str, str]) -> onnx.NodeProto:
    if all(old == new for old, new in names.items()):
        return proto
    made = onnx.NodeProto()
    made.CopyFrom(proto)
    made.input[:] = [names.get(name, name) for name in proto.input]
    made.output[:] = [names.get(name, name) for name in proto.output]
    return made


def _assembled(network: Network, emission: Emission, original: _Original | None) -> onnx.ModelProto:
    model = onnx.ModelProto()
    if original is None:
        model.ir_version = _IR_VERSION
        model.opset_import.append(helper.make_opsetid("", _OPSET))
        model.producer_name = "nonlin"
        model.graph.name = network.name or "network"
        model.graph.input.extend(_value(tensor) for tensor in network.inputs)
        model.graph.output.extend(_value(tensor) for tensor in network.outputs)
    else:
        model.CopyFrom(original.model)
        for field in ("node", "initializer", "sparse_initializer", "value_info", "input"):
            model.graph.ClearField(field)
        wanted = {tensor.name for tensor in network.inputs}
        model.graph.input.extend(v for v in original.model.graph.input if v.name in wanted)
    nodes = _needed(emission.nodes, [value.name for value in model.graph.output])
    model.graph.node.extend(nodes)
    constants = {} if original is None else original.constants
    read = dict.fromkeys([*(n for p in nodes for n in _reads(p)), *(v.name for v in model.graph.output)])
    for name in read:
        if name in emission.weights:
            model.graph.initializer.append(emission.weights[name])
        elif name in constants:
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(constants[name]), name))
    _store_once(model.graph)
    return model


def _store_once(graph: onnx.GraphProto) -> None:
    """Store equal tensors once, but for those that are read elsewhere than by the graph's own nodes."""
    kept = {value.name for value in graph.output} | {name for p in graph.node for name in _inner(p)}
    first: dict[bytes, str] = {}
    names: dict[str, str] = {}
    for tensor in graph.initializer:
        bare = onnx.TensorProto()
        bare.CopyFrom(tensor)
        bare.ClearField("name")
        names[tensor.name] = first.setdefault(bare.SerializeToString(deterministic=True), tensor.name)
    stored = [t for t in graph.initializer if names[t.name] == t.name or t.name in kept]
    graph.ClearField("initializer")
    graph.initializer.extend(stored)
    for proto in graph.node:
        proto.input[:] = [names.get(name, name) for name in proto.input]


def _needed(nodes: list[onnx.NodeProto], wanted: Iterable[str]) -> list[onnx.NodeProto]:
    needed, kept = set(wanted), []
    for proto in reversed(nodes):
        if needed.intersection(proto.output):
            needed.update(_reads(proto))
            kept.append(proto)
    return kept[::-1]


def _value(tensor: Tensor) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype))
    shape = [
        size if size is not None else "batch" if axis == 0 else f"{tensor.name}_{axis}"
        for axis, size in enumerate(tensor.shape)
    ]
    return helper.make_tensor_value_info(tensor.name, kind, shape)


def _dtype(network: Network) -> Any:
    """Return the floating type of the weights; None where there are several."""
    if network.origin is not None:
        kinds = floating_types(network.origin.model)
        if len(kinds) == 1:
            return helper.tensor_dtype_to_np_dtype(kinds.pop())
        if kinds:
            return None
    floating = (t.dtype for t in network.inputs if t.dtype.startswith("float"))
    return np.dtype(next(floating, "float32"))
