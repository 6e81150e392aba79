"""A chain of stages, and everything that changes while it is walked through, as flat arrays for the kernels."""

from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from nonlin.geometry.bends import Bends
from nonlin.geometry.cells.chain import Chain, Entries, Stage
from nonlin.geometry.cells.followers import followers_of
from nonlin.geometry.rounding import OUTWARD, UNIT_ROUNDOFF, gamma
from nonlin.networks.array import Array

__all__ = ["Plan", "plan_of"]


class Plan(NamedTuple):
    """A chain. One entry for each stage, for each unit of all stages, for each kink of each function, or for each fold.

    A fold is a unit and one of the kinks of its function; folds are numbered through all stages.
    """

    units: Array
    inputs: Array
    outputs: Array
    first: Array
    """The number of a stage's first unit, in the arrays of one entry for each unit."""
    fold_first: Array
    refresh: Array
    """After how many changes a stage's map is summed up anew."""
    gamma: Array
    """How far a sum of a stage is off at most, relative to the sum of its absolute terms."""
    dense: Array
    """Where a stage's transposed matrix starts in `weights`; −1 for a sparse one."""
    weights: Array
    column: Array
    """Where a stage's columns start in `column_starts`."""
    column_starts: Array
    rows: Array
    values: Array
    bias: Array
    grow: Array
    """The sum of a unit's absolute weights."""
    bend: Array
    leader: Array
    """Another unit of the stage that is a multiple of this one; −1 for none."""
    turned: Array
    """Whether the multiple is negative."""
    unit_fold: Array
    kink_start: Array
    kinks: Array
    kink_error: Array
    slopes: Array
    intercepts: Array
    steep: Array
    """The largest slope and intercept of a function, by size."""
    high: Array
    fold_stage: Array
    fold_unit: Array
    fold_kink: Array


@lru_cache(maxsize=2)
def plan_of(chain: Chain, stages: int) -> Plan:
    """Write the first stages of a chain into arrays; the parts of a problem share them."""
    parts = chain.stages[:stages]
    tables = [_still, *(bends for stage in parts for bends in stage.bends)]
    kinks = [len(t.kinks) for t in tables]
    starts = np.concatenate([[0], np.cumsum(kinks)]).astype(np.int64)
    bend = _numbered(parts)
    counts = np.diff(starts)[bend]
    units = np.array([s.units for s in parts], np.int64)
    first = np.concatenate([[0], np.cumsum(units)]).astype(np.int64)
    unit_fold = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    leaders = [followers_of(stage) for stage in parts]
    grow = np.concatenate([_grow(s) for s in parts])
    stage_of = np.repeat(np.arange(len(parts)), units)
    fold_unit = np.repeat(np.arange(first[-1]), counts)
    return Plan(
        units=units,
        inputs=np.array([s.inputs for s in parts], np.int64),
        outputs=np.array([s.outputs for s in parts], np.int64),
        first=first,
        fold_first=unit_fold[first],
        refresh=np.array([_refresh(s) for s in parts], np.int64),
        # a change is at most twice a term, and is rounded on its own and in the sum; before the last check there were
        # at most `refresh` of them, and behind it at most one for each input
        gamma=np.array([gamma(_terms(s) + 5 * (_refresh(s) + s.inputs)) for s in parts]),
        **_matrices(parts),
        bias=np.concatenate([s.bias / s.divisor for s in parts]),
        grow=grow * OUTWARD,
        bend=bend,
        leader=np.concatenate([x for x, _ in leaders]).astype(np.int64),
        turned=np.concatenate([x for _, x in leaders]),
        unit_fold=unit_fold,
        kink_start=starts,
        kinks=np.array([float(k) for t in tables for k in t.kinks]),
        kink_error=np.array([_off(k) for t in tables for k in t.kinks]),
        slopes=np.array([float(_number(s)) for t in tables for s in t.slopes]),
        intercepts=np.array([float(c) for t in tables for c in t.intercepts]),
        steep=np.array([max(abs(float(_number(s))) for s in t.slopes) for t in tables]),
        high=np.array([max(abs(float(c)) for c in t.intercepts) for t in tables]),
        fold_stage=stage_of[fold_unit],
        fold_unit=fold_unit - first[stage_of[fold_unit]],
        fold_kink=np.arange(unit_fold[-1]) - unit_fold[fold_unit],
    )


_still = Bends(kinks=(), slopes=(Fraction(1),), intercepts=(Fraction(0),), values=())


def _number(slope: Any) -> Fraction:
    return Fraction(slope)


def _off(kink: Fraction) -> float:
    return float(abs(Fraction(float(kink)) - kink)) * OUTWARD + 4 * UNIT_ROUNDOFF * abs(float(kink))


def _numbered(parts: tuple[Stage, ...]) -> Array:
    """Return for each unit the number of its function among all; 0 for none."""
    before, found = 1, []
    for stage in parts:
        found.append(np.where(stage.bend < 0, 0, stage.bend + before))
        before += len(stage.bends)
    return np.concatenate(found).astype(np.int64)


def _terms(stage: Stage) -> int:
    if isinstance(stage.matrix, Entries):
        counts = np.bincount(stage.matrix.rows, minlength=1)
        return int(counts.max()) + 8
    return stage.inputs + 8


def _refresh(stage: Stage) -> int:
    return 16 + stage.inputs // 4


def _grow(stage: Stage) -> Array:
    if isinstance(stage.matrix, Entries):
        sums = np.bincount(stage.matrix.rows, np.abs(stage.matrix.values), minlength=stage.units)
    else:
        sums = np.abs(stage.matrix).sum(axis=1)
    return np.asarray(sums / stage.divisor)


def _matrices(parts: tuple[Stage, ...]) -> dict[str, Array]:
    dense, weights, column, starts, rows, values = [], [], [], [], [], []
    size = entries = columns = 0
    for stage in parts:
        column.append(columns)
        if isinstance(stage.matrix, Entries):
            matrix = stage.matrix
            order = np.argsort(matrix.columns, kind="stable")
            counts = np.bincount(matrix.columns, minlength=stage.inputs)
            starts.append(entries + np.concatenate([[0], np.cumsum(counts)]))
            rows.append(matrix.rows[order])
            values.append(matrix.values[order] / stage.divisor[matrix.rows[order]])
            dense.append(-1)
            entries += len(order)
            columns += stage.inputs + 1
        else:
            dense.append(size)
            weights.append((stage.matrix / stage.divisor[:, None]).T.ravel())
            size += stage.matrix.size
    return {
        "dense": np.array(dense, np.int64),
        "weights": np.concatenate([np.zeros(0), *weights]),
        "column": np.array(column, np.int64),
        "column_starts": np.concatenate([np.zeros(0, np.int64), *starts]).astype(np.int64),
        "rows": np.concatenate([np.zeros(0, np.int64), *rows]).astype(np.int64),
        "values": np.concatenate([np.zeros(0), *values]),
    }
