"""The linear regions that samples are in: their affine maps, their half-spaces, and how far their folds are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError
from nonlin.geometry.along import AffineMap, affine_map_at
from nonlin.geometry.cells.lowering import lower
from nonlin.geometry.checks import check_piecewise_linear
from nonlin.geometry.rounding import UNIT_ROUNDOFF, gamma
from nonlin.geometry.verification.layers import Layer, layers_of
from nonlin.networks import Network
from nonlin.networks.array import Array

__all__ = ["Fold", "Region", "region"]

Norm = Literal[1, 2] | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """The nearest fold of a region: how far, and of which unit of which call."""

    distance: float
    call: str
    unit: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """The region of one sample, computed in float64.

    Args:
        network: of which.
        x: the sample.
        slopes, offsets: the region is where slopes · x ≤ offsets; shape (halfspaces, inputs) and (halfspaces,).
        calls, units: whose fold each half-space ends at; with pooling, the unit is the entry that would become largest.
        slacks: offsets − slopes · x, not below 0, shape (halfspaces,).
        certified: whether float64 proves on which side of every fold the sample is.
        tie: whether the sample lies exactly on a fold, as far as float64 tells; then it is on the left piece.
    """

    network: Network
    x: Array
    slopes: Array
    offsets: Array
    calls: tuple[str, ...]
    units: Array
    slacks: Array
    certified: bool
    tie: bool

    @cached_property
    def map(self) -> AffineMap:
        """The affine map, made when it is first asked for."""
        return affine_map_at(self.network, self.x)

    @property
    def weight(self) -> Array:
        """Of the map, shape (outputs, *input)."""
        return self.map.weight

    @property
    def bias(self) -> Array:
        """Of the map, shape (outputs,)."""
        return self.map.bias

    @property
    def halfspaces(self) -> tuple[Array, Array]:
        """A and b of A x ≤ b, over the flattened input."""
        return self.slopes, self.offsets

    @cached_property
    def redundant(self) -> Array:
        """Which half-spaces others imply, by linear programs; of equal ones the first is kept. Not certified."""
        from scipy.optimize import linprog

        kept = np.ones(len(self.offsets), bool)
        for i in range(len(self.offsets)):
            others = kept.copy()
            others[i] = False
            norm = float(np.abs(self.slopes[i]).max(initial=0.0))
            if norm == 0:
                kept[i] = False
                continue
            # one more half-space, moved out by its own size, keeps the program bounded
            found = linprog(
                -self.slopes[i] / norm,
                A_ub=np.concatenate([self.slopes[others], self.slopes[i : i + 1]]),
                b_ub=np.concatenate([self.offsets[others], self.offsets[i : i + 1] + norm]),
                bounds=(None, None),
                method="highs",
            )
            margin = 1e-9 * (1 + abs(self.offsets[i] / norm))
            kept[i] = found.status != 0 or -found.fun > self.offsets[i] / norm + margin
        return ~kept

    def distance(self, norm: float = 2) -> float:
        """Return the distance to the region's nearest fold; infinite where it has none."""
        return self.nearest(norm).distance

    def nearest(self, norm: float = 2) -> Fold:
        """Return the nearest fold; a convex region's boundary is as near as the nearest of its half-spaces.

        Args:
            norm: 1, 2 or inf, of the input.

        Raises:
            InvalidInputError: for another norm.
        """
        distances = self._distances(self.slopes, self.slacks, norm)
        if not np.isfinite(distances).any():
            return Fold(distance=np.inf, call="", unit=-1)
        first = int(np.argmin(distances))
        return Fold(distance=float(distances[first]), call=self.calls[first], unit=int(self.units[first]))

    def margin(self, norm: float = 2) -> float:
        """Return a radius within which the largest output stays the largest, by this region alone.

        It is the smaller of the distance to the nearest fold and of the distance at which the region's map ties two
        outputs. Within it the decision cannot change; beyond it, it need not. Rounding is that of float64.
        """
        values = self.map(self.x)
        flat = self.weight.reshape(len(values), -1)
        best = int(np.argmax(values))
        others = np.arange(len(values)) != best
        ties = self._distances(flat[others] - flat[best], values[best] - values[others], norm)
        return min(self.distance(norm), float(ties.min(initial=np.inf)))

    def _distances(self, slopes: Array, slacks: Array, norm: float) -> Array:
        dual = {1: np.inf, 2: 2, np.inf: 1}.get(norm)
        if dual is None:
            raise InvalidInputError(f"expected the norm 1, 2 or inf, got {norm}; choose one of them")
        sizes = np.linalg.norm(slopes, dual, axis=1) if slopes.size else np.zeros(len(slopes))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(sizes > 0, slacks / sizes, np.inf)


