"""The winners of pooling windows on a cell, in fractions."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nonlin.geometry.cells.chain import Stage
from nonlin.geometry.cells.polyhedra import Polyhedron, halves, sides, values

__all__ = ["winners"]

Label = Callable[[int, int], int]


def winners(
    stage: Stage,
    rows: list[list[Any]],
    shape: Polyhedron,
    *,
    label: Label,
    asked: Sequence[int] | None = None,
) -> Iterator[tuple[Polyhedron, list[int]]]:
    """Yield the parts of a cell on which each window has one largest entry, with these entries.

    Entries that are equal all over the cell count as one, the first of them.

    Args:
        stage: of pooling.
        rows: its units as functionals.
        shape: the cell.
        label: the number of the facet between a larger and a smaller unit.
        asked: for each window the place of the one entry that is asked for, −1 for all.
    """
    yield from _window(stage, rows, shape, [], (label, asked))


def _window(
    stage: Stage, rows: list[list[Any]], shape: Polyhedron, won: list[int], settings: tuple[Label, Any]
) -> Iterator[tuple[Polyhedron, list[int]]]:
    if len(won) == len(stage.windows):
        yield shape, won
        return
    label, asked = settings
    window = stage.windows[len(won)].tolist()
    wanted = -1 if asked is None else asked[len(won)]
    for entry in window if wanted < 0 else [window[wanted]]:
        part = _where_largest(window, rows, shape, entry, label)
        if part is not None:
            yield from _window(stage, rows, part, [*won, entry], settings)


def _where_largest(
    window: list[int], rows: list[list[Any]], shape: Polyhedron, entry: int, label: Label
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
            shape = halves(shape, found, label(entry, other))[1]
    return shape
