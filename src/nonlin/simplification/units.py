"""Takes units out of a network: those that nothing reads, that are constant, or that are multiples of others."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nonlin.networks import Network, Node
from nonlin.networks.activation import ParametricRelu
from nonlin.networks.affine import Dense, Elementwise
from nonlin.networks.array import Array
from nonlin.networks.shape import Reshape
from nonlin.networks.window import Convolution
from nonlin.simplification.channels import Channels, Ties, along
from nonlin.simplification.editing import bias_of, replaced
from nonlin.simplification.known import Known
from nonlin.simplification.removal import Kind, Removal
from nonlin.simplification.transfer import follow, is_depthwise

__all__ = ["remove_units"]

Shape = tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class _Reading:
    """How a layer reads its input: what of it can be left out.

    Args:
        layer: the dense layer or convolution.
        given: the channels that it reads.
        unused, still: of each, whether its weights are all 0, and whether it is constant.
        leader: the first channel of which each is a multiple; its own number where there is none.
    """

    layer: Node
    given: Channels
    unused: Array
    still: Array
    leader: Array

    @property
    def spare(self) -> Array:
        """Whether each channel can be left out."""
        return np.asarray(self.unused | self.still | (self.leader != np.arange(len(self.leader))))


def remove_units(
    network: Network, shapes: Mapping[str, Shape], known: Known
) -> tuple[Network, list[Removal], Known]:
    """Take out every unit that can go.

    Args:
        network: any.
        shapes: of its tensors in one run.
        known: what is known of its tensors.

    Returns:
        The smaller network, what went, and what is known of what is left.
    """
    ties, table = follow(network, shapes, known.values)
    readings = [reading for node in network.nodes if (reading := _reading(node, table, shapes)) is not None]
    gone = _gone(ties, table, readings)
    if not gone:
        return network, [], known
    keep = {name: ~np.isin(ties.roots(x.labels), list(gone)) for name, x in table.items()}
    removals = _removals(network, _reasons(readings), keep, known, table)
    read = {reading.layer.output: reading for reading in readings}
    changes: dict[str, Node | None] = {}
    for node in network.nodes:
        made = _smaller(node, table, keep, read, shapes)
        if made is not node:
            changes[node.output] = made
    for name, stay in keep.items():
        known = known.kept(name, stay)
    return replaced(network, changes), removals, known


def _reading(node: Node, table: Mapping[str, Channels], shapes: Mapping[str, Shape]) -> _Reading | None:
    operator = node.operator
    if not isinstance(operator, Dense | Convolution) or is_depthwise(operator):
        return None
    if isinstance(operator, Convolution) and operator.groups != 1:
        return None
    given = table.get(node.inputs[0])
    axis = len(shapes.get(node.inputs[0], ())) - 1 if isinstance(operator, Dense) else 1
    if given is None or given.axis != axis or node.output not in table:
        return None
    weight = _columns(operator)
    padded = isinstance(operator, Convolution) and any(map(any, operator.window.padding))
    still = given.constant == 0 if padded else ~np.isnan(given.constant)
    unused = ~np.any(weight != 0, axis=(0, 2))
    return _Reading(
        layer=node,
        given=given,
        unused=unused,
        still=still,
        leader=_leaders(given, unused | still, padded=padded),
    )


def _columns(layer: Dense | Convolution) -> Array:
    """Return the weights as (units, inputs, positions)."""
    return np.asarray(layer.weight, np.float64).reshape(*layer.weight.shape[:2], -1)


def _leaders(given: Channels, spare: Array, *, padded: bool) -> Array:
    leader = np.arange(len(spare))
    first: dict[int, int] = {}
    for i in np.flatnonzero(~spare).tolist():
        j = first.setdefault(int(given.value[i]), i)
        # what is padded has no offset
        if given.factor[j] != 0 and (not padded or _offset(given, i, j) == 0):
            leader[i] = j
    return leader


def _ratio(given: Channels, i: int, j: int) -> float:
    return float(given.factor[i] / given.factor[j])


def _offset(given: Channels, i: int, j: int) -> float:
    return float(given.offset[i] - _ratio(given, i, j) * given.offset[j])


def _gone(ties: Ties, table: Mapping[str, Channels], readings: list[_Reading]) -> set[int]:
    """Return the channels that can go, each with all that it is tied to; of every tensor one stays."""
    blocked = set(ties.fixed)
    for reading in readings:
        blocked.update(ties.roots(reading.given.labels[~reading.spare]).tolist())
    every = {int(r) for x in table.values() for r in ties.roots(x.labels)}
    gone = every - blocked
    for x in table.values():
        roots = ties.roots(x.labels).tolist()
        if roots and all(root in gone for root in roots):
            gone.discard(roots[0])
    return gone


def _removals(
    network: Network,
    why: Mapping[int, tuple[Kind, str]],
    keep: Mapping[str, Array],
    known: Known,
    table: Mapping[str, Channels],
) -> list[Removal]:
    """Say why each unit went, once, at the layer that made it."""
    found: list[Removal] = []
    for node in network.nodes:
        if not isinstance(node.operator, Dense | Convolution) or node.output not in keep:
            continue
        if is_depthwise(node.operator):
            continue
        kinds: dict[tuple[Kind, str, Any], list[int]] = {}
        for i in np.flatnonzero(~keep[node.output]).tolist():
            kind, reason = why.get(int(table[node.output].labels[i]), ("unread", "nothing reads it"))
            proof = _certificate(network, node, i, known) if kind == "constant" else "structure"
            kinds.setdefault((kind, reason, proof), []).append(i)
        for (kind, reason, proof), units in kinds.items():
            silent = proof == "samples"
            found.append(
                Removal(
                    kind="silent" if silent else kind,
                    node=node.name,
                    units=tuple(units),
                    reason=reason,
                    certificate=proof,
                )
            )
    return found


def _reasons(readings: list[_Reading]) -> dict[int, tuple[Kind, str]]:
    why: dict[int, tuple[Kind, str]] = {}
    for reading in readings:
        for i, label in enumerate(reading.given.labels.tolist()):
            if reading.still[i]:
                why[label] = ("constant", "always the same")
            elif reading.leader[i] != i and why.get(label, ("",))[0] != "constant":
                why[label] = ("duplicate", "a multiple of another unit")
    return why


def _certificate(network: Network, node: Node, unit: int, known: Known) -> Any:
    """Return how the value behind a layer is known: at the first call that reads it."""
    reach = {node.output}
    for reader in network.nodes:
        if reach.intersection(reader.inputs) and not isinstance(reader.operator, Dense | Convolution):
            reach.add(reader.output)
            proofs = known.certificates.get(reader.output)
            if proofs is not None and unit < len(proofs) and proofs[unit]:
                return proofs[unit]
    return "structure"


def _smaller(
    node: Node,
    table: Mapping[str, Channels],
    keep: Mapping[str, Array],
    read: Mapping[str, _Reading],
    shapes: Mapping[str, Shape],
) -> Node:
    operator, rows = node.operator, keep.get(node.output)
    if rows is None or not node.inputs:
        return node
    cols = keep.get(node.inputs[0])
    if isinstance(operator, Dense | Convolution) and not is_depthwise(operator):
        reading = read.get(node.output)
        if rows.all() and (reading is None or cols is None or cols.all()):
            return node
        return replace(node, operator=_smaller_layer(operator, rows, cols, reading))
    if cols is None or rows.all():
        return node
    if isinstance(operator, Convolution):
        bias = None if operator.bias is None else operator.bias[rows]
        made = replace(operator, weight=operator.weight[rows], bias=bias, groups=int(rows.sum()))
        return replace(node, operator=made)
    axis, ndim = table[node.inputs[0]].axis, len(shapes[node.inputs[0]])
    if isinstance(operator, Elementwise):
        scale, shift = (_cut(v, axis, ndim, cols) for v in (operator.scale, operator.shift))
        return replace(node, operator=Elementwise(scale=scale, shift=shift))
    if isinstance(operator, ParametricRelu):
        return replace(node, operator=ParametricRelu(slopes=_cut(operator.slopes, axis, ndim, cols)))
    if isinstance(operator, Reshape):
        shape = list(operator.shape)
        place = table[node.output].axis
        if shape[place] > 0:
            shape[place] = int(rows.sum())
        return replace(node, operator=Reshape(shape=tuple(shape)))
    return node


def _cut(values: Array, axis: int, ndim: int, keep: Array) -> Array:
    place = along(values, axis, ndim)
    return values if place is None else np.compress(keep, values, axis=place)


def _smaller_layer(
    layer: Dense | Convolution, rows: Array, cols: Array | None, reading: _Reading | None
) -> Dense | Convolution:
    if reading is None or cols is None:
        bias = None if layer.bias is None else layer.bias[rows]
        return replace(layer, weight=layer.weight[rows], bias=bias)
    weight, given = np.array(layer.weight, np.float64), reading.given
    bias = bias_of(layer)
    for i in np.flatnonzero(~cols).tolist():
        if reading.unused[i]:
            continue
        total = weight[:, i].reshape(len(weight), -1).sum(axis=1)
        if reading.still[i]:
            bias += total * given.constant[i]
        else:
            j = int(reading.leader[i])
            weight[:, j] += weight[:, i] * _ratio(given, i, j)
            bias += total * _offset(given, i, j)
    plain = layer.bias is None and not np.any(bias)
    return replace(layer, weight=weight[np.ix_(rows, cols)], bias=None if plain else bias[rows])
