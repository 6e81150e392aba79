"""Where the units of a call are, and which affine layers follow each other: read off the network's graph."""

from dataclasses import dataclass, replace
from math import prod

from nonlin.inspection.recording import AffineChain, Role
from nonlin.networks import Network, Node
from nonlin.networks.activation import Multiply, Opaque
from nonlin.networks.affine import Dense, Elementwise, Reduce
from nonlin.networks.normalization import Normalize
from nonlin.networks.shape import Cast, Concatenate, Identity, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import AveragePool, Convolution

__all__ = ["Origin", "affine_chains", "origins", "roles"]

Shapes = dict[str, tuple[int, ...]]

_LAST_AXIS = (
    "LSTM",
    "GRU",
    "RNN",
    "LayerNormalization",
    "MatMul",
    "Gemm",
    "Einsum",
    "MatMulInteger",
    "QLinearMatMul",
)
_CHANNEL_AXIS = ("Conv", "ConvTranspose", "QLinearConv", "ConvInteger")
_PASSES = (Cast, Identity, Elementwise, Pad, Slice, Take, AveragePool)
_RESHAPES = ("Reshape", "Squeeze", "Unsqueeze", "Flatten")
_SHOWN = (Cast, Concatenate, Identity, Elementwise, Reduce, Reshape, Transpose, Slice, Take)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The layer that made a tensor, and the axis on which its units are, counted from the front."""

    layer: str | None
    unit_axis: int


def origins(network: Network, shapes: Shapes) -> dict[str, Origin]:
    """Return where each tensor comes from.

    Args:
        network: the graph.
        shapes: of every tensor that was seen, with the batch axis in front.

    Returns:
        By tensor name. Where no layer made a tensor, the layer that reads it says where the units are, and where there
        is none either, the custom: channels first for pictures, features last for sequences and vectors.
    """
    table: dict[str, Origin] = {}
    readers = network.consumers()
    for node in network.nodes:
        for name in (node.output, *node.extra_outputs):
            shape = shapes.get(name, (0, 0))
            made = _origin(node, table, shapes, rank=len(shape))
            if made is None or not 0 <= made.unit_axis < len(shape):
                axes = [
                    axis
                    for axis in (_wanted_axis(reader, len(shape)) for reader in readers.get(name, ()))
                    if axis
                ]
                usual = 1 if len(shape) >= 4 else max(len(shape) - 1, 0)
                made = Origin(layer=None, unit_axis=axes[0] if axes else usual)
            table[name] = made
    return table


def _wanted_axis(reader: Node, rank: int) -> int | None:
    """Return the axis over which a layer sums, where the reader is one."""
    if isinstance(reader.operator, Convolution) or _kind(reader) in _CHANNEL_AXIS:
        return 1
    return rank - 1 if isinstance(reader.operator, Dense) or _kind(reader) in _LAST_AXIS else None


def _kind(node: Node) -> str:
    return node.operator.operator if isinstance(node.operator, Opaque) else ""


def _origin(node: Node, table: dict[str, Origin], shapes: Shapes, *, rank: int) -> Origin | None:
    operator, kind = node.operator, _kind(node)
    if isinstance(operator, Dense | Normalize) or kind in _LAST_AXIS:
        return Origin(layer=node.name, unit_axis=rank - 1)
    if isinstance(operator, Convolution) or kind in _CHANNEL_AXIS:
        return Origin(layer=node.name, unit_axis=1)
    before = next((table[name] for name in node.inputs if name in table and table[name].layer), None)
    if before is None:
        return None
    if isinstance(operator, Transpose):
        axes = operator.axes(rank)
        return replace(before, unit_axis=axes.index(before.unit_axis)) if before.unit_axis in axes else None
    if isinstance(operator, Reshape | Reduce) or kind in _RESHAPES:
        return _reshaped(node, before, shapes)
    return before


def _reshaped(node: Node, before: Origin, shapes: Shapes) -> Origin | None:
    """Keep the axis of a layer's units through a reshape where the units survive; flattened, each entry is one."""
    old, new = shapes.get(node.inputs[0]), shapes.get(node.output)
    if not old or not new or before.unit_axis >= len(old):
        return None
    units = old[before.unit_axis]
    places = [i for i in range(1, len(new)) if new[i] == units]
    if places:
        from_end = len(old) - before.unit_axis == 1
        return replace(before, unit_axis=places[-1] if from_end else places[0])
    return replace(before, unit_axis=len(new) - 1)


