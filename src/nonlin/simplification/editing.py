"""Small edits of a network's graph: each returns another network."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nonlin.networks import Network, Node
from nonlin.networks.affine import Dense
from nonlin.networks.array import Array
from nonlin.networks.window import Convolution

__all__ = ["bias_of", "bypassed", "pinned", "replaced", "single_readers"]


def bias_of(layer: Dense | Convolution) -> Array:
    """Return a layer's bias as new float64 numbers; zeros where it has none."""
    return np.zeros(len(layer.weight)) if layer.bias is None else np.array(layer.bias, np.float64)


def pinned(network: Network) -> set[str]:
    """Return the tensors that must stay under their names: the outputs, and what is read by what is not understood."""
    read = {name for node in network.opaque for name in node.inputs}
    return read | {tensor.name for tensor in network.outputs}


def single_readers(network: Network) -> dict[str, Node]:
    """Return, by the name of each tensor that only one node reads and that need not stay, that node."""
    count: dict[str, list[Node]] = {}
    for node in network.nodes:
        for name in node.inputs:
            count.setdefault(name, []).append(node)
    kept = pinned(network)
    return {name: nodes[0] for name, nodes in count.items() if len(nodes) == 1 and name not in kept}


def replaced(network: Network, changes: Mapping[str, Node | None]) -> Network:
    """Return the network with other nodes, or none, in the place of those of some outputs; drop what is unread."""
    nodes = [changes.get(node.output, node) for node in network.nodes]
    needed = {tensor.name for tensor in network.outputs}
    kept: list[Node] = []
    for node in reversed(nodes):
        if node is not None and needed.intersection((node.output, *node.extra_outputs)):
            needed.update(node.inputs)
            kept.append(node)
    return replace(network, nodes=tuple(kept[::-1]))


def bypassed(network: Network, node: Node) -> Network | None:
    """Return the network without a node that hands on its input; None where its name must stay and cannot move."""
    old, new = node.output, node.inputs[0]
    fixed = pinned(network)
    if old not in fixed:
        return _renamed(network, node, {old: new})
    maker = next((n for n in network.nodes if new in (n.output, *n.extra_outputs)), None)
    if maker is None or new in fixed or maker.extra_outputs or maker.operator.kind == "opaque":
        return None
    return _renamed(network, node, {new: old})


def _renamed(network: Network, gone: Node, names: Mapping[str, str]) -> Network:
    nodes = tuple(
        node
        if not names.keys() & {*node.inputs, node.output}
        else replace(
            node,
            inputs=tuple(names.get(name, name) for name in node.inputs),
            output=names.get(node.output, node.output),
        )
        for node in network.nodes
        if node is not gone
    )
    return replace(network, nodes=nodes)
