"""What a stage of pooling passes on: the largest entry of each window, into the next stage's map and into patterns."""

from nonlin.geometry.cells.compilation import kernel
from nonlin.geometry.cells.pools import Pools
from nonlin.geometry.cells.tables import Plan
from nonlin.geometry.cells.terms import add_term, bias_only
from nonlin.geometry.cells.workspace import Frames, Listing
from nonlin.geometry.rounding import OUTWARD
from nonlin.networks.array import Array

__all__ = ["add_winners", "note_windows", "patterns", "share_windows"]


@kernel
def _term(plan: Plan, frames: Frames, s: int, u: int, term: Array) -> None:
    units, offset = plan.units[s], plan.first[s] * len(term)
    for k in range(len(term)):
        term[k] = frames.maps[offset + k * units + u]


@kernel
def share_windows(plan: Plan, frames: Frames, pools: Pools, s: int) -> None:
    """Make the part of the next stage's map that all cells of a pooling stage share, and bound what goes into it."""
    term, n1 = frames.terms[0], frames.terms.shape[1]
    units, kept, base, first = plan.units[s], pools.kept[s], pools.first[s], plan.first[s]
    target = frames.common[plan.first[s + 1] * n1 : plan.first[s + 2] * n1]
    bias_only(plan, target, s + 1)
    for u in range(units - kept, units):
        _term(plan, frames, s, u, term)
        add_term(plan, target, s + 1, u - (units - kept), term)
    for w in range(base, pools.first[s + 1]):
        if pools.winner[w] >= 0:
            _term(plan, frames, s, pools.entries[pools.starts[w] + pools.winner[w]], term)
            add_term(plan, target, s + 1, kept + w - base, term)
    error, largest = 0.0, 0.0
    for u in range(first, first + units):
        error, largest = max(error, frames.base[u]), max(largest, frames.norm[u])
    frames.changes[s + 1] = -1
    frames.spread[s + 1, 0] = error * OUTWARD
    frames.spread[s + 1, 1] = largest * OUTWARD


@kernel
def add_winners(plan: Plan, frames: Frames, pools: Pools, s: int, target: Array) -> None:
    """Change the terms of the windows of stage s that have another largest entry than last time."""
    term, n1 = frames.terms[0], frames.terms.shape[1]
    base, units, offset = pools.first[s], plan.units[s], plan.first[s] * n1
    for slot in range(base, base + pools.counts[s]):
        w, x = pools.window[slot], pools.won[slot]
        before = pools.taken[w]
        if before == x:
            continue
        _term(plan, frames, s, pools.entries[pools.starts[w] + x], term)
        if before >= 0:
            u = pools.entries[pools.starts[w] + before]
            for k in range(n1):
                term[k] -= frames.maps[offset + k * units + u]
        pools.taken[w] = x
        frames.changes[s + 1] += 1
        add_term(plan, target, s + 1, pools.kept[s] + w - base, term)


@kernel
def note_windows(plan: Plan, pools: Pools, stage: int, upto: int, sides: Array) -> None:
    """Note the largest entries of all windows that the current cell has passed, behind the sides of the folds."""
    folds = plan.unit_fold[-1]
    for s in range(stage + 1):
        base = pools.first[s]
        for w in range(base, pools.first[s + 1]):
            sides[folds + w] = pools.winner[w]
        for c in range(pools.counts[s]):
            if s < stage or c < upto:
                sides[folds + pools.window[base + c]] = pools.won[base + c]


@kernel
def patterns(plan: Plan, frames: Frames, listing: Listing, pools: Pools, regions: Array) -> None:
    """Write the pattern of the current cell down: pieces of units, and the largest entries of windows."""
    for s in range(len(plan.units)):
        at, base, first = pools.pattern[s], pools.first[s], plan.first[s]
        if base < pools.first[s + 1]:
            for w in range(base, pools.first[s + 1]):
                regions[at + w - base] = pools.winner[w]
            for slot in range(base, base + pools.counts[s]):
                regions[at + pools.window[slot] - base] = pools.won[slot]
            continue
        for u in range(plan.units[s]):
            region = frames.region[first + u]
            regions[at + u] = region if region >= 0 else -1 - region
        listed = plan.fold_first[s] + first
        for c in range(listing.counts[s]):
            regions[at + listing.candidates[listed + c, 0]] += listing.side[listed + c]
