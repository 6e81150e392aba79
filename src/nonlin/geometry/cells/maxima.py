"""A stage of pooling on one cell: where each window's largest entry is another one, the cell is cut.

conv → ReLU → pooling is full of ties: entries that are off are all 0, and where the folds of two entries cross, so does
the fold between them. These are told by the pattern and by incidence, never from the size of a number.
"""

import numpy as np

from nonlin.geometry.cells.compilation import kernel
from nonlin.geometry.cells.incidence import NOT_ZERO, TOUCHED, meeting
from nonlin.geometry.cells.likeness import piece_of, same
from nonlin.geometry.cells.polytopes import ABOVE, BELOW, BOTH, UNDECIDED
from nonlin.geometry.cells.pools import Pools
from nonlin.geometry.cells.refinement import refine
from nonlin.geometry.cells.tables import Plan
from nonlin.geometry.cells.workspace import COUNT, DOUBTFUL, START, Frames, Stack
from nonlin.geometry.rounding import OUTWARD

__all__ = ["compare", "open_windows"]

SAME = 4
_MOST_DOUBT = 2.0**-22
_BUDGET = 2000
"""Pairs of units that are looked at before two entries count as different."""


@kernel
def _difference(plan: Plan, frames: Frames, pools: Pools, s: int, a: int, b: int) -> None:
    """Write the functional of entry a minus entry b, and its bounds."""
    n1, units, first = frames.box.shape[1], plan.units[s], plan.first[s]
    norm = 0.0
    for k in range(n1):
        row = first * n1 + k * units
        pools.functional[k] = frames.maps[row + a] - frames.maps[row + b]
        norm += abs(pools.functional[k])
    pools.functional[n1] = (frames.base[first + a] + frames.base[first + b]) * OUTWARD
    pools.functional[n1 + 1] = norm * OUTWARD


@kernel
def _by_pieces(plan: Plan, frames: Frames, pools: Pools, i: int, j: int) -> int:
    """Compare two units that are the same monotone function of their origins by the pieces that these are on."""
    if pools.origin[i] < 0 or pools.origin[j] < 0 or pools.manner[i] != pools.manner[j]:
        return UNDECIDED
    p, q = piece_of(frames, pools.origin[i]), piece_of(frames, pools.origin[j])
    table = plan.bend[pools.origin[i]]
    start = plan.kink_start[table] + table
    level = plan.slopes[start + p] == 0.0 and plan.slopes[start + q] == 0.0
    if p == q:
        return SAME if level else UNDECIDED
    if pools.rising[i] == 0:
        return UNDECIDED
    if level and plan.intercepts[start + p] == plan.intercepts[start + q]:
        return SAME
    return ABOVE if (p > q) == (pools.rising[i] > 0) else BELOW


@kernel
def compare(
    plan: Plan, frames: Frames, pools: Pools, stack: Stack, where: tuple[int, int], pair: tuple[int, int]
) -> int:
    """Decide on which sides of the fold between two entries a cell lies; the values at its vertices are kept.

    Args:
        plan: of the network.
        frames: the maps of the cell's parents.
        pools: the windows.
        stack: with the cell.
        where: the stage and the cell's entry on the stack.
        pair: the entries, units of the stage.

    Returns:
        `UNDECIDED` where a value is too small, not 0 by incidence, and the vertex cannot be made more certain.
    """
    (s, entry), (a, b) = where, pair
    n1 = frames.box.shape[1]
    _difference(plan, frames, pools, s, a, b)
    functional = pools.functional
    start, count = stack.entries[entry, START], stack.entries[entry, COUNT]
    below, above, touched = False, False, False
    i = start
    while i < start + count:
        row = stack.vertices[i]
        value = 0.0
        for k in range(n1):
            value += functional[k] * row[k]
        if not (abs(value) > functional[n1] + functional[n1 + 1] * row[n1] and row[n1] < _MOST_DOUBT):
            found = meeting(plan, frames, pools, stack, where, pair, i)
            if found == NOT_ZERO:
                if refine(plan, frames, stack, entry, i):
                    continue
                stack.registers[DOUBTFUL] = i
                return UNDECIDED
            touched |= found == TOUCHED
            value = 0.0
        row[n1 + 1] = value
        above |= value > 0.0
        below |= value < 0.0
        i += 1
    if above and below:
        return UNDECIDED if touched else BOTH
    if above:
        return ABOVE
    return BELOW if below else UNDECIDED


@kernel
def _against(
    plan: Plan, frames: Frames, pools: Pools, stack: Stack, where: tuple[int, int], pair: tuple[int, int]
) -> int:
    """Compare two entries on a whole cell."""
    s, (a, b) = where[0], pair
    side = _by_pieces(plan, frames, pools, plan.first[s] + a, plan.first[s] + b)
    if side != UNDECIDED:
        return side
    pools.budget[0] = _BUDGET
    if same(plan, frames, pools, s, a, b):
        return SAME
    return compare(plan, frames, pools, stack, where, pair)


@kernel
def open_windows(plan: Plan, frames: Frames, pools: Pools, stack: Stack, s: int, entry: int) -> None:
    """Find the largest entries of all windows on a cell; give a slot to each window that has several."""
    base, slots = pools.first[s], 0
    for w in range(base, pools.first[s + 1]):
        alive = _in_reach(frames, pools, w)
        start = pools.starts[w]
        for x in range(pools.starts[w + 1] - start):
            for y in range(x + 1, pools.starts[w + 1] - start):
                bit_x, bit_y = np.uint64(1) << np.uint64(x), np.uint64(1) << np.uint64(y)
                if alive & bit_x and alive & bit_y:
                    pair = (pools.entries[start + x], pools.entries[start + y])
                    side = _against(plan, frames, pools, stack, (s, entry), pair)
                    if side in (ABOVE, SAME):
                        alive &= ~bit_y
                    elif side == BELOW:
                        alive &= ~bit_x
        pools.winner[w] = _first(alive)
        if alive & (alive - np.uint64(1)):
            pools.window[base + slots], pools.alive[base + slots] = w, alive
            pools.winner[w] = -1
            slots += 1
    pools.counts[s] = slots


@kernel
def _first(alive: np.uint64) -> int:
    x = 0
    while not (alive >> np.uint64(x)) & np.uint64(1):
        x += 1
    return x


@kernel
def _in_reach(frames: Frames, pools: Pools, w: int) -> np.uint64:
    """Return the entries that are not below another one all over the box around the cell."""
    start, end = pools.starts[w], pools.starts[w + 1]
    middle, radius = frames.range[0], frames.range[1]
    floor = -np.inf
    for x in range(start, end):
        u = pools.entries[x]
        floor = max(floor, middle[u] - radius[u] - abs(middle[u]) * 2.0**-50)
    alive = np.uint64(0)
    for x in range(start, end):
        u = pools.entries[x]
        if not middle[u] + radius[u] + abs(middle[u]) * 2.0**-50 < floor:
            alive |= np.uint64(1) << np.uint64(x - start)
    return alive
