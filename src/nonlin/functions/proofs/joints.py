"""What happens at the breakpoints of a piecewise function: jumps, kinks, and how smooth it is."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any

from flint import arb

from nonlin.functions.construction import substitute
from nonlin.functions.expression import Call, Constant, Expression, Piecewise, children, nodes
from nonlin.functions.proofs import jets
from nonlin.functions.proofs.algebra import one_function
from nonlin.functions.proofs.chart import chart, roots
from nonlin.functions.proofs.contact import Order, contact
from nonlin.functions.proofs.derivative import derivative, exact_number
from nonlin.functions.proofs.extent import value_at, value_beside
from nonlin.functions.proofs.intervals import distance, point, sign
from nonlin.functions.proofs.segments import Segment, as_ball, chosen, cuts, resolve, segments
from nonlin.functions.property import Property, proved, unknown

if TYPE_CHECKING:
    from fractions import Fraction

    from nonlin.functions.proofs.intervals import Interval

__all__ = ["compare", "defined_everywhere", "kinks", "order_at", "smoothness"]

FEW = 6
"""Derivatives whose limits are compared where a side has no Taylor series, as √x at 0."""

NOT_FOUND = "a breakpoint is not found exactly"


def compare(a: Expression, b: Expression, at: Fraction) -> Order:
    """Compare what a tends to from the left with what b tends to from the right; "near" where that stays open."""
    series = _by_series(a, b, at)
    return series[0] if series else _by_limit(a, b, at)


@lru_cache(maxsize=256)
def order_at(expression: Expression) -> tuple[tuple[Fraction, list[Order]], ...]:
    """Return each breakpoint with how both sides compare, derivative by derivative, the value being the zeroth.

    The comparison ends at the first derivative that differs, so that its length less one is the smoothness
    there; without one it ends after 60 or so, or after a few where a side has no Taylor series. The value at the
    point itself counts with the order 0.
    """
    return tuple(
        (right.low, _orders(expression, left, right, right.low))
        for left, right in pairwise(segments(expression))
        if right.low is not None
    )


def _orders(expression: Expression, left: Segment, right: Segment, cut: Fraction) -> list[Order]:
    beside = compare(left.expression, resolve(expression, cut), cut)
    orders = _by_series(left.expression, right.expression, cut)
    orders = orders or _by_limits(left.expression, right.expression, cut)
    if orders[0] in ("less", "greater"):
        return orders
    if beside in ("less", "greater"):
        return [beside]
    return ["near", *orders[1:]] if beside == "near" else orders


def _by_series(a: Expression, b: Expression, at: Fraction) -> list[Order]:
    """Compare two expressions, derivative by derivative, up to the first that differs; [] where there is no series."""
    if exact := contact(a, b, at):
        return exact
    pairs: list[Any] = []
    left, right = jets.rationals(a, at), jets.rationals(b, at)
    if left is not None and right is not None:
        pairs = list(zip(left, right, strict=False))
    else:
        left, right = jets.balls(a, as_ball(at)), jets.balls(b, as_ball(at))
        pairs = list(zip(left or [], right or [], strict=False))
    orders: list[Order] = []
    for p, q in pairs:
        orders.append(_compared(p, q))
        if orders[-1] in ("less", "greater"):
            break
    return orders


def _compared(p: Any, q: Any) -> Order:
    """Compare two rational numbers, or two balls: equal only where both are the same exact number."""
    if p < q:
        return "less"
    if p > q:
        return "greater"
    return "equal" if p == q else "near"


def _by_limits(a: Expression, b: Expression, at: Fraction) -> list[Order]:
    """Compare the limits of two expressions and of their first derivatives, up to the first that differs."""
    orders = [_by_limit(a, b, at)]
    while orders[-1] in ("equal", "near") and len(orders) <= FEW:
        slopes = derivative(a), derivative(b)
        if slopes[0] is None or slopes[1] is None:
            break
        a, b = slopes[0], slopes[1]
        orders.append(_by_limit(a, b, at))
    return orders


def _by_limit(a: Expression, b: Expression, at: Fraction) -> Order:
    """Compare two one-sided limits; those both infinite differ: f' from −∞ to −∞ over a vertical tangent is none."""
    left, right = value_beside(a, at, -1), value_beside(b, at, 1)
    if left[1] < right[0]:
        return "less"
    if left[0] > right[1]:
        return "greater"
    if left[0] == left[1] == right[0] == right[1]:
        return "equal" if left[0].is_finite() else "less" if left[0] > 0 else "greater"
    return "near"


def kinks(expression: Expression) -> Property[tuple[float, ...]]:
    """Return the breakpoints at which the value or the slope jumps; unknown where one stays open."""
    if not all(segment.resolved for segment in segments(expression)):
        return unknown(NOT_FOUND)
    found, error = [], 0.0
    for cut, orders in order_at(expression):
        first = orders[:2]
        if "near" in first or first == ["equal"]:
            return unknown(f"that both sides of {float(cut):g} meet is not known exactly")
        if first != ["equal", "equal"]:
            found.append(float(as_ball(cut)))
            error = max(error, distance(point(as_ball(cut)), found[-1]))
    return proved(
        tuple(found), "both sides of every breakpoint compared in exact or ball arithmetic", error=error
    )


def smoothness(expression: Expression) -> Property[float]:
    """Return the k of Cᵏ: −1 where the value jumps, inf where every derivative is continuous.

    Where all derivatives that are compared agree, a higher one may still jump: without an identity that is unknown.
    """
    if not all(segment.resolved for segment in segments(expression)):
        return unknown(NOT_FOUND)
    joined = order_at(expression)
    jumping = [orders for _, orders in joined if orders[-1] in ("less", "greater")]
    # where no derivative differs, both sides may be one function
    rest = [
        orders for cut, orders in joined if orders not in jumping and not _one_function_at(expression, cut)
    ]
    if not jumping and not rest:
        one = "both sides of every breakpoint are one analytic function, by an algebraic identity"
        return proved(inf, one if joined else "analytic")
    value = min((len(orders) - 2 for orders in jumping), default=inf)
    compared = min((len(orders) - 1 for orders in rest), default=inf)
    if value > compared:
        return unknown(
            "no jump was found in the derivatives that were compared, nor an identity for the rest"
        )
    if any("near" in orders[: int(value) + 1] for orders in (*jumping, *rest)):
        return unknown("that lower derivatives on both sides of a breakpoint agree is not known exactly")
    return proved(float(value), f"derivative {value + 1:.0f} jumps, the lower ones agree exactly")


def _one_function_at(expression: Expression, cut: Fraction) -> bool:
    """Whether what stands left of a breakpoint, on it and right of it are one analytic function; √(x·x) is none."""
    left, right = (part.expression for part in segments(expression) if cut in (part.low, part.high))
    return (
        bool(_by_series(left, right, cut))
        and one_function(left, right)
        and _holds_at(left, resolve(expression, cut), cut)
    )


def _holds_at(piece: Expression, declared: Expression, cut: Fraction) -> bool:
    """Whether the value that is declared at a breakpoint is the piece's."""
    if one_function(piece, declared) or compare(piece, declared, cut) == "equal":
        return True
    at = exact_number(cut)
    return _defined_at(piece, cut) and one_function(substitute(piece, x=at), substitute(declared, x=at))


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
