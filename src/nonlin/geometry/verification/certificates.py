"""Bounds from linear programs that hold whatever the solver did: its multipliers are put in, and rounded outwards.

Source: Neumaier and Shcherbina 2004, Safe bounds in linear and mixed-integer linear programming.
"""

from dataclasses import dataclass

import numpy as np

from nonlin.geometry.rounding import OUTWARD, TINY, gamma
from nonlin.geometry.verification.programs import multipliers
from nonlin.networks.array import Array

__all__ = ["Halfspaces", "highest_of_least"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Halfspaces:
    """Where slope · x + constant ≥ 0 in every box; shapes (boxes, rows, inputs) and (boxes, rows)."""

    slope: Array
    constant: Array


def highest_of_least(rows: Halfspaces, within: Halfspaces, box: tuple[Array, Array]) -> tuple[Array, Array]:
    """Bound the largest value, over parts of boxes, of the least of some affine functions.

    Args:
        rows: the functions, at least one.
        within: the part of each box.
        box: low and high, shape (boxes, inputs).

    Returns:
        Upper bounds, shape (boxes,), −∞ where the part is proven empty; and points of the boxes.
    """
    slopes = np.concatenate([rows.slope, within.slope], axis=1)
    constants = np.concatenate([rows.constant, within.constant], axis=1)
    count = rows.slope.shape[1]
    weights, points = np.empty(constants.shape), np.empty(box[0].shape)
    multipliers(slopes, constants, count, *box, weights, points)
    total = weights[:, :count].sum(axis=1)
    bounded = total > 0
    weights /= np.where(bounded, total, 1.0)[:, None]
    upper = _combined(slopes, constants, weights, box)
    # without any weight on the rows, the halfspaces alone have a combination that is negative, so that they do not meet
    return np.where(bounded, upper, np.where(upper < 0, -np.inf, np.inf)), points


def _combined(slopes: Array, constants: Array, weights: Array, box: tuple[Array, Array]) -> Array:
    """Return upper bounds of combinations; +∞ where one is not finite."""
    slope = np.einsum("br,bri->bi", weights, slopes)
    corner = np.where(slope > 0, box[1], box[0])
    size = np.maximum(np.abs(box[0]), np.abs(box[1]))
    functions = np.einsum("bri,bi->br", np.abs(slopes), size) + np.abs(constants)
    reach = np.einsum("br,br->b", weights, functions)
    value = np.einsum("br,br->b", weights, constants) + np.einsum("bi,bi->b", slope, corner)
    # weights of rows add up to 1 but for rounding, which is relative to the rows themselves
    relative = gamma(4 * (weights.shape[1] + size.shape[1]) + 64)
    upper = np.nextafter(value + (relative * (reach + np.abs(value)) * OUTWARD + TINY), np.inf)
    return np.where(np.isfinite(upper), upper, np.inf)
