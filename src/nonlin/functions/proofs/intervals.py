"""Interval arithmetic with exact endpoints, infinite ones too, outward rounded by arb.

A ball [0, 1e300] must hold negative numbers, so that it cannot prove a sign; an interval can. An interval is
a pair (low, high) of exact arb numbers, low ≤ high, either of which may be infinite.
"""

from __future__ import annotations

from math import inf, nextafter
from typing import TYPE_CHECKING, TypeAlias

from flint import arb

from nonlin.functions.arb import BALLS, Ball

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EVERYTHING", "INF", "Interval", "add", "divide", "hull", "interval", "meet", "multiply", "negate"]
__all__ += ["ZERO", "distance", "point", "power", "sign", "subtract"]

Interval: TypeAlias = tuple[Ball, Ball]

INF = arb.pos_inf()
ZERO = arb(0)
EVERYTHING: Interval = (-INF, INF)


def point(x: float | Ball) -> Interval:
    """Return the thinnest interval that holds a number or a ball."""
    return interval(x, x)


def interval(low: float | Ball, high: float | Ball) -> Interval:
    """Return the thinnest interval from the lower end of low to the upper end of high."""
    a, b = arb(low), arb(high)
    # the lower end of an infinite arb is NaN
    first = a if not a.is_finite() else a.lower()
    last = b if not b.is_finite() else b.upper()
    return (-INF if first.is_nan() else first, INF if last.is_nan() else last)


def sign(a: Interval) -> str:
    """Return "+" or "-", ">=" or "<=" where 0 is an end, "0" for the number 0, "?" where both signs are in it."""
    low, high = a
    if low > 0:
        return "+"
    if high < 0:
        return "-"
    if low >= 0:
        return "0" if high <= 0 else ">="
    return "<=" if high <= 0 else "?"


def distance(a: Interval, value: float) -> float:
    """Return a float64 that is no less than the distance of any number of a bounded interval from a value."""
    farthest = (a[1] - value).max(value - a[0]).upper()
    return nextafter(float(farthest), inf) if farthest > 0 else 0.0


def hull(a: Interval, b: Interval) -> Interval:
    """Return the smallest interval that holds both."""
    return (min(a[0], b[0]), max(a[1], b[1]))


def meet(a: Interval, b: Interval) -> Interval:
    """Return what two enclosures of the same number leave possible."""
    return (max(a[0], b[0]), min(a[1], b[1]))


def negate(a: Interval) -> Interval:
    """Return −a."""
    return (-a[1], -a[0])


def add(a: Interval, b: Interval) -> Interval:
    """Return a + b."""
    return _outward(a[0] + b[0], a[1] + b[1])


def subtract(a: Interval, b: Interval) -> Interval:
    """Return a − b."""
    return _outward(a[0] - b[1], a[1] - b[0])


def multiply(a: Interval, b: Interval) -> Interval:
    """Return a · b; an infinite end times 0 is 0, since no value is infinite."""
    if a[0] >= 0 and b[0] >= 0:
        return _outward(_product(a[0], b[0]), _product(a[1], b[1]))
    ends = [_product(p, q) for p in a for q in b]
    low, high = ends[0], ends[0]
    for end in ends[1:]:
        low, high = low.min(end), high.max(end)
    return _outward(low, high)


def divide(a: Interval, b: Interval) -> Interval:
    """Return a / b; everything where b holds 0 inside, or is 0."""
    if b[0] < 0 < b[1] or (b[0].is_zero() and b[1].is_zero()):
        return EVERYTHING
    if b[0] == b[1] and not b[0].is_zero():
        # by a number: directly, so that an exact quotient stays exact
        low, high = _quotient(a[0], b[0]), _quotient(a[1], b[0])
        return _outward(low, high) if b[0] > 0 else _outward(high, low)
    if b[0] >= 0:
        return multiply(a, (_reciprocal(b[1], INF)[0], _reciprocal(b[0], INF)[1]))
    return multiply(a, (_reciprocal(b[1], -INF)[0], _reciprocal(b[0], -INF)[1]))


def power(a: Interval, exponent: int) -> Interval:
    """Return a to a whole power of 0 or more; an even one is never negative."""
    if exponent == 0:
        return (arb(1), arb(1))
    low, high = _power(a[0], exponent), _power(a[1], exponent)
    if exponent % 2 or a[0] >= 0:
        return _outward(low, high)
    if a[1] <= 0:
        return _outward(high, low)
    return (ZERO, _outward(low.max(high), low.max(high))[1])


def monotone(name: str, at_minus: Ball, at_plus: Ball) -> Callable[[Interval], Interval]:
    """Return the interval form of an increasing primitive with its limits at ±inf."""
    ball = BALLS[name]

    def value(a: Interval) -> Interval:
        low = at_minus if not a[0].is_finite() else ball(a[0])
        high = at_plus if not a[1].is_finite() else ball(a[1])
        return _outward(low, high)

    return value


def _outward(low: Ball, high: Ball) -> Interval:
    return interval(low, high)


def _product(p: Ball, q: Ball) -> Ball:
    return ZERO if p.is_zero() or q.is_zero() else p * q


def _quotient(p: Ball, q: Ball) -> Ball:
    if q.is_finite():
        return p / q if p.is_finite() or q > 0 else -p
    return ZERO


def _reciprocal(b: Ball, at_zero: Ball) -> Interval:
    if b.is_zero():
        return (at_zero, at_zero)
    if not b.is_finite():
        return (ZERO, ZERO)
    return point(1 / b)


def _power(a: Ball, exponent: int) -> Ball:
    if a.is_finite():
        return a**exponent
    return INF if a > 0 or exponent % 2 == 0 else -INF
