"""The least and the largest value of an output over all cells, and its steepest slope, as proven intervals."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nonlin.geometry.cells.cell import Cell
from nonlin.networks.array import Array

__all__ = ["Extremes", "extremes_of"]

_ROUNDOFF = 2.0**-53


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Extremes:
    """What an output reaches on a domain; each figure as an interval in which the true one lies for certain.

    Args:
        least, largest: value; infinite where it is unbounded.
        steepest: the largest Euclidean norm of the gradient, in the slice's coordinates.
        lowest, highest, steep: points at which these are reached, in the slice's coordinates; the last one inside the
            cell that has this gradient. NaN where there is none.
        status: "proved": all cells were looked at, and each bound holds against rounding; "numeric" where it is not
            sure whether the output still changes along a direction in which a cell is unbounded.
    """

    least: tuple[float, float]
    largest: tuple[float, float]
    steepest: tuple[float, float]
    lowest: Array
    highest: Array
    steep: Array
    status: str = "proved"


def extremes_of(cells: Iterable[Cell], i: int) -> Extremes:
    """Return the extremes of output i."""
    least = largest = steepest = None
    sure = True
    for cell in cells:
        for values, error, points in _candidates(cell, i):
            low, high = int(np.argmin(values)), int(np.argmax(values))
            least = _further(least, -values[low], error[low], points[low])
            largest = _further(largest, values[high], error[high], points[high])
        sure &= not np.any(np.abs(cell.directions @ cell.weight[i]) <= cell.error[i])
        norm = float(np.linalg.norm(cell.weight[i]))
        off = float(cell.error[i]) + norm * (4 + cell.weight.shape[1]) * _ROUNDOFF
        middle = cell.vertices.mean(axis=0) + cell.directions.sum(axis=0)
        steepest = _further(steepest, norm, off, middle)
    assert least is not None  # noqa: S101 - there is at least one cell
    assert largest is not None  # noqa: S101 - the same
    assert steepest is not None  # noqa: S101 - the same
    return Extremes(
        least=(-least[1], -least[0]),
        largest=largest[:2],
        steepest=(max(0.0, steepest[0]), steepest[1]),
        lowest=least[2],
        highest=largest[2],
        steep=steepest[2],
        status="proved" if sure else "numeric",
    )


def _candidates(cell: Cell, i: int) -> list[tuple[Array, Array, Array]]:
    """Return values of an output with their errors and points: at the vertices, and at infinity."""
    weight, found = cell.weight[i], []
    sizes = np.abs(cell.vertices) @ np.abs(weight) + abs(cell.bias[i])
    error = cell.error[i] + sizes * (4 + len(weight)) * _ROUNDOFF
    found.append((cell.vertices @ weight + cell.bias[i], error, cell.vertices))
    along = cell.directions @ weight
    far = np.abs(along) > cell.error[i]
    if np.any(far):
        nowhere = np.full((int(far.sum()), len(weight)), np.nan)
        found.append((np.copysign(np.inf, along[far]), np.zeros(len(nowhere)), nowhere))
    return found


def _further(
    best: tuple[float, float, Array] | None, value: float, error: float, point: Array
) -> tuple[float, float, Array]:
    """Return the larger interval (value ± error) and its point, each end taken alone."""
    low, high = float(value - error), float(value + error)
    if best is None:
        return low, high, point
    return max(low, best[0]), max(high, best[1]), point if low > best[0] else best[2]
