"""Whether a function is monotone or convex, from the signs of its first two derivatives and its joints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nonlin.functions.proofs.chart import chart_on
from nonlin.functions.proofs.derivative import derivative
from nonlin.functions.proofs.identities import one_signed_wave
from nonlin.functions.proofs.joints import compare, order_at
from nonlin.functions.proofs.segments import resolve, segments
from nonlin.functions.property import Property, proved, unknown

if TYPE_CHECKING:
    from nonlin.functions.expression import Expression
    from nonlin.functions.proofs.contact import Order

__all__ = ["convexity", "monotonicity"]

STEPS: dict[Order, set[str]] = {"less": {"+"}, "greater": {"-"}, "equal": set(), "near": {"?"}}
"""What a comparison of both sides of a breakpoint adds to the signs of a derivative."""

ARGUMENT = "the signs of the derivative by interval arithmetic, its tails by their expansion"


def monotonicity(expression: Expression) -> Property[str]:
    """Return how the function runs over the reals.

    Returns:
        "strictly increasing", "increasing" (with level parts), "constant", "decreasing",
        "strictly decreasing" or "no".
    """
    signs = _signs(expression, 1)
    for cut, _ in order_at(expression):
        if signs is None:
            break
        # a jump is a rise or a fall; so is each of its halves, before and after the value at the point
        here = resolve(expression, cut)
        left, right = (s.expression for s in segments(expression) if cut in (s.low, s.high))
        for a, b in ((left, here), (here, right)):
            signs |= STEPS[compare(a, b, cut)]
    return _verdict(signs, ("increasing", "decreasing", "constant"), strict=True)


def convexity(expression: Expression) -> Property[str]:
    """Return "convex", "concave", "affine" or "no"."""
    signs = _signs(expression, 2)
    for _, orders in order_at(expression):
        if signs is None:
            break
        if orders[0] in ("less", "greater"):
            return proved("no", "it jumps, and a convex function on the reals is continuous")
        signs |= STEPS[orders[0]] | (STEPS[orders[1]] if len(orders) > 1 else {"?"})
    return _verdict(signs, ("convex", "concave", "affine"), strict=False)


def _signs(expression: Expression, order: int) -> set[str] | None:
    found: set[str] = set()
    for segment in segments(expression):
        g: Expression | None = segment.expression
        for _ in range(order):
            g = derivative(g) if g is not None else None
        if g is None or not segment.resolved:
            return None
        if wave := one_signed_wave(g):
            found.add(wave)
            continue
        found |= _of_analytic({stretch.sign for stretch in chart_on(g, segment)} - {"root"})
    return found


def _of_analytic(signs: set[str]) -> set[str]:
    """Return the signs where the function is not 0: as it is analytic, it touches 0 at isolated points, or is 0."""
    for strict, weak in (("+", ">="), ("-", "<=")):
        if strict in signs:
            signs = signs - {weak}
    return signs


def _verdict(signs: set[str] | None, names: tuple[str, str, str], *, strict: bool) -> Property[str]:
    up, down, level = names
    if signs is None:
        return unknown("the derivative is not known in closed form on every piece")
    if {"+", "-"} <= signs:
        return proved("no", "both signs of the derivative occur")
    if "?" in signs:
        return unknown(
            "the sign of the derivative, or which side of a breakpoint is higher, stayed open somewhere"
        )
    if signs <= {"0"}:
        return proved(level, ARGUMENT)
    name = up if not signs & {"-", "<="} else down if not signs & {"+", ">="} else ""
    if not name:
        return unknown("the derivative touches 0, and on which sides stayed open")
    purely = strict and signs in ({"+"}, {"-"})
    return proved(f"strictly {name}" if purely else name, ARGUMENT)
