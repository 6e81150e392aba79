"""The infimum and supremum of a function or of its slope, enclosed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from flint import arb

from nonlin.functions.construction import call
from nonlin.functions.expression import Call, Constant
from nonlin.functions.polynomial import polynomial
from nonlin.functions.proofs import intervals
from nonlin.functions.proofs.chart import Stretch, chart_on
from nonlin.functions.proofs.contact import contact
from nonlin.functions.proofs.derivative import derivative
from nonlin.functions.proofs.expand import expand
from nonlin.functions.proofs.interval_evaluation import enclose_range
from nonlin.functions.proofs.intervals import EVERYTHING, INF, Interval, point
from nonlin.functions.proofs.periodicity import ends_along_progressions, period
from nonlin.functions.proofs.segments import Segment, as_ball, cuts, inside, resolve, segments

if TYPE_CHECKING:
    from nonlin.functions.arb import Ball
    from nonlin.functions.expression import Expression

__all__ = ["Extent", "extent", "limit_at", "value_at", "value_beside"]

Kind: TypeAlias = Literal["value", "limit", "bound"]
FAR = 64
BESIDE = 2**64  # a limit is enclosed on an interval so much shorter than the place is far
PARTS = 64


class Candidate(NamedTuple):
    """What may be extreme: a value taken, a limit not taken, or bounds on some part."""

    enclosure: Interval
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Enclosures of the infimum and the supremum, and whether they are taken; None where that is open."""

    low: Interval
    high: Interval
    low_attained: bool | None
    high_attained: bool | None


def extent(expression: Expression, *, order: int = 0) -> Extent:
    """Enclose the infimum and supremum over the reals.

    Args:
        expression: has no parameters left.
        order: 0 for the function; 1 for its slope, the kinks left out.
    """
    candidates: list[Candidate] = []
    for segment in segments(expression):
        candidates += _on_segment(expression, segment, order)
    if order == 0:
        for cut in cuts(expression):
            at = resolve(expression, cut)
            candidates.append(Candidate(value_at(at, cut), "value"))
    return _best(candidates)


def limit_at(expression: Expression, side: int, *, start: float = FAR) -> Interval | None:
    """Enclose the limit at ±inf; None where there is no expansion, or it does not tell."""
    for begin in (start, 64 * start, 4096 * start):
        expanded = expand(expression, side=side, start=arb(begin))
        if expanded is not None:
            return expanded.limit()
    return None


def _on_segment(expression: Expression, segment: Segment, order: int) -> list[Candidate]:
    g: Expression | None = segment.expression
    for _ in range(order):
        g = derivative(g) if g is not None else None
    if g is None or not segment.resolved:
        return [Candidate(EVERYTHING, "bound")]
    low, high = segment.ends()
    slope = derivative(g)
    whole = not low.is_finite() and not high.is_finite()
    swings = whole and slope is not None and period(slope) is not None and period(g) is None
    if slope is None or swings:
        return _without_chart(g, low, high)
    along = [end for side in (-1, 1) for end in ends_along_progressions(g, side)] if whole else []
    if any(not end[0].is_finite() for end in along):
        return [*_without_chart(g, low, high), *(Candidate(end, "limit") for end in along)]
    stretches = chart_on(slope, segment)
    if [s.sign for s in stretches] == ["0"]:
        return [Candidate(value_at(g, inside(segment.low, segment.high)), "value")]
    sides = ((-1, segment.low), (1, segment.high))
    taken = [order == 0 and _is_reached(expression, g, cut) for _, cut in sides]
    kinds: list[Kind] = ["value" if reached else "limit" for reached in taken]
    ends = [_at_border(g, cut, side, kind) for (side, cut), kind in zip(sides, kinds, strict=True)]
    if whole and period(g) is not None:
        ends = []
    inner = [c for a, b in itertools.pairwise(stretches) for c in _at_joint(g, a, b)]
    bounds = [c for s in stretches if s.sign == "?" for c in _bounds(g, (s.low, s.high))]
    return ends + inner + bounds


def _is_reached(expression: Expression, piece: Expression, cut: Fraction | None) -> bool:
    """Return whether a piece's limit at a cut is shown to be the function's value there."""
    if cut is None:
        return False
    here = resolve(expression, cut)
    return here == piece or contact(piece, here, cut)[:1] == ["equal"]


def _at_joint(g: Expression, a: Stretch, b: Stretch) -> list[Candidate]:
    """Return the value between two stretches; where the root between them lies is known but for its box."""
    if "root" in (a.sign, b.sign):
        root = a if a.sign == "root" else b
        return [Candidate(enclose_range(g, (root.low, root.high)), "value")]
    return [Candidate(enclose_range(g, (a.high, a.high)), "value")]


