"""Arguments that interval arithmetic cannot find: 0 in disguise, sin² + cos² = 1, a factor that stays below 1."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from flint import arb

from nonlin.functions.expression import Call, Constant, Expression, Variable
from nonlin.functions.polynomial import quotient
from nonlin.functions.proofs.algebra import one_function
from nonlin.functions.proofs.interval_evaluation import enclose_range
from nonlin.functions.proofs.intervals import sign

if TYPE_CHECKING:
    from nonlin.functions.arb import Ball

__all__ = ["fixed_only_at_zero", "one_signed_wave", "vanishes"]

Wave: TypeAlias = dict[tuple[int, int], Fraction]
"""The coefficient of sinⁱ·cosʲ by (i, j), all of one argument."""

BELOW_ONE = frozenset({"erf", "normal_cdf", "sigmoid", "tanh", "tanh_exp", "tanh_softplus"})
"""Primitives whose values are below 1 everywhere; 1 is a limit only."""


PROBES = (0.31, 0.57, 0.83)  # of a part between two ends: what is not 0 mostly shows it at one of them


def vanishes(expression: Expression, low: Ball, high: Ball) -> bool:
    """Whether an algebraic identity shows that an expression, analytic from low to high, is 0 there."""
    fraction = quotient(expression)
    if fraction is not None:
        return not fraction[0]
    first = low if low.is_finite() else high - 2 if high.is_finite() else arb(-1)
    last = high if high.is_finite() else first + 2
    places = [(first + (last - first) * share).mid() for share in PROBES]
    seen = {sign(enclose_range(expression, (x, x))) for x in places}
    return not seen & {"+", "-"} and one_function(expression, Constant(0.0))


def fixed_only_at_zero(expression: Expression) -> bool:
    """Whether the expression is x·g(x) with g < 1 everywhere, so that x·g(x) = x holds at 0 alone."""
    if not isinstance(expression, Call) or expression.operator != "multiply":
        return False
    a, b = expression.operands
    factor = b if isinstance(a, Variable) else a if isinstance(b, Variable) else None
    return isinstance(factor, Call) and factor.operator in BELOW_ONE


def one_signed_wave(expression: Expression) -> str | None:
    """Return "+" or "-" for a quadratic form in sin and cos of one line that never crosses 0, else None.

    A + D·sin² + E·sin·cos + F·cos² is m + (E/2)·sin(2u) + ((F − D)/2)·cos(2u) with m = A + (D + F)/2, which lies within
    √(E² + (F − D)²)/2 of m. Where it touches 0 it does so at isolated points.
    """
    waves = {node.operands[0] for node in _waves(expression)}
    if len(waves) != 1:
        return None
    terms = _terms(expression)
    if terms is None or any(value and i + j not in (0, 2) for (i, j), value in terms.items()):
        return None
    d, e, f = (terms.get(key, Fraction(0)) for key in ((2, 0), (1, 1), (0, 2)))
    middle = terms.get((0, 0), Fraction(0)) + (d + f) / 2
    reach = (e * e + (f - d) ** 2) / 4
    if middle == 0 or middle * middle < reach:
        return None
    return "+" if middle > 0 else "-"


def _waves(node: Expression) -> list[Call]:
    if not isinstance(node, Call):
        return []
    if node.operator in ("sin", "cos"):
        return [node]
    return [wave for operand in node.operands for wave in _waves(operand)]


def _terms(node: Expression) -> Wave | None:
    if isinstance(node, Constant):
        return {(0, 0): Fraction(node.value)}
    if not isinstance(node, Call):
        return None
    if node.operator in ("sin", "cos"):
        return {(1, 0) if node.operator == "sin" else (0, 1): Fraction(1)}
    parts = [_terms(operand) for operand in node.operands]
    first, last = parts[0], parts[-1]
    if first is None or last is None:
        return None
    return _combined(node.operator, first, last)


def _combined(operator: str, a: Wave, b: Wave) -> Wave | None:
    number = b.get((0, 0), Fraction(0)) if set(b) <= {(0, 0)} else None
    if operator == "negate":
        return {key: -value for key, value in a.items()}
    if operator in ("add", "subtract"):
        sign = 1 if operator == "add" else -1
        return {key: a.get(key, Fraction(0)) + sign * b.get(key, Fraction(0)) for key in {*a, *b}}
    if operator == "multiply":
        return _product(a, b)
    if operator == "divide" and number:
        return {key: value / number for key, value in a.items()}
    if operator == "power" and number == 2:
        return _product(a, a)
    return None


def _product(a: Wave, b: Wave) -> Wave:
    result: Wave = {}
    for (i, j), p in a.items():
        for (k, m), q in b.items():
            result[i + k, j + m] = result.get((i + k, j + m), Fraction(0)) + p * q
    return result
