"""The same walk in rational arithmetic: for the cells that float64 did not decide, and as their judge in tests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat, fmpz_mat

from nonlin.geometry.bends import Bends
from nonlin.geometry.cells.chain import Chain, Entries, Stage
from nonlin.geometry.cells.domain import Domain, Root, fraction, nearest
from nonlin.geometry.cells.polyhedra import Polyhedron, halves, sides, values
from nonlin.networks.array import Array

__all__ = ["ExactCell", "ExactStages", "exact_cells", "exact_stages", "floats", "mapped", "whole_numbers"]

Row = list[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExactCell:
    """A finished cell.

    Args:
        shape: its vertices.
        regions: for every unit its piece; for one that rests on its kink all over the cell, the piece below.
        map: of the last stage, a row of fractions for each of its numbers.
    """

    shape: Polyhedron
    regions: tuple[int, ...]
    map: list[Row]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _ExactStage:
    """A stage.

    Args:
        stage: of the chain.
        matrix: its weights as fractions.
        first_fold: the number of its first fold.
        first_unit: of its first unit, through all stages.
        first_window: of its first window, behind all folds.
        between: by what the numbers of facets between entries go on: behind all folds, and how many units there are.
    """

    stage: Stage
    matrix: Any
    first_fold: int
    first_unit: int
    first_window: int
    between: tuple[int, int]

    def label(self, larger: int, smaller: int) -> int:
        """Return the number of the facet between two entries of a window, as the kernels number it."""
        folds, units = self.between
        return folds + (self.first_unit + larger) * units + self.first_unit + smaller


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExactStages:
    """A chain with its weights as fractions, folds numbered as in the plan."""

    stages: tuple[_ExactStage, ...]


def exact_stages(chain: Chain, stages: int) -> ExactStages:
    """Turn the weights of a chain's first stages into fractions."""
    parts, made = chain.stages[:stages], []
    counts = [sum(len(stage.bends[b].kinks) for b in stage.bend if b >= 0) for stage in parts]
    fold, unit, window = 0, 0, sum(counts)
    between = (sum(counts), sum(stage.units for stage in parts))
    for stage, folds in zip(parts, counts, strict=True):
        made.append(
            _ExactStage(
                stage=stage,
                matrix=_matrix(stage),
                first_fold=fold,
                first_unit=unit,
                first_window=window,
                between=between,
            )
        )
        fold, unit, window = fold + folds, unit + stage.units, window + len(stage.windows)
    return ExactStages(stages=tuple(made))


def _matrix(stage: Stage) -> Any:
    if isinstance(stage.matrix, Entries):
        entries = stage.matrix
        return [
            (int(i), int(j), fraction(float(x)))
            for i, j, x in zip(entries.rows, entries.columns, entries.values, strict=True)
        ]
    whole, low = whole_numbers(stage.matrix)
    return fmpq_mat(fmpz_mat(whole)) * fmpq(1, 1 << -low)


