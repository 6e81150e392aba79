"""Where the slope of an expression jumps, or its value."""

from __future__ import annotations

from functools import lru_cache
from math import isinf, isnan

import numpy as np

from nonlin.functions.differentiation import differentiate
from nonlin.functions.evaluation import evaluate
from nonlin.functions.expression import Call, Constant, Expression, Piecewise, Variable, nodes
from nonlin.functions.pieces import affine_pieces

__all__ = ["breakpoints", "jumps_at", "kinks"]

JUMP = 1e-7  # a smaller relative difference between both sides is rounding, or the slope times the step
STEP = 1e-10  # how far beside a breakpoint both sides are looked at, relative to it
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


def jumps_at(expression: Expression, point: float) -> bool:
    """Whether the value jumps at a point, or on its way to the one declared there."""
    step = STEP * max(1.0, abs(point))
    left, right, here = evaluate(expression, np.array([point - step, point + step, point])).tolist()
    if isnan(left) or isnan(right):
        return False
    if isinf(left) or isinf(right):
        return bool(left != right)
    size = max(1.0, abs(left), abs(right))
    return bool(abs(left - right) > JUMP * size or min(abs(here - left), abs(here - right)) > JUMP * size)
