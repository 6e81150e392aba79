"""The primitives on expansions near infinity.

Each remainder is Taylor's or Lagrange's, or an alternating asymptotic series cut after a term, whose error
has the sign and at most the size of the next one.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from flint import arb

from nonlin.functions.differentiation import differentiate
from nonlin.functions.expression import Variable
from nonlin.functions.primitives import apply
from nonlin.functions.proofs import intervals
from nonlin.functions.proofs.expansion import (
    CONSTANT,
    DEGREE,
    Expansion,
    Key,
    NoExpansionError,
    constant,
)
from nonlin.functions.proofs.interval_evaluation import enclose_range

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.functions.arb import Ball
    from nonlin.functions.proofs.intervals import Interval

__all__ = ["apply_primitive"]

ONE: Interval = (arb(1), arb(1))
UNIT: Interval = (arb(0), arb(1))
STEEP = 16  # a double exponential is bounded by exp(−16·y)


def apply_primitive(name: str, u: Expansion) -> Expansion:
    """Return the expansion of a primitive of an expansion.

    Raises:
        NoExpansionError: there is none of this form from this start on.
    """
    limit = u.limit()
    if limit is None:
        raise NoExpansionError
    if name in ("sin", "cos") and not limit[0].is_finite():
        return constant((arb(-1), arb(1)), u.start)
    if not limit[0].is_finite():
        side = 1 if limit[0] > 0 else -1
        if (name, side) not in AT_INFINITY:
            raise NoExpansionError
        return AT_INFINITY[name, side](u)
    return _taylor(name, u)


def _taylor(name: str, u: Expansion) -> Expansion:
    """Return p(c) + p'(c)·v + p''(c + V)·v²/2, where u = c + v and v tends to 0."""
    growing, c, v = u.split()
    if growing.terms:
        raise NoExpansionError
    p = apply(name, Variable())
    slope = differentiate(p)
    whole = intervals.add(c, v.bound())
    first = constant(enclose_range(p, c), u.start)
    curved = (v * v).scaled(intervals.divide(enclose_range(differentiate(slope), whole), _number(2)))
    result = first + v.scaled(enclose_range(slope, c)) + curved
    if not all(end.is_finite() for _, coefficient in result.terms for end in coefficient):
        raise NoExpansionError
    return result


def _number(value: float) -> Interval:
    return (arb(value), arb(value))


def exponential(u: Expansion) -> Expansion:
    """Return exp(u): the growing part of u must be a polynomial with exact coefficients."""
    growing, c, v = u.split()
    key = list(CONSTANT)
    for term, coefficient in growing.terms:
        degree = term[-1]
        plain = not any(term[:-1]) and degree.denominator == 1 and 1 <= degree <= DEGREE
        if not plain or coefficient[0] != coefficient[1]:
            return _double_exponential(u)
        key[DEGREE - int(degree)] = _fraction(coefficient[0])
    scale: Key = tuple(key)
    head = Expansion(start=u.start, terms=((scale, enclose_range(apply("exp", Variable()), c)),))
    if not v.terms:
        return head
    remainder = enclose_range(apply("exp", Variable()), v.bound())
    if not remainder[1].is_finite():
        raise NoExpansionError
    one = constant(1, u.start)
    return head * (one + v + (v * v).scaled(intervals.divide(remainder, _number(2))))


def _double_exponential(u: Expansion) -> Expansion:
    """Enclose exp(u) by exp(−16·y)·[0, C], where u falls faster than any line."""
    linear: Key = (*CONSTANT[:-1], Fraction(1))
    lifted = u + Expansion(start=u.start, terms=((linear, _number(STEEP)),))
    key, coefficient, w = lifted.leading()
    whole = intervals.add(ONE, w.bound())
    head = Expansion(start=u.start, terms=((key, coefficient),)).bound()
    if key <= linear or not whole[0] > 0 or not head[1] < 0:
        raise NoExpansionError
    top = head[1] * whole[0]
    falling: Key = (*CONSTANT[: DEGREE - 1], Fraction(-STEEP), Fraction(0))
    return Expansion(start=u.start, terms=((falling, (arb(0), top.exp().upper())),))


