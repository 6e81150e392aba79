"""Reads an expression as a polynomial in x with exact coefficients, and writes one as an expression."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from nonlin.functions.expression import Call, Constant, Expression, Variable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["polynomial", "polynomial_expression", "wronskian"]

HIGHEST_DEGREE = 12


def polynomial(expression: Expression) -> list[Fraction] | None:
    """Return the coefficients, constant first and the last one not 0 (zero is []), or None.

    Where the expression is defined: 0 times anything, and 0 over anything, is zero.
    """
    if isinstance(expression, Constant):
        return _trimmed([Fraction(expression.value)])
    if isinstance(expression, Variable):
        return [Fraction(0), Fraction(1)]
    if not isinstance(expression, Call):
        return None
    if expression.operator not in ("negate", "add", "subtract", "multiply", "divide", "power"):
        return None
    parts = [polynomial(operand) for operand in expression.operands]
    if (parts[0] == [] and expression.operator in ("multiply", "divide")) or (
        parts[-1] == [] and expression.operator == "multiply"
    ):
        return []
    if parts[0] is None or parts[-1] is None:
        return None
    return _combined(expression.operator, parts[0], parts[-1])


def polynomial_expression(coefficients: Sequence[Fraction]) -> Expression | None:
    """Write a polynomial in Horner's form, or return None where a coefficient is not a float64."""
    result: Expression = Constant(0.0)
    for coefficient in reversed(coefficients):
        value = float(coefficient)
        if Fraction(value) != coefficient:
            return None
        result = result * Variable() + value
    return result


def wronskian(top: Sequence[Fraction], bottom: Sequence[Fraction]) -> list[Fraction]:
    """Return top'·bottom − top·bottom', the numerator of a quotient's derivative, multiplied out."""
    result = [Fraction(0)] * max(len(top) + len(bottom), 1)
    for i, a in enumerate(top):
        for j, b in enumerate(bottom):
            if i != j:
                result[i + j - 1] += (i - j) * a * b
    return _trimmed(result)


def _combined(operator: str, a: list[Fraction], b: list[Fraction]) -> list[Fraction] | None:
    if operator == "negate":
        return [-p for p in a]
    if operator in ("add", "subtract"):
        sign = 1 if operator == "add" else -1
        size = max(len(a), len(b))
        pad_a, pad_b = a + [Fraction(0)] * (size - len(a)), b + [Fraction(0)] * (size - len(b))
        return _trimmed([p + sign * q for p, q in zip(pad_a, pad_b, strict=True)])
    if operator == "divide":
        return [p / b[0] for p in a] if len(b) == 1 else None
    if operator == "power":
        return _power(a, int(b[0]) if b else 0)
    return _product(a, b)


def _power(a: list[Fraction], exponent: int) -> list[Fraction] | None:
    result: list[Fraction] | None = [Fraction(1)]
    for _ in range(exponent):
        result = _product(result, a) if result is not None else None
    return result


def _product(a: list[Fraction], b: list[Fraction]) -> list[Fraction] | None:
    if len(a) + len(b) > HIGHEST_DEGREE + 2:
        return None
    if not a or not b:
        return []
    result = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, p in enumerate(a):
        for j, q in enumerate(b):
            result[i + j] += p * q
    return result


def _trimmed(coefficients: list[Fraction]) -> list[Fraction]:
    while coefficients and coefficients[-1] == 0:
        coefficients.pop()
    return coefficients