def whole_numbers(matrix: Array) -> tuple[list[list[int]], int]:
    """Return a matrix as whole numbers times a power of 2, whose exponent is not positive.

    Many times faster than one fraction after the other where all of them fit into 64 bits.
    """
    mantissas, exponents = np.frexp(matrix)
    bits = np.ldexp(mantissas, 53).astype(np.int64)
    last = np.frexp((bits & -bits).astype(np.float64))[1] + exponents - 54
    low = int(np.min(last, where=bits != 0, initial=0))
    if np.max(exponents, initial=0) - low < 63:
        return np.ldexp(matrix, -low).astype(np.int64).tolist(), low
    ratios = ([x.as_integer_ratio() for x in row] for row in matrix.tolist())
    return [[n * ((1 << -low) // d) for n, d in row] for row in ratios], low


def exact_cells(
    stages: ExactStages, domain: Domain, root: Root, asked: Sequence[int] | None = None
) -> Iterator[ExactCell]:
    """Yield all cells of a root, depth first.

    Args:
        stages: of the network.
        domain: whose start goes into the first stage.
        root: what to cut.
        asked: for each fold the side that is asked for, 0 or 1, or −1 for both; all of it where it is None.
    """
    shape = Polyhedron(
        vertices=root.vertices, masks=root.masks, facets=[-1 - i for i in range(len(domain.facets))]
    )
    yield from _walk(stages.stages, shape, domain.start, (), asked)


def _walk(
    stages: tuple[_ExactStage, ...],
    shape: Polyhedron,
    inputs: list[Row],
    regions: tuple[int, ...],
    asked: Any,
) -> Iterator[ExactCell]:
    if not stages:
        yield ExactCell(shape=shape, regions=regions, map=inputs)
        return
    rows = mapped(stages[0], inputs)
    for part, pieces in _parts(stages[0], rows, shape, asked):
        outputs = _bent(stages[0].stage, rows, pieces)
        yield from _walk(stages[1:], part, outputs, regions + _regions(stages[0].stage, pieces), asked)


def _regions(stage: Stage, pieces: list[int]) -> tuple[int, ...]:
    """Return the number of each unit's piece, or of the largest entry among those of its window."""
    if stage.windows:
        return tuple(w.tolist().index(i) for w, i in zip(stage.windows, pieces, strict=True))
    return tuple(max(piece, -1 - piece) for piece in pieces)


def mapped(exact: _ExactStage, inputs: list[Row]) -> list[Row]:
    """Apply the affine part of a stage to functionals, one row for each of its inputs."""
    stage = exact.stage
    n1 = len(inputs[0])
    if isinstance(exact.matrix, list):
        rows = [[fmpq(0)] * n1 for _ in range(stage.units)]
        for i, j, weight in exact.matrix:
            rows[i] = [a + weight * x for a, x in zip(rows[i], inputs[j], strict=True)]
    else:
        rows = (exact.matrix * fmpq_mat(inputs)).tolist()
    for i, (bias, divisor) in enumerate(zip(stage.bias.tolist(), stage.divisor.tolist(), strict=True)):
        if bias:
            rows[i][-1] += fraction(bias)
        if divisor != 1:
            rows[i] = [x / divisor for x in rows[i]]
    return rows


def _parts(
    exact: _ExactStage, rows: list[Row], shape: Polyhedron, asked: Any
) -> Iterator[tuple[Polyhedron, list[int]]]:
    """Yield the parts of a cell on which no unit of a stage folds, with every unit's piece or window's winner."""
    stage, folds = exact.stage, []
    if stage.windows:
        from nonlin.geometry.cells.pooling import winners

        wanted = asked[exact.first_window :][: len(stage.windows)] if asked is not None else None
        yield from winners(stage, rows, shape, label=exact.label, asked=wanted)
        return
    number = exact.first_fold
    for unit, bend in enumerate(stage.bend.tolist()):
        for kink in stage.bends[bend].kinks if bend >= 0 else ():
            folds.append((unit, [*rows[unit][:-1], rows[unit][-1] - fraction(kink)], number))
            number += 1
    yield from _split(folds, 0, shape, [0] * stage.units, asked)


def _split(
    folds: Any, at: int, shape: Polyhedron, pieces: list[int], asked: Any
) -> Iterator[tuple[Polyhedron, list[int]]]:
    pieces = list(pieces)
    while at < len(folds):
        unit, functional, number = folds[at]
        found = values(shape, functional)
        above, below = sides(found)
        wanted = -1 if asked is None else asked[number]
        at += 1
        if above and below:
            lower, upper = halves(shape, found, number)
            if wanted < 0:
                yield from _split(folds, at, lower, pieces, asked)
            shape, above = (lower, False) if wanted == 0 else (upper, True)
        elif (above and wanted == 0) or (below and wanted == 1):
            return
        if above:
            pieces[unit] += 1
        elif not below and pieces[unit] >= 0:
            pieces[unit] = -1 - pieces[unit]  # it rests on the kink
    yield shape, pieces


def _bent(stage: Stage, rows: list[Row], pieces: list[int]) -> list[Row]:
    if stage.windows:
        return rows[stage.units - stage.kept :] + [rows[i] for i in pieces]
    made = []
    for row, bend, piece in zip(rows, stage.bend.tolist(), pieces, strict=True):
        made.append(row if bend < 0 else _applied(stage.bends[bend], row, piece))
    return made


def _applied(bends: Bends, row: Row, piece: int) -> Row:
    if piece < 0:
        return [fmpq(0)] * (len(row) - 1) + [fraction(bends.values[-1 - piece])]
    slope = fraction(bends.slopes[piece])
    made = [slope * x for x in row]
    made[-1] += fraction(bends.intercepts[piece])
    return made


def floats(rows: list[Row]) -> Any:
    """Return fractions as float64."""
    return np.array([[nearest(q) for q in row] for row in rows])
