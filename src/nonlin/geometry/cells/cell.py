"""One cell with its pattern and its affine map."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import factorial
from typing import Any

import numpy as np

from nonlin.geometry.cells.leaves import Leaves
from nonlin.networks.array import Array
from nonlin.results import columns_of, plain

__all__ = ["Cell", "cells_of", "columns_of_cells"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cell:
    """A linear region: where every unit keeps to one piece of its function; a convex polyhedron with an interior.

    Coordinates are those of the slice: s and t of a plane, the inputs that vary of a box.

    Args:
        vertices: float64, shape (vertices, coordinates); a polygon's are in order around it.
        directions: in which it is unbounded, shape (directions, coordinates).
        pattern: the piece of every unit that bends, 0 for the leftmost, in the order of the network; of a
            pooling window the number of its largest entry among those that it holds.
        weight, bias: the network's first output, flattened, is weight · x + bias here; shapes (outputs, coordinates)
            and (outputs,).
        error: how far off weight · x + bias can be at a vertex, no less than the error of a row of weight;
            shape (outputs,), empty where it is not known.
        facets: for each facet (unit, kink), the number of the unit in `pattern` and of the kink of its function that
            makes it, for a pooling window the number of the entry that is the largest behind it; or (−1, i)
            for the i-th side of the domain.
        incidence: which vertices, then which directions, lie on which facets; booleans, shape (rays, facets).
    """

    vertices: Array
    directions: Array
    pattern: Array
    weight: Array
    bias: Array
    error: Array = field(default_factory=lambda: np.zeros(0))
    facets: tuple[tuple[int, int], ...]
    incidence: Array

    @property
    def volume(self) -> float:
        """Its area, or volume; infinite where it is unbounded."""
        if len(self.directions):
            return float("inf")
        if self.vertices.shape[1] == 2:
            x, y = (self.vertices - self.vertices[0]).T
            return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
        inside = frozenset(range(len(self.vertices)))
        return sum(_simplices(self.vertices, self.incidence, inside, [])) / factorial(self.vertices.shape[1])


def _simplices(points: Array, incidence: Array, face: frozenset[int], apexes: list[int]) -> Iterator[float]:
    """Yield the determinants of simplices that fill a cell: pyramids over the facets that their apex is not on."""
    n = points.shape[1]
    if len(apexes) + len(face) < n + 1:
        return
    if len(apexes) == n:
        corner = points[min(face)]
        yield abs(float(np.linalg.det(points[apexes] - corner)))
        return
    apex = min(face)
    below = {
        frozenset(i for i in face if incidence[i, f])
        for f in range(incidence.shape[1])
        if not incidence[apex, f]
    }
    for part in below:
        if part:
            yield from _simplices(points, incidence, part, [*apexes, apex])


def columns_of_cells(cells: Iterable[Cell]) -> dict[str, list[Any]]:
    """Return the volume and the fields of cells as one list a column, arrays as lists."""
    held = list(cells)
    columns = {name: plain(column) for name, column in columns_of(Cell, held).items()}
    return {"volume": [cell.volume for cell in held], **columns}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Names:
    """What the numbers of an enumeration stand for.

    Args:
        bent: which units of all stages bend, shape (units of the pattern,).
        folds: the unit and kink of each fold, shape (folds, 2).
        outputs: which numbers of the last stage are the output, −1 for a constant 0.
        units: how many there are in all stages.
        windows: for each unit of all stages that stands in windows, these: their numbers in the pattern, and its place
            in each.
    """

    bent: Array
    folds: Array
    outputs: Array
    units: int
    windows: dict[int, dict[int, int]]


def cells_of(leaves: Leaves, names: Names) -> Iterator[Cell]:
    """Yield the cells of a batch."""
    ends = np.cumsum(leaves.counts)
    for i, (count, end) in enumerate(zip(leaves.counts.tolist(), ends.tolist(), strict=True)):
        rays, masks = leaves.vertices[end - count : end], [int(m) for m in leaves.masks[end - count : end]]
        yield _cell(
            rays,
            masks,
            leaves.facets[i].tolist(),
            (leaves.regions[i], leaves.maps[i], leaves.errors[i], names),
        )


def _cell(rays: Array, masks: list[int], folds: list[int], rest: tuple[Array, Array, Array, Names]) -> Cell:
    regions, maps, errors, names = rest
    points = [i for i in _around(masks, rays) if rays[i, -1] > 0]
    far = [i for i in range(len(masks)) if not rays[i, -1] > 0]
    used = [b for b in range(len(folds)) if any(masks[i] >> b & 1 for i in range(len(masks)))]
    order = [*points, *far]
    pattern = regions[names.bent]
    maps = np.concatenate([maps, np.zeros((len(maps), 1))], axis=1)[:, names.outputs]
    return Cell(
        vertices=rays[points, :-1] / rays[points, -1:],
        directions=rays[far, :-1],
        pattern=pattern,
        weight=maps[:-1].T,
        bias=maps[-1],
        error=np.append(errors, 0.0)[names.outputs] / min(1.0, rays[points, -1].min(initial=1.0)),
        facets=tuple(_facet(folds[b], names, pattern) for b in used),
        incidence=np.array([[bool(masks[i] >> b & 1) for b in used] for i in order]).reshape(
            len(order), len(used)
        ),
    )


def _facet(fold: int, names: Names, pattern: Array) -> tuple[int, int]:
    if fold < 0:
        return -1, -1 - fold
    if fold < len(names.folds):
        return int(names.folds[fold, 0]), int(names.folds[fold, 1])
    larger, smaller = divmod(fold - len(names.folds), names.units)
    return next(
        (window, names.windows[smaller][window])
        for window, place in names.windows[larger].items()
        if window in names.windows[smaller] and pattern[window] == place
    )


def _around(masks: list[int], rays: Array) -> list[int]:
    """Return the vertices of a polygon in order: each shares a side with the next one."""
    if rays.shape[1] != 3 or len(masks) < 3:
        return list(range(len(masks)))
    order, left = [0], list(range(1, len(masks)))
    while left:
        following = next((i for i in left if masks[i] & masks[order[-1]]), left[0])
        order.append(following)
        left.remove(following)
    return order
