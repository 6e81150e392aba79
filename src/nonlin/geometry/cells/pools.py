"""The pooling stages of a chain as flat arrays, and which entry of each window is the largest, for the kernels."""

from typing import NamedTuple

import numpy as np

from nonlin.geometry.bends import Bends
from nonlin.geometry.cells.chain import Chain, Entries, Stage
from nonlin.geometry.cells.domain import Domain
from nonlin.geometry.cells.tables import Plan
from nonlin.networks.array import Array

__all__ = ["MOST_ENTRIES", "Pools", "pools_of"]

MOST_ENTRIES = 64
"""Entries that a window may have to be walked in float64: one bit of a mask for each."""


class Pools(NamedTuple):
    """One entry for each stage, for each window of all stages, or for each unit of all stages.

    An entry of a window reads one number of the stage before; what bends last on the way to it is its origin.
    """

    first: Array
    """The number of a stage's first window."""
    kept: Array
    starts: Array
    """Where a window's entries start in `entries`, which holds units of the window's stage."""
    entries: Array
    pattern: Array
    """Where a stage starts in a cell's pattern of all stages."""
    origin: Array
    """For each unit the unit, numbered through all stages, that bends behind it; −1 where there is more than one."""
    manner: Array
    """Units of one manner are the same function of their origins."""
    factor: Array
    """The sign with which the origin's bent value goes into a unit."""
    rising: Array
    """Whether the whole function of the origin never falls (1), never rises (−1), or neither (0)."""
    continuous: Array
    row_first: Array
    """Where a stage's rows start in `row_starts`; −1 for a dense one."""
    row_starts: Array
    row_columns: Array
    row_values: Array
    bias: Array
    divisor: Array
    classes: Array
    """Numbers of the network's inputs on the slice: equal for equal ones, 0 for those that are 0 all over it."""
    winner: Array
    """The largest entry of each window on the cell's parent; −1 where it is not the same all over it."""
    taken: Array
    """The entry with which a window stands in the next stage's map; −1 for none."""
    counts: Array
    """How many windows of each stage have several largest entries on the parent: these have slots, from `first` on."""
    window: Array
    alive: Array
    """The entries, bit by bit, that can be the largest somewhere."""
    won: Array
    """The largest entry on the current cell, by slot."""
    functional: Array
    budget: Array


def pools_of(chain: Chain, plan: Plan, domain: Domain) -> Pools | None:
    """Write the pooling of a chain into arrays; None where a window is too large.

    Args:
        chain: with at least one stage of pooling.
        plan: of its first stages.
        domain: the slice.
    """
    parts = chain.stages[: len(plan.units)]
    windows = [window for stage in parts for window in stage.windows]
    if max(len(window) for window in windows) > MOST_ENTRIES:
        return None
    counts = [len(stage.windows) for stage in parts]
    origin, manner, factor, rising, continuous = _origins(parts, plan)
    widths = [len(stage.windows) or stage.units for stage in parts]
    total = len(windows)
    return Pools(
        first=_starts(counts),
        kept=np.array([stage.kept for stage in parts], np.int64),
        starts=_starts([len(window) for window in windows]),
        entries=np.concatenate(windows).astype(np.int64),
        pattern=_starts(widths),
        origin=origin,
        manner=manner,
        factor=factor,
        rising=rising,
        continuous=continuous,
        **_rows(parts),
        bias=np.concatenate([stage.bias for stage in parts]),
        divisor=np.concatenate([stage.divisor for stage in parts]).astype(np.int64),
        classes=_classes(domain),
        winner=np.full(total, -1, np.int64),
        taken=np.full(total, -1, np.int64),
        counts=np.zeros(len(parts), np.int64),
        window=np.zeros(total, np.int64),
        alive=np.zeros(total, np.uint64),
        won=np.zeros(total, np.int64),
        functional=np.zeros(domain.dimensions + 3),
        budget=np.zeros(1, np.int64),
    )


def _starts(counts: list[int]) -> Array:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _classes(domain: Domain) -> Array:
    numbers: dict[tuple[str, ...], int] = {("0",) * (domain.dimensions + 1): 0}
    keys = [tuple(str(q) for q in row) for row in domain.start]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def _rows(parts: tuple[Stage, ...]) -> dict[str, Array]:
    first, starts, columns, values = [], [], [], []
    rows = entries = 0
    for stage in parts:
        if not isinstance(stage.matrix, Entries):
            first.append(-1)
            continue
        order = np.argsort(stage.matrix.rows, kind="stable")
        first.append(rows)
        starts.append(entries + _starts(np.bincount(stage.matrix.rows, minlength=stage.units).tolist()))
        columns.append(stage.matrix.columns[order])
        values.append(stage.matrix.values[order])
        rows, entries = rows + stage.units + 1, entries + len(order)
    return {
        "row_first": np.array(first, np.int64),
        "row_starts": np.concatenate([np.zeros(0, np.int64), *starts]),
        "row_columns": np.concatenate([np.zeros(0, np.int64), *columns]).astype(np.int64),
        "row_values": np.concatenate([np.zeros(0), *values]),
    }


def _origins(parts: tuple[Stage, ...], plan: Plan) -> tuple[Array, ...]:
    """Follow what reads a single number back to what bends there."""
    units = int(plan.first[-1])
    origin, manner = np.full(units, -1, np.int64), np.zeros(units, np.int64)
    factor, rising = np.zeros(units, np.int8), np.zeros(units, np.int8)
    continuous = np.zeros(units, bool)
    manners: dict[tuple[object, ...], int] = {}
    for s in range(1, len(parts)):
        stage, before = parts[s], parts[s - 1]
        if not isinstance(stage.matrix, Entries) or before.windows:
            continue
        single = np.bincount(stage.matrix.rows, minlength=stage.units) == 1
        for u, v, weight in zip(stage.matrix.rows, stage.matrix.columns, stage.matrix.values, strict=True):
            if not single[u]:
                continue
            i, j, sign = plan.first[s] + u, plan.first[s - 1] + v, 1 if weight > 0 else -1
            step = (float(weight), float(stage.bias[u]), int(stage.divisor[u]))
            if before.bend[v] >= 0:
                bends = before.bends[before.bend[v]]
                key: tuple[object, ...] = (s - 1, int(before.bend[v]), step)
                origin[i], factor[i], rising[i] = j, sign, sign * _rising(bends)
                continuous[i] = bends.continuous
            elif origin[j] >= 0:
                key = (int(manner[j]), s, step)
                origin[i], factor[i], rising[i] = origin[j], sign * factor[j], sign * rising[j]
                continuous[i] = continuous[j]
            else:
                continue
            manner[i] = manners.setdefault(key, len(manners) + 1)
    return origin, manner, factor, rising, continuous


def _rising(bends: Bends) -> int:
    """Return 1 for a function that never falls, −1 for one that never rises, 0 for others."""
    pieces = list(zip(bends.slopes, bends.intercepts, strict=True))
    steps = [
        (c * kink + d) - (a * kink + b)
        for kink, (a, b), (c, d) in zip(bends.kinks, pieces[:-1], pieces[1:], strict=True)
    ]
    changes = [*bends.slopes, *steps]
    if all(x >= 0 for x in changes):
        return 1
    return -1 if all(x <= 0 for x in changes) else 0
