"""Whether two units are the same function all over a cell, told from what they read and never from rounded numbers."""

from nonlin.geometry.cells.compilation import kernel
from nonlin.geometry.cells.pools import Pools
from nonlin.geometry.cells.tables import Plan
from nonlin.geometry.cells.workspace import Frames

__all__ = ["piece_of", "same"]


@kernel
def piece_of(frames: Frames, unit: int) -> int:
    """Return the piece that a unit of an earlier stage is on in the current cell."""
    region = frames.region[unit]
    return int(region if region >= 0 else frames.taken[unit])


@kernel
def _behind(plan: Plan, pools: Pools, s: int, column: int) -> int:
    """Return which unit of stage s the next stage reads as its input `column`."""
    base, kept = pools.first[s], pools.kept[s]
    if base == pools.first[s + 1]:
        return column
    if column < kept:
        return int(plan.units[s] - kept + column)
    w = base + column - kept
    winner = pools.winner[w] if pools.winner[w] >= 0 else pools.taken[w]
    return int(pools.entries[pools.starts[w] + winner])


@kernel
def _silent(plan: Plan, frames: Frames, pools: Pools, s: int, column: int) -> bool:
    """Return whether an input of stage s is 0 all over the cell by the pattern."""
    if s == 0:
        return bool(pools.classes[column] == 0)
    unit = plan.first[s - 1] + _behind(plan, pools, s - 1, column)
    table = plan.bend[unit]
    piece = plan.kink_start[table] + table + piece_of(frames, unit)
    return bool(plan.slopes[piece] == 0.0 and plan.intercepts[piece] == 0.0)


@kernel
def same(  # noqa: C901, PLR0912 - two rows are walked side by side
    plan: Plan, frames: Frames, pools: Pools, s: int, a: int, b: int
) -> bool:
    """Return whether two units of a stage read the same functions with equal weights, in order; False if unsure."""
    if a == b:
        return True
    pools.budget[0] -= 1
    first, rows = plan.first[s], pools.row_first[s]
    if pools.budget[0] < 0 or rows < 0:
        return False
    if pools.bias[first + a] != pools.bias[first + b] or pools.divisor[first + a] != pools.divisor[first + b]:
        return False
    p, q = pools.row_starts[rows + a], pools.row_starts[rows + b]
    last_p, last_q = pools.row_starts[rows + a + 1], pools.row_starts[rows + b + 1]
    while True:
        while p < last_p and _silent(plan, frames, pools, s, pools.row_columns[p]):
            p += 1
        while q < last_q and _silent(plan, frames, pools, s, pools.row_columns[q]):
            q += 1
        if p == last_p or q == last_q:
            return bool(p == last_p and q == last_q)
        if pools.row_values[p] != pools.row_values[q]:
            return False
        i, j = pools.row_columns[p], pools.row_columns[q]
        if s == 0:
            if pools.classes[i] != pools.classes[j]:
                return False
        elif i != j:
            u, v = _behind(plan, pools, s - 1, i), _behind(plan, pools, s - 1, j)
            table = plan.bend[plan.first[s - 1] + u]
            piece = piece_of(frames, plan.first[s - 1] + u)
            if table != plan.bend[plan.first[s - 1] + v] or piece != piece_of(frames, plan.first[s - 1] + v):
                return False
            moves = plan.slopes[plan.kink_start[table] + table + piece] != 0.0
            if moves and not same(plan, frames, pools, s - 1, u, v):
                return False
        p += 1
        q += 1
