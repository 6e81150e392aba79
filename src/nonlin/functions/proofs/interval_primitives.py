"""The primitives on intervals: the exact range but for rounding, except where a bound is said."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from flint import arb

from nonlin.functions.arb import BALLS, Ball
from nonlin.functions.proofs import intervals
from nonlin.functions.proofs.intervals import EVERYTHING, INF, ZERO, Interval, interval, monotone, point

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PRIMITIVES"]

ONE = arb(1)
HALVINGS = 160
DOUBLE_FACTORIAL = (1, 3, 15, 105, 945)


def _bell(name: str) -> Callable[[Interval], Interval]:
    """Return the form of an even primitive that falls from 0 on to the limit 0."""
    ball = BALLS[name]

    def at(u: Ball) -> Interval:
        return point(ball(u)) if u.is_finite() else (ZERO, ZERO)

    def value(a: Interval) -> Interval:
        ends = intervals.hull(at(a[0]), at(a[1]))
        return intervals.hull(ends, at(ZERO)) if a[0] < 0 < a[1] else ends

    return value


def _hypot1(a: Interval) -> Interval:
    square = intervals.power(a, 2)
    return interval((1 + square[0]).sqrt(), (1 + square[1]).sqrt() if square[1].is_finite() else INF)


def _unimodal(name: str, peak: Callable[[], Ball]) -> Callable[[Interval], Interval]:
    """Return the form of a positive primitive that rises to its only peak and falls to 0 on both sides."""
    ball = BALLS[name]

    def at(u: Ball) -> Interval:
        return point(ball(u)) if u.is_finite() else (ZERO, ZERO)

    def value(a: Interval) -> Interval:
        ends = intervals.hull(at(a[0]), at(a[1]))
        top = peak()
        return ends if a[1] < top or a[0] > top else intervals.hull(ends, at(top))

    return value


@cache
def _tanh_softplus_peak() -> Ball:
    # with e = exp(u) the slope is 4e(1 + e)/(e² + 2e + 2)², stationary where 2e³ + 3e² − 2e − 2 = 0;
    # by Descartes' rule that has one positive root
    return _root(lambda e: 2 * e**3 + 3 * e**2 - 2 * e - 2).log()


@cache
def _tanh_exp_peak() -> Ball:
    # with e = exp(u) the slope is e·sech²(e), stationary where 2e·tanh(e) = 1; the left side increases
    return _root(lambda e: 2 * e * e.tanh() - 1).log()


def _root(increasing: Callable[[Ball], Ball]) -> Ball:
    """Enclose the root in (1/4, 2) of a function that changes its sign there once, upwards."""
    low, high = arb(0.25), arb(2)
    for _ in range(HALVINGS):
        middle = ((low + high) / 2).mid()
        value = increasing(middle)
        if value > 0:
            high = middle
        elif value < 0:
            low = middle
        else:
            break
    return low.union(high)


def _cos(a: Interval) -> Interval:
    if not (a[0].is_finite() and a[1].is_finite()):
        return (-ONE, ONE)
    first = (a[0] / arb.pi()).lower().floor().lower()
    last = (a[1] / arb.pi()).upper().floor().upper()
    if last - first >= 2:
        return (-ONE, ONE)
    result = intervals.hull(point(a[0].cos()), point(a[1].cos()))
    if last > first:  # one multiple of π may lie inside: a crest or a trough
        crest = ONE if int(last.unique_fmpz()) % 2 == 0 else -ONE
        result = intervals.hull(result, (crest, crest))
    return intervals.meet(result, (-ONE, ONE))


def _sin(a: Interval) -> Interval:
    if not (a[0].is_finite() and a[1].is_finite()):
        return (-ONE, ONE)
    if a[0].is_zero() and a[1].is_zero():
        return a
    quarter = arb.pi() / 2
    if a[0] >= -quarter and a[1] <= quarter:
        return intervals.interval(a[0].sin(), a[1].sin())
    return _cos(intervals.subtract(a, point(quarter)))


def _sinc(order: int) -> Callable[[Interval], Interval]:
    """Return the form of j_n(u)/uⁿ: by the recurrence away from 0, by the mean value near it."""
    ball = BALLS[f"sinc{order}" if order else "sinc"]

    def value(a: Interval) -> Interval:
        if a[0].is_zero() and a[1].is_zero():
            return point(ball(ZERO))
        top = ONE / DOUBLE_FACTORIAL[order]
        result = interval(-top, top)
        if a[0] > 1 or a[1] < -1:
            result = intervals.meet(result, _sinc_by_recurrence(a, order))
        if not (a[0].is_finite() and a[1].is_finite()):
            return result
        middle = ((a[0] + a[1]) / 2).mid()
        # the slope is −u·sinc_{n+1}(u), and abs(j_{n+1}(u)) ≤ 1
        slope = ONE.min((-a[0]).max(a[1]) / DOUBLE_FACTORIAL[order + 1])
        around = ball(middle) + slope * (a[1] - a[0]) / 2 * arb(0, 1)
        return intervals.meet(result, point(around))

    return value


def _sinc_by_recurrence(a: Interval, order: int) -> Interval:
    square = intervals.power(a, 2)
    values = [intervals.divide(_sin(a), a)]
    values.append(intervals.divide(intervals.subtract(values[0], _cos(a)), square))
    for n in range(1, order):
        twice = intervals.multiply((arb(2 * n + 1), arb(2 * n + 1)), values[n])
        values.append(intervals.divide(intervals.subtract(twice, values[n - 1]), square))
    return values[order]


def _domain(name: str, least: Ball) -> Callable[[Interval], Interval]:
    """Return an increasing primitive that is undefined below `least`: everything there."""
    ball = BALLS[name]

    def value(a: Interval) -> Interval:
        if not a[0] >= least:
            return EVERYTHING
        low = ball(a[0]) if a[0].is_finite() else INF
        low = -INF if low.is_nan() or not low.is_finite() else low
        return interval(low, ball(a[1]) if a[1].is_finite() else INF)

    return value


PRIMITIVES: dict[str, Callable[..., Interval]] = {
    "add": intervals.add,
    "subtract": intervals.subtract,
    "multiply": intervals.multiply,
    "divide": intervals.divide,
    "negate": intervals.negate,
    "exp": monotone("exp", ZERO, INF),
    "expm1": monotone("expm1", -ONE, INF),
    "log": _domain("log", ZERO),
    "log1p": _domain("log1p", -ONE),
    "sqrt": _domain("sqrt", ZERO),
    "sigmoid": monotone("sigmoid", ZERO, ONE),
    "softplus": monotone("softplus", ZERO, INF),
    "tanh": monotone("tanh", -ONE, ONE),
    "sech2": _bell("sech2"),
    "tanh_softplus": monotone("tanh_softplus", ZERO, ONE),
    "tanh_softplus_slope": _unimodal("tanh_softplus_slope", _tanh_softplus_peak),
    "tanh_exp": monotone("tanh_exp", ZERO, ONE),
    "tanh_exp_slope": _unimodal("tanh_exp_slope", _tanh_exp_peak),
    "tanhshrink": monotone("tanhshrink", -INF, INF),
    "erf": monotone("erf", -ONE, ONE),
    "gaussian": _bell("gaussian"),
    "normal_cdf": monotone("normal_cdf", ZERO, ONE),
    "normal_density": _bell("normal_density"),
    "sin": _sin,
    "cos": _cos,
    "atan": lambda a: interval(_atan(a[0]), _atan(a[1])),
    "sinc": _sinc(0),
    "sinc1": _sinc(1),
    "sinc2": _sinc(2),
    "sinc3": _sinc(3),
    "hypot1": _hypot1,
    "exp_asinh": monotone("exp_asinh", ZERO, INF),
    "isru": monotone("isru", -ONE, ONE),
    "inverse_hypot": _bell("inverse_hypot"),
}
"""Every primitive on intervals, by name."""


def _atan(u: Ball) -> Ball:
    if u.is_finite():
        return u.atan()
    return arb.pi() / 2 if u > 0 else -arb.pi() / 2