def roles(network: Network) -> dict[str, Role]:
    """Return what the tensors are for, by name: those that are no gate and no answer are left out.

    A tensor is an answer where nothing but scales, shifts, means and reshapes stand between it and an output of the
    network, and a gate where it is only ever multiplied with another computed tensor.
    """
    readers = network.consumers()
    answers = {tensor.name for tensor in network.outputs}
    gates: set[str] = set()
    for node in reversed(network.nodes):
        after = readers.get(node.output, ())
        passing = [isinstance(reader.operator, _SHOWN) or _kind(reader) in _RESHAPES for reader in after]
        if after and all(passing) and {reader.output for reader in after} <= answers:
            answers.add(node.output)
        gating = [
            isinstance(reader.operator, Multiply) or (reader.output in gates and passes)
            for reader, passes in zip(after, passing, strict=True)
        ]
        if after and all(gating):
            gates.add(node.output)
    return {**dict.fromkeys(gates, "gate"), **dict.fromkeys(answers, "answer")}


def affine_chains(network: Network, shapes: Shapes) -> tuple[AffineChain, ...]:
    """Return the affine layers that stand in a row with no non-linearity, and no branch, between them."""
    producers, consumers = network.producers(), network.consumers()
    outputs = {tensor.name for tensor in network.outputs}
    chains: dict[str, list[Node]] = {}
    for node in network.nodes:
        if not isinstance(node.operator, Dense | Convolution):
            continue
        name = node.inputs[0]
        while (before := producers.get(name)) is not None:
            if len(consumers.get(name, ())) != 1 or name in outputs:
                break
            if type(before.operator) is type(node.operator):
                chains[node.name] = [*chains.pop(before.name, [before]), node]
                break
            if not isinstance(before.operator, _PASSES) and not _harmless(before, shapes):
                break
            if isinstance(before.operator, Concatenate):
                break
            name = before.inputs[0]
    return tuple(_chain(nodes) for nodes in chains.values())


def _harmless(node: Node, shapes: Shapes) -> bool:
    """Whether a reshape only moves the batch axis about and leaves each layer's own axes alone."""
    if not isinstance(node.operator, Reshape):
        return False
    old, new = shapes.get(node.inputs[0]), shapes.get(node.output)
    return bool(old and new and old[-1] == new[-1] and len(old) == len(new))


def _chain(nodes: list[Node]) -> AffineChain:
    layers = [node.operator for node in nodes]
    parameters = sum(layer.parameters for layer in layers if isinstance(layer, Dense | Convolution))
    first, last = layers[0], layers[-1]
    if isinstance(first, Dense) and isinstance(last, Dense):
        merged = last.weight.shape[0] * first.weight.shape[1] + last.weight.shape[0]
    else:
        merged = _merged_convolution([layer for layer in layers if isinstance(layer, Convolution)])
    return AffineChain(layers=tuple(node.name for node in nodes), parameters=parameters, merged=merged)


def _merged_convolution(layers: list[Convolution]) -> int:
    """Return the parameters of the one convolution that does the same as several, away from the border."""
    reach, step, groups = [1] * len(layers[0].window.size), [1] * len(layers[0].window.size), layers[0].groups
    for layer in layers:
        for i, size in enumerate(layer.window.size):
            reach[i] += (size - 1) * layer.window.dilations[i] * step[i]
            step[i] *= layer.window.strides[i]
        groups = layer.groups if layer.groups == groups else 1
    channels_in = layers[0].weight.shape[1] * layers[0].groups
    channels_out = layers[-1].weight.shape[0]
    return int(channels_out * (channels_in // groups) * prod(reach) + channels_out)
