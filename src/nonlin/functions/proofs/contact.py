"""To which order two quotients of polynomials meet at a point, in exact arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from nonlin.functions.polynomial import ONE, quotient, wronskian
from nonlin.functions.proofs.jets import TERMS

if TYPE_CHECKING:
    from fractions import Fraction

    from nonlin.functions.expression import Expression
    from nonlin.functions.polynomial import Coefficients

__all__ = ["Order", "contact"]

Order: TypeAlias = Literal["equal", "less", "greater", "near"]
"""How a derivative, the value being the zeroth, compares; "near" where that is not known exactly."""


def contact(a: Expression, b: Expression, at: Fraction) -> list[Order]:
    """Compare a with b, derivative by derivative, up to the first that differs; [] where they are no quotients.

    Of two that are one function, as many are said to be equal as a Taylor series has.

    Where numerator and denominator of a − b are p and q, its first derivative that is not 0 has the sign of p's over q.
    """
    difference = quotient(a - b)
    if difference is None or not (below := _value(difference[1], at)):
        return []
    top, orders = difference[0], list[Order]()
    while top and not _value(top, at):
        orders.append("equal")
        top = wronskian(top, ONE)
    if not top:
        return ["equal"] * TERMS
    return [*orders, "less" if _value(top, at) * below < 0 else "greater"]


def _value(coefficients: Coefficients, at: Fraction) -> Fraction:
    return sum((c * at**i for i, c in enumerate(coefficients)), at * 0)
