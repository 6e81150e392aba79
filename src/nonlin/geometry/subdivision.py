"""A plane, or a box of two inputs, with all its cells: what cuts them apart, and where the decision changes."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.geometry.cells.cell import Cell, columns_of_cells
from nonlin.geometry.cells.cells import Cells
from nonlin.geometry.cells.exact import floats
from nonlin.geometry.checks import check_output
from nonlin.geometry.contours import Contours
from nonlin.geometry.polylines import Polyline
from nonlin.geometry.units import Units, units_of
from nonlin.networks.array import Array
from nonlin.results import Result, plain

__all__ = ["Folds", "Subdivision", "decision_boundary", "folds", "level_set", "subdivide"]

_NEAR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Folds(Result):
    """The crease pattern of a plane: every segment between two cells, with what makes it.

    Args:
        segments: the two ends of each, shape (folds, 2, 2).
        calls: the names of the calls that bend, in the order of the network; each is one layer of the pattern.
        call: for each segment the number of its call, shape (folds,).
        unit: for each segment the unit of the call that folds there, an index into its flattened pre-activation; where
            several fold at one place, the first. Of max pooling −1: a window folds where two entries change places.
    """

    segments: Array
    calls: tuple[str, ...]
    call: Array
    unit: Array

    def lengths(self) -> dict[str, float]:
        """Return how long the folds of each call are together."""
        lengths = np.linalg.norm(self.segments[:, 1] - self.segments[:, 0], axis=1)
        return {name: float(lengths[self.call == i].sum()) for i, name in enumerate(self.calls)}

    def to_dict(self) -> dict[str, Any]:
        """Return for each call its segments and how long they are together; the segments are `columns()`."""
        lengths = self.lengths()
        return {
            name: {"segments": int((self.call == i).sum()), "length": lengths[name]}
            for i, name in enumerate(self.calls)
        }

    def columns(self) -> dict[str, list[Any]]:
        """Return the segments, as data frames take them: what makes each, and its two ends."""
        ends = self.segments.reshape(-1, 4).T.tolist() if len(self.segments) else [[], [], [], []]
        return {
            "call": [self.calls[i] for i in self.call],
            "unit": self.unit.tolist(),
            **dict(zip(("s", "t", "to_s", "to_t"), ends, strict=True)),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subdivision(Result):
    """Everything that a picture of a plane shows; all cells are kept.

    Args:
        found: what was counted.
        cells: in the order of `found.cells`; where the count was stopped, the first of them.
        folds: between the cells.
        boundary: where the largest output changes; of a network with one output, where that passes 0.
        window: the ends of both coordinates: low, high, low, high.
    """

    found: Cells
    cells: tuple[Cell, ...]
    folds: Folds
    boundary: tuple[Polyline, ...]
    window: tuple[float, float, float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the count, the window, the folds of each call and the boundary; the cells are `columns()`."""
        return {
            **self.found.to_dict(),
            "window": list(self.window),
            "folds": self.folds.to_dict(),
            "boundary": plain(self.boundary),
        }

    def columns(self) -> dict[str, list[Any]]:
        """Return the cells, as data frames take them: volume and fields of `Cell`."""
        return columns_of_cells(self.cells)


def subdivide(found: Cells, *, progress: Callable[[int], None] | None = None) -> Subdivision:
    """Go once through the cells of a plane, or of a box in which two inputs vary, and keep what a picture needs.

    Args:
        found: as `plane` or `box` returns it. Where it was stopped, so many cells as were counted are taken.
        progress: called with the number of cells so far.

    Raises:
        InvalidInputError: if it is not two-dimensional, or is the whole space.
    """
    window = _window(found)
    contours = Contours(extent=_extent(window))
    kept, edges = [], _Edges(units_of(found), _extent(window))
    for cell in islice(found.cells, found.count):
        kept.append(cell)
        edges.add(cell)
        contours.add(cell.vertices, *_scores(cell))
        if progress is not None:
            progress(len(kept))
    return Subdivision(
        found=found,
        cells=tuple(kept),
        folds=edges.folds(),
        boundary=contours.polylines(),
        window=window,
    )


def folds(found: Cells) -> Folds:
    """Return the crease pattern of a plane, or of a box in which two inputs vary, without keeping its cells.

    Args:
        found: as `plane` or `box` returns it.

    Raises:
        InvalidInputError: if it is not two-dimensional, or is the whole space.

    >>> from nonlin import demonstration
    >>> from nonlin.geometry import plane
    >>> from nonlin.networks import read
    >>> network = read(demonstration.model_path())
    >>> with np.load(demonstration.data_path()) as data:
    ...     points = data["images"][:3].astype(np.float64)
    >>> pattern = folds(plane(network, *points))
    >>> {name: int((pattern.call == i).sum()) for i, name in enumerate(pattern.calls)}
    {'relu1': 704, 'relu2': 1141, 'relu3': 828, 'relu4': 681}
    """
    edges = _Edges(units_of(found), _extent(_window(found)))
    for cell in islice(found.cells, found.count):
        edges.add(cell)
    return edges.folds()


