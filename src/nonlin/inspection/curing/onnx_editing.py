"""A copy of an ONNX model that can be changed: its initialisers and its operators."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from nonlin.inspection.curing.editing import CannotChangeError
from nonlin.inspection.curing.layer_weights import LayerWeights
from nonlin.inspection.curing.onnx_weights import Shaping, shaping_of, weights_of
from nonlin.inspection.curing.scales import InputScale
from nonlin.inspection.feeding import feeds
from nonlin.inspection.model import OnnxModel
from nonlin.inspection.recording import Batch
from nonlin.inspection.runners import numpy_runner, runtime_runner
from nonlin.networks import Network, Node, network_of
from nonlin.networks.onnx_reader import inputs_of

__all__ = ["OnnxCopy"]

Array = npt.NDArray[Any]

_OPERATORS = {
    "elu": "Elu",
    "leaky_relu": "LeakyRelu",
    "relu": "Relu",
    "softsign": "Softsign",
    "tanh": "Tanh",
    "gelu": "Gelu",
}
_EXCHANGEABLE = (
    *(
        "Clip",
        "Elu",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "LeakyRelu",
        "Mish",
        "PRelu",
        "Relu",
        "Selu",
        "Sigmoid",
    ),
    *("Softplus", "Softsign", "Tanh", "Celu", "ThresholdedRelu"),
)
_GELU_SINCE = 20


class OnnxCopy:
    """A copy of a model's graph."""

    def __init__(self, proto: onnx.ModelProto, name: str) -> None:
        """Copy a model."""
        self.proto = onnx.ModelProto()
        self.proto.CopyFrom(proto)
        self._name = name

    @property
    def opened(self) -> OnnxModel:
        """The copy as a model that can be inspected."""
        return OnnxModel(self.proto, self._name)

    @property
    def changed(self) -> onnx.ModelProto:
        """The copy."""
        return self.proto

    def copy(self) -> "OnnxCopy":
        """Return an independent copy."""
        return OnnxCopy(self.proto, self._name)

    def weights(self) -> Mapping[str, LayerWeights]:
        """Return the layer that shapes each call's pre-activation."""
        return weights_of(self.proto.graph, self._network)

    def set_weights(self, call: str, weight: Array, bias: Array) -> None:
        """Set the weights of the layer that shapes a call's pre-activation."""
        shaping = self._shaping(call)
        self._store(shaping.node, 1, weight.T if shaping.inputs_first else weight, like=shaping.weight)
        if shaping.bias is not None:
            holder = self._holder(shaping)
            self._store(holder, list(holder.input).index(shaping.bias), bias, like=shaping.bias)
        elif np.any(bias):
            if shaping.node.op_type == "MatMul":
                raise CannotChangeError(f"{shaping.name} has no bias in this file")
            shaping.node.input.append("")
            self._store(shaping.node, 2, bias, like=shaping.node.input[1], shape=bias.shape)

    def scale_readers(self, call: str, factors: Array, constants: Array | None = None) -> bool:
        """Multiply the weights of the layers that read a call, by unit."""
        output = self._call(call).output
        readers = [node for node in self.proto.graph.node if output in node.input]
        layers = [self._reading(node, output, len(factors)) for node in readers]
        for shaping in layers:
            if shaping is not None:
                self._scale(shaping, factors, constants)
        return bool(layers) and all(layer is not None for layer in layers)

    def exchange(self, call: str, function: str) -> None:
        """Put another operator at a call."""
        output = self._call(call).output
        node = next((n for n in self.proto.graph.node if output in n.output), None)
        if node is None or node.op_type not in _EXCHANGEABLE:
            raise CannotChangeError(f"{call} is written out in the file, as several operators")
        version = max(
            (entry.version for entry in self.proto.opset_import if entry.domain in ("", "ai.onnx")), default=0
        )
        if function == "gelu" and version < _GELU_SINCE:
            raise CannotChangeError(
                f"the file is of opset {version}, and Gelu is an operator from {_GELU_SINCE} on"
            )
        options = {"alpha": 0.01} if function == "leaky_relu" else {}
        made = helper.make_node(_OPERATORS[function], [node.input[0]], [output], name=node.name, **options)
        node.CopyFrom(made)

    def standardise(self, scale: InputScale) -> None:
        """Put (x − mean) / std behind the floating inputs."""
        graph = self.proto.graph
        stored = {initializer.name for initializer in graph.initializer}
        for value in [v for v in graph.input if v.name not in stored]:
            dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            if dtype.kind != "f":
                continue
            name = value.name
            for node in graph.node:
                for i, read in enumerate(node.input):
                    if read == name:
                        node.input[i] = f"{name}/standardised"
            for key, number in (("mean", scale.mean), ("std", scale.std)):
                graph.initializer.append(numpy_helper.from_array(np.asarray(number, dtype), f"{name}/{key}"))
            graph.node.insert(
                0, helper.make_node("Div", [f"{name}/centred", f"{name}/std"], [f"{name}/standardised"])
            )
            graph.node.insert(0, helper.make_node("Sub", [name, f"{name}/mean"], [f"{name}/centred"]))

    def merge(self, layers: tuple[str, ...]) -> None:
        """Make one of dense layers in a row."""
        shapings = [self._layer(name) for name in layers]
        if any(shaping.node.op_type == "Conv" for shaping in shapings):
            raise CannotChangeError("convolutions are not merged in an ONNX file")
        if any(a.output != b.node.input[0] for a, b in itertools.pairwise(shapings)):
            raise CannotChangeError(f"something stands between {' and '.join(layers)}")
        first, last = shapings[0], shapings[-1]
        weight, bias = self._dense(first)
        for shaping in shapings[1:]:
            then, more = self._dense(shaping)
            weight, bias = then @ weight, then @ bias + more
        names = f"{first.name}/merged"
        kind = self._stored(first.weight).dtype
        for key, array in (("weight", weight.T), ("bias", bias)):
            self.proto.graph.initializer.append(numpy_helper.from_array(array.astype(kind), f"{names}/{key}"))
        place = next(
            i for i, node in enumerate(self.proto.graph.node) if node is first.node or node == first.node
        )
        product = helper.make_node(
            "MatMul", [first.node.input[0], f"{names}/weight"], [names], name=first.name
        )
        added = helper.make_node("Add", [names, f"{names}/bias"], [last.output], name=f"{first.name}/bias")
        for shaping in shapings:
            for node in [n for n in self.proto.graph.node if shaping.output in n.output or n == shaping.node]:
                self.proto.graph.node.remove(node)
        self.proto.graph.node.insert(place, added)
        self.proto.graph.node.insert(place, product)

    def insert(self, layers: tuple[str, ...], function: str) -> None:
        """Put a function behind the first of two layers."""
        output = self._layer(layers[0]).output
        for node in self.proto.graph.node:
            for i, read in enumerate(node.input):
                if read == output:
                    node.input[i] = f"{output}/{function}"
        place = next(i for i, node in enumerate(self.proto.graph.node) if output in node.output) + 1
        made = helper.make_node(
            _OPERATORS[function], [output], [f"{output}/{function}"], name=f"{layers[0]}/{function}"
        )
        self.proto.graph.node.insert(place, made)

    def outputs(self, batches: Sequence[Batch]) -> list[Array]:
        """Return the first output on each batch."""
        network, declared = self._network, inputs_of(self.proto)
        name = network.outputs[0].name
        run = runtime_runner(self.proto, network, [name]) if network.opaque else numpy_runner(network)
        with np.errstate(all="ignore"):
            return [np.asarray(run(feeds(declared, batch))[name], np.float64) for batch in batches]

    @property
    def _network(self) -> Network:
        return network_of(self.proto, name=self._name)

    def _call(self, name: str) -> Node:
        found = next((node for node in self._network.nodes if node.name == name), None)
        if found is None:
            raise CannotChangeError(f"{name} stands in a part of the file that the data chooses")
        return found

    def _shaping(self, call: str) -> Shaping:
        found = shaping_of(self.proto.graph, self._call(call).inputs[0])
        if found is None:
            raise CannotChangeError(f"{call} has no layer with stored weights before it")
        return found

    def _layer(self, name: str) -> Shaping:
        named = {shaping.name: shaping for node in self.proto.graph.node for shaping in self._ending(node)}
        if name not in named:
            raise CannotChangeError(f"{name} has no stored weights")
        return named[name]

    def _ending(self, node: onnx.NodeProto) -> list[Shaping]:
        """Return the layers that end at a node; with its bias a product ends at the sum."""
        found = [shaping_of(self.proto.graph, name) for name in node.output]
        return [shaping for shaping in found if shaping is not None]

    def _reading(self, node: onnx.NodeProto, tensor: str, units: int) -> Shaping | None:
        """Return the layer that a node begins, where it takes the tensor's units one by one."""
        behind = [
            other.output[0]
            for other in self.proto.graph.node
            if node.output[0] in other.input and other.op_type == "Add"
        ]
        shapings = [shaping_of(self.proto.graph, name) for name in (*behind, node.output[0])]
        shaping = next((s for s in shapings if s is not None and s.node == node), None)
        if shaping is None or node.input[0] != tensor:
            return None
        weight = self._stored(shaping.weight)
        taken = weight.shape[-2] if shaping.inputs_first else weight.shape[1]
        return shaping if taken == units else None

    def _scale(self, shaping: Shaping, factors: Array, constants: Array | None) -> None:
        weight = self._stored(shaping.weight).astype(np.float64)
        weight = np.moveaxis(weight, -1, 0) if shaping.inputs_first else weight
        if constants is not None and shaping.bias is not None:
            taps = weight.reshape(*weight.shape[:2], -1).sum(axis=2)
            bias = self._stored(shaping.bias).astype(np.float64)
            holder = self._holder(shaping)
            moved = bias + (taps @ constants).reshape(bias.shape)
            self._store(holder, list(holder.input).index(shaping.bias), moved, like=shaping.bias)
        scaled = weight * factors.reshape(-1, *[1] * (weight.ndim - 2))
        self._store(
            shaping.node,
            1,
            np.moveaxis(scaled, 0, -1) if shaping.inputs_first else scaled,
            like=shaping.weight,
        )

    def _dense(self, shaping: Shaping) -> tuple[Array, Array]:
        weight = self._stored(shaping.weight).astype(np.float64)
        weight = weight.T if shaping.inputs_first else weight
        bias = (
            np.zeros(len(weight))
            if shaping.bias is None
            else self._stored(shaping.bias).astype(np.float64).ravel()
        )
        return weight, bias

    def _holder(self, shaping: Shaping) -> onnx.NodeProto:
        """Return the node that reads a layer's bias."""
        return next(node for node in self.proto.graph.node if shaping.output in node.output)

    def _stored(self, name: str) -> Array:
        tensor = next(t for t in self.proto.graph.initializer if t.name == name)
        return np.asarray(numpy_helper.to_array(tensor))

    def _store(
        self, node: onnx.NodeProto, at: int, values: Array, *, like: str, shape: tuple[int, ...] | None = None
    ) -> None:
        """Store values for one reader under a name of its own: another may share the old ones."""
        old = self._stored(like)
        name = f"{node.output[0]}/{at}/changed"
        for tensor in [t for t in self.proto.graph.initializer if t.name == name]:
            self.proto.graph.initializer.remove(tensor)
        made = np.ascontiguousarray(values).reshape(shape or old.shape).astype(old.dtype)
        self.proto.graph.initializer.append(numpy_helper.from_array(made, name))
        node.input[at] = name
        if shape is None:
            self._drop_unread(like)

    def _drop_unread(self, name: str) -> None:
        if any(name in node.input for node in self.proto.graph.node):
            return
        for tensor in [t for t in self.proto.graph.initializer if t.name == name]:
            self.proto.graph.initializer.remove(tensor)
