"""Fewer units in the place of those that are on one straight piece over the whole box.

What such units of a layer hand to the next one is an affine function of what the layer reads. Its rank is at most the
number of units of the next layer, so that as many units carry it; or, where their rows depend on one another, as many
as are independent. The units that carry it are shifted to where they are proven to be on that piece too.

Source: Serra, Kumar and Ramalingam 2020, Lossless compression of deep neural networks, section 4, for dependent rows.
"""

from dataclasses import dataclass, replace

import numpy as np

from nonlin.geometry.bends import bends_of
from nonlin.geometry.bounds import bounds
from nonlin.networks import Network, Node, Tensor
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense
from nonlin.networks.array import Array
from nonlin.simplification.editing import bias_of, replaced, single_readers
from nonlin.simplification.inputs import Box
from nonlin.simplification.known import Known
from nonlin.simplification.removal import Removal, weakest

__all__ = ["absorb"]

_INDEPENDENT = 1e-13
"""What is left of a row without the others, relative to it, up to which it depends on them: rounding of float64."""

_MARGIN = 1e-3
"""How far from the kink a carrying unit is put, relative to its range: the file rounds its weights to float32."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place:
    """A call between two dense layers.

    Args:
        first, call, second: the nodes.
        on: indices of the units that are on its last piece, where f(u) = u.
        kink: where that begins.
    """

    first: Node
    call: Node
    second: Node
    on: Array
    kink: float

    @property
    def layers(self) -> tuple[Dense, Dense]:
        """The operators of the two layers."""
        first, second = self.first.operator, self.second.operator
        assert isinstance(first, Dense)  # noqa: S101 - as found
        assert isinstance(second, Dense)  # noqa: S101 - as found
        return first, second


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Carrier:
    """Units in the place of those that are on.

    Args:
        weight, bias: of the first layer.
        columns: of the second layer, shape (units of the second layer, carrying units).
        added: to the second layer's bias.
    """

    weight: Array
    bias: Array
    columns: Array
    added: Array


def absorb(network: Network, known: Known, box: Box) -> tuple[Network, list[Removal], Known]:
    """Let fewer units carry what units on one straight piece compute, from the last call to the first.

    Args:
        network: any.
        known: among other things, which units are on the last piece of their call.
        box: over which that holds.

    Returns:
        The smaller network, what went, and what is known of what is left.
    """
    removals: list[Removal] = []
    for node in reversed(network.nodes):
        place = _place(network, node, known)
        carrier = None if place is None else _carrier(place)
        smaller = None if place is None or carrier is None else _with(network, place, carrier, box)
        if place is None or carrier is None or smaller is None:
            continue
        proofs = known.straight[node.output]
        units, count = tuple(place.on.tolist()), len(carrier.bias)
        removals.append(
            Removal(
                kind="always on",
                node=place.first.name,
                units=units,
                reason=f"on one straight piece: {count} units carry what these {len(units)} did",
                certificate=weakest(proofs[unit] for unit in units),
            )
        )
        network = smaller
        known = known.kept(node.output, np.array([not proof for proof in proofs]), added=count)
    return network, removals, known


def _place(network: Network, node: Node, known: Known) -> _Place | None:
    on = np.flatnonzero([bool(proof) for proof in known.straight.get(node.output, ())])
    readers, makers = single_readers(network), network.producers()
    if not len(on) or not isinstance(node.operator, Activation) or node.inputs[0] not in readers:
        return None
    first, second = makers.get(node.inputs[0]), readers.get(node.output)
    if first is None or second is None:
        return None
    if not isinstance(first.operator, Dense) or not isinstance(second.operator, Dense):
        return None
    bends = bends_of(node, (len(first.operator.weight),))
    if bends.slopes[-1] != 1 or bends.intercepts[-1] != 0:
        return None
    return _Place(first=first, call=node, second=second, on=on, kink=float(bends.kinks[-1]))


def _carrier(place: _Place) -> _Carrier | None:
    """Return the fewest units that do; None where these are as many, or none, which `remove_units` takes out."""
    first, second = place.layers
    weight, bias = np.asarray(first.weight, np.float64)[place.on], bias_of(first)[place.on]
    then = np.asarray(second.weight, np.float64)[:, place.on]
    readers = np.flatnonzero(np.any(then != 0, axis=1))
    basis, combination = _basis(weight)
    if not 0 < min(len(readers), len(basis)) < len(place.on):
        return None
    if len(basis) <= len(readers):
        return _Carrier(
            weight=weight[basis],
            bias=bias[basis],
            columns=then @ combination,
            added=then @ (bias - combination @ bias[basis]),
        )
    return _Carrier(
        weight=then[readers] @ weight,
        bias=np.zeros(len(readers)),
        columns=np.eye(len(then))[:, readers],
        added=then @ bias,
    )


def _basis(rows: Array) -> tuple[Array, Array]:
    """Return rows of which the others are combinations, and these combinations, shape (rows, basis)."""
    from scipy.linalg import qr, solve_triangular

    size = np.linalg.norm(rows, axis=1)
    unit = rows / np.where(size > 0, size, 1.0)[:, None]
    _, upper, order = qr(unit.T, mode="economic", pivoting=True)
    rank = int(np.sum(np.abs(np.diag(upper)) > _INDEPENDENT))
    basis = np.sort(order[:rank])
    place = np.argsort(order[:rank])
    combination = np.zeros((len(rows), rank))
    combination[order] = solve_triangular(upper[:rank, :rank], upper[:rank]).T[:, place]
    return basis, combination * size[:, None] / np.where(size > 0, size, 1.0)[basis]


def _with(network: Network, place: _Place, carrier: _Carrier, box: Box) -> Network | None:
    """Return the network with the carrying units, shifted to where they are proven to be on the last piece."""
    units = len(carrier.bias)
    plain = _joined(network, place, carrier, np.zeros(units))
    ends = _ends(plain, place, units, box)
    if ends is None:
        return None
    low, high = ends
    room = _MARGIN * (high - low)
    shift = np.maximum(place.kink + room - low, 0.0)
    made = _joined(network, place, carrier, shift)
    proven = _ends(made, place, units, box)
    return made if proven is not None and np.all(proven[0] >= place.kink) else None


def _joined(network: Network, place: _Place, carrier: _Carrier, shift: Array) -> Network:
    first, second = place.layers
    stay = np.setdiff1d(np.arange(len(first.weight)), place.on)
    before = replace(
        first,
        weight=np.concatenate([np.asarray(first.weight, np.float64)[stay], carrier.weight]),
        bias=np.concatenate([bias_of(first)[stay], carrier.bias + shift]),
    )
    after = replace(
        second,
        weight=np.concatenate([np.asarray(second.weight, np.float64)[:, stay], carrier.columns], axis=1),
        bias=bias_of(second) + carrier.added - carrier.columns @ shift,
    )
    changes: dict[str, Node | None] = {
        place.first.output: replace(place.first, operator=before),
        place.second.output: replace(place.second, operator=after),
    }
    return replaced(network, changes)


def _ends(network: Network, place: _Place, units: int, box: Box) -> tuple[Array, Array] | None:
    """Return proven bounds of the last units of the call."""
    end = Tensor(name=place.call.output, shape=(), dtype="float64")
    head = replaced(replace(network, outputs=(end,)), {})
    low, high = ({name: ends[i] for name, ends in box.items()} for i in (0, 1))
    found = bounds(head, low, high).calls
    if not found or found[-1].node.output != place.call.output:
        return None
    wide = [x.reshape(-1, x.shape[-1])[:, -units:] for x in (found[-1].low, found[-1].high)]
    return wide[0].min(axis=0), wide[1].max(axis=0)