def _fraction(value: Ball) -> Fraction:
    mantissa, exponent = value.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _log1p_small(e: Expansion) -> Expansion:
    """Return log(1 + e) = e − e²/2·C, C in 1/(1 + E)², for an e ≥ 0 that tends to 0."""
    whole = intervals.add(ONE, e.bound())
    square = intervals.divide(ONE, intervals.power(whole, 2))
    return e - (e * e).scaled(intervals.multiply(_number(0.5), square))


def _logistic_left(u: Expansion) -> Expansion:
    e = exponential(u)
    return e * (constant(1, u.start) + e).reciprocal()


def _logistic_right(u: Expansion) -> Expansion:
    return constant(1, u.start) - _logistic_left(-u)


def _twice(u: Expansion) -> Expansion:
    return u.scaled(_number(2))


def _tanh_right(u: Expansion) -> Expansion:
    return constant(1, u.start) - _twice(_logistic_left(_twice(-u)))


def _sech2(u: Expansion) -> Expansion:
    """Return 4·s·(1 − s), s = 1/(1 + exp(2u)), for u → +∞."""
    s = _logistic_left(_twice(-u))
    return (s * (constant(1, u.start) - s)).scaled(_number(4))


def _tanh_softplus(u: Expansion, *, right: bool) -> Expansion:
    one = constant(1, u.start)
    if right:
        e = exponential(-u)
        return one - _twice(e * e) * (one + _twice(e) + _twice(e * e)).reciprocal()
    e = exponential(u)
    n = e * (e + _twice(one))
    return n * (n + _twice(one)).reciprocal()


def _tanh_softplus_slope(u: Expansion, *, right: bool) -> Expansion:
    one, e = constant(1, u.start), exponential(-u if right else u)
    if right:
        below = (one + _twice(e) + _twice(e * e)).reciprocal()
        return (e * e * (one + e)).scaled(_number(4)) * below * below
    below = (e * (e + _twice(one)) + _twice(one)).reciprocal()
    return (e * (one + e)).scaled(_number(4)) * below * below


def _tanh_exp(u: Expansion) -> Expansion:
    return _tanh_right(exponential(u))


def _tanh_exp_slope(u: Expansion) -> Expansion:
    e = exponential(u)
    return e * _sech2(e)


def _mills(u: Expansion, scale: int) -> Expansion:
    """Return 1/u·(1 − s/u² + [0, 3]·s²/u⁴), s = 1/scale, which follows Φ(−u)/φ(u) and erfc for u → +∞."""
    inverse = u.reciprocal()
    t = (inverse * inverse).scaled((arb(1) / scale, arb(1) / scale))
    series = constant(1, u.start) - t + (t * t).scaled((arb(0), arb(3)))
    return inverse * series


def _normal_left(u: Expansion) -> Expansion:
    return _normal_density(u) * _mills(-u, 1)


def _normal_density(u: Expansion) -> Expansion:
    gauss = exponential(-(u * u).scaled(_number(0.5)))
    return gauss.scaled(intervals.point(1 / (2 * arb.pi()).sqrt()))


def _erfc(u: Expansion) -> Expansion:
    gauss = exponential(-(u * u)).scaled(intervals.point(1 / arb.pi().sqrt()))
    return gauss * _mills(u, 2)


def _atan_right(u: Expansion) -> Expansion:
    inverse = u.reciprocal()
    cube = (inverse * inverse * inverse).scaled((arb(0), (arb(1) / 3).upper()))
    return constant(arb.pi() / 2, u.start) - inverse + cube


def _root_of_one_plus(w: Expansion, *, inverse: bool) -> Expansion:
    """Return (1 + w)^½ or (1 + w)^−½ for a w that tends to 0, by Taylor with two terms and Lagrange's rest."""
    whole = intervals.add(ONE, w.bound())
    if not whole[0] > 0:
        raise NoExpansionError
    low, high = intervals.interval(1 / whole[1].sqrt(), 1 / whole[0].sqrt())
    bound: Interval = (low.min(arb(1)), high.max(arb(1)))
    exponent = 5 if inverse else 3
    factor = _number(0.375 if inverse else -0.125)
    rest = (w * w).scaled(intervals.multiply(factor, intervals.power(bound, exponent)))
    return constant(1, w.start) + w.scaled(_number(-0.5 if inverse else 0.5)) + rest


