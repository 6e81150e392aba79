"""Depth first through all cells: each is cut by the folds of a stage in turn, then goes on to the next stage."""

from typing import Any

import numpy as np

from nonlin.geometry.cells.compilation import kernel, part
from nonlin.geometry.cells.division import divide
from nonlin.geometry.cells.leaves import Leaves
from nonlin.geometry.cells.maps import share
from nonlin.geometry.cells.opening import open_stage
from nonlin.geometry.cells.polytopes import ABOVE, BELOW, BOTH, UNDECIDED, classify, cut
from nonlin.geometry.cells.recording import emit, put_aside, room
from nonlin.geometry.cells.refinement import refine
from nonlin.geometry.cells.tables import Plan
from nonlin.geometry.cells.workspace import (
    ASIDE,
    ASIDES,
    AT,
    COUNT,
    DOUBTFUL,
    FACET,
    FACETS,
    LEAVES,
    SIDE,
    SPENT,
    STAGE,
    START,
    TOP,
    Frames,
    Listing,
    Stack,
)
from nonlin.networks.array import Array

__all__ = ["DONE", "FULL", "PAUSED", "advance", "enter"]

DONE, PAUSED, FULL = 0, 1, 2
_OPEN = -1
_FINISHED, _DROPPED, _DOUBTFUL, _FULL = 0, 1, 2, 3


def enter(stack: Stack, vertices: Array, masks: Array, doubt: float) -> None:
    """Put the first cell on the empty stack; its facets are those of the domain."""
    count, n1 = vertices.shape
    stack.vertices[:count, :n1] = vertices
    stack.vertices[:count, n1] = doubt
    stack.masks[:count] = masks
    stack.entries[0, STAGE], stack.entries[0, AT] = 0, _OPEN
    stack.entries[0, START], stack.entries[0, COUNT] = 0, count
    stack.entries[0, FACET:] = -1 - np.arange(FACETS)
    stack.registers[TOP] = 1


@kernel
def advance(  # noqa: C901, PLR0912 - the loop of a state machine
    plan: Plan,
    frames: Frames,
    listing: Listing,
    stack: Stack,
    store: Leaves,
    settings: Any,
) -> int:
    """Go on until all cells are found, so many more were, or the room for finished cells or for those aside is full.

    Args:
        plan: of the network.
        frames: the maps of the cell's parents.
        listing: the folds that cross them.
        stack: the cells that wait.
        store: for finished cells.
        settings: a tuple as long as a vertex, how many cells more, and the windows of a network with max pooling.
    """
    limit = stack.registers[LEAVES] + settings[1]
    while stack.registers[TOP] > 0:
        entry = stack.registers[TOP] - 1
        s = stack.entries[entry, STAGE]
        if stack.registers[ASIDE] == ASIDES or not room(stack, store, entry):
            return FULL
        if stack.registers[LEAVES] >= limit:
            return PAUSED
        at = stack.entries[entry, AT]
        if at == SPENT:
            stack.registers[TOP] -= 1
            continue
        if at == _OPEN:
            if not open_stage(plan, frames, listing, stack, settings, entry):
                stack.registers[TOP] -= 1
                continue
            if s + 1 < len(plan.units):
                share(plan, frames, s, settings)
            stack.entries[entry, AT] = 0
        elif at > 0:
            _restore(plan, listing, stack, settings, entry)
        outcome = _forward(plan, frames, listing, stack, settings, entry)
        entry = stack.registers[TOP] - 1
        if outcome == _DOUBTFUL and refine(plan, frames, stack, entry, stack.registers[DOUBTFUL]):
            continue
        if outcome >= _DOUBTFUL:
            put_aside(plan, frames, listing, stack, settings, s, stack.entries[entry, AT])
            stack.registers[TOP] -= 1
        elif outcome == _DROPPED:
            stack.registers[TOP] -= 1
        elif s + 1 == len(plan.units):
            if len(store.counts):
                emit(plan, frames, listing, stack, store, settings, entry)
            stack.registers[LEAVES] += 1
            stack.registers[TOP] -= 1
        else:
            stack.entries[entry, STAGE] = s + 1
            stack.entries[entry, AT] = _OPEN
    return DONE


