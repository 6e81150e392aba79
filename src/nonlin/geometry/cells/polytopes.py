"""Convex cells by their vertices and the facets that each lies on; all cells here are simple.

A vertex of a simple cell of n dimensions lies on exactly n facets, and two are joined by an edge where they share
n − 1. A fold that passes through no vertex cuts a simple cell into two simple ones; one that does is left to exact
arithmetic. Vertices are rays (x, x₀) of the cone over the cell, so that an unbounded cell is nothing special: x₀ = 0 is
a direction.
"""

import numpy as np

from nonlin.geometry.cells.compilation import ones, part
from nonlin.geometry.cells.workspace import COUNT, DOUBTFUL, FACET, FACETS, START, Stack
from nonlin.geometry.rounding import OUTWARD
from nonlin.networks.array import Array

__all__ = ["ABOVE", "BELOW", "BOTH", "UNDECIDED", "classify", "copy_new", "copy_side", "cut", "free_facet"]

BELOW, ABOVE, BOTH, UNDECIDED = 0, 1, 2, 3
_ROUNDOFF = 2.0**-53
_MOST_DOUBT = 2.0**-22
"""So that the size of a true ray is within what OUTWARD covers."""


@part
def classify(stack: Stack, dimensions: tuple[int, ...], entry: int, functional: Array) -> int:
    """Decide on which sides of a functional a cell lies; its values at the vertices are kept.

    Args:
        stack: with the cell.
        dimensions: a tuple as long as a vertex, so that loops over coordinates are unrolled.
        entry: of the cell.
        functional: coefficients, how far a value can be off, and by how much more for each unit of a vertex's doubt.

    Returns:
        `UNDECIDED` where a value is too small; the register says at which vertex.
    """
    n1 = len(dimensions)
    base, norm = functional[n1], functional[n1 + 1]
    start, count = stack.entries[entry, START], stack.entries[entry, COUNT]
    below, above = False, False
    for i in range(start, start + count):
        row = stack.vertices[i]
        value = 0.0
        for k in range(n1):
            value += functional[k] * row[k]
        if not (abs(value) > base + norm * row[n1] and row[n1] < _MOST_DOUBT):
            stack.registers[DOUBTFUL] = i
            return UNDECIDED
        row[n1 + 1] = value
        if value > 0.0:
            above = True
        else:
            below = True
    if above and below:
        return BOTH
    return ABOVE if above else BELOW


@part
def _between(dimensions: tuple[int, ...], p: Array, q: Array, new: Array, functional: Array) -> None:
    """Write the vertex at which the functional is 0 between an old one above, p, and one below, q."""
    n1 = len(dimensions)
    base, norm = functional[n1], functional[n1 + 1]
    fp, fq = p[n1 + 1], -q[n1 + 1]
    ep, eq = base + norm * p[n1], base + norm * q[n1]
    t = fp / (fp + fq)
    wide, size = 0.0, 0.0
    for k in range(n1):
        step = q[k] - p[k]
        wide = max(wide, abs(step))
        new[k] = p[k] + t * step
        size = max(size, abs(new[k]))
    off = (ep * (1.0 - t) + eq * t) / (fp + fq - ep - eq) + 4 * _ROUNDOFF
    doubt = max(p[n1], q[n1]) + off * wide + 4 * _ROUNDOFF
    if size != 1.0:
        for k in range(n1):
            new[k] /= size
        doubt = doubt / size + 2 * _ROUNDOFF
    new[n1] = doubt * OUTWARD


@part
def free_facet(stack: Stack, start: int, count: int) -> int:
    """Return the first bit that no vertex of a cell has; `FACETS` where all are used."""
    used = np.uint64(0)
    for i in range(start, start + count):
        used |= stack.masks[i]
    bit = 0
    while bit < FACETS and (used >> np.uint64(bit)) & np.uint64(1):
        bit += 1
    return bit


@part
def cut(stack: Stack, dimensions: tuple[int, ...], entry: int, functional: Array, fold: int) -> bool:
    """Cut a cell along a functional; the part below stays at its entry, the part above follows in the next one.

    Args:
        stack: with the values that `classify` left.
        dimensions: as for `classify`.
        entry: of the cell.
        functional: as for `classify`.
        fold: its number, which names the new facet.

    Returns:
        Whether there was a free bit for the new facet, and room for the vertices.
    """
    n1 = len(dimensions)
    start, count = stack.entries[entry, START], stack.entries[entry, COUNT]
    for i in range(count):
        stack.old_masks[i] = stack.masks[start + i]
        for k in range(n1 + 2):
            stack.old_vertices[i, k] = stack.vertices[start + i, k]
    bit = free_facet(stack, start, count)
    if bit == FACETS or start + 2 * count + 2 >= len(stack.masks):
        return False
    # first the vertices below, then the new ones, then those above, then the new ones once more
    below = copy_side(stack, n1, count, start, -1.0)
    middle = copy_new(stack, dimensions, count, below, functional)
    if middle + 2 * count + middle - below + 2 >= len(stack.masks):
        return False
    last = copy_side(stack, n1, count, middle, 1.0)
    new = np.uint64(1) << np.uint64(bit)
    for i in range(below, middle):
        stack.masks[i] |= new
        stack.masks[last] = stack.masks[i]
        for k in range(n1 + 1):
            stack.vertices[last, k] = stack.vertices[i, k]
        last += 1
    stack.entries[entry, FACET + bit] = fold
    stack.entries[entry, COUNT] = middle - start
    stack.entries[entry + 1, START] = middle
    stack.entries[entry + 1, COUNT] = last - middle
    for i in range(FACET, FACET + FACETS):
        stack.entries[entry + 1, i] = stack.entries[entry, i]
    return True


@part
def copy_side(stack: Stack, n1: int, count: int, at: int, side: float) -> int:
    """Copy the vertices on one side of the cut; return where they end."""
    for i in range(count):
        if stack.old_vertices[i, n1 + 1] * side > 0.0:
            for k in range(n1 + 1):
                stack.vertices[at, k] = stack.old_vertices[i, k]
            stack.masks[at] = stack.old_masks[i]
            at += 1
    return at


@part
def copy_new(stack: Stack, dimensions: tuple[int, ...], count: int, at: int, functional: Array) -> int:
    """Write the vertices where the cut meets an edge; return where they end."""
    n1 = len(dimensions)
    shared = np.uint64(n1 - 2)
    for i in range(count):
        if stack.old_vertices[i, n1 + 1] > 0.0:
            for j in range(count):
                common = stack.old_masks[i] & stack.old_masks[j]
                if stack.old_vertices[j, n1 + 1] < 0.0 and ones(common) == shared:
                    if at + 1 >= len(stack.masks):
                        return at
                    p, q, new = stack.old_vertices[i], stack.old_vertices[j], stack.vertices[at]
                    _between(dimensions, p, q, new, functional)
                    stack.masks[at] = common
                    at += 1
    return at
