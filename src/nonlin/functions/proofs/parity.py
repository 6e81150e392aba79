"""Whether a function is odd or even, by carrying the reflection x → −x through its expression."""

from __future__ import annotations

from functools import lru_cache
from itertools import zip_longest
from math import isfinite
from typing import TYPE_CHECKING, TypeAlias

from nonlin.functions.arb import enclose
from nonlin.functions.construction import call
from nonlin.functions.expression import Call, Constant, Expression, Variable
from nonlin.functions.polynomial import polynomial, quotient
from nonlin.functions.primitives import EVEN, ODD
from nonlin.functions.proofs.algebra import one_function
from nonlin.functions.proofs.extent import value_at
from nonlin.functions.proofs.intervals import negate
from nonlin.functions.proofs.segments import as_ball, cuts, inside, resolve, segments
from nonlin.functions.property import Property, numeric, proved, unknown

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["parity"]

Signed: TypeAlias = tuple[int, Expression]

POINTS = (0.3, 0.7, 1.1, 1.9, 2.7, 4.3, 7.1)


def parity(expression: Expression, *, odd: bool) -> Property[bool]:
    """Return whether f(−x) = −f(x), or f(−x) = f(x)."""
    wanted = -1 if odd else 1
    # a piece that begins far out shows within it only
    inner = [*cuts(expression), *(inside(part.low, part.high) for part in segments(expression))]
    places = {abs(float(as_ball(x))) for x in inner}
    for x in (*POINTS, 0.0, *sorted(filter(isfinite, places))):
        left, right = enclose(expression, -x), enclose(expression, x)
        defined = left.is_finite() and right.is_finite()
        if not defined and x in POINTS:
            return unknown(f"it is not defined at {x:g} or {-x:g}")
        if defined and not (left - wanted * right).contains(0):
            return proved(False, f"f({-x:g}) = {float(left):.6g}, f({x:g}) = {float(right):.6g}")
    if _is_other_quotient(expression, wanted):
        return proved(False, "as quotients of polynomials f(x) and f(−x) differ")
    if _symmetric(expression, wanted):
        return proved(True, "the reflection x → −x carried through the definition")
    return numeric(True, f"f(−x) and f(x) agree at {len(POINTS)} points to 1e-30")


@lru_cache(maxsize=4096)
def _reflected(node: Expression) -> Signed:
    """Return a sign and an expression whose product is the expression at −x."""
    if isinstance(node, Variable):
        return -1, node
    if isinstance(node, Call):
        return _call(node)
    return 1, node


def _call(node: Call) -> Signed:
    parts = [_reflected(operand) for operand in node.operands]
    signs, bodies = [sign for sign, _ in parts], [body for _, body in parts]
    if node.operator in ("multiply", "divide"):
        return signs[0] * signs[1], call(node.operator, *bodies)
    if node.operator == "negate":
        return signs[0], -bodies[0]
    if node.operator == "power" and isinstance(node.operands[1], Constant):
        exponent = int(node.operands[1].value)
        return signs[0] ** exponent, bodies[0] ** exponent
    if node.operator in ODD or (node.operator in ("add", "subtract") and signs[0] == signs[1]):
        return signs[0], call(node.operator, *bodies)
    if node.operator in EVEN:
        return 1, call(node.operator, *bodies)
    return 1, call(node.operator, *(body if sign > 0 else -body for sign, body in parts))


def _symmetric(expression: Expression, wanted: int) -> bool:
    """Whether each segment, and each value at a breakpoint, is the mirrored one times the wanted sign."""
    points, pieces = cuts(expression), segments(expression)
    if not all(piece.resolved for piece in pieces):
        return False
    if points != tuple(-cut for cut in reversed(points)):
        return False
    for piece, other in zip(pieces, reversed(pieces), strict=True):
        sign, body = _reflected(piece.expression)
        if not _same(body if sign == wanted else -body, other.expression):
            return False
    return all(_mirrored_value(expression, cut, wanted) for cut in points)


def _is_other_quotient(expression: Expression, wanted: int) -> bool:
    """Whether the expression is a quotient of polynomials everywhere that its reflection is not."""
    pieces = segments(expression)
    if len(pieces) > 1 or not pieces[0].resolved:
        return False
    sign, body = _reflected(pieces[0].expression)
    difference = quotient((body if sign == wanted else -body) - pieces[0].expression)
    return difference is not None and bool(difference[0])


def _mirrored_value(expression: Expression, cut: Fraction, wanted: int) -> bool:
    if cut == 0 and wanted > 0:
        return True
    lines = [polynomial(resolve(expression, point)) for point in (cut, -cut)]
    if lines[0] is not None and lines[1] is not None:
        mirrored = lines[0], tuple(wanted * (-1) ** i * c for i, c in enumerate(lines[1]))
        return sum((a - b) * cut**i for i, (a, b) in enumerate(zip_longest(*mirrored, fillvalue=0))) == 0
    here, there = (value_at(resolve(expression, point), point) for point in (cut, -cut))
    if wanted < 0:
        there = negate(there)
    return bool(here[0] == here[1] == there[0] == there[1])


def _same(a: Expression, b: Expression) -> bool:
    """Whether two expressions are equal: as written, or by an algebraic identity."""
    return a == b or one_function(a, b)