def _at_border(g: Expression, border: Fraction | None, side: int, kind: Kind) -> Candidate:
    if border is not None:
        return Candidate(value_beside(g, border, -side), kind)
    limit = limit_at(g, side)
    return Candidate(limit, kind) if limit is not None else Candidate(EVERYTHING, "bound")


def value_beside(g: Expression, x: Fraction, side: int) -> Interval:
    """Enclose the limit at a rational number from the left (side = −1) or from the right, where it may be undefined.

    Where a numerator has a value other than 0 and its denominator is 0, as of 1/x, the limit is infinite.
    """
    value = value_at(g, x)
    if value[0].is_finite() and value[1].is_finite():
        return value
    step = arb(side) * (1 + abs(as_ball(x))) / BESIDE
    near = enclose_range(g, intervals.hull(point(as_ball(x)), point((as_ball(x) + step).mid())))
    top, bottom = (value_at(part, x) for part in _fraction(g))
    if intervals.sign(top) not in ("+", "-") or intervals.sign(bottom) != "0":
        return near
    return {"+": (INF, INF), "-": (-INF, -INF)}.get(intervals.sign(near), near)


def _fraction(g: Expression) -> tuple[Expression, Expression]:
    """Write the divisions in an expression as one, but for those in a sum or below a primitive."""
    if isinstance(g, Call) and g.operator in ("multiply", "divide", "negate"):
        (a, b), (c, d) = _fraction(g.operands[0]), _fraction(g.operands[-1])
        if g.operator == "negate":
            return -a, b
        return (a * c, b * d) if g.operator == "multiply" else (a * d, b * c)
    if isinstance(g, Call) and g.operator == "power":
        top, bottom = _fraction(g.operands[0])
        return call("power", top, g.operands[1]), call("power", bottom, g.operands[1])
    return g, Constant(1.0)


def value_at(g: Expression, x: Fraction) -> Interval:
    """Enclose the value at a rational number; exactly where the expression is a polynomial."""
    line = polynomial(g)
    if line is not None:
        return point(as_ball(sum((c * x**i for i, c in enumerate(line)), Fraction(0))))
    return enclose_range(g, point(as_ball(x)))


def _without_chart(g: Expression, low: Ball, high: Ball) -> list[Candidate]:
    left, right = (end if end.is_finite() else arb(s * FAR) for end, s in ((low, -1), (high, 1)))
    parts = _bounds(g, (left, right))
    for side, end in ((-1, low), (1, high)):
        if not end.is_finite():
            parts += _bounds(g, (arb(FAR), INF) if side > 0 else (-INF, -arb(FAR)))
            limit = limit_at(g, side)
            parts += [Candidate(limit, "limit")] if limit is not None else []
    return parts


def _bounds(g: Expression, box: Interval) -> list[Candidate]:
    """Bound g on a part where it is not known to be monotone."""
    if box[0].is_finite() and box[1].is_finite():
        width = (box[1] - box[0]) / PARTS
        ends = [box[0], *((box[0] + i * width).mid() for i in range(1, PARTS)), box[1]]
        enclosures = [enclose_range(g, pair) for pair in itertools.pairwise(ends)]
    else:
        side = 1 if box[1] > 0 and not box[1].is_finite() else -1
        start = box[0] if side > 0 else -box[1]
        expanded = expand(g, side=side, start=start) if start >= 1 else None
        direct = enclose_range(g, box)
        enclosures = [direct if expanded is None else intervals.meet(direct, expanded.bound())]
    return [Candidate(enclosure, "bound") for enclosure in enclosures]


def _best(candidates: list[Candidate]) -> Extent:
    mirrored = [Candidate(intervals.negate(c.enclosure), c.kind) for c in candidates]
    high, high_attained = _supremum(candidates)
    low, low_attained = _supremum(mirrored)
    return Extent(
        low=intervals.negate(low), high=high, low_attained=low_attained, high_attained=high_attained
    )


def _supremum(candidates: list[Candidate]) -> tuple[Interval, bool | None]:
    least, most = -INF, -INF
    for enclosure, kind in candidates:
        most = most.max(enclosure[1])
        if kind != "bound":
            least = least.max(enclosure[0])
    best: Interval = (least, INF if least.is_finite() is False and least > 0 else most)
    return best, _taken(candidates, least)


def _taken(candidates: list[Candidate], least: Ball) -> bool | None:
    """Return whether the supremum, which is at least so much, is a value; None where the enclosures leave it open."""
    if least > 0 and not least.is_finite():
        return False
    values = [c.enclosure for c in candidates if c.kind == "value" and c.enclosure[1].is_finite()]
    best = max((value[0] for value in values), default=-INF)
    if all(c.enclosure[1] <= best for c in candidates if c.kind != "value"):
        return bool(values)
    possible = [c for c in candidates if c.kind != "limit" and c.enclosure[1] >= least]
    return None if possible else False
