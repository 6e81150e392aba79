"""Where f(x) = x, proven complete: the zeros of f(x) − x on every piece."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, TypeAlias

from flint import arb

from nonlin.functions.expression import Variable
from nonlin.functions.proofs.chart import Stretch, chart_on, roots
from nonlin.functions.proofs.extent import value_at
from nonlin.functions.proofs.identities import fixed_only_at_zero
from nonlin.functions.proofs.interval_evaluation import enclose_range
from nonlin.functions.proofs.intervals import distance, point, sign
from nonlin.functions.proofs.segments import as_ball, cuts, resolve, segments
from nonlin.functions.property import Property, numeric, proved

if TYPE_CHECKING:
    from nonlin.functions.arb import Ball
    from nonlin.functions.expression import Expression

__all__ = ["Pair", "fixed_points"]

Pair: TypeAlias = tuple[float, float]

FAR = arb(64)  # beyond it, a stretch that stayed open is not looked at
PLACES = 16
NARROW = 2.0**-40  # around a point where many derivatives are those of the identity, all is 0 to the last bit


def fixed_points(expression: Expression) -> Property[tuple[Pair, ...]]:
    """Return every interval [a, b] of fixed points, an isolated one as [x, x], from left to right."""
    if fixed_only_at_zero(expression):
        return proved(((0.0, 0.0),), "it is x·g(x), and g stays below 1")
    found: list[Pair] = []
    apart: set[float] = set()
    sure, error = True, 0.0
    for segment in segments(expression):
        difference = segment.expression - Variable()
        stretches = chart_on(difference, segment)
        sure = sure and segment.resolved and not any(_open(stretch) for stretch in stretches)
        found += [(_number(s.low), _number(s.high)) for s in stretches if _is_level(s, difference)]
        for low, high in roots(stretches, difference):
            found.append((_number((low + high) / 2),) * 2)
            error = max(error, distance((low, high), found[-1][0]))
    for cut in cuts(expression):
        at = value_at(resolve(expression, cut) - Variable(), cut)
        if at[0].is_zero() and at[1].is_zero():
            found.append((float(as_ball(cut)),) * 2)
            error = max(error, distance(point(as_ball(cut)), found[-1][0]))
        elif sign(at) in ("+", "-"):
            apart.add(float(as_ball(cut)))
        sure = sure and not (at[0] <= 0 <= at[1] and at[0] != at[1])
    value = _joined(found, apart)
    if sure:
        return proved(value, "the sign of f(x) − x everywhere else", error=error)
    return numeric(
        value, "the sign of f(x) − x stayed open somewhere, where there may be others", error=error
    )


def _is_level(stretch: Stretch, difference: Expression) -> bool:
    """Whether the difference is 0 on a stretch, or, of one that stayed open, 0 to the last bit wherever it is asked."""
    low, high = stretch.low.max(-FAR), stretch.high.min(FAR)
    if stretch.sign != "?" or high - low <= NARROW * (1 + abs(low)):
        return stretch.sign == "0"
    places = [(low + (high - low) * k / PLACES).mid() for k in range(1, PLACES)]
    return all(sign(enclose_range(difference, point(x))) not in ("+", "-") for x in places)


def _open(stretch: Stretch) -> bool:
    return stretch.sign in ("?", ">=", "<=")


def _number(x: Ball) -> float:
    if not x.is_finite():
        return inf if x > 0 else -inf
    return float(x.mid()) + 0.0


def _joined(found: list[Pair], apart: set[float]) -> tuple[Pair, ...]:
    """Join intervals that meet, but for those that meet at a breakpoint which is not fixed itself."""
    result: list[Pair] = []
    for low, high in sorted(set(found)):
        if result and low <= result[-1][1] and low not in apart:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return tuple(result)
