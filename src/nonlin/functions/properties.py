"""What can be said about a function over the reals, and how each statement is known.

A proof is by interval arithmetic with outward rounding: the reals are cut at the breakpoints; on each piece
the signs of the derivative are charted by branch and bound; the tails follow from an expansion at infinity
whose remainder is enclosed. See `nonlin.functions.proofs`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from math import inf, isfinite, nan
from typing import TYPE_CHECKING, Any

from flint import ctx

from nonlin.functions import estimates
from nonlin.functions.expression import Call, nodes
from nonlin.functions.kinks import kinks as sampled_kinks
from nonlin.functions.pieces import affine_pieces, rational_pieces, rational_value
from nonlin.functions.proofs import fixed_points, intervals, joints, parity, shape
from nonlin.functions.proofs.derivative import derivative
from nonlin.functions.proofs.extent import extent, limit_at
from nonlin.functions.proofs.interval_evaluation import enclose_range
from nonlin.functions.proofs.periodicity import ends_along_progressions
from nonlin.functions.proofs.segments import cuts, segments
from nonlin.functions.property import Property, numeric, proved, unknown
from nonlin.functions.tails import limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.functions.expression import Expression
    from nonlin.functions.proofs.fixed_points import Pair
    from nonlin.functions.proofs.intervals import Interval

__all__ = ["Properties", "derive", "properties"]

BITS = 128
THIN = 1e-9  # a wider enclosure is no answer to a question for a number
SEARCH = "the best of a grid of magnitudes up to 1e8"
STRAIGHT = "its curvature is 0 everywhere"
WAVES = frozenset({"sin", "cos", "sinc", "sinc1", "sinc2", "sinc3"})
PROBES = (-4.3, -1.7, -0.6, -0.2, 0.3, 0.9, 2.1, 5.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """The properties of a function of one number.

    Args:
        range: infimum and supremum.
        attained: whether the infimum and the supremum are values of the function.
        limits: at −∞ and +∞; NaN where there is none.
        kinks: where the value or the slope jumps, or the slope is infinite.
        smoothness: the k of Cᵏ: −1 with a jump, 0 with a kink, inf where every derivative is continuous.
        monotone: "strictly increasing", "increasing" (with level parts), "constant", "decreasing",
            "strictly decreasing" or "no".
        convex: "convex", "concave", "affine" or "no".
        odd: f(−x) = −f(x).
        even: f(−x) = f(x).
        bounded: whether the range is.
        lipschitz: the smallest Lipschitz constant, sup abs(f'); inf where there is none.
        fixed_points: closed intervals of fixed points, a single one as (x, x); of an interval that ends at a
            breakpoint where the value jumps the end itself may not be one.
        piecewise_linear: whether it is made of finitely many affine pieces.
        linearity: "linear", "affine", "piecewise linear" or "nonlinear".
    """

    range: Property[tuple[float, float]]
    attained: Property[tuple[bool, bool]]
    limits: Property[tuple[float, float]]
    kinks: Property[tuple[float, ...]]
    smoothness: Property[float]
    monotone: Property[str]
    convex: Property[str]
    odd: Property[bool]
    even: Property[bool]
    bounded: Property[bool]
    lipschitz: Property[float]
    fixed_points: Property[tuple[Pair, ...]]
    piecewise_linear: Property[bool]
    linearity: Property[str]


@lru_cache(maxsize=256)
def properties(expression: Expression) -> Properties:
    """Derive every property of an expression without parameters; a tenth of a second to a second."""
    return Properties(**{field.name: derive(expression, field.name) for field in fields(Properties)})


@lru_cache(maxsize=4096)
def derive(expression: Expression, name: str) -> Property[Any]:
    """Derive one property by its name, which is quicker than all of them."""
    with ctx.workprec(BITS):
        if not joints.defined_everywhere(expression):
            return _sampled(expression, name)
        return DERIVATIONS[name](expression)


def _sampled(expression: Expression, name: str) -> Property[Any]:
    """Return what samples say where a division by 0, or a root or logarithm at 0 or below, is not ruled out."""
    why = "not shown to be defined and smooth on every piece"
    if name in ("odd", "even"):
        return DERIVATIONS[name](expression)
    if name == "bounded":
        return _bounded(derive(expression, "range"))
    samples: dict[str, Callable[[], Any]] = {
        "range": lambda: estimates.sampled_range(expression),
        "limits": lambda: (limit(expression, -1), limit(expression, 1)),
        "kinks": lambda: tuple(sorted({*sampled_kinks(expression), *estimates.holes(expression)})),
        "monotone": lambda: estimates.sampled_monotonicity(expression),
        "convex": lambda: estimates.sampled_convexity(expression),
        "lipschitz": lambda: estimates.sampled_lipschitz(expression),
        "linearity": lambda: estimates.sampled_linearity(expression),
    }
    if name not in samples:
        return unknown(why)
    return numeric(samples[name](), f"samples up to 1e8; {why}", error=nan)


def _range(expression: Expression) -> Property[tuple[float, float]]:
    found = extent(expression)
    low, high = _number(found.low), _number(found.high)
    if low is None or high is None:
        reason = f"{SEARCH}; the sign of the slope is not known everywhere"
        return numeric(estimates.sampled_range(expression), reason, error=nan)
    reason = "the slope's signs by interval arithmetic, the tails by their expansion"
    return proved((low[0], high[0]), reason, error=max(low[1], high[1]))


def _attained(expression: Expression) -> Property[tuple[bool, bool]]:
    if derive(expression, "range").status != "proved":
        return unknown("the range is sampled")
    found = extent(expression)
    if derive(expression, "monotone").value in ("strictly increasing", "strictly decreasing"):
        return proved((False, False), "it is strictly monotone")
    if found.low_attained is None or found.high_attained is None:
        return unknown("a value comes so near to an end that its bounds do not tell whether it is reached")
    return proved((found.low_attained, found.high_attained), "where the extreme values lie")


def _number(enclosure: Interval) -> tuple[float, float] | None:
    """Return the nearest float64 and how far the number may be from it; None where that is too far."""
    low, high = enclosure
    if not low.is_finite() or not high.is_finite():
        same = not low.is_finite() and not high.is_finite() and bool(low > 0) == bool(high > 0)
        return ((inf if low > 0 else -inf), 0.0) if same else None
    value = 0.0 if low <= 0 <= high else float(((low + high) / 2).mid())
    if not isfinite(value):
        return None  # beyond float64, as exp(1000)
    error = intervals.distance(enclosure, value)
    return (value, error) if error <= THIN * max(1.0, abs(value)) else None


def _limits(expression: Expression) -> Property[tuple[float, float]]:
    found = [_limit(expression, side) for side in (-1, 1)]
    values = tuple(value for value, _ in found)
    pair = (values[0], values[1])
    errors = [error for _, error in found if error is not None]
    if len(errors) == len(found):
        return proved(pair, "the expansion at infinity, its remainder enclosed", error=max(errors))
    return numeric(pair, "the values from 1e10 to 1e40")


def _limit(expression: Expression, side: int) -> tuple[float, float | None]:
    """Return a limit and its proven error; None where it is only sampled."""
    outer = segments(expression)[0 if side < 0 else -1].expression
    enclosure = limit_at(outer, side)
    number = _number(enclosure) if enclosure is not None else None
    # what is added to the limit may be a wave however small, as in 1 + 1e-40·sin(x)
    if number is not None and (number[1] == 0 or not _waves(outer)):
        return number
    ends = ends_along_progressions(outer, side)
    if any(a[1] < b[0] for a in ends for b in ends):
        return nan, 0.0
    return limit(expression, side), None


def _waves(expression: Expression) -> bool:
    return any(isinstance(node, Call) and node.operator in WAVES for node in nodes(expression))


def _kinks(expression: Expression) -> Property[tuple[float, ...]]:
    found = joints.kinks(expression)
    if found.status == "proved":
        return found
    return numeric(sampled_kinks(expression), f"a search in [−1e6, 1e6]; {found.reason}", error=1e-9)


def _smoothness(expression: Expression) -> Property[float]:
    found = joints.smoothness(expression)
    if found.status == "proved":
        return found
    value = estimates.sampled_smoothness(expression)
    if value is None:
        return unknown(found.reason)
    return numeric(value, f"Taylor series beside breakpoints in [−1e6, 1e6]; {found.reason}")


def _or_sampled(found: Property[str], expression: Expression, *, order: int) -> Property[str]:
    if found.status != "unknown":
        return found
    sample = estimates.sampled_monotonicity if order == 1 else estimates.sampled_convexity
    return numeric(sample(expression), f"samples up to 1e8; {found.reason}")


def _bounded(span: Property[tuple[float, float]]) -> Property[bool]:
    value = span.value is not None and all(isfinite(end) for end in span.value)
    return Property(value=value, status=span.status, reason="its range")


def _lipschitz(expression: Expression) -> Property[float]:
    values = {orders[0]: cut for cut, orders in joints.order_at(expression)}
    jump = values.get("less", values.get("greater"))
    if jump is not None:
        return proved(inf, f"it jumps at {float(jump):g}")
    found = extent(expression, order=1)
    steepest = intervals.hull(found.high, intervals.negate(found.low))
    least = found.high[0].max(-found.low[1])
    number = _number((least, steepest[1]))
    if "near" in values:
        reason = f"{SEARCH}; that both sides of every breakpoint meet is not known exactly"
        return numeric(estimates.sampled_lipschitz(expression), reason, error=nan)
    if number is None:
        reason = f"{SEARCH}; the sign of the curvature is not known everywhere"
        return numeric(estimates.sampled_lipschitz(expression), reason, error=nan)
    return proved(number[0], "the curvature's signs, the tails by their expansion", error=number[1])


def _piecewise_linear(expression: Expression) -> Property[bool]:
    if affine_pieces(expression) is not None:
        return proved(True, "exact arithmetic on its pieces")
    bent = _curved_at(expression)
    if bent is not None:
        return proved(False, f"its curvature at {bent:g} is not 0")
    if _is_affine(expression):
        return proved(True, STRAIGHT)
    return unknown("it is not written with affine pieces, and no curvature was found")


def _is_affine(expression: Expression) -> bool:
    shape = derive(expression, "convex")
    return shape.status == "proved" and shape.value == "affine"


def _curved_at(expression: Expression) -> float | None:
    for probe in PROBES:
        for segment in segments(expression):
            low, high = segment.ends()
            slope = derivative(segment.expression)
            curvature = derivative(slope) if slope is not None else None
            if not low < probe < high or curvature is None or not segment.resolved:
                continue
            if intervals.sign(enclose_range(curvature, intervals.point(probe))) in ("+", "-"):
                return probe
    return None


def _linearity(expression: Expression) -> Property[str]:
    pieces = affine_pieces(expression)
    if pieces is None:
        bent = derive(expression, "piecewise_linear")
        if bent.value:
            odd = derive(expression, "odd")
            return Property(value="linear" if odd.value else "affine", status=odd.status, reason=STRAIGHT)
        if bent.value is None:
            return numeric(estimates.sampled_linearity(expression), f"samples up to 1e8; {bent.reason}")
        return proved("nonlinear", bent.reason)
    if len(pieces) > 1:
        return proved("piecewise linear", f"{len(pieces)} affine pieces")
    if (off := _off_the_line(expression)) is not None:
        return proved("piecewise linear", f"one line, but for its value at {off:g}")
    return proved("linear" if pieces[0].intercept == 0 else "affine", "one affine piece")


def _off_the_line(expression: Expression) -> float | None:
    """Return a breakpoint at which a function of one affine piece has another value; None where there is none."""
    known = rational_pieces(expression)
    slope, intercept = known[1][0] if known is not None else (0, 0)
    values = ((cut, rational_value(expression, cut)) for cut in cuts(expression))
    return next((float(cut) for cut, value in values if value != slope * cut + intercept), None)


DERIVATIONS: dict[str, Callable[[Expression], Property[Any]]] = {
    "range": _range,
    "attained": _attained,
    "limits": _limits,
    "kinks": _kinks,
    "smoothness": _smoothness,
    "monotone": lambda e: _or_sampled(shape.monotonicity(e), e, order=1),
    "convex": lambda e: _or_sampled(shape.convexity(e), e, order=2),
    "odd": lambda e: parity.parity(e, odd=True),
    "even": lambda e: parity.parity(e, odd=False),
    "bounded": lambda e: _bounded(derive(e, "range")),
    "lipschitz": _lipschitz,
    "fixed_points": fixed_points.fixed_points,
    "piecewise_linear": _piecewise_linear,
    "linearity": _linearity,
}
"""How each property is derived where the function is defined on all reals."""