@part
def _restore(plan: Plan, listing: Listing, stack: Stack, settings: Any, entry: int) -> None:
    """Put back on which side of the candidate before the next one a cell lies, that others have overwritten."""
    s, at, side = stack.entries[entry, STAGE], stack.entries[entry, AT], stack.entries[entry, SIDE]
    if len(settings) == 3:
        pools = settings[2]
        if pools.first[s + 1] > pools.first[s]:
            pools.won[pools.first[s] + at - 1] = side
            return
    listing.side[plan.fold_first[s] + plan.first[s] + at - 1] = side


@part
def _forward(plan: Plan, frames: Frames, listing: Listing, stack: Stack, settings: Any, entry: int) -> int:
    """Cut the cell by all that is left in its stage."""
    s, dimensions = stack.entries[entry, STAGE], settings[0]
    if len(settings) == 3:
        pools = settings[2]
        if pools.first[s + 1] > pools.first[s]:
            return divide(plan, frames, pools, stack, dimensions, entry)
    slots = (plan.fold_first[s] + plan.first[s], listing.counts[s])
    return _split(listing, stack, dimensions, entry, slots)


@part
def _pause(listing: Listing, stack: Stack, entry: int, listed: int, at: int) -> None:
    """Note which candidate the cell is cut by next."""
    stack.entries[entry, AT] = at
    if at:
        stack.entries[entry, SIDE] = listing.side[listed + at - 1]


@part
def _split(
    listing: Listing, stack: Stack, dimensions: tuple[int, ...], entry: int, slots: tuple[int, int]
) -> int:
    """Cut the cell by the candidates that are left in its stage, always going on with the part above.

    Returns:
        Whether the cell on top of the stack is finished, or dropped, or why it cannot be cut.
    """
    (listed, count), s, at = slots, stack.entries[entry, STAGE], stack.entries[entry, AT]
    while at < count:
        slot = listed + at
        fold = listing.candidates[slot, 1]
        if fold < 0:
            leading = listing.side[listing.candidates[slot, 2]]
            listing.side[slot] = 1 - leading if listing.candidates[slot, 3] else leading
            at += 1
            continue
        side = classify(stack, dimensions, entry, listing.functionals[slot])
        if side == UNDECIDED:
            _pause(listing, stack, entry, listed, at)
            return _DOUBTFUL
        asked = listing.preset[fold]
        if side == BOTH:
            if not cut(stack, dimensions, entry, listing.functionals[slot], fold):
                _pause(listing, stack, entry, listed, at)
                return _FULL
            side = ABOVE if asked < 0 else asked
            if asked < 0:
                stack.entries[entry, AT], stack.entries[entry, SIDE] = at + 1, BELOW
                stack.registers[TOP] += 1
                entry += 1
                stack.entries[entry, STAGE] = s
            elif asked == ABOVE:
                _keep_above(stack, entry)
        elif 0 <= asked != side:
            return _DROPPED
        listing.side[slot] = side
        at += 1
    _pause(listing, stack, entry, listed, at)
    return _FINISHED


@part
def _keep_above(stack: Stack, entry: int) -> None:
    """Put the upper part of a cut in the place of the lower one."""
    start, source = stack.entries[entry, START], stack.entries[entry + 1, START]
    for i in range(stack.entries[entry + 1, COUNT]):
        for k in range(stack.vertices.shape[1]):
            stack.vertices[start + i, k] = stack.vertices[source + i, k]
        stack.masks[start + i] = stack.masks[source + i]
    stack.entries[entry, COUNT] = stack.entries[entry + 1, COUNT]
