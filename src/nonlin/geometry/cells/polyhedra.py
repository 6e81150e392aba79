"""Convex cells in rational arithmetic, in any position: ties are told from the facets that vertices lie on."""

from dataclasses import dataclass, replace
from typing import Any

__all__ = ["Polyhedron", "halves", "sides", "values"]

Functional = list[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Polyhedron:
    """A cell that has an interior.

    Args:
        vertices: homogeneous coordinates, fractions of flint.
        masks: for each vertex all facets that it lies on, bit by bit.
        facets: the fold of each facet, or −1 − i for the i-th of the domain.
    """

    vertices: list[list[Any]]
    masks: list[int]
    facets: list[int]


def values(cell: Polyhedron, functional: Functional) -> list[Any]:
    """Return a functional at the vertices."""
    return [sum((a * x for a, x in zip(functional, v, strict=True)), start=0 * v[0]) for v in cell.vertices]


def sides(at: list[Any]) -> tuple[bool, bool]:
    """Return whether some vertices are strictly above, and some strictly below."""
    return any(x > 0 for x in at), any(x < 0 for x in at)


def halves(cell: Polyhedron, at: list[Any], fold: int) -> tuple[Polyhedron, Polyhedron]:
    """Cut a cell along a functional that has strictly both signs; return the parts below and above.

    Two vertices are joined by an edge where no other vertex lies on all the facets that they share.
    """
    new = 1 << len(cell.facets)
    made_vertices, made_masks = [], []
    above = [i for i, x in enumerate(at) if x > 0]
    below = [i for i, x in enumerate(at) if x < 0]
    for i in above:
        for j in below:
            common = cell.masks[i] & cell.masks[j]
            if not any(m & common == common for k, m in enumerate(cell.masks) if k not in (i, j)):
                total = at[i] - at[j]
                t = at[i] / total
                pairs = zip(cell.vertices[i], cell.vertices[j], strict=True)
                made_vertices.append([x + t * (y - x) for x, y in pairs])
                made_masks.append(common | new)
    zero = [i for i, x in enumerate(at) if x == 0]
    parts = []
    for chosen in (below, above):
        vertices = [cell.vertices[i] for i in (*chosen, *zero)] + made_vertices
        masks = [cell.masks[i] for i in chosen] + [cell.masks[i] | new for i in zero] + made_masks
        parts.append(Polyhedron(vertices=vertices, masks=masks, facets=[*cell.facets, fold]))
    return _trimmed(parts[0]), _trimmed(parts[1])


def _trimmed(cell: Polyhedron) -> Polyhedron:
    """Drop the facets on which no vertex lies any more."""
    used = 0
    for mask in cell.masks:
        used |= mask
    kept = [b for b in range(len(cell.facets)) if used >> b & 1]
    if len(kept) == len(cell.facets):
        return cell
    masks = [sum(1 << i for i, b in enumerate(kept) if mask >> b & 1) for mask in cell.masks]
    return replace(cell, masks=masks, facets=[cell.facets[b] for b in kept])
