"""All cells of a network on a domain: walked through in float64, and in fractions where that does not decide."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.geometry.cells.chain import Chain
from nonlin.geometry.cells.domain import Domain, Root
from nonlin.geometry.cells.exact import ExactCell, ExactStages, exact_cells, exact_stages, floats
from nonlin.geometry.cells.leaves import Leaves
from nonlin.geometry.cells.pools import Pools, pools_of
from nonlin.geometry.cells.tables import Plan, plan_of
from nonlin.networks.array import Array

__all__ = ["Batch", "Problem", "batches"]

_VERTICES = 1 << 15
"""Vertices that all cells on the stack may have together; one that needs more is left to fractions."""
_AT_ONCE = 20_000
"""Cells after which the walk looks up, so that it can be stopped: some milliseconds to a second."""
_STORED = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Cells that were found in one go.

    Args:
        count: how many.
        exact: how many of them in fractions.
        share: an estimate of the share of the work that is done.
        leaves: the cells, where they are asked for.
    """

    count: int
    exact: int
    share: float
    leaves: Leaves | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """What to enumerate.

    Args:
        chain: the network.
        domain: where.
        preset: sides of folds of the first stage that bends, by unit; only cells on these are found.
    """

    chain: Chain
    domain: Domain
    preset: dict[int, int] = field(default_factory=dict)


def batches(problem: Problem, *, keep: bool = False) -> Iterator[Batch]:
    """Find all cells.

    Args:
        problem: what to enumerate.
        keep: whether to return the cells, with the map of the network's output; else they are counted only.

    Raises:
        InvalidInputError: if values overflow.
    """
    stages = len(problem.chain.stages) if keep else problem.chain.folding
    if not stages:
        stages = len(problem.chain.stages)
    roots = problem.domain.roots
    for number, root in enumerate(roots):
        for batch in _rooted(problem, root, stages, keep=keep):
            share = (number + batch.share) / len(roots)
            yield Batch(count=batch.count, exact=batch.exact, share=share, leaves=batch.leaves)


def _rooted(problem: Problem, root: Root, stages: int, *, keep: bool) -> Iterator[Batch]:
    pooling = any(stage.windows for stage in problem.chain.stages[:stages])
    plan = plan_of(problem.chain, stages) if stages else None
    pools = pools_of(problem.chain, plan, problem.domain) if plan and pooling else None
    if plan is None or (pooling and pools is None):
        exact = exact_stages(problem.chain, stages)
        yield from _settled(exact, problem, root, _asked(problem, root, stages), keep=keep)
        return
    from nonlin.geometry.cells import walk

    state = _entered(plan, problem, root, pools)
    store = _store(plan, problem, _STORED if keep else 0, stages)
    _, listing, stack = state
    settings = ((0,) * (problem.domain.dimensions + 1), _AT_ONCE, *([pools] if pools else []))
    exact_chain: ExactStages | None = None
    found, status = 0, walk.PAUSED
    while status != walk.DONE:
        status = walk.advance(plan, *state, store, settings)
        count = int(stack.registers[1]) - found
        found += count
        yield Batch(count=count, exact=0, share=_share(stack), leaves=_taken(store, stack) if keep else None)
        aside = state[0].aside_side[: int(stack.registers[2])].copy()
        stack.registers[2] = 0
        for sides in aside:
            exact_chain = exact_chain or exact_stages(problem.chain, stages)
            preset = np.where(listing.preset >= 2, -1, listing.preset)
            preset = np.concatenate([preset, np.full(len(sides) - len(preset), -1)])
            merged = np.where(sides >= 0, sides, preset)
            yield from _settled(exact_chain, problem, root, merged.tolist(), keep=keep)


def _entered(plan: Plan, problem: Problem, root: Root, pools: Pools | None) -> tuple[Any, Any, Any]:
    from nonlin.geometry.cells import maps, walk
    from nonlin.geometry.cells.workspace import frames_of, listing_of, stack_of

    domain = problem.domain
    windows, entries = (len(pools.window), len(pools.entries)) if pools else (0, 0)
    frames = frames_of(plan, domain.dimensions, domain.facets, windows=windows)
    listing = listing_of(plan, domain.dimensions)
    stack = stack_of(plan, domain.dimensions, vertices=_VERTICES, entries=entries)
    start, error = domain.floats
    maps.begin(plan, frames, start, error)
    if not np.all(np.isfinite(frames.common)):
        raise InvalidInputError(
            "expected finite values on the slice, got an overflow of float64; choose a smaller one"
        )
    _set_preset(plan, problem, root, listing.preset)
    _set_order(plan, listing)
    vertices = floats(root.vertices)
    walk.enter(
        stack,
        vertices / np.abs(vertices).max(axis=1, keepdims=True),
        np.array(root.masks, np.uint64),
        2.0**-51,
    )
    return frames, listing, stack


