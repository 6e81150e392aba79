"""A stage opened on one cell: which units fold inside it, and on which piece each of the others is."""

from typing import Any

import numpy as np

from nonlin.geometry.cells.compilation import part
from nonlin.geometry.cells.maps import map_of_stage
from nonlin.geometry.cells.maxima import open_windows
from nonlin.geometry.cells.polytopes import ABOVE, UNDECIDED, classify
from nonlin.geometry.cells.refinement import refine
from nonlin.geometry.cells.tables import Plan
from nonlin.geometry.cells.workspace import COUNT, DOUBTFUL, STAGE, START, Frames, Listing, Stack
from nonlin.geometry.rounding import OUTWARD
from nonlin.networks.array import Array

__all__ = ["open_stage"]


@part
def _surround(stack: Stack, box: Array, entry: int) -> None:
    """Write the middle and the radius of a box around a cell."""
    start, count = stack.entries[entry, START], stack.entries[entry, COUNT]
    n1 = box.shape[1]
    for k in range(n1):
        low, high, doubt = np.inf, -np.inf, 0.0
        for i in range(start, start + count):
            low, high = min(low, stack.vertices[i, k]), max(high, stack.vertices[i, k])
            doubt = max(doubt, stack.vertices[i, n1])
        box[0, k] = 0.5 * (low + high)
        box[1, k] = (0.5 * (high - low) + doubt) * OUTWARD + 2.0**-50


@part
def _enclose(maps: Array, base: Array, box: Array, range_: Array) -> None:
    """Write the middle and the radius of what each unit is on the box."""
    units = len(base)
    middle, radius = range_[0, :units], range_[1, :units]
    middle[:] = 0.0
    radius[:] = 0.0
    for k in range(box.shape[1]):
        row = maps[k * units : (k + 1) * units]
        m, r = box[0, k], box[1, k]
        for u in range(units):
            middle[u] += row[u] * m
            radius[u] += abs(row[u]) * r
    for u in range(units):
        radius[u] = radius[u] * OUTWARD + base[u]


@part
def _sides(plan: Plan, frames: Frames, s: int) -> None:
    """Note for each unit its piece, where the box around the cell decides that; −1 elsewhere."""
    first, units, last = plan.first[s], plan.units[s], frames.box.shape[1] - 1
    m0, r0 = frames.box[0, last], frames.box[1, last]
    region, bend = frames.region[first : first + units], plan.bend[first : first + units]
    middle, radius = frames.range[0, :units], frames.range[1, :units]
    for u in range(units):
        table = bend[u]
        above, known = 0, True
        for kink in range(plan.kink_start[table], plan.kink_start[table + 1]):
            m = middle[u] - plan.kinks[kink] * m0
            r = radius[u] + abs(plan.kinks[kink]) * r0 + plan.kink_error[kink]
            if m > r:
                above += 1
            elif not m < -r:
                known = False
        region[u] = above if known else -1


@part
def _load(plan: Plan, frames: Frames, listing: Listing, fold: int, slot: int) -> None:
    """Write the functional of a fold and its bounds."""
    n1 = frames.box.shape[1]
    s, u = plan.fold_stage[fold], plan.fold_unit[fold]
    first, units = plan.first[s], plan.units[s]
    kink = plan.kink_start[plan.bend[first + u]] + plan.fold_kink[fold]
    functional = listing.functionals[slot]
    for k in range(n1):
        functional[k] = frames.maps[first * n1 + k * units + u]
    functional[n1 - 1] -= plan.kinks[kink]
    functional[n1] = (frames.base[first + u] + plan.kink_error[kink]) * OUTWARD
    functional[n1 + 1] = (frames.norm[first + u] + abs(plan.kinks[kink])) * OUTWARD


@part
def open_stage(  # noqa: C901 - each unit is one of several kinds
    plan: Plan, frames: Frames, listing: Listing, stack: Stack, settings: Any, entry: int
) -> bool:
    """Make the map of the stage that a cell comes to, and list the folds that cross the cell.

    Returns:
        Whether the cell is asked for.
    """
    n1, s = frames.box.shape[1], stack.entries[entry, STAGE]
    first, units = plan.first[s], plan.units[s]
    dimensions = settings[0]
    map_of_stage(plan, frames, listing, s, settings)
    _surround(stack, frames.box, entry)
    maps = frames.maps[first * n1 : (first + units) * n1]
    _enclose(maps, frames.base[first : first + units], frames.box, frames.range)
    _sides(plan, frames, s)
    if len(settings) == 3:
        open_windows(plan, frames, settings[2], stack, s, entry)
    listed = plan.fold_first[s] + first
    count = 0
    for i in range(first, first + units):
        u = listing.order[i]
        folds, end = plan.unit_fold[first + u], plan.unit_fold[first + u + 1]
        region = frames.region[first + u]
        if plan.leader[first + u] >= 0:
            count = _follow(plan, frames, listing, s, u, count)
            continue
        if region >= 0:
            if folds < end and 0 <= listing.preset[folds] <= 1 and region != listing.preset[folds]:
                return False
            continue
        above, crossing = 0, False
        for fold in range(folds, end):
            slot, asked = listed + count, listing.preset[fold]
            if asked >= 2:
                above += asked - 2
                continue
            _load(plan, frames, listing, fold, slot)
            side = classify(stack, dimensions, entry, listing.functionals[slot])
            while side == UNDECIDED and refine(plan, frames, stack, entry, stack.registers[DOUBTFUL]):
                side = classify(stack, dimensions, entry, listing.functionals[slot])
            if side <= ABOVE:
                above += side
                if 0 <= asked != side:
                    return False
            else:
                crossing = True
                listing.candidates[slot, 0], listing.candidates[slot, 1] = u, fold
                count += 1
        frames.region[first + u] = -1 - above if crossing else above
    listing.counts[s] = count
    return True


@part
def _follow(plan: Plan, frames: Frames, listing: Listing, s: int, u: int, count: int) -> int:
    """Let a unit that is a multiple of an earlier one be where that is; return the number of candidates."""
    first = plan.first[s]
    leader = plan.leader[first + u]
    region, turned = frames.region[first + leader], plan.turned[first + u]
    if region >= 0:
        frames.region[first + u] = 1 - region if turned else region
        return count
    listed = plan.fold_first[s] + first
    candidate = listing.candidates[listed + count]
    for slot in range(listed, listed + count):
        if listing.candidates[slot, 0] == leader:
            candidate[2] = slot
    candidate[0], candidate[1], candidate[3] = u, -1, int(turned)
    frames.region[first + u] = -1
    return count + 1
