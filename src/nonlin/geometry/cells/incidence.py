"""Vertices through which the fold between two entries of a window passes because two facets meet there."""

from nonlin.geometry.cells.compilation import kernel
from nonlin.geometry.cells.likeness import piece_of
from nonlin.geometry.cells.pools import Pools
from nonlin.geometry.cells.tables import Plan
from nonlin.geometry.cells.workspace import FACET, FACETS, Frames, Stack

__all__ = ["NOT_ZERO", "TOUCHED", "meeting"]

NOT_ZERO, TOUCHED = -1, -2
_NOTHING = 1 << 60
_ABOVE = 1 << 50


@kernel
def _level(plan: Plan, frames: Frames, pools: Pools, fold: int, s: int, u: int) -> int:
    """Return what unit u of stage s equals on a facet, as a number; more by _ABOVE where u is above it in the cell.

    A kink of its origin is numbered −1 − kink, another entry of a window by its number among all units.
    """
    i, folds = plan.first[s] + u, plan.unit_fold[-1]
    if fold < 0:
        return _NOTHING
    if fold < folds:
        origin = plan.first[plan.fold_stage[fold]] + plan.fold_unit[fold]
        if origin != pools.origin[i] or not pools.continuous[i]:
            return _NOTHING
        table, kink, piece = plan.bend[origin], plan.fold_kink[fold], piece_of(frames, origin)
        slope = plan.slopes[plan.kink_start[table] + table + piece]
        if slope == 0.0:
            return _NOTHING
        rises = (slope > 0.0) == (pools.factor[i] > 0)
        return int(-1 - kink + (_ABOVE if (piece > kink) == rises else 0))
    larger, smaller = (fold - folds) // plan.first[-1], (fold - folds) % plan.first[-1]
    if larger == i:
        return int(smaller + _ABOVE)
    return int(larger) if smaller == i else _NOTHING


@kernel
def meeting(  # noqa: PLR0913, PLR0917 - a kernel takes no objects
    plan: Plan,
    frames: Frames,
    pools: Pools,
    stack: Stack,
    where: tuple[int, int],
    pair: tuple[int, int],
    vertex: int,
) -> int:
    """Tell whether two entries are equal at a vertex because both are on the same level by its facets.

    Where a and b are above the level m, the facet a = m of the part a > b shrinks to where b = m too: it stops being a
    facet there, and the fold a = b takes its place at these vertices. So that part stays simple.

    Returns:
        The bit of the facet that goes from the part where a is larger; `TOUCHED` where the entries are equal, but the
        fold between them does not run into the cell from here; `NOT_ZERO` where incidence does not tell.
    """
    (s, entry), (a, b) = where, pair
    mask = stack.masks[vertex]
    for x in range(FACETS):
        if not (mask >> x) & 1:
            continue
        at_a = _level(plan, frames, pools, stack.entries[entry, FACET + x], s, a)
        if at_a == _NOTHING:
            continue
        above_a = at_a >= _ABOVE >> 1
        level_a = at_a - _ABOVE if above_a else at_a
        if level_a == plan.first[s] + b:
            return TOUCHED
        for y in range(FACETS):
            if not (mask >> y) & 1:
                continue
            at_b = _level(plan, frames, pools, stack.entries[entry, FACET + y], s, b)
            if at_b == _NOTHING:
                continue
            above_b = at_b >= _ABOVE >> 1
            level_b = at_b - _ABOVE if above_b else at_b
            alike = level_a >= 0 or (pools.manner[plan.first[s] + a] == pools.manner[plan.first[s] + b])
            if level_a == level_b and alike:
                if above_a != above_b:
                    return TOUCHED
                return x if above_a else y
    return NOT_ZERO
