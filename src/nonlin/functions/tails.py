"""What an expression tends to at ±inf, and how to evaluate it there without inf − inf and 0·inf."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf, isfinite, isinf, isnan, nan
from typing import TYPE_CHECKING, Any

import numpy as np

from nonlin.functions.evaluation import NUMPY, Arrays, evaluate
from nonlin.functions.expression import Piecewise, nodes

if TYPE_CHECKING:
    from nonlin.functions.expression import Expression

__all__ = ["Tail", "evaluate_everywhere", "limit", "tail"]

LARGEST = float(np.finfo(np.float64).max)
FAR = np.array([10.0**k for k in range(10, 41, 2)])
LINE = 1e75
BOUNDS = (LARGEST, 1e300, 1e200, 1e150, 1e100, 1e75, 1e50)
SAME = 1e-9  # two values this near, one at 1e38 and one at 1e40, are taken for a limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """One side of a function.

    Args:
        limit: the limit; ±inf; NaN where there is none (a sine).
        bound: the argument is limited to this magnitude, beyond which the value is the limit to the last bit;
            inf where it need not be.
        select: whether the limit must be put in by hand at infinity itself.
        slope: of the line through 0 that the function is to the last bit beyond 1e75; NaN where it need not be taken.
    """

    limit: float
    bound: float
    select: bool
    slope: float = nan


@lru_cache(maxsize=4096)
def limit(expression: Expression, side: int) -> float:
    """Return the limit at +inf (side = 1) or −inf (side = −1), NaN where there is none.

    Found from values at sixteen magnitudes from 1e10 to 1e40; a function that changes its mind later is
    misjudged.
    """
    values = evaluate(expression, side * FAR)
    last = float(values[-1])
    if np.isnan(values).any():
        return nan
    if isinf(last):
        return last
    if np.all(np.abs(values[-4:] - last) <= SAME * max(1.0, abs(last))):
        return 0.0 if abs(last) < SAME and abs(last) < abs(float(values[0])) else last
    steps = np.diff(np.abs(values))
    grows = bool((steps > 0).all()) and abs(last) > 2 * abs(float(values[0]))
    return float(np.copysign(inf, last)) if grows and (np.sign(values) == np.sign(last)).all() else nan


@lru_cache(maxsize=4096)
def tail(expression: Expression, side: int) -> Tail:
    """Find how to evaluate one side."""
    goal = limit(expression, side)
    found = evaluate(expression, side * np.array([inf, *BOUNDS]))
    select = bool(found[0] != goal) or _undecided(expression, side)
    if isnan(goal):
        return Tail(limit=goal, bound=inf, select=True)
    right = [_agree(float(value), goal) for value in found]
    if isfinite(goal) and not all(right):
        bounds = [bound for bound, good in zip(BOUNDS, right[1:], strict=True) if good]
        # the largest bound from which on inwards everything is right
        while bounds and not all(right[1 + BOUNDS.index(bounds[0]) :]):
            bounds.pop(0)
        bound = bounds[0] if bounds else inf
        return Tail(
            limit=goal, bound=bound, select=bool(evaluate(expression, np.array([side * bound]))[0] != goal)
        )
    if isinf(goal) and not all(right):
        line = _line(expression, side)
        return Tail(limit=goal, bound=inf, select=select, slope=line)
    return Tail(limit=goal, bound=inf, select=select)


def _undecided(expression: Expression, side: int) -> bool:
    """Whether a choice is made by what is NaN at infinity, as inf − inf: then any piece may be taken."""
    choices = (node for node in nodes(expression) if isinstance(node, Piecewise))
    return any(np.isnan(evaluate(choice.argument, np.array([side * inf]))[0]) for choice in choices)


def _line(expression: Expression, side: int) -> float:
    """Return the slope of the line through 0 and the value at ±1e75, rounded once; NaN where it bends, as log does."""
    from nonlin.functions.arb import enclose

    nearer, slope = (float((enclose(expression, side * u) / (side * u)).mid()) for u in (LINE / 1e15, LINE))
    return slope if abs(slope - nearer) <= 2.0**-52 * abs(slope) else nan


def evaluate_everywhere(expression: Expression, u: Any, arrays: Arrays = NUMPY) -> Any:
    """Evaluate in u's type, float64 or float32, with the right limits at ±inf, and NaN where u is NaN."""
    right, left = tail(expression, 1), tail(expression, -1)
    argument = u = arrays.module.asarray(u)
    double = u.dtype.name == "float64"  # a finite float32 is far from where float64 overflows
    if double and (isfinite(left.bound) or isfinite(right.bound)):
        argument = arrays.module.clip(u, -left.bound, right.bound)
    result = evaluate(expression, argument, arrays)
    for side, end in ((1, right), (-1, left)):
        if double and isfinite(end.slope):
            with np.errstate(over="ignore"):
                result = arrays.module.where(side * u > LINE, end.slope * u, result)
        if end.select or (isfinite(end.bound) and not double):
            result = arrays.module.where(u == side * inf, end.limit, result)
    return result


def _agree(value: float, goal: float) -> bool:
    if isinf(goal):
        return value == goal or (isfinite(value) and np.sign(value) == np.sign(goal))
    return abs(value - goal) <= SAME * max(1.0, abs(goal))