def _set_preset(plan: Plan, problem: Problem, root: Root, preset: Array) -> None:
    first = next((i for i, stage in enumerate(problem.chain.stages) if stage.folds), 0)
    folds = plan.unit_fold[plan.first[first] :]
    for unit, side in problem.preset.items():
        preset[folds[unit]] = side
    for (unit, kink), side in root.known.items():
        preset[folds[unit] + kink] = 2 + side


def _set_order(plan: Plan, listing: Any) -> None:
    """Let the folds of which a side is asked for come first, so that what lies on the other is dropped at once."""
    folds = np.flatnonzero((listing.preset == 0) | (listing.preset == 1))
    stage = np.repeat(np.arange(len(plan.units)), plan.units)
    later = np.ones(len(stage), bool)
    later[plan.first[plan.fold_stage[folds]] + plan.fold_unit[folds]] = False
    listing.order[:] = np.lexsort((later, stage)) - plan.first[stage]


def _asked(problem: Problem, root: Root, stages: int) -> list[int] | None:
    if not problem.preset:
        return None
    plan = plan_of(problem.chain, stages)
    windows = sum(len(stage.windows) for stage in problem.chain.stages[:stages])
    preset = np.full(int(plan.unit_fold[-1]) + windows, -1)
    _set_preset(plan, problem, root, preset)
    return [-1 if side >= 2 else int(side) for side in preset]


def _share(stack: Any) -> float:
    """Return an estimate of the share that is done, as if every cut left two halves of equal work."""
    return 1.0 - float(sum(0.5 ** min(i + 1, 60) for i in range(int(stack.registers[0]))))


def _store(plan: Plan, problem: Problem, cells: int, stages: int) -> Leaves:
    from nonlin.geometry.cells.workspace import FACETS

    vertices = 8 * cells + 3 * 4096 if cells else 0
    units, dimensions = int(plan.units[-1]), problem.domain.dimensions
    pattern = sum(len(stage.windows) or stage.units for stage in problem.chain.stages[:stages])
    return Leaves(
        counts=np.zeros(cells, np.int64),
        facets=np.zeros((cells, FACETS), np.int64),
        regions=np.zeros((cells, pattern), np.int8),
        maps=np.zeros((cells, dimensions + 1, units)),
        errors=np.zeros((cells, units)),
        vertices=np.zeros((vertices, dimensions + 1)),
        masks=np.zeros(vertices, np.uint64),
    )


def _taken(store: Leaves, stack: Any) -> Leaves:
    vertices, cells = int(stack.registers[3]), int(stack.registers[4])
    stack.registers[3] = stack.registers[4] = 0
    *of_cells, rays, masks = store
    kept = [*(held[:cells] for held in of_cells), rays[:vertices], masks[:vertices]]
    return Leaves(*(held.copy() for held in kept))


def _settled(
    exact: ExactStages, problem: Problem, root: Root, asked: list[int] | None, *, keep: bool
) -> Iterator[Batch]:
    for cell in exact_cells(exact, problem.domain, root, asked):
        yield Batch(count=1, exact=1, share=0.0, leaves=_leaf(cell) if keep else None)


def _leaf(cell: ExactCell) -> Leaves:
    rows = floats(cell.map)
    vertices = floats(cell.shape.vertices)
    return Leaves(
        counts=np.array([len(vertices)]),
        facets=np.array([cell.shape.facets]),
        regions=np.array([cell.regions], np.int8),
        maps=rows.T[None],
        errors=np.abs(rows).sum(axis=1)[None] * 2.0**-48,  # fractions, rounded once
        vertices=vertices / np.abs(vertices).max(axis=1, keepdims=True),
        masks=np.array(cell.shape.masks, object),
    )