def decision_boundary(found: Cells) -> tuple[Polyline, ...]:
    """Return where the largest output changes, or where the only output passes 0, as polylines.

    Each segment comes from the affine map of its cell, in float64; neighbouring ones are joined. Where a network jumps,
    a boundary that lies on the jump itself is not traced.

    Args:
        found: as `plane`, or `box` with two inputs that vary, returns it.

    Raises:
        InvalidInputError: if it is not two-dimensional, or is the whole space.
    """
    contours = Contours(extent=_extent(_window(found)))
    for cell in islice(found.cells, found.count):
        contours.add(cell.vertices, *_scores(cell))
    return contours.polylines()


def level_set(found: Cells, output: int, level: float = 0.0) -> tuple[Polyline, ...]:
    """Return where an output passes a level, as polylines, computed as `decision_boundary` is.

    Args:
        found: as `plane`, or `box` with two inputs that vary, returns it.
        output: index into the flattened output.
        level: which value; where the output rests on it, the border of that part towards larger values is returned.

    Raises:
        InvalidInputError: if it is not two-dimensional, or there is no such output.
    """
    check_output(output, len(found.problem.chain.outputs))
    contours = Contours(extent=_extent(_window(found)))
    for cell in islice(found.cells, found.count):
        contours.add(
            cell.vertices, *_against(cell.weight[output : output + 1], cell.bias[output : output + 1] - level)
        )
    return tuple(Polyline(points=x.points, between=(output, output)) for x in contours.polylines())


def _scores(cell: Cell) -> tuple[Array, Array]:
    return _against(cell.weight, cell.bias) if len(cell.bias) == 1 else (cell.weight, cell.bias)


def _against(weight: Array, bias: Array) -> tuple[Array, Array]:
    """Return the scores 0 and the output."""
    return np.concatenate([np.zeros((1, 2)), weight]), np.concatenate([[0.0], bias])


class _Edges:
    """Gathers the sides of cells, each from one of its two cells."""

    def __init__(self, units: Units, extent: float) -> None:
        self._units, self._extent = units, extent
        self._segments: list[Array] = []
        self._makers: list[tuple[int, int]] = []
        self._pooled: set[tuple[int, ...]] = set()

    def add(self, cell: Cell) -> None:
        for k, (unit, kink) in enumerate(cell.facets):
            ends = cell.vertices[cell.incidence[:, k]]
            if len(ends) != 2:
                continue
            if unit >= 0 and cell.pattern[unit] == kink:  # the cell below the kink tells of it
                self._segments.append(ends)
                self._makers.append((int(self._units.call[unit]), int(self._units.unit[unit])))
            elif unit < 0 and kink >= 4 and self._is_new(ends):
                self._segments.append(ends)
                self._makers.append((self._units.pooling[0] if len(self._units.pooling) == 1 else -1, -1))

    def _is_new(self, ends: Array) -> bool:
        """Return whether a fold of pooling, which both of its cells tell of, comes for the first time."""
        key = tuple(np.round(ends.mean(axis=0) / (self._extent * _NEAR)).astype(np.int64).tolist())
        known = key in self._pooled
        self._pooled.add(key)
        return not known

    def folds(self) -> Folds:
        makers = np.array(self._makers, np.intp).reshape(-1, 2)
        names, call = self._units.calls, makers[:, 0]
        if np.any(call < 0):  # several poolings, and the cells do not tell which
            call, names = np.where(call < 0, len(names), call), (*names, "max pooling")
        segments = np.array(self._segments).reshape(-1, 2, 2)
        return Folds(segments=segments, calls=names, call=call, unit=makers[:, 1])


def _window(found: Cells) -> tuple[float, float, float, float]:
    domain = found.problem.domain
    if domain.dimensions != 2 or domain.volume is None:
        where = "the whole space" if domain.volume is None else f"{domain.dimensions} dimensions"
        raise InvalidInputError(
            f"expected a plane, or a box in which two inputs vary, got {where}; take one of those"
        )
    corners = floats(domain.roots[0].vertices)
    points = corners[:, :2] / corners[:, 2:]
    (left, bottom), (right, top) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, right, bottom, top


def _extent(window: tuple[float, float, float, float]) -> float:
    return max(window[1] - window[0], window[3] - window[2])
