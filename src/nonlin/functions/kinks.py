"""Where the value of an expression jumps, or its slope, by samples beside its breakpoints."""

from __future__ import annotations

from functools import lru_cache
from math import log
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.functions.differentiation import differentiate
from nonlin.functions.evaluation import evaluate
from nonlin.functions.expression import Call, Constant, Expression, Piecewise, Variable, nodes
from nonlin.functions.pieces import affine_pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["breakpoints", "jumps", "jumps_at", "kinks"]

Array: TypeAlias = NDArray[np.float64]

JUMP = 1e-9  # a smaller difference, relative to the values within 1 of it, is rounding
SMALL = 1e-6  # smaller values are taken to be made of larger ones, with their rounding
BESIDE_ZERO = 1e-40  # so near that a root is still small, so far that a high power is not 0
STEP = 1e-10  # the farthest, relative to the point, that both sides are looked at
WIDER = 4.0  # each time
STEEP = 8.0  # the eighth root grows by a fifth, and no jump does by an eighth
SEARCH = np.concatenate([-np.logspace(6, -6, 2000), [0.0], np.logspace(-6, 6, 2000)])


@lru_cache(maxsize=1024)
def kinks(expression: Expression) -> tuple[float, ...]:
    """Return the points at which the value or the slope jumps, sorted.

    A breakpoint of an argument that is not affine in x is searched for numerically in [−1e6, 1e6].
    """
    slope = differentiate(expression)
    return tuple(
        point for point in breakpoints(expression) if jumps_at(expression, point) or jumps_at(slope, point)
    )


@lru_cache(maxsize=1024)
def breakpoints(expression: Expression) -> tuple[float, ...]:
    """Return every x at which some choice between pieces changes, whether or not anything jumps there."""
    found: set[float] = set()
    for node in nodes(expression):
        if isinstance(node, Piecewise):
            found |= {
                x
                for point in node.points
                if isinstance(point, Constant)
                for x in _solve(node.argument, point)
            }
    return tuple(sorted(found))


def _solve(argument: Expression, point: Constant) -> list[float]:
    if isinstance(argument, Variable):
        return [point.value]
    # the pieces of the choice itself carry exactly the solutions, when the argument is affine
    steps = affine_pieces(Piecewise(argument, (point,), (Constant(0.0), Constant(1.0)), (Constant(1.0),)))
    if steps is not None:
        return [piece.low for piece in steps[1:]]
    difference = argument - point
    if isinstance(difference, Call | Piecewise):
        return _roots(difference)
    return []


def _roots(expression: Expression) -> list[float]:
    signs = np.sign(evaluate(expression, SEARCH))
    found = [float(x) for x, sign in zip(SEARCH, signs, strict=True) if sign == 0]
    for i in np.flatnonzero(signs[:-1] * signs[1:] < 0):
        low, high = float(SEARCH[i]), float(SEARCH[i + 1])
        while low < (middle := (low + high) / 2) < high:
            first, second = np.sign(evaluate(expression, np.array([low, middle])))
            low, high = (middle, high) if first * second > 0 else (low, middle)
        found.append(high)
    return found


@lru_cache(maxsize=1024)
def jumps(expression: Expression) -> tuple[float, ...]:
    """Return the breakpoints at which the value jumps."""
    return tuple(point for point in breakpoints(expression) if jumps_at(expression, point))


def jumps_at(expression: Expression, point: float, *, sides: Sequence[int] = (-1, 1)) -> bool:
    """Whether the value jumps at a point, or on its way to the one declared there.

    The nearest places between which a difference shows tell: of a jump it is the same farther off, of what is only
    steep, as a root, it is larger. Rounding may put them some way off: 0.2·x + 0.5 is 1 beyond 2.5, too.

    Args:
        expression: has no parameters left.
        point: where.
        sides: −1 and 1 for left and right; of one side alone it is compared with the value at the point.
    """
    widths, directions = _widths(point), np.array(sides, np.float64)
    beside = evaluate(expression, point + widths[:, None] * directions)
    beside = beside[~np.isnan(beside).any(axis=1)]
    if not len(beside):
        return False
    here = evaluate(expression, np.array([point]))
    values = np.column_stack([beside, np.full(len(beside), here)])  # NaN in a hole, which does not count
    least, largest = np.nanmin(values, axis=1), np.nanmax(values, axis=1)
    if np.isinf(values[0]).any():
        return bool(least[0] < largest[0])
    typical = np.abs(np.nan_to_num(evaluate(expression, point + directions))).max()
    size = np.maximum(np.maximum(-least, largest), np.clip(typical, SMALL, 1.0))
    with np.errstate(invalid="ignore"):  # of a pole near by
        apart = largest - least
    shown = np.flatnonzero(apart[:-1] > JUMP * size[:-1])
    return bool(len(shown)) and bool(apart[shown[0]] > STEEP * (apart[shown[0] + 1] - apart[shown[0]]))


def _widths(point: float) -> Array:
    nearest, farthest = max(float(np.spacing(abs(point))), BESIDE_ZERO), STEP * max(1.0, abs(point))
    return np.geomspace(nearest, farthest, 1 + round(log(farthest / nearest, WIDER)))
