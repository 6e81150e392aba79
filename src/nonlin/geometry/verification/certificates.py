"""Bounds from linear programs that hold whatever the solver did: its multipliers are put in, and rounded outwards.

Source: Neumaier and Shcherbina 2004, Safe bounds in linear and mixed-integer linear programming.
"""

from dataclasses import dataclass

import numpy as np

from nonlin.geometry.rounding import gamma
from nonlin.geometry.verification.relaxation import OUTWARD, TINY
from nonlin.networks.array import Array

__all__ = ["Halfspaces", "highest_of_least"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Halfspaces:
    """Where slope · x + constant ≥ 0, one a row; shapes (rows, inputs) and (rows,)."""

    slope: Array
    constant: Array


def highest_of_least(rows: Halfspaces, within: Halfspaces, box: tuple[Array, Array]) -> tuple[float, Array]:
    """Bound the largest value, over a part of a box, of the least of some affine functions.

    Args:
        rows: the functions.
        within: the part.
        box: low and high, shape (inputs,).

    Returns:
        An upper bound, −∞ if the part is proven empty, and a point of the box.
    """
    point = (box[0] + box[1]) / 2
    best = np.inf
    solved = _solved(rows, within, box)
    if solved is not None:
        multipliers, point = solved
        both = Halfspaces(
            slope=np.concatenate([rows.slope, within.slope]),
            constant=np.concatenate([rows.constant, within.constant]),
        )
        best = _combined(both, multipliers, len(rows.slope), box)
    if len(within.slope) and (solved is None or not np.isfinite(best)):
        emptied = _solved(within, Halfspaces(slope=within.slope[:0], constant=within.constant[:0]), box)
        if emptied is not None and _combined(within, emptied[0], len(within.slope), box) < 0:
            return -np.inf, point
    return best, point


def _solved(rows: Halfspaces, within: Halfspaces, box: tuple[Array, Array]) -> tuple[Array, Array] | None:
    """Return the multipliers of rows and halfspaces, and the best point; None where the solver found none."""
    from scipy.optimize import linprog

    count, inputs = rows.slope.shape
    # max t with t ≤ row and 0 ≤ halfspace; every row is scaled, or the solver's tolerance would mean different things
    matrix = np.concatenate([-rows.slope, -within.slope])
    column = np.concatenate([np.ones(count), np.zeros(len(within.slope))])
    bound = np.concatenate([rows.constant, within.constant])
    scale = np.maximum(np.abs(np.column_stack([matrix, column])).max(axis=1, initial=0.0), 1e-300)
    found = linprog(
        np.concatenate([np.zeros(inputs), [-1.0]]),
        A_ub=np.column_stack([matrix, column]) / scale[:, None],
        b_ub=bound / scale,
        bounds=[*zip(*box, strict=True), (None, None)],
        method="highs",
    )
    if found.status != 0:
        return None
    return np.maximum(-found.ineqlin.marginals, 0.0) / scale, np.clip(found.x[:-1], *box)


def _combined(both: Halfspaces, multipliers: Array, rows: int, box: tuple[Array, Array]) -> float:
    """Return an upper bound of the rows' least, from any multipliers that are not negative."""
    total = float(multipliers[:rows].sum())
    if not total > 0 or not np.all(np.isfinite(multipliers)):
        return np.inf
    weights = multipliers / total
    slope, constant = weights @ both.slope, float(weights @ both.constant)
    corner = np.where(slope > 0, box[1], box[0])
    size = np.maximum(np.abs(box[0]), np.abs(box[1]))
    reach = float(weights @ (np.abs(both.slope) @ size + np.abs(both.constant)))
    value = constant + float(slope @ corner)
    # the weights of the rows add up to 1 but for rounding, which is relative to the rows themselves
    relative = gamma(4 * (len(weights) + len(size)) + 64)
    return float(np.nextafter(value + (relative * (reach + abs(value)) * OUTWARD + TINY), np.inf))
