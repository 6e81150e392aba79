"""The derivative as mathematics has it, for proofs."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from nonlin.functions.construction import call, rebuild
from nonlin.functions.differentiation import differentiate
from nonlin.functions.expression import (
    Call,
    Constant,
    Expression,
    Piecewise,
    Variable,
    as_expression,
    children,
    nodes,
)
from nonlin.functions.polynomial import polynomial, wronskian
from nonlin.functions.primitives import SLOPES

if TYPE_CHECKING:
    from nonlin.functions.polynomial import Coefficients
__all__ = ["derivative", "exact_number"]

TWO_OVER_ROOT_PI = 2 * call("sqrt", 2.0) * call("normal_density", 0.0)
"""2/√π, exactly."""


@lru_cache(maxsize=4096)
def derivative(expression: Expression) -> Expression | None:
    """Return the derivative, or None where the rules of the primitives end (the fourth of a sinc).

    Kernels guard the exponential in the slope of `tanh_exp_slope` by min(u, 40), beyond which the product is
    0 to the last bit, and multiply by a float64 for 2/√π in the slope of erf; a proof takes both away again.
    """
    exact = _rational(expression)
    if exact is not None:
        return exact
    try:
        slope = differentiate(expression)
    except KeyError:
        return None
    exactly = {SLOPES["erf"](u): TWO_OVER_ROOT_PI * call("gaussian", u) for u in _operands(expression, "erf")}
    done: dict[Expression, Expression] = {}
    for node in nodes(slope):
        new = rebuild(node, done) if children(node) else node
        new = exactly.get(new, new)
        done[node] = new.argument if _is_guard(new, expression) else new  # type: ignore[attr-defined]
    return done[slope]


def _operands(expression: Expression, operator: str) -> set[Expression]:
    return {
        node.operands[0] for node in nodes(expression) if isinstance(node, Call) and node.operator == operator
    }


def _rational(expression: Expression) -> Expression | None:
    """Return the derivative of a polynomial over a power of one multiplied out, so that its leading terms cancel.

    The power rises by one, so that the degrees of further derivatives grow by steps and do not double.
    """
    if not isinstance(expression, Call) or expression.operator != "divide":
        return None
    bottom, power = _base(expression.operands[1])
    top, factor = polynomial(expression.operands[0]), polynomial(bottom)
    if top is None or factor is None or len(factor) < 2:
        return None
    return _written(wronskian(top, factor, power=power)) / bottom ** (power + 1)


def _base(expression: Expression) -> tuple[Expression, int]:
    if isinstance(expression, Call) and expression.operator == "power":
        base, exponent = expression.operands
        if isinstance(exponent, Constant):
            return base, int(exponent.value)
    return expression, 1


def _written(coefficients: Coefficients) -> Expression:
    """Write a polynomial in Horner's form with exact coefficients, over those that are 0 by a power."""
    result, degree = as_expression(0.0), len(coefficients)
    for k in reversed(range(len(coefficients))):
        if coefficients[k]:
            result, degree = result * Variable() ** (degree - k) + exact_number(coefficients[k]), k
    return result * Variable() ** degree


def exact_number(value: Fraction) -> Expression:
    """Write a rational number as a sum of float64 numbers, or as a quotient of two such sums."""
    if value.denominator & (value.denominator - 1):
        return exact_number(Fraction(value.numerator)) / exact_number(Fraction(value.denominator))
    rest, number = value, as_expression(0.0)
    while rest:
        number = number + float(rest)
        rest -= Fraction(float(rest))
    return number


def _is_guard(node: Expression, origin: Expression) -> bool:
    if not isinstance(node, Piecewise) or node.points != (Constant(40.0),):
        return False
    guarded = _operands(origin, "tanh_exp_slope")
    return bool(guarded) and node.pieces == (node.argument, Constant(40.0)) and node not in set(nodes(origin))
