"""The half-spaces of the region that a sample is in, and what passes through the layers there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nonlin.geometry.cells.chain import Chain
from nonlin.geometry.cells.domain import fraction
from nonlin.geometry.rounding import OUTWARD, TINY, UNIT_ROUNDOFF, gamma
from nonlin.geometry.verification.layers import Layer
from nonlin.geometry.verification.points import Exactly, Here, nearest
from nonlin.networks.array import Array

__all__ = ["Around", "Folds", "Passing", "passed"]


@dataclass(kw_only=True, eq=False)
class Around:
    """A network, and the fractions that it is made of, where they are needed."""

    chain: Chain
    layers: tuple[Layer, ...]

    @cached_property
    def exactly(self) -> Exactly:
        """The network in fractions."""
        return Exactly(self.chain)


@dataclass(slots=True, kw_only=True)
class Folds:
    """The half-spaces so far.

    Args:
        slopes, slacks, calls, units: as of a region.
        unsure: where float64 does not decide on which side the sample is.
        ties: where the sample is proven to be on the fold.
    """

    slopes: list[Array]
    slacks: list[Array]
    calls: list[str]
    units: list[Array]
    unsure: list[Array]
    ties: list[Array]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passing:
    """What reaches a layer: values, how far they can be off, and their slopes, shape (numbers, inputs)."""

    value: Array
    error: Array
    slope: Array


def passed(around: Around, x: Array, exactly: Sequence[Here] | None) -> tuple[Passing, Folds]:
    """Take a sample through the layers, in float64, or with every side decided in fractions.

    Args:
        around: the network.
        x: one sample.
        exactly: every stage at the sample, where it is known.

    Returns:
        What comes out of the last layer, and the half-spaces of all.
    """
    flat = x.ravel()
    found = Passing(value=flat, error=np.zeros(len(flat)), slope=np.eye(len(flat)))
    none = np.zeros(0, bool)
    folds = Folds(
        slopes=[np.zeros((0, len(flat)))],
        slacks=[np.zeros(0)],
        calls=[],
        units=[np.zeros(0, np.intp)],
        unsure=[none],
        ties=[none],
    )
    for k, layer in enumerate(around.layers):
        here = None if exactly is None else exactly[k]
        found, sides = _through(layer, found, here)
        folds.slopes.append(sides.slopes)
        folds.calls += [layer.call] * len(sides.units)
        folds.units.append(sides.units)
        if exactly is None:
            constant = np.all(sides.slopes == 0, axis=1)
            folds.slacks.append(sides.slacks)
            # an overflow decides nothing
            folds.unsure.append(
                ~((sides.slacks > sides.doubts) | (constant & (sides.slacks >= sides.doubts)))
            )
            folds.ties.append(np.zeros(len(sides.units), bool))
        else:
            slacks, ties = _decided(around, k, exactly, sides)
            folds.slacks.append(slacks)
            folds.ties.append(ties)
    return found, folds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sides:
    """The half-spaces of one layer.

    Args:
        slopes, slacks, units: as of a region.
        doubts: how far the slacks can be off.
        first: of windows the largest entry, −1 for a kink.
        signs: 1 where the sample is left of a kink, −1 right of it.
        kinks: which, in order; of windows 0.
    """

    slopes: Array
    slacks: Array
    units: Array
    doubts: Array
    first: Array
    signs: Array
    kinks: Array


def _through(layer: Layer, x: Passing, here: Here | None) -> tuple[Passing, _Sides]:
    z = layer.before(x.value[None])[0]
    reach = np.asarray(layer.absolute @ np.abs(x.value)) + np.abs(layer.bias)
    doubt = (np.asarray(layer.absolute @ x.error) + gamma(layer.terms + 4) * reach) * OUTWARD
    doubt = np.where(reach > 0, doubt + TINY, doubt)
    before = Passing(value=z, error=doubt, slope=np.asarray(layer.weight @ x.slope))
    return (_pooled if len(layer.windows) else _bent)(layer, before, None if here is None else here.pieces)


def _bent(layer: Layer, x: Passing, pieces: Array | None) -> tuple[Passing, _Sides]:
    z, units = x.value, np.arange(layer.units)
    piece = layer.piece(z[None])[0] if pieces is None else pieces
    parts = []
    for sign, kinks, at in ((1, layer.kinks_high, piece), (-1, layer.kinks_low, piece - 1)):
        has = (at >= 0) & (at < kinks.shape[1])
        has[has] = np.isfinite(kinks[units[has], at[has]])
        which, number = units[has], at[has]
        slack = sign * (kinks[which, number] - z[which])
        # a kink that is no float64 lies between its neighbours
        doubt = x.error[which] + (layer.kinks_high[which, number] - layer.kinks_low[which, number])
        parts.append((sign * x.slope[which], slack, which, doubt, np.full(len(which), sign), number))
    slopes, slacks, which, doubts, signs, numbers = map(np.concatenate, zip(*parts, strict=True))
    factor, shift = layer.slopes[units, piece], layer.intercepts[units, piece]
    rounding = 8 * UNIT_ROUNDOFF * (np.abs(factor * z) + np.abs(shift))
    made = Passing(
        value=factor * z + shift,
        error=np.abs(factor) * x.error * OUTWARD + np.where(factor != 0, rounding + TINY, rounding),
        slope=factor[:, None] * x.slope,
    )
    sides = _Sides(
        slopes=slopes,
        slacks=slacks,
        units=which,
        doubts=doubts,
        first=np.full(len(which), -1),
        signs=signs,
        kinks=numbers,
    )
    return made, sides


def _pooled(layer: Layer, x: Passing, pieces: Array | None) -> tuple[Passing, _Sides]:
    z, windows = x.value, layer.windows
    best = windows[np.arange(len(windows)), z[windows].argmax(axis=1)] if pieces is None else pieces
    pairs = [np.zeros((0, 2), np.intp)]
    for place, entry in enumerate(windows.T):
        repeated = (entry == windows[:, 0]) & (place > 0)
        other = (entry != best) & ~repeated
        pairs.append(np.stack([best[other], entry[other]], axis=1))
    first, second = np.concatenate(pairs).T
    passed = np.concatenate([np.arange(layer.units)[layer.passing], best])
    sides = _Sides(
        slopes=x.slope[second] - x.slope[first],
        slacks=z[first] - z[second],
        units=second,
        doubts=x.error[first] + x.error[second] + 2 * UNIT_ROUNDOFF * (np.abs(z[first]) + np.abs(z[second])),
        first=first,
        signs=np.ones(len(second)),
        kinks=np.zeros(len(second), np.intp),
    )
    return Passing(value=z[passed], error=x.error[passed], slope=x.slope[passed]), sides


def _decided(around: Around, k: int, here: Sequence[Here], sides: _Sides) -> tuple[Array, Array]:
    """Return the slacks from fractions, and which folds the sample is on that are one in its region."""
    stage, before = around.chain.stages[k], here[k].before
    slacks, rows, at = sides.slacks.copy(), [], []
    for i, (first, unit) in enumerate(zip(sides.first.tolist(), sides.units.tolist(), strict=True)):
        if first >= 0:
            slack, row = before[first] - before[unit], {unit: 1, first: -1}
        else:
            kink = fraction(stage.bends[int(stage.bend[unit])].kinks[int(sides.kinks[i])])
            slack, row = int(sides.signs[i]) * (kink - before[unit]), {unit: 1}
        slacks[i] = nearest(slack)
        if not slack:
            rows.append(row)
            at.append(i)
    ties = np.zeros(len(slacks), bool)
    if rows:
        ties[at] = ~around.exactly.constant(here, k, rows)
    return slacks, ties