def region(network: Network, x: npt.ArrayLike) -> Region | tuple[Region, ...]:
    """Return the linear region that a sample is in, or those of a batch.

    Args:
        network: piecewise linear, with one input of known shape.
        x: one sample, or a batch of them with the batch axis in front.

    Raises:
        InvalidInputError: if x does not fit the input or is not finite.
        UnsupportedModelError: if the network is not piecewise linear; the node is named.

    >>> from nonlin import demonstration
    >>> from nonlin.networks import read
    >>> with np.load(demonstration.data_path()) as data:
    ...     found = region(read(demonstration.model_path()), data["images"][0])
    >>> found.weight.shape, found.certified, found.distance(1) >= found.distance(2)
    ((10, 64), True, True)
    """
    check_piecewise_linear(network)
    values = np.asarray(x, np.float64)
    shape = tuple(n or 0 for n in network.inputs[0].shape[1:])
    one = values.ndim == len(shape)
    batch = values[None] if one else values
    if batch.shape[1:] != shape or not np.all(np.isfinite(values)):
        raise InvalidInputError(
            f"expected finite samples of the shape {shape}, got {values.shape}; reshape them, or export the network "
            "with an input of known shape"
        )
    layers = layers_of(lower(network, shape))
    found = tuple(_region(network, layers, sample) for sample in batch)
    return found[0] if one else found


@dataclass(slots=True, kw_only=True)
class _Folds:
    slopes: list[Array]
    slacks: list[Array]
    calls: list[str]
    units: list[Array]
    doubts: list[Array]


def _region(network: Network, layers: Sequence[Layer], x: Array) -> Region:
    flat = x.ravel()
    value, error = flat, np.zeros(len(flat))
    slope = np.eye(len(flat))
    folds = _Folds(slopes=[], slacks=[], calls=[], units=[], doubts=[])
    for layer in layers:
        z = np.asarray(layer.weight @ value) + layer.bias
        reach = np.asarray(layer.absolute @ np.abs(value)) + np.abs(layer.bias)
        doubt = (np.asarray(layer.absolute @ error) + gamma(layer.terms + 4) * reach) * (1 + 2.0**-20)
        tilt = np.asarray(layer.weight @ slope)
        if len(layer.windows):
            value, error, slope = _pooled(layer, z, doubt, tilt, folds)
        else:
            value, error, slope = _bent(layer, z, doubt, tilt, folds)
    slopes = np.concatenate([np.zeros((0, len(flat))), *folds.slopes])
    slacks = np.concatenate([np.zeros(0), *folds.slacks])
    doubts = np.concatenate([np.zeros(0), *folds.doubts])
    constant = np.all(slopes == 0, axis=1)
    return Region(
        network=network,
        x=x,
        slopes=slopes,
        offsets=slopes @ flat + slacks,
        calls=tuple(folds.calls),
        units=np.concatenate([np.zeros(0, np.intp), *folds.units]),
        slacks=np.maximum(slacks, 0.0),
        certified=bool(np.all((slacks > doubts) | (constant & (slacks >= doubts)))),
        tie=bool(np.any((slacks <= doubts) & ~constant)),
    )


def _bent(layer: Layer, z: Array, doubt: Array, tilt: Array, folds: _Folds) -> tuple[Array, Array, Array]:
    piece, units = layer.piece(z[None])[0], np.arange(layer.units)
    for sign, kinks, at in ((1, layer.kinks_high, piece), (-1, layer.kinks_low, piece - 1)):
        has = (at >= 0) & (at < kinks.shape[1])
        has[has] = np.isfinite(kinks[units[has], at[has]])
        kink = kinks[units[has], at[has]]
        _add(folds, layer, units[has], sign * tilt[has], sign * (kink - z[has]), doubt[has])
    factor = layer.slopes[units, piece]
    value = factor * z + layer.intercepts[units, piece]
    error = np.abs(factor) * doubt + 8 * UNIT_ROUNDOFF * (
        np.abs(factor * z) + np.abs(layer.intercepts[units, piece])
    )
    return value, error, factor[:, None] * tilt


def _pooled(layer: Layer, z: Array, doubt: Array, tilt: Array, folds: _Folds) -> tuple[Array, Array, Array]:
    best = layer.windows[np.arange(len(layer.windows)), z[layer.windows].argmax(axis=1)]
    for entry in layer.windows.T:
        other = entry != best
        first, second = best[other], entry[other]
        _add(
            folds,
            layer,
            second,
            tilt[second] - tilt[first],
            z[first] - z[second],
            doubt[first] + doubt[second] + 2 * UNIT_ROUNDOFF * (np.abs(z[first]) + np.abs(z[second])),
        )
    passed = np.concatenate([np.arange(layer.kept), best])
    return z[passed], doubt[passed], tilt[passed]


def _add(folds: _Folds, layer: Layer, units: Array, slopes: Array, slacks: Array, doubts: Array) -> None:
    folds.slopes.append(slopes)
    folds.slacks.append(slacks)
    folds.calls += [layer.call] * len(units)
    folds.units.append(units)
    folds.doubts.append(doubts)
