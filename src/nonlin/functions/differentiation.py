"""Differentiates an expression, exactly and without introducing a cancellation."""

from __future__ import annotations

from functools import lru_cache

from nonlin.errors import InvalidInputError
from nonlin.functions.construction import call, piecewise
from nonlin.functions.expression import Call, Constant, Expression, Parameter, Piecewise, Variable
from nonlin.functions.polynomial import polynomial, polynomial_expression, wronskian
from nonlin.functions.primitives import SLOPES

__all__ = ["differentiate"]

ZERO = Constant(0.0)
ONE = Constant(1.0)
LONGEST = 13  # coefficients; the sum of more of them overflows early


@lru_cache(maxsize=4096)
def differentiate(expression: Expression, by: Expression = Variable()) -> Expression:  # noqa: B008 - immutable
    """Return the derivative by the variable, or by a parameter.

    At a breakpoint it is the derivative of the expression that is declared to hold there.
    """
    if expression == by:
        return ONE
    if isinstance(expression, Constant | Variable | Parameter):
        return ZERO
    if isinstance(expression, Piecewise):
        pieces = [differentiate(piece, by) for piece in expression.pieces]
        at = [differentiate(value, by) for value in expression.at]
        return piecewise(expression.argument, expression.points, pieces, at)
    if isinstance(expression, Call):
        return _call(expression, by)
    raise InvalidInputError(
        f"expected an expression, got {type(expression).__name__}; build one with Variable()"
    )


def _call(node: Call, by: Expression) -> Expression:
    slopes = [differentiate(operand, by) for operand in node.operands]
    if all(slope == ZERO for slope in slopes):
        return ZERO
    u, du = node.operands[0], slopes[0]
    if len(node.operands) == 1:
        return -du if node.operator == "negate" else SLOPES[node.operator](u) * du
    v, dv = node.operands[1], slopes[1]
    if node.operator in ("add", "subtract"):
        return call(node.operator, du, dv)
    if node.operator == "multiply":
        return du * v + u * dv
    if node.operator == "divide":
        return _quotient(u, v, (du, dv))
    if node.operator == "power" and isinstance(v, Constant):
        return v.value * u ** int(v.value - 1) * du
    raise InvalidInputError(
        f"expected an operator that can be differentiated, got {node.operator!r}; use another"
    )


def _quotient(u: Expression, v: Expression, slopes: tuple[Expression, Expression]) -> Expression:
    du, dv = slopes
    if dv == ZERO:
        return du / v
    top, bottom = polynomial(u), polynomial(v)
    if top is not None and bottom is not None and max(len(top), len(bottom)) <= LONGEST:
        # x/(1+x): 1/(1+x) − x/(1+x)² cancels; expanded exactly, the numerator is 1
        numerator = polynomial_expression(wronskian(top, bottom))
        if numerator is not None:
            return numerator * (1 / v) ** 2
    if du == ZERO:
        return -(u / v) * (dv / v)
    return (du - u * dv / v) / v
