"""The affine map of a stage on one cell: a part that its parent shares, and a term for each unit that folds there."""

from typing import Any

from nonlin.geometry.cells.compilation import kernel, part
from nonlin.geometry.cells.pooled import add_winners, share_windows
from nonlin.geometry.cells.tables import Plan
from nonlin.geometry.cells.terms import add_four, add_term, bias_only
from nonlin.geometry.cells.workspace import Frames, Listing
from nonlin.geometry.rounding import OUTWARD
from nonlin.networks.array import Array

__all__ = ["begin", "map_of_stage", "share"]

_TINY = 1e-280
_ROUNDOFF = 2.0**-53


@kernel
def begin(plan: Plan, frames: Frames, start: Array, error: float) -> None:
    """Put the slice into the first stage.

    Args:
        plan: of the netframes.
        frames: whose first map is made.
        start: the network's input on the slice, shape (inputs, coordinates + 1).
        error: how far a row of it is off at most, as the sum of the sizes of its coefficients' errors.
    """
    n1 = start.shape[1]
    target = frames.common[: n1 * plan.units[0]]
    bias_only(plan, target, 0)
    largest = 0.0
    for j in range(start.shape[0]):
        add_term(plan, target, 0, j, start[j])
        size = 0.0
        for k in range(n1):
            size += abs(start[j, k])
        largest = max(largest, size)
    frames.spread[0, 0] = error
    frames.spread[0, 1] = largest


@part
def share(plan: Plan, frames: Frames, s: int, settings: Any) -> None:
    """Make the part of the next stage's map that all cells of stage s share, and bound what goes into it."""
    if len(settings) == 3:
        pools = settings[2]
        if pools.first[s] < pools.first[s + 1]:
            share_windows(plan, frames, pools, s)
            return
    terms, which = frames.terms, frames.which
    n1 = terms.shape[1]
    units, first, offset = plan.units[s], plan.first[s], plan.first[s] * n1
    following = plan.units[s + 1]
    target = frames.common[plan.first[s + 1] * n1 : plan.first[s + 1] * n1 + n1 * following]
    bias_only(plan, target, s + 1)
    waiting = 0
    error, largest = 0.0, 0.0
    for u in range(units):
        table = plan.bend[first + u]
        steep, high = plan.steep[table], plan.high[table]
        norm = frames.norm[first + u]
        error = max(error, steep * frames.base[first + u])
        largest = max(largest, steep * norm + high)
        if frames.region[first + u] < 0:  # a candidate
            continue
        piece = plan.kink_start[table] + table + frames.region[first + u]
        slope, intercept = plan.slopes[piece], plan.intercepts[piece]
        if slope == 0.0 and intercept == 0.0:
            continue
        for k in range(n1):
            terms[waiting, k] = slope * frames.maps[offset + k * units + u]
        terms[waiting, n1 - 1] += intercept
        if plan.dense[s + 1] < 0:
            add_term(plan, target, s + 1, u, terms[0])
            continue
        which[waiting] = u
        waiting += 1
        if waiting == 4:
            add_four(plan, target, s + 1, which, terms)
            waiting = 0
    for i in range(waiting):
        add_term(plan, target, s + 1, which[i], terms[i])
    frames.changes[s + 1] = -1
    frames.spread[s + 1, 0] = error * OUTWARD
    frames.spread[s + 1, 1] = largest * OUTWARD


@part
def map_of_stage(  # noqa: C901 - branches for pooling, which are compiled where there is some
    plan: Plan, frames: Frames, listing: Listing, s: int, settings: Any
) -> None:
    """Make the map of stage s on the current cell, with a bound on its error."""
    n1 = frames.terms.shape[1]
    units, first = plan.units[s], plan.first[s]
    target = frames.maps[first * n1 : (first + units) * n1]
    if not 0 <= frames.changes[s] < plan.refresh[s]:
        common = frames.common[first * n1 : (first + units) * n1]
        for i in range(len(target)):
            target[i] = common[i]
        frames.changes[s] = 0
        if s > 0:
            for slot in range(plan.first[s - 1], plan.first[s]):
                frames.taken[slot] = -1
            if len(settings) == 3:
                pools = settings[2]
                for w in range(pools.first[s - 1], pools.first[s]):
                    pools.taken[w] = -1
    if len(settings) == 3 and s > 0:
        add_winners(plan, frames, settings[2], s - 1, target)
    if s > 0:
        _add_candidates(plan, frames, listing, s - 1, target)
    error = frames.spread[s, 0] + plan.gamma[s] * (frames.spread[s, 1] + frames.spread[s, 0])
    norm, base = frames.norm[first : first + units], frames.base[first : first + units]
    norm[:] = 0.0
    for k in range(n1):
        row = target[k * units : (k + 1) * units]
        for u in range(units):
            norm[u] += abs(row[u])
    grow, bias = plan.grow[first : first + units], plan.bias[first : first + units]
    evaluation = (4 * n1 + 8) * _ROUNDOFF
    gamma = plan.gamma[s]
    for u in range(units):
        base[u] = (grow[u] * error + gamma * abs(bias[u]) + evaluation * norm[u]) * OUTWARD + _TINY


@part
def _add_candidates(plan: Plan, frames: Frames, listing: Listing, s: int, target: Array) -> None:
    """Change the terms of the units of stage s that fold in the parent and are on another piece than last time."""
    term = frames.terms[0]
    n1, units, first = len(term), plan.units[s], plan.first[s]
    listed, offset = plan.fold_first[s] + first, first * n1
    c, count = 0, listing.counts[s]
    while c < count:
        u = listing.candidates[listed + c, 0]
        region = -1 - frames.region[first + u]
        while c < count and listing.candidates[listed + c, 0] == u:
            region += listing.side[listed + c]
            c += 1
        before = frames.taken[first + u]
        if before == region:
            continue
        frames.taken[first + u] = region
        frames.changes[s + 1] += 1
        table = plan.bend[first + u]
        start = plan.kink_start[table] + table
        slope, intercept = plan.slopes[start + region], plan.intercepts[start + region]
        if before >= 0:
            slope -= plan.slopes[start + before]
            intercept -= plan.intercepts[start + before]
        if slope == 0.0 and intercept == 0.0:
            continue
        for k in range(n1):
            term[k] = slope * frames.maps[offset + k * units + u]
        term[n1 - 1] += intercept
        add_term(plan, target, s + 1, u, term)
