"""The largest slope of an expression, by a float search; `nonlin.functions.properties` proves it."""

from __future__ import annotations

from functools import lru_cache
from math import inf, isinf, isnan, nan
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.functions.differentiation import differentiate
from nonlin.functions.kinks import breakpoints
from nonlin.functions.pieces import affine_pieces
from nonlin.functions.steep import steep_places
from nonlin.functions.tails import evaluate_everywhere, limit

if TYPE_CHECKING:
    from nonlin.functions.expression import Expression

__all__ = ["grows", "largest_slope", "samples"]

Array: TypeAlias = NDArray[np.float64]

MAGNITUDES = np.logspace(-8, 8, 1601)
ZOOMS = 12
CLOSE = 64.0  # around a place where the formula may be steep
DIGITS = 15  # the last digit of a float search is rounding: tanh would have 1 + 2⁻⁵²
GROWTH = 1e6  # a slope that grows by this factor from 1e10 on, or to the grid's end, is unbounded


@lru_cache(maxsize=1024)
def largest_slope(expression: Expression) -> float:
    """Return sup abs(f'), inf where it is unbounded.

    Exact for affine pieces; otherwise the best of `samples`, refined around their maximum, and of the limits at ±inf.
    """
    pieces = affine_pieces(expression)
    if pieces is not None:
        return max(abs(piece.slope) for piece in pieces)
    slope = differentiate(expression)
    ends = [abs(limit(slope, side)) for side in (-1, 1)]
    if any(isinf(end) for end in ends):
        return inf
    # the slope that is declared at a kink is none
    grid = np.setdiff1d(samples(expression), breakpoints(expression))
    values = np.abs(evaluate_everywhere(slope, grid))
    if np.isnan(values).all():
        return nan
    if (
        grows(grid, values)
        or np.isinf(values).any()
        or (values.max() > GROWTH and values.argmax() in (0, len(values) - 1))
    ):
        return inf
    best = max([_refined(slope, grid, values), *(end for end in ends if not isnan(end))])
    return float(f"{best:.{DIGITS}g}")


def grows(points: Array, values: Array) -> bool:
    """Whether the largest of samples up to 1e8 grows tenfold from 1e4 to 1e6 and again to 1e8, as of x·sin(x)."""
    far = np.abs(points)
    largest = [
        float(np.max(values[(far >= start) & (far <= 10 * start) & ~np.isnan(values)], initial=0.0))
        for start in (1e3, 1e5, 1e7)
    ]
    return 0 < 100 * largest[0] < 10 * largest[1] < largest[2]


def samples(expression: Expression) -> Array:
    """Return where a search looks: magnitudes from 1e-8 to 1e8, breakpoints and beside them, and steep places."""
    points = np.array(breakpoints(expression))
    near = [np.nextafter(points, -inf), points, np.nextafter(points, inf)]
    near.append(np.array(steep_places(expression, CLOSE)))
    return np.unique(np.concatenate([-MAGNITUDES, [0.0], MAGNITUDES, np.linspace(-40, 40, 16001), *near]))


def _refined(slope: Expression, grid: np.ndarray, values: np.ndarray) -> float:
    best = float(np.nanmax(values))
    for i in np.argsort(np.nan_to_num(values))[-8:]:
        low, high = grid[max(i - 1, 0)], grid[min(i + 1, len(grid) - 1)]
        for _ in range(ZOOMS):
            fine = np.linspace(low, high, 33)
            found = np.nan_to_num(np.abs(evaluate_everywhere(slope, fine)))
            k = int(found.argmax())
            best = max(best, float(found[k]))
            low, high = fine[max(k - 1, 0)], fine[min(k + 1, 32)]
    return best
