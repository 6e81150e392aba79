"""Cuts the reals at the breakpoints of an expression, exactly, and resolves every choice between them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from flint import arb, fmpq

from nonlin.functions.construction import rebuild
from nonlin.functions.expression import Call, Constant, Expression, Piecewise, children, nodes
from nonlin.functions.pieces import as_float
from nonlin.functions.polynomial import polynomial
from nonlin.functions.proofs.intervals import INF, Interval, point

if TYPE_CHECKING:
    from nonlin.functions.arb import Ball
    from nonlin.functions.polynomial import Coefficients

__all__ = ["Segment", "as_ball", "chosen", "cuts", "inside", "resolve", "segments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """On the open interval from low to high (None: infinite) the function is one expression without a choice.

    Args:
        resolved: False where a choice remained, because its argument is not affine in x.
    """

    low: Fraction | None
    high: Fraction | None
    expression: Expression
    resolved: bool

    def inside(self) -> Interval:
        """Return the interval, inward rounded where a breakpoint is no float."""
        low = -INF if self.low is None else point(as_ball(self.low))[1]
        high = INF if self.high is None else point(as_ball(self.high))[0]
        return low, high

    def ends(self) -> Interval:
        """Return the interval, outward rounded where a breakpoint is no float."""
        low = -INF if self.low is None else point(as_ball(self.low))[0]
        high = INF if self.high is None else point(as_ball(self.high))[1]
        return low, high


def as_ball(value: Fraction) -> Ball:
    """Return the ball of a rational number at the context's precision."""
    return arb(fmpq(value.numerator, value.denominator))


@lru_cache(maxsize=1024)
def segments(expression: Expression) -> tuple[Segment, ...]:
    """Return the segments from left to right; they cover the reals but for the cuts between them."""
    points = cuts(expression)
    ends = [None, *points, None]
    result = []
    for low, high in itertools.pairwise(ends):
        piece = resolve(expression, inside(low, high))
        whole = not any(isinstance(node, Piecewise) for node in nodes(piece))
        result.append(Segment(low=low, high=high, expression=piece, resolved=whole))
    return tuple(result)


@lru_cache(maxsize=1024)
def cuts(expression: Expression) -> tuple[Fraction, ...]:
    """Return, sorted, every breakpoint whose argument is affine in x where it lies."""
    found: set[Fraction] = set()
    for node in nodes(expression):
        if not isinstance(node, Piecewise):
            continue
        inner = cuts(node.argument)
        found.update(inner)
        ends = [None, *inner, None]
        for low, high in itertools.pairwise(ends):
            line = polynomial(resolve(node.argument, inside(low, high)))
            found.update(root for p in node.points if (root := _root(line, p, low, high)) is not None)
    for cut in found:
        as_float(cut)  # refuses one beyond all float64 numbers
    return tuple(sorted(found))


def resolve(expression: Expression, at: Fraction) -> Expression:
    """Return the expression with every choice made as at that point, where it can be decided exactly."""
    return _resolved(expression, at, {})


def _resolved(node: Expression, at: Fraction, done: dict[Expression, Expression]) -> Expression:
    if node not in done:
        # of a choice that is decided only the part that holds is looked at: another may divide by 0
        part = chosen(node, _resolved(node.argument, at, done), at) if isinstance(node, Piecewise) else None
        if part is not None:
            done[node] = _resolved(part, at, done)
        else:
            for child in children(node):
                _resolved(child, at, done)
            done[node] = _rebuilt(node, done)
    return done[node]


def _rebuilt(node: Expression, done: dict[Expression, Expression]) -> Expression:
    if isinstance(node, Call) and node.operator == "divide" and done[node.operands[1]] == Constant(0.0):
        return Call("divide", (done[node.operands[0]], Constant(0.0)))
    return rebuild(node, done) if children(node) else node


def inside(low: Fraction | None, high: Fraction | None) -> Fraction:
    """Return a point between two ends, of which None is infinite."""
    if low is None:
        return Fraction(0) if high is None else high - 1
    return low + 1 if high is None else (low + high) / 2


def _root(
    line: Coefficients | None, target: Expression, low: Fraction | None, high: Fraction | None
) -> Fraction | None:
    if line is None or len(line) != 2 or not isinstance(target, Constant):
        return None
    root = (Fraction(target.value) - line[0]) / line[1]
    between = (low is None or low <= root) and (high is None or root <= high)
    return root if between else None


def chosen(node: Piecewise, argument: Expression, at: Fraction) -> Expression | None:
    """Return the part of a choice that holds where the argument is this expression, or None where that is not plain."""
    line = polynomial(argument)
    points = [Fraction(p.value) for p in node.points if isinstance(p, Constant)]
    if line is None or len(line) > 2 or len(points) != len(node.points):
        return None
    value = sum((c * at**i for i, c in enumerate(line)), Fraction(0))
    below = sum(p < value for p in points)
    return node.at[below] if below < len(points) and points[below] == value else node.pieces[below]
