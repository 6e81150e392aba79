"""What changes while a chain is walked through: the maps of the current cell's parents, and the stack of cells."""

from typing import NamedTuple

import numpy as np

from nonlin.geometry.cells.tables import Plan
from nonlin.networks.array import Array

__all__ = [
    "ASIDE",
    "ASIDES",
    "AT",
    "COUNT",
    "DOUBTFUL",
    "FACET",
    "FACETS",
    "LEAVES",
    "SIDE",
    "SPENT",
    "STAGE",
    "START",
    "STORED_CELLS",
    "STORED_VERTICES",
    "TOP",
    "Frames",
    "Listing",
    "Stack",
    "frames_of",
    "listing_of",
    "stack_of",
]

FACETS = 64
"""Facets that a cell may have: one bit of a mask for each."""

ASIDES = 64
"""Cells that are put aside before the walk pauses."""

STAGE, AT, SIDE, START, COUNT, FACET = range(6)
"""Columns of `Stack.entries`: the stage that the cell is in, the candidate to cut by next (−1: not opened), the side of
the one before, the cell's first vertex and their number, and from `FACET` on the fold of each facet (−1 − i for the
i-th of the domain)."""

SPENT = -2
"""In column `AT`: the cell was divided into those above it on the stack."""


class Stack(NamedTuple):
    """The cells that wait, the last one on top.

    Args:
        entries: one row for each cell.
        vertices: a row for each: homogeneous coordinates x and x₀ of size 1 (largest coordinate), a point where x₀ > 0
            and a direction where x₀ = 0; how far off each coordinate can be; the value of the current functional.
        masks: the facets that each lies on.
        old_vertices, old_masks: room for the cell that is being cut.
        registers: the number of entries; of finished cells; of cells put aside; of stored vertices; of stored cells;
            the vertex that needs to be computed anew.
    """

    entries: Array
    vertices: Array
    masks: Array
    old_vertices: Array
    old_masks: Array
    registers: Array


TOP, LEAVES, ASIDE, STORED_VERTICES, STORED_CELLS, DOUBTFUL = range(6)
"""Places in `Stack.registers`."""


class Listing(NamedTuple):
    """The folds of each stage that cross its current parent, the candidates; a stage has a slot for each fold and unit.

    Args:
        candidates: unit, number of the fold (−1 for a unit that follows another), slot that it follows, and whether
            with the other side.
        functionals: coefficients, how far a value can be off, and by how much more for a vertex's doubt.
        counts: of each stage.
        side: of the current cell.
        preset: sides that are asked for, by fold: 0 or 1; 2 or 3 where they need no proof; −1 for both.
        order: the units of each stage in the order in which their folds are listed, and so cut by.
    """

    candidates: Array
    functionals: Array
    counts: Array
    side: Array
    preset: Array
    order: Array


class Frames(NamedTuple):
    """For each stage its map on the current cell of the stage before; units stand as in the plan.

    A map has a row for each coordinate of the slice and one for the constant, each with all units of its stage.
    """

    maps: Array
    common: Array
    """The part of a stage's map that is the same for all cells of the parent."""
    base: Array
    """How far a unit's map, and a value computed from it, can be off on a ray of size 1."""
    norm: Array
    """The sum of the sizes of a unit's coefficients."""
    region: Array
    """The number of the piece that a unit is on; −1 − that where some of its kinks cross the parent."""
    spread: Array
    """For each stage, how far its inputs' maps are off at most, and the largest sum of their coefficients' sizes."""
    domain: Array
    """The functionals of the facets that are no folds, shape (facets, coordinates + 1)."""
    box: Array
    """Middle and radius of a box around the current cell."""
    range: Array
    """Middle and radius of each unit on that box."""
    taken: Array
    """The piece with which a unit that crosses its parent stands in the next stage's map; −1 for not at all."""
    changes: Array
    """How often a stage's map was changed since it was summed up; −1 where it must be."""
    system: Array
    """Room for a vertex that is computed anew."""
    terms: Array
    """Room for four units' coefficients."""
    which: Array
    aside_stage: Array
    aside_side: Array


def stack_of(plan: Plan, dimensions: int, *, vertices: int, entries: int = 0) -> Stack:
    """Make room for cells with at most so many vertices on the stack, in windows of so many entries."""
    depth = int(plan.unit_fold[-1]) + len(plan.units) + 4 + 2 * entries
    return Stack(
        entries=np.zeros((depth, FACET + FACETS), np.int64),
        vertices=np.zeros((vertices, dimensions + 3)),
        masks=np.zeros(vertices, np.uint64),
        old_vertices=np.zeros((vertices, dimensions + 3)),
        old_masks=np.zeros(vertices, np.uint64),
        registers=np.zeros(8, np.int64),
    )


def listing_of(plan: Plan, dimensions: int) -> Listing:
    """Make room for the candidates of all stages."""
    folds = int(plan.unit_fold[-1])
    slots = folds + int(plan.first[-1])
    return Listing(
        candidates=np.zeros((slots, 4), np.int64),
        functionals=np.zeros((slots, dimensions + 3)),
        counts=np.zeros(len(plan.units), np.int64),
        side=np.zeros(slots, np.int8),
        preset=np.full(folds, -1, np.int8),
        order=np.concatenate([np.arange(n) for n in plan.units]),
    )


def frames_of(plan: Plan, dimensions: int, domain: Array, *, windows: int = 0) -> Frames:
    """Make room for the maps of all stages; sides of cells aside hold the largest entries of windows too."""
    n1, units, folds = dimensions + 1, int(plan.first[-1]), int(plan.unit_fold[-1]) + windows
    return Frames(
        maps=np.zeros(n1 * units),
        common=np.zeros(n1 * units),
        base=np.zeros(units),
        norm=np.zeros(units),
        region=np.zeros(units, np.int8),
        spread=np.zeros((len(plan.units) + 1, 2)),
        domain=domain,
        box=np.zeros((2, n1)),
        range=np.zeros((2, int(plan.units.max()))),
        taken=np.full(units, -1, np.int8),
        changes=np.full(len(plan.units), -1, np.int64),
        system=np.zeros((3 * n1, 2 * n1)),
        terms=np.zeros((4, n1)),
        which=np.zeros(4, np.int64),
        aside_stage=np.zeros(ASIDES, np.int64),
        aside_side=np.zeros((ASIDES, folds), np.int8),
    )
