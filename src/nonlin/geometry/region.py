"""The linear regions that samples are in: their affine maps, their half-spaces, and how far their folds are."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError
from nonlin.geometry.along import AffineMap
from nonlin.geometry.cells.lowering import lower
from nonlin.geometry.checks import axes_of_a_sample, check_piecewise_linear, samples_of
from nonlin.geometry.halfspaces import Around, passed
from nonlin.geometry.verification.layers import layers_of
from nonlin.networks import Network, read
from nonlin.networks.array import Array
from nonlin.results import Result, plain

__all__ = ["Fold", "Region", "region"]

_NORMS = {"1": 1, "2": 2, "inf": np.inf}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """The nearest fold of a region: how far, and of which unit of which call."""

    distance: float
    call: str
    unit: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Region(Result):
    """The region of one sample; its figures are computed in float64.

    Args:
        x: the sample.
        map: the affine map of the region.
        slopes, offsets: the region is where slopes · x ≤ offsets; shape (halfspaces, inputs) and (halfspaces,).
        calls, units: whose fold each half-space ends at; with pooling, the unit is the entry that would become largest.
        slacks: offsets − slopes · x, not below 0, shape (halfspaces,).
        certified: whether it is proven on which side of every fold the sample is: in float64 with its rounding, and
            where that does not decide, in rational arithmetic.
        exact: whether rational arithmetic was needed.
        tie: whether the sample lies exactly on a fold, proven; then it is in no region, and the left piece is taken, or
            the first of equal entries.
        reason: why it is not certified; "" where it is.
    """

    x: Array
    map: AffineMap
    slopes: Array
    offsets: Array
    calls: tuple[str, ...]
    units: Array
    slacks: Array
    certified: bool
    exact: bool
    tie: bool
    reason: str

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

    def to_dict(self) -> dict[str, Any]:
        """Return everything but what is redundant as values that JSON has.

        An infinite distance is None; the half-spaces are slopes · x ≤ offsets.
        """
        nearest = {}
        for name, norm in _NORMS.items():
            fold = self.nearest(norm)
            nearest[name] = {
                "distance": fold.distance,
                "call": fold.call or None,
                "unit": fold.unit if fold.call else None,
                "decision_holds_within": self.margin(norm),
            }
        halfspaces = {
            "slopes": self.slopes,
            "offsets": self.offsets,
            "calls": self.calls,
            "units": self.units,
        }
        made: dict[str, Any] = plain({
            "certified": self.certified,
            "reason": self.reason,
            "exact": self.exact,
            "tie": self.tie,
            "x": self.x,
            "weight": self.weight,
            "bias": self.bias,
            "nearest": nearest,
            "halfspaces": halfspaces,
        })  # fmt: skip
        return made

    def columns(self) -> dict[str, list[Any]]:
        """Return a row for each half-space: whose fold it ends at, and how far that is in each norm."""
        far = {
            f"distance_{name}": self._distances(self.slopes, self.slacks, norm).tolist()
            for name, norm in _NORMS.items()
        }
        return {
            "call": list(self.calls),
            "unit": self.units.tolist(),
            "offset": self.offsets.tolist(),
            "slack": self.slacks.tolist(),
            **far,
        }

    def _distances(self, slopes: Array, slacks: Array, norm: float) -> Array:
        dual = {1: np.inf, 2: 2, np.inf: 1}.get(norm)
        if dual is None:
            raise InvalidInputError(f"expected the norm 1, 2 or inf, got {norm}; choose one of them")
        sizes = np.linalg.norm(slopes, dual, axis=1) if slopes.size else np.zeros(len(slopes))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(sizes > 0, slacks / sizes, np.inf)


def region(network: Network | str | Path, x: npt.ArrayLike) -> Region | tuple[Region, ...]:
    """Return the linear region that a sample is in, or those of a batch.

    Signs are decided in float64 with its rounding; where that is not enough, in exact rational arithmetic.

    Args:
        network: piecewise linear, with one input of known shape; or the path of one.
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
    network = read(network)
    check_piecewise_linear(network)
    values = np.asarray(x, np.float64)
    one = values.ndim <= len(axes_of_a_sample(network.inputs[0]))
    if not one and not len(values):
        return ()
    network, batch = samples_of(network, *([values] if one else values))
    chain = lower(network, batch.shape[1:])
    around = Around(chain=chain, layers=layers_of(chain))
    found = tuple(_region(around, sample) for sample in batch)
    return found[0] if one else found


def _region(around: Around, x: Array) -> Region:
    found, folds = passed(around, x, None)
    exact = any(np.any(unsure) for unsure in folds.unsure)
    if exact:
        found, folds = passed(around, x, around.exactly.at(x.ravel())[0])
    flat, slopes, slacks = x.ravel(), np.concatenate(folds.slopes), np.concatenate(folds.slacks)
    calls, units = tuple(folds.calls), np.concatenate(folds.units)
    ties = np.concatenate(folds.ties)
    places = around.chain.outputs
    weight = np.where(places[:, None] < 0, 0.0, found.slope[places])
    bias = np.where(places < 0, 0.0, found.value[places]) - weight @ flat
    return Region(
        x=x,
        map=AffineMap(weight=weight.reshape(len(weight), *x.shape), bias=bias),
        slopes=slopes,
        offsets=slopes @ flat + slacks,
        calls=calls,
        units=units,
        slacks=np.maximum(slacks, 0.0),
        certified=not ties.any(),
        exact=exact,
        tie=bool(ties.any()),
        reason=_reason([(calls[i], int(units[i])) for i in np.flatnonzero(ties)]),
    )


def _reason(ties: list[tuple[str, int]]) -> str:
    if not ties:
        return ""
    others = f" and {len(ties) - 1:,} more" if len(ties) > 1 else ""
    return f"the sample lies exactly on the fold of {ties[0][0]}, unit {ties[0][1]}{others}"
