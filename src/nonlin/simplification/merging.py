"""Merges affine layers that stand in a row."""

from dataclasses import replace
from typing import Any

import numpy as np

from nonlin.networks import Network, Node, Operator
from nonlin.networks.affine import Dense, Elementwise
from nonlin.networks.array import Array
from nonlin.networks.shape import Reshape, Transpose
from nonlin.networks.window import Convolution
from nonlin.simplification.editing import bias_of, replaced, single_readers
from nonlin.simplification.removal import Removal

__all__ = ["merge_layers"]

Shapes = dict[str, tuple[int, ...]]


def merge_layers(network: Network, shapes: Shapes, *, before: bool = True) -> tuple[Network, list[Removal]]:
    """Merge scales, shifts and BatchNorm into the layers beside them, and layers with each other where that is smaller.

    Args:
        network: any.
        shapes: of every tensor, as one run has them.
        before: whether a scale is also merged into the layer behind it.
    """
    removals: list[Removal] = []
    for _ in range(2 * len(network.nodes) + 1):
        readers, makers = single_readers(network), network.producers()
        for name, reader in readers.items():
            maker = makers.get(name)
            made = None if maker is None else _joined(maker, reader, shapes, before=before)
            if made is not None and maker is not None:
                network = replaced(network, {reader.output: made, maker.output: None})
                removals.append(
                    Removal(kind="merged", node=maker.name, reason=f"one layer with {reader.name}")
                )
                break
            moved = None if maker is None or not before else _moved_through(maker, reader, readers, shapes)
            if moved is not None and maker is not None:
                last, layer = moved
                network = replaced(network, {last.output: layer})
                network = _skipped(network, maker)
                removals.append(Removal(kind="merged", node=maker.name, reason=f"one layer with {last.name}"))
                break
        else:
            break
    merged, chains = _merge_chains(network)
    return merged, removals + chains


def _joined(maker: Node, reader: Node, shapes: Shapes, *, before: bool) -> Node | None:
    first, second = maker.operator, reader.operator
    made: Any = None
    if isinstance(first, Dense | Convolution) and isinstance(second, Elementwise):
        made = _scaled_after(first, second, len(shapes[maker.output]))
    elif isinstance(first, Elementwise) and isinstance(second, Elementwise):
        made = _composed(first, second, shapes[maker.inputs[0]])
    elif isinstance(first, Elementwise) and isinstance(second, Dense | Convolution) and before:
        made = _scaled_before(first, second, shapes[maker.inputs[0]])
    elif isinstance(first, Convolution) and isinstance(second, Convolution):
        made = _convolved(first, second)
    return None if made is None else replace(reader, operator=made, inputs=maker.inputs)


def _per_unit(values: Array, axis: int, units: int) -> Array | None:
    """Return one number for each unit; None where they differ along another axis.

    Args:
        values: of an elementwise operator.
        axis: of the units, counted from the end: −1 is the last.
        units: how many.
    """
    wide = np.asarray(values, np.float64)
    if wide.size == 1:
        return np.broadcast_to(wide.ravel(), (units,))
    if wide.ndim < -axis or wide.shape[axis] != units or wide.size != units:
        return None
    return wide.ravel()


def _scaled_after(layer: Dense | Convolution, after: Elementwise, ndim: int) -> Dense | Convolution | None:
    if max(after.scale.ndim, after.shift.ndim) > ndim:
        return None
    axis = -1 if isinstance(layer, Dense) else 1 - ndim
    units = len(layer.weight)
    scale, shift = (_per_unit(v, axis, units) for v in (after.scale, after.shift))
    if scale is None or shift is None:
        return None
    weight = np.asarray(layer.weight, np.float64) * scale.reshape(-1, *[1] * (layer.weight.ndim - 1))
    return replace(layer, weight=weight, bias=bias_of(layer) * scale + shift)


def _scaled_before(
    first: Elementwise, layer: Dense | Convolution, shape: tuple[int, ...]
) -> Dense | Convolution | None:
    ndim = len(shape)
    if max(first.scale.ndim, first.shift.ndim) > ndim:
        return None
    dense = isinstance(layer, Dense)
    groups = 1 if isinstance(layer, Dense) else layer.groups
    inputs = layer.weight.shape[1] * groups
    scale, shift = (_per_unit(v, -1 if dense else 1 - ndim, inputs) for v in (first.scale, first.shift))
    if scale is None or shift is None or shape[-1 if dense else 1] != inputs:
        return None
    if isinstance(layer, Convolution) and np.any(shift != 0) and any(map(any, layer.window.padding)):
        return None  # what is padded is not shifted
    weight = np.asarray(layer.weight, np.float64)
    grouped = weight.reshape(groups, -1, *weight.shape[1:])
    spread = (groups, 1, -1, *[1] * (weight.ndim - 2))
    added = (grouped * shift.reshape(spread)).reshape(len(weight), -1).sum(axis=1)
    return replace(
        layer, weight=(grouped * scale.reshape(spread)).reshape(weight.shape), bias=bias_of(layer) + added
    )


