"""A cell divided among the entries of a window that are the largest on a part of it."""

import numpy as np

from nonlin.geometry.cells.compilation import kernel
from nonlin.geometry.cells.incidence import meeting
from nonlin.geometry.cells.maxima import compare
from nonlin.geometry.cells.polytopes import ABOVE, BELOW, BOTH, copy_new, copy_side, free_facet
from nonlin.geometry.cells.pools import Pools
from nonlin.geometry.cells.tables import Plan
from nonlin.geometry.cells.workspace import (
    AT,
    COUNT,
    FACET,
    FACETS,
    SIDE,
    SPENT,
    STAGE,
    START,
    TOP,
    Frames,
    Stack,
)

__all__ = ["divide"]

_FINISHED, _UNDECIDED = 0, 3


@kernel
def divide(
    plan: Plan, frames: Frames, pools: Pools, stack: Stack, dimensions: tuple[int, ...], entry: int
) -> int:
    """Cut the cell on top of the stack by the windows of its stage that are left, always going on with the last part.

    The cell itself stays below its parts, spent.

    Returns:
        Whether the cell then on top of the stack is finished, or undecided.
    """
    s, at = stack.entries[entry, STAGE], stack.entries[entry, AT]
    base = pools.first[s]
    while at < pools.counts[s]:
        slot, top = base + at, entry
        stack.entries[entry, AT] = at
        for x in range(FACETS):
            if not (pools.alive[slot] >> np.uint64(x)) & np.uint64(1):
                continue
            if not _copied(stack, entry, top):
                stack.registers[TOP] = entry + 1
                return _UNDECIDED
            outcome = _where_largest(plan, frames, pools, stack, dimensions, (s, top + 1), (slot, x))
            if outcome == _UNDECIDED:
                stack.registers[TOP] = entry + 1
                return _UNDECIDED
            if outcome == ABOVE:
                top += 1
                stack.entries[top, STAGE], stack.entries[top, AT] = s, at + 1
                stack.entries[top, SIDE] = x
                pools.won[slot] = x
        if top == entry:
            return _UNDECIDED
        stack.entries[entry, AT] = SPENT
        stack.registers[TOP] = top + 1
        entry = top
        at += 1
    stack.entries[entry, AT] = at
    return _FINISHED


@kernel
def _copied(stack: Stack, entry: int, top: int) -> bool:
    """Put a copy of a cell behind the top of the stack; return whether there is room."""
    start, count = stack.entries[entry, START], stack.entries[entry, COUNT]
    to = stack.entries[top, START] + stack.entries[top, COUNT]
    if to + count + 2 >= len(stack.masks) or top + 2 >= len(stack.entries):
        return False
    for i in range(count):
        for k in range(stack.vertices.shape[1]):
            stack.vertices[to + i, k] = stack.vertices[start + i, k]
        stack.masks[to + i] = stack.masks[start + i]
    for i in range(stack.entries.shape[1]):
        stack.entries[top + 1, i] = stack.entries[entry, i]
    stack.entries[top + 1, START] = to
    return True


@kernel
def _where_largest(  # noqa: PLR0913, PLR0917 - a kernel takes no objects
    plan: Plan,
    frames: Frames,
    pools: Pools,
    stack: Stack,
    dimensions: tuple[int, ...],
    where: tuple[int, int],
    which: tuple[int, int],
) -> int:
    """Keep the part of a cell on which an entry of a window is the largest."""
    slot, x = which
    w = pools.window[slot]
    start = pools.starts[w]
    for y in range(pools.starts[w + 1] - start):
        if y == x or not (pools.alive[slot] >> np.uint64(y)) & np.uint64(1):
            continue
        pair = (pools.entries[start + x], pools.entries[start + y])
        side = compare(plan, frames, pools, stack, where, pair)
        if side == BELOW:
            return BELOW
        if side != ABOVE and (
            side != BOTH or not _kept_above(plan, frames, pools, stack, dimensions, where, pair)
        ):
            return _UNDECIDED
    return ABOVE


@kernel
def _kept_above(  # noqa: PLR0913, PLR0917 - a kernel takes no objects
    plan: Plan,
    frames: Frames,
    pools: Pools,
    stack: Stack,
    dimensions: tuple[int, ...],
    where: tuple[int, int],
    pair: tuple[int, int],
) -> bool:
    """Keep the part of a cell above the fold between two entries, with the values that `compare` left."""
    n1, entry = len(dimensions), where[1]
    start, count = stack.entries[entry, START], stack.entries[entry, COUNT]
    bit = free_facet(stack, start, count)
    if bit == FACETS or start + (n1 + 1) * count + 2 >= len(stack.masks):
        return False
    new = np.uint64(1) << np.uint64(bit)
    for i in range(count):
        stack.old_masks[i] = stack.masks[start + i]
        if stack.vertices[start + i, n1 + 1] == 0.0:
            gone = meeting(plan, frames, pools, stack, where, pair, start + i)
            stack.old_masks[i] = (stack.masks[start + i] & ~(np.uint64(1) << np.uint64(gone))) | new
        for k in range(n1 + 2):
            stack.old_vertices[i, k] = stack.vertices[start + i, k]
    first = copy_side(stack, n1, count, start, 1.0)
    last = copy_new(stack, dimensions, count, first, pools.functional)
    for i in range(first, last):
        stack.masks[i] |= new
    for i in range(count):
        if stack.old_vertices[i, n1 + 1] == 0.0:
            for k in range(n1 + 1):
                stack.vertices[last, k] = stack.old_vertices[i, k]
            stack.masks[last] = stack.old_masks[i]
            last += 1
    larger, smaller = plan.first[where[0]] + pair[0], plan.first[where[0]] + pair[1]
    stack.entries[entry, FACET + bit] = plan.unit_fold[-1] + larger * plan.first[-1] + smaller
    stack.entries[entry, COUNT] = last - start
    return True
