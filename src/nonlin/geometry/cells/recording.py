"""What is written down of a cell: a finished one into the store, and one that could not be decided aside."""

from typing import Any

from nonlin.geometry.cells.compilation import kernel, part
from nonlin.geometry.cells.leaves import Leaves
from nonlin.geometry.cells.pooled import note_windows, patterns
from nonlin.geometry.cells.tables import Plan
from nonlin.geometry.cells.workspace import (
    ASIDE,
    COUNT,
    FACET,
    FACETS,
    START,
    STORED_CELLS,
    STORED_VERTICES,
    Frames,
    Listing,
    Stack,
)
from nonlin.geometry.rounding import OUTWARD
from nonlin.networks.array import Array

__all__ = ["emit", "put_aside", "room"]

_MOST_VERTICES = 4096
"""Vertices that a cell may gain before there is a look again whether there is room for it."""


@part
def room(stack: Stack, store: Leaves, entry: int) -> bool:
    """Return whether there is room for one more cell."""
    if not len(store.counts):
        return True
    used = stack.registers[STORED_VERTICES] + stack.entries[entry, COUNT] + _MOST_VERTICES
    return bool(stack.registers[STORED_CELLS] < len(store.counts) and used <= len(store.masks))


@part
def _pieces(plan: Plan, frames: Frames, listing: Listing, regions: Array) -> None:
    """Write the pieces of all units on the current cell down."""
    for s in range(len(plan.units)):
        first, listed = plan.first[s], plan.fold_first[s] + plan.first[s]
        for u in range(first, first + plan.units[s]):
            region = frames.region[u]
            regions[u] = region if region >= 0 else -1 - region
        for c in range(listing.counts[s]):
            regions[first + listing.candidates[listed + c, 0]] += listing.side[listed + c]


@kernel
def emit(  # noqa: PLR0913, PLR0917 - a kernel takes no objects
    plan: Plan,
    frames: Frames,
    listing: Listing,
    stack: Stack,
    store: Leaves,
    settings: Any,
    entry: int,
) -> None:
    """Write a finished cell down."""
    cell, at, n1 = stack.registers[STORED_CELLS], stack.registers[STORED_VERTICES], frames.box.shape[1]
    start, count = stack.entries[entry, START], stack.entries[entry, COUNT]
    store.counts[cell] = count
    for i in range(count):
        for k in range(n1):
            store.vertices[at + i, k] = stack.vertices[start + i, k]
        store.masks[at + i] = stack.masks[start + i]
    for i in range(FACETS):
        store.facets[cell, i] = stack.entries[entry, FACET + i]
    if len(settings) == 3:
        patterns(plan, frames, listing, settings[2], store.regions[cell])
    else:
        _pieces(plan, frames, listing, store.regions[cell])
    last, doubt = len(plan.units) - 1, 0.0
    for i in range(start, start + count):
        doubt = max(doubt, stack.vertices[i, n1])
    units, offset = plan.units[last], plan.first[last] * n1
    for k in range(n1):
        for u in range(units):
            store.maps[cell, k, u] = frames.maps[offset + k * units + u]
    for u in range(units):
        i = plan.first[last] + u
        store.errors[cell, u] = (frames.base[i] + frames.norm[i] * doubt) * OUTWARD
    stack.registers[STORED_CELLS] += 1
    stack.registers[STORED_VERTICES] += count


@kernel
def put_aside(  # noqa: PLR0913, PLR0917 - a kernel takes no objects
    plan: Plan,
    frames: Frames,
    listing: Listing,
    stack: Stack,
    settings: Any,
    stage: int,
    upto: int,
) -> None:
    """Note the sides of all folds that the current cell has passed, −1 for those to come."""
    row = stack.registers[ASIDE]
    frames.aside_stage[row] = stage
    sides = frames.aside_side[row]
    sides[:] = -1
    for s in range(stage + 1):
        _note_parent(plan, frames, s, sides)
        first, listed = plan.first[s], plan.fold_first[s] + plan.first[s]
        for c in range(listing.counts[s]):
            u = first + listing.candidates[listed + c, 0]
            fold = max(plan.unit_fold[u], listing.candidates[listed + c, 1])
            passed = s < stage or c < upto
            sides[fold] = listing.side[listed + c] if passed else -1
    if len(settings) == 3:
        note_windows(plan, settings[2], stage, upto, sides)
    stack.registers[ASIDE] += 1


@part
def _note_parent(plan: Plan, frames: Frames, s: int, sides: Array) -> None:
    """Note the sides that a whole parent has; a kink below one that is above is above, and the other way round."""
    for u in range(plan.first[s], plan.first[s] + plan.units[s]):
        region = frames.region[u]
        known = region if region >= 0 else -1 - region
        for k in range(plan.unit_fold[u + 1] - plan.unit_fold[u]):
            sides[plan.unit_fold[u] + k] = 1 if k < known else 0
