"""The Taylor series of an expression at a point: exact where every coefficient is rational, else as balls.

An expression that is 0/0 at the point has the series of its continuation, as sin(x)/x has at 0.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from flint import arb, arb_series, ctx, fmpq, fmpq_series

from nonlin.functions.proofs.tape import Instruction, tape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nonlin.functions.arb import Ball
    from nonlin.functions.expression import Expression
    from nonlin.functions.proofs.intervals import Interval

__all__ = ["TERMS", "balls", "order_of_zero", "rationals", "sign_beside_zero"]

Series: TypeAlias = Any
"""A flint.fmpq_series or a flint.arb_series, which have no types of their own."""

TERMS = 64
"""Coefficients of a series, the value being the first."""


def rationals(expression: Expression, at: Fraction, *, terms: int = TERMS) -> list[Any] | None:
    """Return the coefficients as exact rational numbers; None where one may be irrational, or there is no series.

    Args:
        expression: without a choice between pieces.
        at: where it is expanded.
        terms: how many at most; a division by what is 0 there takes some away.
    """
    steps = tape(expression)
    if any(step.operator in IRRATIONAL for step in steps):
        return None
    start = fmpq_series([fmpq(at.numerator, at.denominator), 1], prec=terms)
    return _coefficients(steps, start, lambda c: fmpq(*c.as_integer_ratio()))


def balls(expression: Expression, at: Ball, *, terms: int = TERMS) -> list[Ball] | None:
    """Return balls around the coefficients at every point of a ball; None where there may be no series."""
    found = _coefficients(tape(expression), arb_series([at, arb(1)], prec=terms), arb)
    return found if found is not None and all(c.is_finite() for c in found) else None


@lru_cache(maxsize=1024)
def order_of_zero(expression: Expression, at: Fraction) -> int | None:
    """Return how many coefficients are exactly 0 before the first that is not; None where that does not show."""
    found = rationals(expression, at) or balls(expression, arb(fmpq(at.numerator, at.denominator)))
    # a ball around 0 is neither equal to it nor different
    return next((k for k, c in enumerate(found or ()) if not c == 0), None)  # noqa: SIM201


def sign_beside_zero(expression: Expression, box: Interval, direction: int) -> str | None:
    """Return the sign inside a box at whose end, a, is a zero of order k: c·(x − a)ᵏ with c enclosed over the box.

    Args:
        expression: as for `rationals`.
        box: bounded.
        direction: 1 where the zero is the left end, −1 where it is the right end.
    """
    mantissa, exponent = box[0 if direction > 0 else 1].man_exp()
    order = order_of_zero(expression, int(mantissa) * Fraction(2) ** int(exponent))
    if order is None:
        return None
    coefficients = balls(expression, box[0].union(box[1]), terms=order + 1)
    if coefficients is None or len(coefficients) <= order:
        return None
    leading = direction**order * coefficients[order]
    return "+" if leading > 0 else "-" if leading < 0 else None


def _coefficients(
    steps: Sequence[Instruction], x: Series, number: Callable[[float], Any]
) -> list[Any] | None:
    done: list[Series] = []
    cap, ctx.cap = ctx.cap, x.prec
    try:
        for step in steps:
            done.append(_step(step, x, number, done))
    except (ValueError, ZeroDivisionError):
        # a pole, a choice that is left, or a number whose exponential, logarithm or root is not rational
        return None
    finally:
        ctx.cap = cap
    return [done[-1][k] for k in range(done[-1].prec)]


def _step(step: Instruction, x: Series, number: Callable[[float], Any], done: Sequence[Series]) -> Series:
    operator, operands, value = step
    if operator == "variable":
        return x
    if operator == "constant":
        return x * 0 + number(value)
    if operator == "power":
        return done[operands[0]] ** int(value)
    if operator not in SERIES:
        raise ValueError(f"expected an operator with a series, got {operator}; resolve a choice first")
    return SERIES[operator](*(done[i] for i in operands))


def _divide(a: Series, b: Series) -> Series:
    if a.length():
        return a / b
    # of 0 + O(xⁿ) only so much is known: the order of the divisor goes off
    known = min(a.prec, b.prec) - b.valuation()
    if not b.length() or known < 1 or not abs(b[b.valuation()]) > 0:
        raise ZeroDivisionError
    return type(a)([0], prec=known)


def _sigmoid(u: Series) -> Series:
    return 1 / (1 + (-u).exp())


def _tanh(u: Series) -> Series:
    return (1 - (-2 * u).exp()) / (1 + (-2 * u).exp())


def _sech2(u: Series) -> Series:
    e = (-2 * u).exp()
    return 4 * e / ((1 + e) * (1 + e))


def _tanh_softplus(u: Series) -> Series:
    e = u.exp()
    return e * (e + 2) / (e * (e + 2) + 2)


def _tanh_softplus_slope(u: Series) -> Series:
    e = u.exp()
    below = e * (e + 2) + 2
    return 4 * e * (1 + e) / (below * below)


def _sinc(order: int) -> Callable[[Series], Series]:
    # the recurrence of the spherical Bessel functions, j_n(u)/uⁿ
    def value(u: Series) -> Series:
        before, found = u.cos(), _divide(u.sin(), u)
        for n in range(order):
            before, found = found, _divide((2 * n + 1) * found - before, u * u)
        return found

    return value


SERIES: dict[str, Callable[..., Series]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": _divide,
    "negate": lambda a: -a,
    "exp": lambda u: u.exp(),
    "expm1": lambda u: u.exp() - 1,
    "log": lambda u: u.log(),
    "log1p": lambda u: (1 + u).log(),
    "sqrt": lambda u: u.sqrt(),
    "sigmoid": _sigmoid,
    "softplus": lambda u: (1 + u.exp()).log(),
    "tanh": _tanh,
    "sech2": _sech2,
    "tanh_softplus": _tanh_softplus,
    "tanh_softplus_slope": _tanh_softplus_slope,
    "tanh_exp": lambda u: _tanh(u.exp()),
    "tanh_exp_slope": lambda u: u.exp() * _sech2(u.exp()),
    "tanhshrink": lambda u: u - _tanh(u),
    "erf": lambda u: u.erf(),
    "gaussian": lambda u: (-u * u).exp(),
    "normal_cdf": lambda u: (1 + (u / arb(2).sqrt()).erf()) / 2,
    "normal_density": lambda u: (-u * u / 2).exp() / (2 * arb.pi()).sqrt(),
    "sin": lambda u: u.sin(),
    "cos": lambda u: u.cos(),
    "atan": lambda u: u.atan(),
    "sinc": _sinc(0),
    "sinc1": _sinc(1),
    "sinc2": _sinc(2),
    "sinc3": _sinc(3),
    "hypot1": lambda u: (1 + u * u).sqrt(),
    "exp_asinh": lambda u: u + (1 + u * u).sqrt(),
    "isru": lambda u: u * (1 + u * u).rsqrt(),
    "inverse_hypot": lambda u: (1 + u * u).rsqrt(),
}
"""Every primitive on series, by name."""

IRRATIONAL = frozenset({"erf", "normal_cdf", "normal_density"})
"""Those whose coefficients hold √π."""
