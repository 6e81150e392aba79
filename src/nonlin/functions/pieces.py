"""The affine pieces of a function that is piecewise linear, in exact arithmetic."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import inf
from operator import add, mul, neg, sub, truediv
from typing import TYPE_CHECKING, TypeAlias

from nonlin.errors import InvalidInputError
from nonlin.functions.expression import Call, Constant, Expression, Piecewise, Variable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Piece", "affine_pieces", "as_float", "rational_pieces", "rational_value"]

Cut: TypeAlias = Fraction
Affine: TypeAlias = tuple[Fraction, Fraction]
Parts: TypeAlias = tuple[list[Cut], list[Affine]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The function is slope·x + intercept strictly between low and high."""

    low: float
    high: float
    slope: float
    intercept: float


@lru_cache(maxsize=1024)
def affine_pieces(expression: Expression) -> tuple[Piece, ...] | None:
    """Cut the reals into the intervals on which the expression is affine.

    Returns:
        Pieces from left to right that cover (−inf, inf), neighbours of them different; or None where the
        expression
        is not built of affine pieces. A jump in the value (a step) is two pieces, too.
    """
    parts = _parts(expression)
    if parts is None:
        return None
    cuts, lines = _joined(parts)
    ends = [-inf, *map(as_float, cuts), inf]
    return tuple(
        Piece(low=low, high=high, slope=as_float(slope), intercept=as_float(intercept))
        for low, high, (slope, intercept) in zip(ends, ends[1:], lines, strict=False)
    )


def as_float(number: Fraction) -> float:
    """Return a rational number as a float64.

    Raises:
        InvalidInputError: it is beyond all of them.
    """
    try:
        return float(number)
    except OverflowError as error:
        raise InvalidInputError(
            "expected breakpoints, slopes and values at 0 below 1.8e308, got a larger one; scale the formula down"
        ) from error


@lru_cache(maxsize=1024)
def rational_pieces(expression: Expression) -> tuple[tuple[Fraction, ...], tuple[Affine, ...]] | None:
    """Return the exact cuts, and (slope, intercept) of the pieces from left to right; None as in `affine_pieces`."""
    parts = _parts(expression)
    if parts is None:
        return None
    cuts, lines = _joined(parts)
    return tuple(cuts), tuple(lines)


def rational_value(expression: Expression, x: Fraction) -> Fraction:
    """Return the exact value of a piecewise linear expression, at a cut the one that is declared there."""
    if isinstance(expression, Constant):
        return Fraction(expression.value)
    if isinstance(expression, Variable):
        return x
    if isinstance(expression, Piecewise):
        u = rational_value(expression.argument, x)
        points = [rational_value(point, x) for point in expression.points]
        if u in points:
            return rational_value(expression.at[points.index(u)], x)
        return rational_value(expression.pieces[sum(point < u for point in points)], x)
    if isinstance(expression, Call) and expression.operator in _RATIONAL:
        return _RATIONAL[expression.operator](*(rational_value(o, x) for o in expression.operands))
    raise InvalidInputError(
        f"expected an expression of affine pieces, got {expression}; use its value in floats"
    )


_RATIONAL: dict[str, Callable[..., Fraction]] = {
    "negate": neg,
    "add": add,
    "subtract": sub,
    "multiply": mul,
    "divide": truediv,
}


def _parts(node: Expression) -> Parts | None:
    if isinstance(node, Constant):
        return [], [(Fraction(0), Fraction(node.value))]
    if isinstance(node, Variable):
        return [], [(Fraction(1), Fraction(0))]
    if isinstance(node, Piecewise):
        return _piecewise(node)
    if isinstance(node, Call):
        return _call(node)
    return None


def _call(node: Call) -> Parts | None:
    if node.operator not in ("negate", "add", "subtract", "multiply", "divide"):
        return None
    operands = [_parts(operand) for operand in node.operands]
    first, last = operands[0], operands[-1]
    if first is None or last is None:
        return None
    if node.operator == "negate":
        return first[0], [(-a, -b) for a, b in first[1]]
    cuts = sorted({*first[0], *last[0]})
    lines = []
    for middle in _middles(cuts):
        line = _combined(node.operator, _line_at(first, middle), _line_at(last, middle))
        if line is None:
            return None
        lines.append(line)
    return _joined((cuts, lines))


def _combined(operator: str, u: Affine, v: Affine) -> Affine | None:
    (a, b), (c, d) = u, v
    if operator == "add":
        return a + c, b + d
    if operator == "subtract":
        return a - c, b - d
    if operator == "multiply" and (a == 0 or c == 0):
        return a * d + c * b, b * d
    if operator == "divide" and c == 0 and d != 0:
        return a / d, b / d
    return None


def _piecewise(node: Piecewise) -> Parts | None:
    argument = _parts(node.argument)
    pieces = [_parts(piece) for piece in node.pieces]
    points = [Fraction(point.value) for point in node.points if isinstance(point, Constant)]
    if argument is None or len(points) != len(node.points):
        return None
    cuts = set(argument[0])
    for middle in _middles(argument[0]):
        a, b = _line_at(argument, middle)
        cuts |= {(point - b) / a for point in points if a != 0}
    known = [piece for piece in pieces if piece is not None]
    if len(known) != len(pieces):
        return None
    ordered = sorted(cuts.union(*(piece[0] for piece in known)))
    lines = []
    for middle in _middles(ordered):
        a, b = _line_at(argument, middle)
        value = a * middle + b
        lines.append(_line_at(known[sum(point < value for point in points)], middle))
    return _joined((ordered, lines))


def _middles(cuts: list[Cut]) -> list[Fraction]:
    if not cuts:
        return [Fraction(0)]
    return [cuts[0] - 1, *((a + b) / 2 for a, b in itertools.pairwise(cuts)), cuts[-1] + 1]


def _line_at(parts: Parts, x: Fraction) -> Affine:
    return parts[1][sum(cut < x for cut in parts[0])]


def _joined(parts: Parts) -> Parts:
    cuts, lines = parts
    kept = [i for i in range(len(cuts)) if lines[i] != lines[i + 1]]
    return [cuts[i] for i in kept], [lines[0], *(lines[i + 1] for i in kept)]
