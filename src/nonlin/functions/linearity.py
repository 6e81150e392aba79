"""Whether a function is linear, with numbers for each law that it breaks.

A function is linear if f(a + b) = f(a) + f(b) (additivity) and f(c·a) = c·f(a) (homogeneity) for all a, b, c;
affine if f − f(0) is linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError
from nonlin.functions.callables import values_of
from nonlin.functions.choice import as_function
from nonlin.functions.kinks import kinks
from nonlin.functions.pieces import affine_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nonlin.functions.expression import Expression
    from nonlin.functions.function import Function
    from nonlin.functions.property import Status

__all__ = ["Counterexample", "Linearity", "linearity"]

Array: TypeAlias = NDArray[np.float64]
Valuation: TypeAlias = "Callable[[float], tuple[float, float]]"
"""Gives the value at a number and a bound on its error."""
Verdict: TypeAlias = Literal["linear", "affine", "piecewise linear", "nonlinear"]

SIZES = (1.0, 10.0, 0.1, 100.0, 0.01, 1000.0, 0.3, 3.0, 30.0)
PAIRS = ((1.0, -1.0), (1.0, 1.0), (1.0, 2.0), (-1.0, -1.0), (3.0, -1.0), (-3.0, 1.0))
FACTORS = ((2.0, 1.0), (-1.0, 1.0), (3.0, -1.0), (0.5, -2.0), (-2.0, 3.0))
CLEAR = 1e-6  # an example is worth showing if both sides differ by this much, relative to the larger
LINE = np.linspace(-20.0, 20.0, 4001)
ROUNDING = ((np.float16, 1e-2), (np.float32, 1e-5), (np.float64, 1e-10))
"""By the type of a callable's results: what is rounding and no bend, relative to the largest value."""
BENT = {1: 0.02, 10: 0.02, 100: 0.06}
"""The largest share of the line at which a piecewise linear function bends, by the points between values: the bend of
a smooth function shows above the rounding of a narrow type only over a distance, over which a kink is broad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterexample:
    """Numbers for which a law fails.

    Args:
        law: "additivity" or "homogeneity".
        first: a of f(a + b), or the factor c of f(c·a).
        second: b, or a.
        left: f(a + b), or f(c·a).
        right: f(a) + f(b), or c·f(a).
        text: the worked example on a line.
    """

    law: Literal["additivity", "homogeneity"]
    first: float
    second: float
    left: float
    right: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Linearity:
    """A verdict on the linearity of a function.

    Args:
        verdict: "linear", "affine", "piecewise linear" or "nonlinear".
        status: "proved" in exact or ball arithmetic, or "numeric".
        additivity: an example that breaks it; None where it holds.
        homogeneity: an example that breaks it; None where it holds.
        reason: the argument.
    """

    verdict: Verdict
    status: Status
    additivity: Counterexample | None
    homogeneity: Counterexample | None
    reason: str


def linearity(f: Function | str | Callable[[Any], Any]) -> Linearity:
    """Judge a function by the two laws of linearity.

    Args:
        f: a function, its name, a formula in x, or a callable of numbers, arrays or tensors; of the callable only
            samples in [−20, 20] are known, so that its verdict is numeric.

    Raises:
        InvalidInputError: f is a function of a whole vector, or returns no number.

    >>> relu = linearity("relu")
    >>> relu.verdict, relu.status
    ('piecewise linear', 'proved')
    >>> relu.additivity.text
    'f(1 + -1) = f(0) = 0, but f(1) + f(-1) = 1 + 0 = 1'
    >>> linearity("3 * x + 1").verdict, linearity("10 * x").verdict
    ('affine', 'linear')
    """
    known = as_function(f)
    if known is None:
        return _of_callable(f)
    if known.expression is None:
        raise InvalidInputError(
            f"expected a function of one number, got {known.name}, of a whole vector; use another"
        )
    return _of_expression(known.expression)


def _of_expression(expression: Expression) -> Linearity:
    from nonlin.functions.arb import enclose

    def value(x: float) -> tuple[float, float]:
        ball = enclose(expression, x, bits=80)
        return float(ball.mid()), float(ball.rad())

    pieces = affine_pieces(expression)
    # where f is flat up to a kink, only a sum that leaps over it tells
    sizes = (*SIZES, *(0.75 * abs(point) for point in kinks(expression) if point))
    additivity, homogeneity = _additivity(value, sizes), _homogeneity(value, sizes)
    if pieces is not None and len(pieces) > 1:
        reason = f"{len(pieces)} affine pieces, in exact arithmetic"
        return _judged("piecewise linear", "proved", (additivity, homogeneity), reason)
    from nonlin.functions.properties import derive

    sampled = derive(expression, "linearity")
    if pieces is not None and sampled.status == "proved" and sampled.value in ("linear", "affine"):
        reason = f"f(x) = {pieces[0].slope:g}·x"
        reason += f" + {pieces[0].intercept:g}" if sampled.value == "affine" else ""
        return _judged(sampled.value, "proved", (additivity, homogeneity), reason)
    if sampled.value is not None and sampled.value != "nonlinear":
        return _judged(sampled.value, sampled.status, (additivity, homogeneity), sampled.reason)
    bent = derive(expression, "piecewise_linear")
    status: Status = "proved" if bent.value is False else "numeric"
    return _judged("nonlinear", status, (additivity, homogeneity), bent.reason)


def _of_callable(f: Any) -> Linearity:
    values = values_of(f, LINE)
    rounding = _rounding(values)

    def value(x: float) -> tuple[float, float]:
        found = float(values_of(f, np.array([x]))[0])
        return found, rounding * abs(found)

    found = (_additivity(value, SIZES), _homogeneity(value, SIZES))
    for stride, most in BENT.items():
        share = _bent(values, stride, rounding)
        if share:
            reason = f"it bends at {share:.2%} of {len(LINE)} points in [-20, 20]"
            return _judged("piecewise linear" if share <= most else "nonlinear", "numeric", found, reason)
    through_zero = abs(value(0.0)[0]) <= rounding * max(float(np.abs(values).max()), 1e-300)
    verdict: Verdict = "linear" if through_zero else "affine"
    return _judged(verdict, "numeric", found, f"no bend at {len(LINE)} points in [-20, 20]")


def _bent(values: Array, stride: int, rounding: float) -> float:
    """Return the share of the line at which the second difference is more than rounding."""
    left, middle, right = values[: -2 * stride], values[stride:-stride], values[2 * stride :]
    size = np.maximum(np.maximum(np.abs(left), np.abs(right)), min(1.0, float(np.abs(values).max())))
    return float((np.abs(left - 2 * middle + right) > rounding * np.maximum(size, 1e-300)).mean())


def _rounding(values: Array) -> float:
    """Return the rounding of the narrowest type that holds all values: the callable computes in that."""
    with np.errstate(over="ignore"):
        return next(error for kind, error in ROUNDING if (values.astype(kind) == values).all())


def _judged(
    verdict: Verdict,
    status: Status,
    examples: tuple[Counterexample | None, Counterexample | None],
    reason: str,
) -> Linearity:
    return Linearity(
        verdict=verdict, status=status, additivity=examples[0], homogeneity=examples[1], reason=reason
    )


def _additivity(value: Valuation, sizes: Sequence[float]) -> Counterexample | None:
    for size in sizes:
        for p, q in PAIRS:
            a, b = p * size, q * size
            (whole, e0), (first, e1), (second, e2) = value(a + b), value(a), value(b)
            if not _differ(whole, first + second, e0 + e1 + e2):
                continue
            work = f"f({a:g} + {b:g}) = f({a + b:g}) = {whole:.6g}, but f({a:g}) + f({b:g}) = "
            work += f"{first:.6g} + {_bracketed(second)} = {first + second:.6g}"
            return Counterexample(
                law="additivity", first=a, second=b, left=whole, right=first + second, text=work
            )
    return None


def _homogeneity(value: Valuation, sizes: Sequence[float]) -> Counterexample | None:
    for size in sizes:
        for c, p in FACTORS:
            a = p * size
            (whole, e0), (part, e1) = value(c * a), value(a)
            whole, part = whole + 0.0, part + 0.0  # no −0 in the text
            if not _differ(whole, c * part, e0 + abs(c) * e1):
                continue
            work = f"f({c:g} · {_bracketed(a)}) = f({c * a:g}) = {whole:.6g}, but {c:g} · f({a:g}) = "
            work += f"{c:g} · {_bracketed(part)} = {c * part + 0.0:.6g}"
            return Counterexample(law="homogeneity", first=c, second=a, left=whole, right=c * part, text=work)
    return None


def _differ(left: float, right: float, error: float) -> bool:
    # the sums and products here are rounded once more
    slack = 4 * np.finfo(np.float64).eps * (abs(left) + abs(right))
    apart = abs(left - right)
    return bool(apart > error + slack and apart > CLEAR * max(abs(left), abs(right)))


def _bracketed(value: float) -> str:
    return f"({value:.6g})" if value < 0 else f"{value:.6g}"
