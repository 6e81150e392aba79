"""Which units of the calls are on one piece: over a box by proven bounds, or on samples."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

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
from nonlin.simplification.removal import Certificate, Removal
from nonlin.simplification.transfer import follow
from nonlin.simplification.units import Known

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
        The network, calls whose units are all on straight pieces replaced by affine ones; what was replaced; and the
        units that are constant.
    """
    _, table = follow(network, shapes, {})
    values: dict[str, Array] = {}
    certificates: dict[str, tuple[Certificate | Any, ...]] = {}
    changes: dict[str, Node | None] = {}
    removals: list[Removal] = []
    for found in ranges:
        node, channels = found.node, table.get(found.node.output)
        pieces = None if channels is None else _pieces(found, channels)
        if pieces is None or channels is None:
            continue
        slopes, shifts, proofs = pieces
        constant = (slopes == 0) & ~np.isnan(shifts)
        if np.any(constant):
            values[node.output] = np.where(constant, shifts, np.nan)
            certificates[node.output] = tuple(
                p if c else "" for p, c in zip(proofs, constant.tolist(), strict=True)
            )
        straight = ~np.isnan(slopes)
        if np.all(straight) and not np.all(constant):
            changes[node.output] = _affine(node, channels, slopes, shifts, len(shapes[node.output]))
            for proof in sorted(set(proofs)):
                units = [i for i in np.flatnonzero(~constant).tolist() if proofs[i] == proof]
                if units:
                    removals.append(
                        Removal(
                            kind="always on",
                            node=node.name,
                            units=tuple(units),
                            reason="on one straight piece, as all units of this call or constant",
                            certificate=proof,
                        )
                    )
    return replaced(network, changes), removals, Known(values=values, certificates=certificates)


def _pieces(found: Range, channels: Channels) -> tuple[Array, Array, list[Certificate]] | None:
    """Return slope and shift of each channel's piece, NaN where it is on several, and how that is known."""
    operator, shape = found.node.operator, found.low.shape
    if not isinstance(operator, Activation | ParametricRelu):
        return None
    try:
        bends = bends_of(found.node, shape)
    except UnsupportedModelError:
        return None
    if not bends.continuous:
        return None
    slopes, shifts = _entries(bends, found.low.ravel(), found.high.ravel())
    axis = channels.axis - 1
    if axis < 0 or axis >= len(shape) or shape[axis] != len(channels.labels):
        return None
    rows = [np.moveaxis(x.reshape(shape), axis, 0).reshape(shape[axis], -1) for x in (slopes, shifts)]
    same = np.all(np.all([r == r[:, :1] for r in rows], axis=0), axis=1)
    proofs = np.moveaxis(found.certificates, axis, 0).reshape(shape[axis], -1)
    order = ["interval", "linear", "samples"]
    weakest = [max(row.tolist(), key=order.index) for row in proofs]
    return np.where(same, rows[0][:, 0], np.nan), np.where(same, rows[1][:, 0], np.nan), weakest


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


def _affine(node: Node, channels: Channels, slopes: Array, shifts: Array, ndim: int) -> Node:
    if np.all(slopes == 1) and np.all(shifts == 0):
        return replace(node, operator=Identity())
    shape = (-1, *[1] * (ndim - channels.axis - 1))
    return replace(node, operator=Elementwise(scale=slopes.reshape(shape), shift=shifts.reshape(shape)))
