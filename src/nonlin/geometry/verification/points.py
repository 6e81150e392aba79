"""What a network makes of a single point, in exact rational numbers: for what float64 does not decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat

from nonlin.geometry.cells.chain import Chain, Stage
from nonlin.geometry.cells.domain import fraction
from nonlin.geometry.cells.exact import exact_stages, mapped
from nonlin.networks.array import Array

__all__ = ["Exactly", "Here", "nearest"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Here:
    """One stage at a point.

    Args:
        before: the pre-activations, fractions.
        pieces: of each unit, the left one at a kink; or of each window its first largest entry.
    """

    before: list[Any]
    pieces: Array


class Exactly:
    """A chain with its weights as fractions, which are made once."""

    def __init__(self, chain: Chain) -> None:
        """Turn the weights into fractions."""
        self._chain = chain
        self._stages = exact_stages(chain, len(chain.stages)).stages

    def at(self, point: Array) -> tuple[list[Here], list[Any]]:
        """Return every stage at a point of float64, shape (inputs,), and what comes out of the last."""
        values, found = [fraction(x) for x in point.tolist()], []
        for stage in self._stages:
            before = [row[0] for row in mapped(stage, [[x] for x in values])]
            pieces, values = _bent(stage.stage, before)
            found.append(Here(before=before, pieces=pieces))
        return found, values

    def outputs(self, point: Array) -> list[Fraction]:
        """Return what the network makes of a point, flattened."""
        values = self.at(point)[1]
        made = [fmpq(0) if i < 0 else values[i] for i in self._chain.outputs.tolist()]
        return [_python(x) for x in made]

    def constant(self, here: Sequence[Here], stage: int, rows: Sequence[dict[int, int]]) -> Array:
        """Return which sums of a stage's pre-activations are the same all over the region of a point.

        Args:
            here: the stages at the point.
            stage: which.
            rows: for each sum the factor of each unit in it.
        """
        weights = fmpq_mat(len(rows), self._chain.stages[stage].units)
        for i, row in enumerate(rows):
            for unit, factor in row.items():
                weights[i, unit] = factor
        for k in range(stage, -1, -1):
            if k < stage:
                weights = _unbent(self._chain.stages[k], here[k], weights)
            weights = self._back(k, weights)
        return np.array([not any(row) for row in weights.tolist()], bool)

    def _back(self, k: int, weights: Any) -> Any:
        """Take weights on a stage's pre-activations to weights on what it reads."""
        stage, matrix = self._chain.stages[k], self._stages[k].matrix
        divisors = stage.divisor.tolist()
        for j in np.flatnonzero(stage.divisor != 1).tolist():
            for i in range(weights.nrows()):
                weights[i, j] = weights[i, j] / divisors[j]
        if not isinstance(matrix, list):
            return weights * matrix
        made = fmpq_mat(weights.nrows(), stage.inputs)
        for i in range(weights.nrows()):
            for unit, place, weight in matrix:
                if weights[i, unit]:
                    made[i, place] = made[i, place] + weights[i, unit] * weight
        return made


def nearest(exact: Any) -> float:
    """Return the float64 that is nearest to a fraction of flint."""
    return float(_python(exact))


def _python(exact: Any) -> Fraction:
    return Fraction(int(exact.p), int(exact.q))


def _bent(stage: Stage, before: list[Any]) -> tuple[Array, list[Any]]:
    if stage.windows:
        best = [max(w.tolist(), key=before.__getitem__) for w in stage.windows]  # the first of equal ones
        return np.array(best, np.intp), before[stage.units - stage.kept :] + [before[i] for i in best]
    pieces, made = [], []
    tables = [_exact_table(bends) for bends in stage.bends]
    for z, number in zip(before, stage.bend.tolist(), strict=True):
        if number < 0:
            pieces.append(0)
            made.append(z)
            continue
        kinks, values, slopes, intercepts = tables[number]
        piece = sum(kink < z for kink in kinks)
        pieces.append(piece)
        on_kink = piece < len(kinks) and kinks[piece] == z
        made.append(values[piece] if on_kink else slopes[piece] * z + intercepts[piece])
    return np.array(pieces, np.intp), made


def _exact_table(bends: Any) -> tuple[list[Any], ...]:
    columns = (bends.kinks, bends.values, bends.slopes, bends.intercepts)
    return tuple([fraction(Fraction(x)) for x in column] for column in columns)


def _unbent(stage: Stage, here: Here, weights: Any) -> Any:
    """Take weights on what a stage makes to weights on its pre-activations."""
    made = fmpq_mat(weights.nrows(), stage.units)
    places = list(range(stage.units))
    if stage.windows:
        places = [*range(stage.units - stage.kept, stage.units), *here.pieces.tolist()]
    slopes = [fmpq(1)] * len(places)
    if not stage.windows:
        tables = [_exact_table(bends)[2] for bends in stage.bends]
        numbers = zip(stage.bend.tolist(), here.pieces.tolist(), strict=True)
        slopes = [fmpq(1) if number < 0 else tables[number][piece] for number, piece in numbers]
    for i in range(weights.nrows()):
        for j, (place, slope) in enumerate(zip(places, slopes, strict=True)):
            made[i, place] = made[i, place] + weights[i, j] * slope
    return made
