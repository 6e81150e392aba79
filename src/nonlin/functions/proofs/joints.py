"""What happens at the breakpoints of a piecewise function: jumps, kinks, and how smooth it is."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

from flint import arb

from nonlin.functions.expression import Call, Constant, Expression, Piecewise, children, nodes
from nonlin.functions.proofs.algebra import one_function
from nonlin.functions.proofs.chart import chart, roots
from nonlin.functions.proofs.contact import HIGHEST, Order, contact
from nonlin.functions.proofs.derivative import derivative
from nonlin.functions.proofs.extent import value_at, value_beside
from nonlin.functions.proofs.intervals import distance, point, sign
from nonlin.functions.proofs.segments import Segment, as_ball, chosen, cuts, resolve, segments
from nonlin.functions.property import Property, numeric, proved

if TYPE_CHECKING:
    from fractions import Fraction

    from nonlin.functions.proofs.intervals import Interval

__all__ = ["compare", "defined_everywhere", "kinks", "order_at", "smoothness"]


def compare(a: Expression, b: Expression, at: Fraction) -> Order:
    """Compare what a tends to from the left with what b tends to from the right; "near" where that stays open.

    Two that are both infinite differ: f' from −∞ to −∞ over a vertical tangent is no derivative.
    """
    exact = contact(a, b, at)
    if exact:
        return exact[0]
    left, right = value_beside(a, at, -1), value_beside(b, at, 1)
    if left[1] < right[0]:
        return "less"
    if left[0] > right[1]:
        return "greater"
    if left[0] == left[1] == right[0] == right[1]:
        return "equal" if left[0].is_finite() else "less" if left[0] > 0 else "greater"
    return "near"


@lru_cache(maxsize=256)
def order_at(expression: Expression) -> tuple[tuple[Fraction, list[Order]], ...]:
    """Return each breakpoint with how both sides compare, from the value to at least the sixth derivative.

    The comparison ends at the first derivative that differs, so that its length less one is the smoothness
    there. The value at the point itself counts with the order 0.
    """
    return tuple(
        (right.low, _orders(expression, left, right, right.low))
        for left, right in pairwise(segments(expression))
        if right.low is not None
    )


def _orders(expression: Expression, left: Segment, right: Segment, cut: Fraction) -> list[Order]:
    beside = compare(left.expression, resolve(expression, cut), cut)
    orders = [compare(left.expression, right.expression, cut)]
    if orders[0] in ("equal", "near") and beside in ("less", "greater"):
        return [beside]
    if beside == "near" and orders[0] == "equal":
        orders = [beside]
    elif exact := contact(left.expression, right.expression, cut):
        return exact
    a: Expression | None = left.expression
    b: Expression | None = right.expression
    while orders[-1] in ("equal", "near") and len(orders) <= HIGHEST:
        a = derivative(a) if a is not None else None
        b = derivative(b) if b is not None else None
        if a is None or b is None:
            break
        orders.append(compare(a, b, cut))
    return orders


def kinks(expression: Expression) -> Property[tuple[float, ...]]:
    """Return the breakpoints at which the value or the slope jumps."""
    found, error, sure = [], 0.0, all(segment.resolved for segment in segments(expression))
    for cut, orders in order_at(expression):
        first = orders[:2]
        if "less" in first or "greater" in first:
            found.append(float(as_ball(cut)))
            error = max(error, distance(point(as_ball(cut)), found[-1]))
        sure = sure and "near" not in first
    label = "both sides of every breakpoint compared in exact or ball arithmetic"
    value = tuple(found)
    if sure:
        return proved(value, label, error=error)
    return numeric(value, "where both sides agree, they agree to 1e-30, or a breakpoint is not found exactly")


def smoothness(expression: Expression) -> Property[float]:
    """Return the k of Cᵏ: −1 where the value jumps, inf where every derivative is continuous."""
    everywhere = [_orders_to_smoothness(orders) for _, orders in order_at(expression)]
    value = min((k for k, _ in everywhere), default=inf)
    sure = all(exact for k, exact in everywhere if k == value)
    if not all(segment.resolved for segment in segments(expression)) or not defined_everywhere(expression):
        return numeric(
            value, "the expression is not analytic between breakpoints that could be found exactly"
        )
    if value == inf and everywhere and _analytic(expression):
        return proved(
            inf, "both sides of every breakpoint are one analytic function, by an algebraic identity"
        )
    if value == inf and everywhere:
        return numeric(value, f"{HIGHEST} derivatives agree on both sides of every breakpoint")
    if not sure:
        return numeric(value, "lower derivatives on both sides of a breakpoint agree to 1e-30")
    reason = "analytic" if value == inf else f"derivative {value + 1:.0f} jumps, the lower ones agree exactly"
    return proved(value, reason)


def _analytic(expression: Expression) -> bool:
    """Whether what stands left of each breakpoint, on it and right of it are one function."""
    parts = segments(expression)
    return all(
        right.low is not None
        and one_function(left.expression, right.expression)
        and one_function(right.expression, resolve(expression, right.low))
        for left, right in pairwise(parts)
    )


def _orders_to_smoothness(orders: list[Order]) -> tuple[float, bool]:
    """Return the smoothness at a breakpoint, and whether what agrees does so exactly."""
    exact = "near" not in orders
    if orders[-1] in ("less", "greater"):
        return len(orders) - 2, exact
    return inf, exact


def defined_everywhere(expression: Expression, *, low: float = -inf, high: float = inf) -> bool:
    """Whether no division by 0 and no root or logarithm of a number that is not positive can occur.

    Args:
        expression: has no parameters left.
        low: the left end of what is asked about.
        high: its right end.
    """
    for segment in segments(expression):
        ends = segment.ends()
        span = (ends[0].max(arb(low)), ends[1].min(arb(high)))
        if span[0] < span[1] and not all(_defined(node, span) for node in nodes(segment.expression)):
            return False
    return all(_defined_at(expression, cut) for cut in cuts(expression) if low <= cut <= high)


def _defined_at(node: Expression, at: Fraction) -> bool:
    """Whether what holds at a point has a value there: none of its divisors is 0, no root is of a negative number."""
    part = chosen(node, resolve(node.argument, at), at) if isinstance(node, Piecewise) else None
    parts = (node.argument, part) if isinstance(node, Piecewise) and part is not None else children(node)
    if not all(_defined_at(operand, at) for operand in parts):
        return False
    if not isinstance(node, Call) or node.operator not in ("divide", "log", "log1p", "sqrt"):
        return True
    inner = value_at(resolve(node.operands[-1], at), at)
    if node.operator == "divide":
        return sign(inner) in ("+", "-")
    least = arb(-1 if node.operator == "log1p" else 0)
    return bool(inner[0] >= least if node.operator == "sqrt" else inner[0] > least)


def _defined(node: Expression, span: Interval) -> bool:
    if not isinstance(node, Call):
        return True
    inner = node.operands[-1]
    if isinstance(inner, Constant) and inner.value > 0:
        return True
    if node.operator == "log1p":
        inner = inner + 1
    elif node.operator not in ("divide", "log", "sqrt"):
        return True
    stretches = chart(inner, *span)
    if roots(stretches, inner):
        return False
    found = {stretch.sign for stretch in stretches}
    return found == {"+"} or (node.operator == "divide" and found == {"-"})