def _composed(first: Elementwise, second: Elementwise, shape: tuple[int, ...]) -> Elementwise | None:
    arrays = [np.asarray(v, np.float64) for v in (first.scale, first.shift, second.scale, second.shift)]
    try:
        if any(np.broadcast_shapes(a.shape, shape) != shape for a in arrays):
            return None
    except ValueError:
        return None
    a, b, c, d = arrays
    return Elementwise(scale=a * c, shift=b * c + d)


def _convolved(first: Convolution, second: Convolution) -> Convolution | None:
    """Make one of a convolution by single points and another, where that is smaller."""
    if first.groups != 1 or second.groups != 1:
        return None
    w, v = np.asarray(first.weight, np.float64), np.asarray(second.weight, np.float64)
    if _pointwise(second):
        weight = np.einsum("oi,i...->o...", v.reshape(v.shape[:2]), w)
        window = first.window
    elif _pointwise(first) and (not np.any(bias_of(first)) or not any(map(any, second.window.padding))):
        weight = np.einsum("oi...,ij->oj...", v, w.reshape(w.shape[:2]))
        window = second.window
    else:
        return None
    if weight.size >= w.size + v.size:
        return None
    bias = bias_of(second) + v.reshape(*v.shape[:2], -1).sum(axis=2) @ bias_of(first)
    return Convolution(weight=weight, bias=bias, window=window)


def _pointwise(layer: Convolution) -> bool:
    window = layer.window
    return all(n == 1 for n in (*window.size, *window.strides)) and not any(map(any, window.padding))


def _moved_through(
    maker: Node, reader: Node, readers: dict[str, Node], shapes: Shapes
) -> tuple[Node, Node] | None:
    """Return a dense layer behind moves, and the same with the scale in front of the moves put into it."""
    if not isinstance(maker.operator, Elementwise) or not isinstance(reader.operator, Reshape | Transpose):
        return None
    shape = shapes[maker.inputs[0]]
    try:
        ends = [
            np.broadcast_to(np.asarray(v, np.float64), (1, *shape[1:]))
            for v in (maker.operator.scale, maker.operator.shift)
        ]
        layer: Operator = reader.operator
        while isinstance(layer, Reshape | Transpose):
            move = layer
            ends = [move.apply(end) for end in ends]
            if reader.output not in readers:
                return None
            reader = readers[reader.output]
            layer = reader.operator
    except ValueError:
        return None
    if not isinstance(layer, Dense) or ends[0].shape != (1, layer.weight.shape[1]):
        return None
    made = _scaled_before(Elementwise(scale=ends[0][0], shift=ends[1][0]), layer, ends[0].shape)
    return None if made is None else (reader, replace(reader, operator=made))


def _skipped(network: Network, gone: Node) -> Network:
    nodes = tuple(
        replace(n, inputs=tuple(gone.inputs[0] if name == gone.output else name for name in n.inputs))
        for n in network.nodes
        if n is not gone
    )
    return replace(network, nodes=nodes)


def _merge_chains(network: Network) -> tuple[Network, list[Removal]]:
    """Cut every row of dense layers into the fewest weights."""
    readers, makers = single_readers(network), network.producers()
    removals: list[Removal] = []
    changes: dict[str, Node | None] = {}
    for node in network.nodes:
        before = makers.get(node.inputs[0]) if node.inputs else None
        if not isinstance(node.operator, Dense) or (
            before is not None and isinstance(before.operator, Dense) and node.inputs[0] in readers
        ):
            continue
        row = [node]
        while (after := readers.get(row[-1].output)) is not None and isinstance(after.operator, Dense):
            row.append(after)
        for first, last in _cuts(row):
            if first == last:
                continue
            part = row[first : last + 1]
            changes |= dict.fromkeys((n.output for n in part[:-1]), None)
            changes[part[-1].output] = replace(part[-1], operator=_product(part), inputs=part[0].inputs)
            removals += [
                Removal(kind="merged", node=n.name, reason=f"one layer with {part[-1].name}")
                for n in part[:-1]
            ]
    return (replaced(network, changes), removals) if changes else (network, [])


def _cuts(row: list[Node]) -> list[tuple[int, int]]:
    """Return the parts, first and last layer each, that together have the fewest weights; of several, the fewest."""
    shapes = [node.operator.weight.shape for node in row if isinstance(node.operator, Dense)]
    best: list[tuple[int, int, list[tuple[int, int]]]] = [(0, 0, [])]
    for last in range(len(row)):
        options = []
        for first in range(last + 1):
            weights, parts, cuts = best[first]
            size = shapes[last][0] * shapes[first][1] + shapes[last][0]
            options.append((weights + size, parts + 1, [*cuts, (first, last)]))
        best.append(min(options, key=lambda option: option[:2]))
    return best[-1][2]


def _product(row: list[Node]) -> Dense:
    layers = [node.operator for node in row if isinstance(node.operator, Dense)]
    weight, bias = np.asarray(layers[0].weight, np.float64), bias_of(layers[0])
    for layer in layers[1:]:
        then = np.asarray(layer.weight, np.float64)
        weight, bias = then @ weight, then @ bias + bias_of(layer)
    return Dense(weight=weight, bias=bias if np.any(bias) else None)
