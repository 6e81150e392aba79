"""The winners of pooling windows on a cell, in fractions."""

from collections.abc import Iterator
from typing import Any

from nonlin.geometry.cells.chain import Stage
from nonlin.geometry.cells.polyhedra import Polyhedron, halves, sides, values

__all__ = ["winners"]


def winners(stage: Stage, rows: list[list[Any]], shape: Polyhedron) -> Iterator[tuple[Polyhedron, list[int]]]:
    """Yield the parts of a cell on which each window has one largest entry, with these entries.

    Entries that are equal all over the cell count as one, the first of them.
    """
    yield from _window(stage, rows, shape, [])


def _window(
    stage: Stage, rows: list[list[Any]], shape: Polyhedron, won: list[int]
) -> Iterator[tuple[Polyhedron, list[int]]]:
    if len(won) == len(stage.windows):
        yield shape, won
        return
    for entry in stage.windows[len(won)].tolist():
        part = _where_largest(stage.windows[len(won)].tolist(), rows, shape, entry)
        if part is not None:
            yield from _window(stage, rows, part, [*won, entry])


def _where_largest(
    window: list[int], rows: list[list[Any]], shape: Polyhedron, entry: int
) -> Polyhedron | None:
    for other in window:
        if other == entry:
            continue
        difference = [a - b for a, b in zip(rows[entry], rows[other], strict=True)]
        found = values(shape, difference)
        above, below = sides(found)
        if not above and (below or other < entry):
            return None
        if above and below:
            shape = halves(shape, found, -(1 << 40) - other)[1]
    return shape
