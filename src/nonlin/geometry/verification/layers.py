"""A chain of stages as the arrays that a batched relaxation computes with, and what rounding can lose in each."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.geometry.bends import Bends
from nonlin.geometry.cells.chain import Chain, Entries, Stage
from nonlin.networks.array import Array

__all__ = ["Layer", "layers_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """z = W x + b, then each z through its affine pieces, or windows of them through a maximum.

    Args:
        weight: W, shape (units, inputs), dense, or a sparse matrix of SciPy's.
        absolute: upper bounds of abs(W).
        bias: b, shape (units,).
        terms: how many roundings one z goes through at most, those of W itself included.
        kinks_low, kinks_high: float64 neighbours that enclose the kinks, shape (units, kinks), filled up with inf.
        slopes, intercepts: of the pieces, shape (units, 2 kinks + 1): behind the kinks + 1 that lie between kinks come
            the kinks themselves, each a constant.
        values: at the kinks, shape (units, kinks), NaN where there is none.
        jumps: whether a unit jumps somewhere, shape (units,).
        apart: whether it has, at a jump, a value that neither piece has there, shape (units,).
        bent: which units bend, shape (units,).
        windows: the entries of each window, shape (windows, size), filled up by repeating one; (0, 0) where there is
            no pooling.
        kept: with windows, how many units only pass: the last ones; of what comes out they are the first.
        call: the name of the node that bends.
    """

    weight: Any
    absolute: Any
    bias: Array
    terms: int
    kinks_low: Array
    kinks_high: Array
    slopes: Array
    intercepts: Array
    values: Array
    jumps: Array
    apart: Array
    bent: Array
    windows: Array
    kept: int
    call: str

    @property
    def units(self) -> int:
        """How many pre-activations there are."""
        return len(self.bias)

    @property
    def passing(self) -> slice:
        """Which units only pass a layer of windows."""
        return slice(self.units - self.kept, self.units)

    @property
    def choices(self) -> int:
        """How many decisions there are in this layer: one for each unit, or one for each window."""
        return len(self.windows) or self.units

    def choices_of(self, choice: int) -> list[int]:
        """Return what a unit or a window can be put on: pieces and kinks, or entries."""
        if len(self.windows):
            return sorted(set(self.windows[choice].tolist()))
        kinks = int(np.isfinite(self.kinks_low[choice]).sum())
        # of a unit that jumps, the values at its kinks may be on no piece
        on_kinks = range(self.kinks_low.shape[1] + 1, self.kinks_low.shape[1] + 1 + kinks)
        return [*range(kinks + 1), *(on_kinks if self.apart[choice] else ())]

    @property
    def folds(self) -> bool:
        """Whether anything bends here."""
        return bool(len(self.windows)) or bool(self.bent.any())

    def apply(self, x: Array) -> Array:
        """Return what comes out, in float64, for rows of inputs, shape (rows, inputs)."""
        return self.after(self.before(x))

    def before(self, x: Array) -> Array:
        """Return the pre-activations, in float64, shape (rows, units)."""
        return np.asarray(x @ self.weight.T) + self.bias

    def after(self, z: Array) -> Array:
        """Return what comes out for pre-activations."""
        if len(self.windows):
            return np.concatenate([z[:, self.passing], z[:, self.windows].max(axis=2)], axis=1)
        piece = self.piece_or_kink(z)
        units = np.arange(self.units)
        return self.slopes[units, piece] * z + self.intercepts[units, piece]

    def piece(self, z: Array) -> Array:
        """Return which piece each pre-activation is on, the left one at a kink; shape (rows, units)."""
        return np.asarray((z[:, :, None] > self.kinks_low).sum(axis=2))

    def piece_or_kink(self, z: Array) -> Array:
        """Return `piece`, but the number of the kink itself for what is on one where the function jumps."""
        pieces = self.piece(z)
        if self.jumps.any():
            box, unit, kink = np.nonzero(
                self.jumps[:, None] & (z[:, :, None] == self.kinks_low) & (self.kinks_low == self.kinks_high)
            )
            pieces[box, unit] = self.kinks_low.shape[1] + 1 + kink
        return pieces

    def gather(self, units: Array) -> Array:
        """Return rows of W for an array of units, shape (*units, inputs)."""
        rows = self.weight[np.ravel(units)]
        dense = rows if isinstance(rows, np.ndarray) else rows.toarray()
        return np.asarray(dense).reshape(*units.shape, -1)

    def back(self, weights: Array) -> Array:
        """Return weights on z as weights on x, shape (…, inputs)."""
        flat = weights.reshape(-1, weights.shape[-1])
        return np.asarray(flat @ self.weight).reshape(*weights.shape[:-1], -1)


def layers_of(chain: Chain) -> tuple[Layer, ...]:
    """Return the layers of a chain.

    Raises:
        UnsupportedModelError: if a window of a pool bends as well.
    """
    return tuple(_layer(stage) for stage in chain.stages)


def _layer(stage: Stage) -> Layer:
    weight, absolute, terms = _weights(stage)
    tables = [_table(bends) for bends in stage.bends] or [_table(None)]
    most = max(len(table[0]) for table in tables)
    straight = [_table(None)]
    every = [_padded(table, most) for table in (*tables[: len(stage.bends)], *straight)]
    which = np.where(stage.bend < 0, len(every) - 1, stage.bend)
    if len(stage.windows) and np.any(stage.bend >= 0):
        raise UnsupportedModelError(
            f"expected pooling and an activation in two steps, got both in node '{stage.call}'; export the model again"
        )
    low, high, slopes, intercepts, values = (np.array(column)[which] for column in zip(*every, strict=True))
    jumps = np.array([*(not bends.continuous for bends in stage.bends), False])[which]
    apart = np.array([*map(_apart, stage.bends), False])[which]
    return Layer(
        weight=weight,
        absolute=absolute,
        bias=stage.bias / stage.divisor,
        terms=terms,
        kinks_low=low,
        kinks_high=high,
        slopes=np.concatenate([slopes, np.zeros(values.shape)], axis=1),
        intercepts=np.concatenate([intercepts, values], axis=1),
        values=values,
        jumps=jumps,
        apart=apart,
        bent=np.any(np.isfinite(low), axis=1),
        windows=_windows(stage),
        kept=stage.kept if stage.windows else 0,
        call=stage.call,
    )


def _weights(stage: Stage) -> tuple[Any, Any, int]:
    if not isinstance(stage.matrix, Entries):
        dense = np.ascontiguousarray(stage.matrix / stage.divisor[:, None])
        return dense, np.abs(dense), stage.inputs + 16
    from scipy.sparse import csr_array

    entries, shape = stage.matrix, (stage.units, stage.inputs)
    values = entries.values / stage.divisor[entries.rows]
    made, positive = (
        csr_array((x, (entries.rows, entries.columns)), shape=shape) for x in (values, np.abs(values))
    )
    terms = int(np.bincount(entries.rows, minlength=1).max()) + 16
    if stage.units * stage.inputs <= _SMALL:
        return made.toarray(), positive.toarray(), max(terms, stage.inputs + 16)
    return made, positive, terms


_SMALL = 1 << 16
"""Entries up to which a matrix is dense, whatever is 0 in it."""


def _windows(stage: Stage) -> Array:
    if not stage.windows:
        return np.zeros((0, 0), np.intp)
    size = max(len(window) for window in stage.windows)
    return np.array([np.concatenate([w, np.repeat(w[:1], size - len(w))]) for w in stage.windows], np.intp)


Table = tuple[list[float], list[float], list[float], list[float], list[float]]


def _table(bends: Bends | None) -> Table:
    if bends is None:
        return [], [], [1.0], [0.0], []
    low, high = [], []
    for kink in bends.kinks:
        nearest = float(kink)
        low.append(nearest if Fraction(nearest) <= kink else float(np.nextafter(nearest, -np.inf)))
        high.append(nearest if Fraction(nearest) >= kink else float(np.nextafter(nearest, np.inf)))
    # a lowered chain has one number for each slope
    slopes = [float(slope) for slope in bends.slopes]
    return low, high, slopes, [float(x) for x in bends.intercepts], [float(x) for x in bends.values]


def _padded(table: Table, kinks: int) -> Table:
    low, high, slopes, intercepts, values = table
    missing = kinks - len(low)
    none = [np.inf] * missing
    return (
        low + none,
        high + none,
        slopes + [slopes[-1]] * missing,
        intercepts + [intercepts[-1]] * missing,
        values + [np.nan] * missing,
    )


def _apart(bends: Bends) -> bool:
    """Whether the function has a value at a kink that neither piece beside it has there."""
    pieces = [*zip(bends.slopes, bends.intercepts, strict=True)]
    return any(
        all(bool(np.all(slope * kink + intercept != value)) for slope, intercept in pieces[i : i + 2])
        for i, (kink, value) in enumerate(zip(bends.kinks, bends.values, strict=True))
    )
