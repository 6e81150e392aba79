"""Which units of the calls are on one piece: over a box by proven bounds, or on samples."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.geometry.bends import Bends, bends_of
from nonlin.networks import Network, Node
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.affine import Elementwise
from nonlin.networks.array import Array
from nonlin.networks.shape import Identity
from nonlin.simplification.channels import Channels
from nonlin.simplification.editing import replaced
from nonlin.simplification.known import Known, Proofs
from nonlin.simplification.removal import Certificate, Removal, weakest
from nonlin.simplification.transfer import follow

__all__ = ["Range", "settle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Between which numbers a call's pre-activation stays.

    Args:
        node: the call.
        low, high: shape of one sample.
        certificates: of each entry, in the same shape, how that is known.
    """

    node: Node
    low: Array
    high: Array
    certificates: Array


def settle(
    network: Network, shapes: Mapping[str, tuple[int, ...]], ranges: Iterable[Range]
) -> tuple[Network, list[Removal], Known]:
    """Put what stays on one piece in the place of calls.

    Args:
        network: as it was read.
        shapes: of its tensors in one run.
        ranges: of its calls.

    Returns:
        The network, calls whose units are all on straight pieces replaced by affine ones; what was replaced; and which
        units are constant or on the last piece.
    """
    _, table = follow(network, shapes, {})
    known = Known()
    changes: dict[str, Node | None] = {}
    removals: list[Removal] = []
    for found in ranges:
        node, channels = found.node, table.get(found.node.output)
        pieces = None if channels is None else _pieces(found, channels)
        if pieces is None or channels is None:
            continue
        constant = (pieces.slopes == 0) & ~np.isnan(pieces.shifts)
        if np.any(constant):
            known.values[node.output] = np.where(constant, pieces.shifts, np.nan)
            known.certificates[node.output] = _where(constant, pieces.proofs)
        known.straight[node.output] = _where(pieces.last & ~constant, pieces.proofs)
        if not np.any(np.isnan(pieces.slopes)) and not np.all(constant):
            changes[node.output] = _affine(node, channels, pieces, len(shapes[node.output]))
            removals += _dropped(node, pieces.proofs, ~constant)
    return replaced(network, changes), removals, known


def _where(chosen: Array, proofs: tuple[Certificate, ...]) -> Proofs:
    return tuple(p if c else None for p, c in zip(proofs, chosen.tolist(), strict=True))


def _dropped(node: Node, proofs: tuple[Certificate, ...], chosen: Array) -> Iterator[Removal]:
    for proof in sorted(set(proofs)):
        units = tuple(i for i in np.flatnonzero(chosen).tolist() if proofs[i] == proof)
        if units:
            yield Removal(
                kind="always on",
                node=node.name,
                units=units,
                reason="on one straight piece, as all units of this call or constant",
                certificate=proof,
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pieces:
    """The piece on which each channel of a call stays.

    Args:
        slopes, shifts: of it; NaN where a channel is on several.
        last: whether it is the rightmost.
        proofs: how that is known.
    """

    slopes: Array
    shifts: Array
    last: Array
    proofs: tuple[Certificate, ...]


def _pieces(found: Range, channels: Channels) -> _Pieces | None:
    operator, shape = found.node.operator, found.low.shape
    if not isinstance(operator, Activation | ParametricRelu):
        return None
    try:
        bends = bends_of(found.node, shape)
    except UnsupportedModelError:
        return None
    axis = channels.axis - 1
    if not bends.continuous or not 0 <= axis < len(shape) or shape[axis] != len(channels.labels):
        return None

    def rows(x: Array) -> Array:
        return np.moveaxis(x.reshape(shape), axis, 0).reshape(shape[axis], -1)

    slopes, shifts = map(rows, _entries(bends, found.low.ravel(), found.high.ravel()))
    same = np.all((slopes == slopes[:, :1]) & (shifts == shifts[:, :1]), axis=1)
    last = np.min(rows(found.low), axis=1) >= float(bends.kinks[-1] if bends.kinks else -np.inf)
    return _Pieces(
        slopes=np.where(same, slopes[:, 0], np.nan),
        shifts=np.where(same, shifts[:, 0], np.nan),
        last=same & last,
        proofs=tuple(weakest(row) for row in rows(found.certificates).tolist()),
    )


def _entries(bends: Bends, low: Array, high: Array) -> tuple[Array, Array]:
    slopes, shifts = np.full(low.shape, np.nan), np.full(low.shape, np.nan)
    cuts = [-np.inf, *map(float, bends.kinks), np.inf]
    for first, last, slope, shift in zip(cuts, cuts[1:], bends.slopes, bends.intercepts, strict=False):
        inside = (low >= first) & (high <= last) & np.isnan(slopes)
        # a slope is an attribute, and those are float32 in every file
        inclination = np.asarray(
            slope if isinstance(slope, np.ndarray) else np.float32(float(slope)), np.float64
        )
        slopes = np.where(inside, inclination, slopes)
        shifts = np.where(inside, float(shift), shifts)
    return slopes, shifts


def _affine(node: Node, channels: Channels, pieces: _Pieces, ndim: int) -> Node:
    slopes, shifts = pieces.slopes, pieces.shifts
    if np.all(slopes == 1) and np.all(shifts == 0):
        return replace(node, operator=Identity())
    shape = (-1, *[1] * (ndim - channels.axis - 1))
    return replace(node, operator=Elementwise(scale=slopes.reshape(shape), shift=shifts.reshape(shape)))