def _inverse_hypot(u: Expansion) -> Expansion:
    inverse = u.reciprocal()
    return inverse * _root_of_one_plus(inverse * inverse, inverse=True)


def _hypot(u: Expansion) -> Expansion:
    inverse = u.reciprocal()
    return u * _root_of_one_plus(inverse * inverse, inverse=False)


def _isru(u: Expansion) -> Expansion:
    inverse = u.reciprocal()
    return _root_of_one_plus(inverse * inverse, inverse=True)


def _square_root(u: Expansion) -> Expansion:
    key, coefficient, w = u.leading()
    half: Key = tuple(part / 2 for part in key)
    root = intervals.interval(coefficient[0].sqrt(), coefficient[1].sqrt())
    return Expansion(start=u.start, terms=((half, root),)) * _root_of_one_plus(w, inverse=False)


def _sinc(u: Expansion, order: int) -> Expansion:
    # the recurrence of the spherical Bessel functions; sine and cosine are only known to lie in [−1, 1]
    inverse = u.reciprocal()
    wave = constant((arb(-1), arb(1)), u.start)
    values = [wave * inverse]
    values.append((values[0] - wave) * inverse * inverse)
    for n in range(1, order):
        values.append((values[n].scaled(_number(2 * n + 1)) - values[n - 1]) * inverse * inverse)
    return values[order]


def _softplus_right(u: Expansion) -> Expansion:
    return u + _log1p_small(exponential(-u))


def _exp_asinh_left(u: Expansion) -> Expansion:
    """Return u + √(1 + u²) = 1/(√(1 + u²) − u) for u → −∞."""
    return (_hypot(-u) - u).reciprocal()


def _even(form: Callable[[Expansion], Expansion]) -> dict[int, Callable[[Expansion], Expansion]]:
    return {1: form, -1: lambda u: form(-u)}


def _odd(form: Callable[[Expansion], Expansion]) -> dict[int, Callable[[Expansion], Expansion]]:
    return {1: form, -1: lambda u: -form(-u)}


FORMS: dict[str, dict[int, Callable[[Expansion], Expansion]]] = {
    "exp": {1: exponential, -1: exponential},
    "expm1": {side: lambda u: exponential(u) - constant(1, u.start) for side in (-1, 1)},
    "sqrt": {1: _square_root},
    "sigmoid": {1: _logistic_right, -1: _logistic_left},
    "softplus": {1: _softplus_right, -1: lambda u: _log1p_small(exponential(u))},
    "tanh": _odd(_tanh_right),
    "sech2": _even(_sech2),
    "tanh_softplus": {
        1: lambda u: _tanh_softplus(u, right=True),
        -1: lambda u: _tanh_softplus(u, right=False),
    },
    "tanh_softplus_slope": {
        1: lambda u: _tanh_softplus_slope(u, right=True),
        -1: lambda u: _tanh_softplus_slope(u, right=False),
    },
    "tanh_exp": {1: _tanh_exp, -1: lambda u: apply_primitive("tanh", exponential(u))},
    "tanh_exp_slope": {
        1: _tanh_exp_slope,
        -1: lambda u: exponential(u) * apply_primitive("sech2", exponential(u)),
    },
    "tanhshrink": _odd(lambda u: u - _tanh_right(u)),
    "erf": _odd(lambda u: constant(1, u.start) - _erfc(u)),
    "gaussian": _even(lambda u: exponential(-(u * u))),
    "normal_cdf": {-1: _normal_left, 1: lambda u: constant(1, u.start) - _normal_left(-u)},
    "normal_density": _even(_normal_density),
    "atan": _odd(_atan_right),
    "sinc": _even(lambda u: _sinc(u, 0)),
    "sinc1": _even(lambda u: _sinc(u, 1)),
    "sinc2": _even(lambda u: _sinc(u, 2)),
    "sinc3": _even(lambda u: _sinc(u, 3)),
    "hypot1": _even(_hypot),
    "exp_asinh": {1: lambda u: u + _hypot(u), -1: _exp_asinh_left},
    "isru": _odd(_isru),
    "inverse_hypot": _even(_inverse_hypot),
}
AT_INFINITY = {(name, side): form for name, sides in FORMS.items() for side, form in sides.items()}
"""The form of each primitive where its argument tends to ±∞."""
