"""The linear regions of a network in a window of a plane, in a box, or in the whole space."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from nonlin.geometry.cells.cell import Cell, Names, cells_of, columns_of_cells
from nonlin.geometry.cells.enumeration import Problem, batches
from nonlin.geometry.cells.extremes import Extremes, extremes_of
from nonlin.geometry.cells.parts import count_parts
from nonlin.geometry.checks import check_output
from nonlin.networks.array import Array
from nonlin.results import Result

__all__ = ["Cells", "Progress", "counted"]

Progress: TypeAlias = Callable[[int, float], None]
"""Called with the cells found so far and an estimate of the share of the work that is done."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells(Result):
    """The linear regions of a network on a domain.

    A linear region is a cell of the activation patterns: a largest set of points on which every unit of every call
    keeps strictly to one side of each kink of its function (or rests on the kink all over it), and on which the same
    entry of each pooling window is the largest; only sets with an interior count. So:

    - a fold that the layers behind it cancel still separates two regions: what counts is the pattern, not the map;
    - units that fold at the same place, or multiples of each other, separate them once;
    - a unit that only touches its kink at the border of a region separates nothing.

    Args:
        count: how many there are.
        certified: whether the count is proven: every sign was larger than the bound on its rounding error, or was taken
            in rational arithmetic. Not where the search was stopped.
        reason: why it is not certified; "" where it is.
        exact: how many of the cells were settled in rational arithmetic.
        problem: what was enumerated.
    """

    count: int
    certified: bool
    reason: str
    exact: int
    problem: Problem

    @property
    def cells(self) -> Iterator[Cell]:
        """Every cell, one after the other; they are found anew, so that none needs to be kept."""
        names = _names(self.problem)
        for batch in batches(self.problem, keep=True):
            if batch.leaves is not None:
                yield from cells_of(batch.leaves, names)

    def volumes(self) -> Array:
        """Return the area or volume of every cell, in the order of `cells`; infinite if unbounded; shape (count,)."""
        from nonlin.geometry.cells.volumes import volumes_of

        names, found = _names(self.problem), [np.zeros(0)]
        for batch in batches(self.problem, keep=True):
            if batch.leaves is None:
                continue
            if batch.leaves.masks.dtype == object:  # settled in fractions, perhaps not simple
                found.append(np.array([cell.volume for cell in cells_of(batch.leaves, names)]))
            else:
                found.append(volumes_of(batch.leaves))
        return np.concatenate(found)

    def maps(self) -> int:
        """Return how many different affine maps the cells have, equal ones counted once, to the last bit of float64."""
        return len({(cell.weight.tobytes(), cell.bias.tobytes()) for cell in self.cells})

    def extremes(self, i: int) -> Extremes:
        """Return the least and the largest value of an output and its steepest slope, where they are, how sure.

        Raises:
            InvalidInputError: if there is no such output.
        """
        check_output(i, len(self.problem.chain.outputs))
        return extremes_of(self.cells, i)

    def output_range(self, i: int) -> tuple[float, float]:
        """Return a range that holds every value of an output, rounded outward; `extremes` tells by how much.

        An affine map is extreme at vertices; an unbounded cell counts where the map still grows along its directions.
        """
        found = self.extremes(i)
        return found.least[0], found.largest[1]

    def lipschitz(self, i: int) -> float:
        """Return the largest Euclidean norm of an output's gradient in the slice's coordinates, rounded upward."""
        return self.extremes(i).steepest[1]

    def adjacency(self) -> Iterator[tuple[int, int]]:
        """Yield the pairs of cells, by their place in `cells`, that differ in one step of one unit across a facet."""
        pooled = _pooled(self.problem)
        places = {cell.pattern.tobytes(): i for i, cell in enumerate(self.cells)}
        for i, cell in enumerate(self.cells):
            for unit, kink in cell.facets:
                if unit >= 0 and (pooled[unit] or cell.pattern[unit] == kink):
                    other = cell.pattern.copy()
                    other[unit] = kink if pooled[unit] else kink + 1
                    j = places.get(other.tobytes())
                    if j is not None and not (pooled[unit] and j < i):
                        yield i, j

    def to_dict(self) -> dict[str, Any]:
        """Return the count, how sure it is, and in how many dimensions; the cells themselves are `columns()`."""
        return {
            "count": self.count,
            "certified": self.certified,
            "reason": self.reason,
            "exact": self.exact,
            "dimensions": self.problem.domain.dimensions,
        }

    def columns(self) -> dict[str, list[Any]]:
        """Return the cells, as data frames take them: volume and fields of `Cell`; as many as were counted."""
        return columns_of_cells(islice(self.cells, self.count))

    def __str__(self) -> str:
        sure = "certified" if self.certified else f"not certified: {self.reason}"
        return f"{self.count:,} linear region{'s' * (self.count != 1)} ({sure})"


def counted(
    problem: Problem, *, progress: Progress | None = None, jobs: int = 1, on: str | None = None
) -> dict[str, Any]:
    """Count the cells of a problem; stopped by Ctrl-C it returns what it has, of several processes whole parts."""
    count = exact = 0
    share = 0.0
    try:
        for more, more_exact, done in _steps(problem, jobs, on):
            count, exact, share = count + more, exact + more_exact, max(share, done)
            if progress is not None:
                progress(count, share)
    except KeyboardInterrupt:
        reason = f"stopped after {count:,} cells, at about {share:.0%} of the way"
        return {"count": count, "certified": False, "reason": reason, "exact": exact, "problem": problem}
    return {"count": count, "certified": True, "reason": "", "exact": exact, "problem": problem}


def _steps(problem: Problem, jobs: int, on: str | None) -> Iterator[tuple[int, int, float]]:
    if jobs == 1 and on is None:
        yield from ((batch.count, batch.exact, batch.share) for batch in batches(problem))
    else:
        yield from ((*counts, share) for counts, share in count_parts(problem, jobs=jobs, on=on))


def _names(problem: Problem) -> Names:
    bent: list[bool] = []
    folds: list[tuple[int, int]] = []
    windows: dict[int, dict[int, int]] = {}
    number = units = 0
    for stage in problem.chain.stages:
        for window in stage.windows:
            for place, unit in enumerate(window.tolist()):
                windows.setdefault(units + unit, {})[number] = place
            bent.append(True)
            number += 1
        for bend in stage.bend.tolist() if not stage.windows else ():
            kinks = len(stage.bends[bend].kinks) if bend >= 0 else 0
            bent.append(kinks > 0)
            folds += [(number, k) for k in range(kinks)]
            number += kinks > 0
        units += stage.units
    return Names(
        bent=np.array(bent, bool),
        folds=np.array(folds, np.int64).reshape(-1, 2),
        outputs=problem.chain.outputs,
        units=units,
        windows=windows,
    )


def _pooled(problem: Problem) -> list[bool]:
    """Return for each unit of the pattern whether it is a window."""
    found: list[bool] = []
    for stage in problem.chain.stages:
        bent = [b for b in stage.bend.tolist() if b >= 0 and stage.bends[b].kinks]
        found += [True] * len(stage.windows) if stage.windows else [False] * len(bent)
    return found
