"""Reads an expression as a polynomial in x with exact coefficients, and writes one as an expression."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeAlias

from nonlin.functions.expression import Call, Constant, Expression, Variable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ONE", "Coefficients", "polynomial", "polynomial_expression", "quotient", "wronskian"]

Coefficients: TypeAlias = tuple[Fraction, ...]
"""Constant first and the last one not 0; the zero polynomial is ()."""

HIGHEST_DEGREE = 40
ONE = (Fraction(1),)


# the parts of a derivative occur in it many times
@lru_cache(maxsize=1 << 16)
def polynomial(expression: Expression) -> Coefficients | None:
    """Return the coefficients, or None where the expression is no polynomial of degree 40 at most.

    Where the expression is defined: 0 times anything, and 0 over anything, is zero.
    """
    if isinstance(expression, Constant):
        return _trimmed([Fraction(expression.value)])
    if isinstance(expression, Variable):
        return Fraction(0), Fraction(1)
    if not isinstance(expression, Call):
        return None
    if expression.operator not in ("negate", "add", "subtract", "multiply", "divide", "power"):
        return None
    parts = [polynomial(operand) for operand in expression.operands]
    if (parts[0] == () and expression.operator in ("multiply", "divide")) or (
        parts[-1] == () and expression.operator == "multiply"
    ):
        return ()
    if parts[0] is None or parts[-1] is None:
        return None
    return _combined(expression.operator, parts[0], parts[-1])


@lru_cache(maxsize=4096)
def quotient(expression: Expression) -> tuple[Coefficients, Coefficients] | None:
    """Return a numerator and a denominator, whose quotient the expression is wherever it is defined, or None."""
    line = polynomial(expression)
    if line is not None:
        return line, ONE
    if not isinstance(expression, Call):
        return None
    parts = [quotient(operand) for operand in expression.operands]
    if parts[0] is None or parts[-1] is None:
        return None
    (a, b), (c, d) = parts[0], parts[-1]
    if expression.operator == "power":
        result = _combined("power", a, c), _combined("power", b, c)
    elif expression.operator == "negate":
        result = _combined("negate", a, ONE), b
    elif expression.operator in ("multiply", "divide"):
        top, bottom = (c, d) if expression.operator == "multiply" else (d, c)
        result = _product(a, top), _product(b, bottom)
    elif expression.operator in ("add", "subtract"):
        left, right = _product(a, d), _product(c, b)
        joined = None if left is None or right is None else _combined(expression.operator, left, right)
        result = joined, _product(b, d)
    else:
        return None
    return None if result[0] is None or not result[1] else (result[0], result[1])


def polynomial_expression(coefficients: Sequence[Fraction]) -> Expression | None:
    """Write a polynomial in Horner's form, or return None where a coefficient is not a float64."""
    result: Expression = Constant(0.0)
    for coefficient in reversed(coefficients):
        value = float(coefficient)
        if Fraction(value) != coefficient:
            return None
        result = result * Variable() + value
    return result


def wronskian(top: Sequence[Fraction], bottom: Sequence[Fraction], *, power: int = 1) -> Coefficients:
    """Return top'·bottom − power·top·bottom', multiplied out.

    Over bottom^(power + 1) it is the derivative of top/bottom^power.
    """
    result = [Fraction(0)] * max(len(top) + len(bottom), 1)
    for i, a in enumerate(top):
        for j, b in enumerate(bottom):
            if i != power * j:
                result[i + j - 1] += (i - power * j) * a * b
    return _trimmed(result)


def _combined(operator: str, a: Coefficients, b: Coefficients) -> Coefficients | None:
    if operator == "negate":
        return tuple(-p for p in a)
    if operator in ("add", "subtract"):
        sign = 1 if operator == "add" else -1
        return _trimmed([p + sign * q for p, q in zip_longest(a, b, fillvalue=Fraction(0))])
    if operator == "divide":
        return tuple(p / b[0] for p in a) if len(b) == 1 else None
    if operator == "power":
        return _power(a, int(b[0]) if b else 0)
    return _product(a, b)


def _power(a: Coefficients, exponent: int) -> Coefficients | None:
    result: Coefficients | None = ONE
    for _ in range(exponent):
        result = _product(result, a) if result is not None else None
    return result


def _product(a: Coefficients, b: Coefficients) -> Coefficients | None:
    if len(a) + len(b) > HIGHEST_DEGREE + 2:
        return None
    if not a or not b:
        return ()
    result = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, p in enumerate(a):
        for j, q in enumerate(b):
            result[i + j] += p * q
    return tuple(result)


def _trimmed(coefficients: list[Fraction]) -> Coefficients:
    while coefficients and coefficients[-1] == 0:
        coefficients.pop()
    return tuple(coefficients)
