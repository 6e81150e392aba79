"""Where a smooth expression is positive, negative or zero: a chart of the reals, proven stretch by stretch.

Boxes are bisected until interval arithmetic, the mean value form or a monotone slope decides each; beyond a
bound the expansion at infinity decides. What stays undecided says so.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from flint import arb

from nonlin.functions.proofs import intervals, jets
from nonlin.functions.proofs.derivative import derivative
from nonlin.functions.proofs.expand import expand
from nonlin.functions.proofs.identities import vanishes
from nonlin.functions.proofs.interval_evaluation import enclose_range
from nonlin.functions.proofs.intervals import Interval, point, sign
from nonlin.functions.proofs.periodicity import period

if TYPE_CHECKING:
    from nonlin.functions.arb import Ball
    from nonlin.functions.expression import Expression
    from nonlin.functions.proofs.segments import Segment

__all__ = ["Stretch", "chart", "chart_on", "roots", "tail_sign", "tail_start"]

End: TypeAlias = tuple[int, int | None]
"""An exact number as mantissa and exponent of 2; ±1 and None for ±∞."""

BOXES = 1500
STARTS = (4, 8, 16, 32, 64, 256, 1024)
UNDECIDED = 32  # where the search ends on a side whose tail does not settle
THIN = 2.0**-50  # a box this narrow, relative to its place or to all that is charted, is given up
WEAK = 2.0**-20  # of one so narrow it is enough to know that no sign but one, or 0, is there
ROOT_BITS = 90
ORDER = 6
STRICT = ("+", "-", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """An interval with the sign that the expression has on it.

    Args:
        low: the left end; infinite at a tail.
        high: the right end; infinite at a tail.
        sign: "+", "-", "0" (identically), ">=", "<=" (it may touch 0), "?" (not decided), or "root": exactly
            one zero lies in this tiny interval, and the sign changes there.
    """

    low: Ball
    high: Ball
    sign: str


@dataclass(slots=True)
class _Search:
    expression: Expression
    slope: Expression | None
    size: Ball
    """Of what is charted, 1 at most: what is small beside it is small everywhere but near 0."""
    found: list[Stretch] = field(default_factory=list)
    boxes: int = 0
    touched: list[Ball] = field(default_factory=list)
    """Ends of boxes where the expression is exactly 0; it may have the same sign on both sides."""

    def emit(self, box: Interval, what: str) -> None:
        self.found.append(Stretch(low=box[0], high=box[1], sign=what))

    def at(self, x: Ball) -> str:
        return sign(enclose_range(self.expression, (x, x)))


def chart(expression: Expression, low: Ball, high: Ball) -> tuple[Stretch, ...]:
    """Return stretches from low to high, in order.

    Args:
        expression: without a choice between pieces; analytic between low and high.
        low: the left end, exact or −∞.
        high: the right end, exact or +∞. Of a periodic expression on all reals one period is charted.
    """
    # the range asks for the same chart as the monotonicity, the Lipschitz constant as the convexity
    return _chart(expression, _key(low), _key(high))


def chart_on(expression: Expression, segment: Segment) -> tuple[Stretch, ...]:
    """Return the stretches of a segment; what may lie beyond a breakpoint that is no float64 counts as undecided.

    Args:
        expression: as for `chart`.
        segment: where to chart it.
    """
    low, high = segment.inside()
    found = list(chart(expression, *segment.ends()))
    first = next((i for i, s in enumerate(found) if _reaches(s, low, high)), len(found))
    last = next((i for i in range(len(found), first, -1) if _reaches(found[i - 1], low, high)), first)
    sure = found[first:last]
    if not sure:
        return (Stretch(low=segment.ends()[0], high=segment.ends()[1], sign="?"),)
    if first:
        sure = [Stretch(low=found[0].low, high=sure[0].low.max(low), sign="?"), *sure]
        sure[1] = replace(sure[1], low=sure[0].high)
    if last < len(found):
        rest = Stretch(low=sure[-1].high.min(high), high=found[-1].high, sign="?")
        sure = [*sure[:-1], replace(sure[-1], high=rest.low), rest]
    return tuple(sure)


def _reaches(stretch: Stretch, low: Ball, high: Ball) -> bool:
    """Whether the stretch, or all of it for a root, lies between inward rounded ends."""
    if stretch.sign == "root":
        return bool(stretch.low >= low and stretch.high <= high)
    return bool(stretch.high > low and stretch.low < high)


@lru_cache(maxsize=1024)
def _chart(expression: Expression, first: End, last: End) -> tuple[Stretch, ...]:
    low, high = _ball(first), _ball(last)
    if vanishes(expression, low, high):
        return (Stretch(low=low, high=high, sign="0"),)
    if not low.is_finite() and not high.is_finite() and (cycle := period(expression)) is not None:
        half = (cycle / 2).upper()
        low, high = -half, half
    left = low if low.is_finite() else -tail_start(expression, side=-1, beyond=-high)
    right = high if high.is_finite() else tail_start(expression, side=1, beyond=low)
    search = _Search(expression, derivative(expression), size=arb(1).min(right - left))
    if not low.is_finite():
        search.emit((low, left), tail_sign(expression, side=-1, start=-left))
    if left < right:
        _chart_between(search, left, right)
    if not high.is_finite():
        search.emit((right, high), tail_sign(expression, side=1, start=right))
    return _joined(search)


def _key(end: Ball) -> End:
    if not end.is_finite():
        return (1 if end > 0 else -1), None
    mantissa, exponent = end.man_exp()
    return int(mantissa), int(exponent)


def _ball(end: End) -> Ball:
    mantissa, exponent = end
    return mantissa * intervals.INF if exponent is None else arb(mantissa) * arb(2) ** exponent


def tail_start(expression: Expression, *, side: int, beyond: Ball) -> Ball:
    """Return the smallest start on trial from which on the sign is decided, else about 32."""
    least = beyond + 1 if beyond.is_finite() else arb(0)
    starts = [arb(s) for s in STARTS if arb(s) > least] or [2 * least.upper()]
    for start in starts:
        if tail_sign(expression, side=side, start=start) in STRICT:
            return start
    return next((start for start in starts if start >= UNDECIDED), starts[0])


def tail_sign(expression: Expression, *, side: int, start: Ball) -> str:
    """Return the sign for side·x ≥ start, by the expansion at infinity or by interval arithmetic."""
    tail = (start, intervals.INF) if side > 0 else (-intervals.INF, -start)
    direct = sign(enclose_range(expression, tail))
    if direct in STRICT:
        return direct
    expanded = expand(expression, side=side, start=start)
    found = expanded.sign() if expanded is not None else "?"
    return direct if found == "?" else found


def _chart_between(search: _Search, left: Ball, right: Ball) -> None:
    stack = [(left, arb(0)), (arb(0), right)] if left < 0 < right else [(left, right)]
    stack.reverse()
    while stack:
        box = stack.pop()
        search.boxes += 1
        if _decide(search, box):
            continue
        thin = box[1] - box[0] <= THIN * (search.size + abs(box[0]))
        if thin or search.boxes > BOXES:
            search.emit(box, "?")
            continue
        middle = _middle(search, box)
        stack += [(middle, box[1]), (box[0], middle)]


def _middle(search: _Search, box: Interval) -> Ball:
    """Return a point near the middle where the sign is decided, so that no root lies on a border."""
    for share in (0.5, 0.4375, 0.59375, 0.34375):
        middle = (box[0] + (box[1] - box[0]) * share).mid()
        if search.at(middle) in STRICT:
            break
    return middle


def _decide(search: _Search, box: Interval) -> bool:
    direct = sign(enclose_range(search.expression, box))
    if direct in STRICT:
        search.emit(box, direct)
        return True
    from_zero = _from_zero(search, box)
    if from_zero is not None:
        search.emit(box, from_zero)
        return True
    if search.slope is not None:
        slope = enclose_range(search.slope, box)
        around = _mean_value(search, box, slope)
        if around in STRICT:
            search.emit(box, around)
            return True
        if sign(slope) in ("+", "-"):
            return _monotone(search, box)
    if direct != "?" and box[1] - box[0] <= WEAK * search.size:
        search.emit(box, direct)
        return True
    return False


def _mean_value(search: _Search, box: Interval, slope: Interval) -> str:
    if not (slope[0].is_finite() and slope[1].is_finite()):
        return "?"
    middle = ((box[0] + box[1]) / 2).mid()
    step = intervals.subtract(box, (middle, middle))
    value = enclose_range(search.expression, (middle, middle))
    return sign(intervals.add(value, intervals.multiply(slope, step)))


def _from_zero(search: _Search, box: Interval) -> str | None:
    """Return the sign inside a box at whose end the expression is exactly 0, by the first derivative that is not.

    The first few are looked at as expressions, higher ones as coefficients of a Taylor series.
    """
    for end, direction in ((box[0], 1), (box[1], -1)):
        if search.at(end) != "0":
            continue
        search.touched.append(end)
        higher, order = search.slope, 1
        while higher is not None and order <= ORDER:
            over = sign(enclose_range(higher, box))
            if over in ("+", "-"):
                return over if direction > 0 or order % 2 == 0 else _opposite(over)
            if sign(enclose_range(higher, (end, end))) != "0":
                break
            higher, order = derivative(higher), order + 1
        found = jets.sign_beside_zero(search.expression, box, direction)
        if found is not None:
            return found
    return None


def _opposite(what: str) -> str:
    return {"+": "-", "-": "+", ">=": "<=", "<=": ">="}.get(what, what)


def _monotone(search: _Search, box: Interval) -> bool:
    """Chart a box on which the expression is strictly monotone, so that it has one root at most."""
    first, last = search.at(box[0]), search.at(box[1])
    if first not in ("+", "-") or last not in ("+", "-"):
        return False
    if first == last:
        search.emit(box, first)
        return True
    low, high = _narrowed(search, box, first)
    search.emit((box[0], low), first)
    search.emit((low, high), "root")
    search.emit((high, box[1]), last)
    return True


def _narrowed(search: _Search, box: Interval, first: str) -> Interval:
    """Return a tiny box around the only root, by Newton's interval step and bisection."""
    low, high = box
    while search.slope is not None and high - low > 2.0**-ROOT_BITS * (search.size + abs(low)):
        middle = ((low + high) / 2).mid()
        value = enclose_range(search.expression, (middle, middle))
        slope = enclose_range(search.slope, (low, high))
        newton = intervals.subtract((middle, middle), intervals.divide(value, slope))
        new = intervals.meet((low, high), newton)
        if new[1] - new[0] > (high - low) / 2:
            here = sign(value)
            if here not in ("+", "-"):
                break
            new = (middle, high) if here == first else (low, middle)
        low, high = new
    return low, high


def _joined(search: _Search) -> tuple[Stretch, ...]:
    result: list[Stretch] = []
    for stretch in search.found:
        last = result[-1] if result else None
        if last is not None and last.sign == stretch.sign != "root" and stretch.low not in search.touched:
            result[-1] = Stretch(low=last.low, high=stretch.high, sign=stretch.sign)
        else:
            result.append(stretch)
    return tuple(result)


def roots(stretches: tuple[Stretch, ...], expression: Expression) -> tuple[Interval, ...]:
    """Return enclosures of the isolated zeros strictly inside a chart: sign changes, and exact zeros at a joint."""
    found = [(s.low, s.high) for s in stretches if s.sign == "root"]
    for a, b in itertools.pairwise(stretches):
        if "root" not in (a.sign, b.sign) and sign(enclose_range(expression, point(a.high))) == "0":
            found.append((a.high, a.high))
    return tuple(sorted(found, key=lambda box: float(box[0].mid())))
