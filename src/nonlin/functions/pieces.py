"""The affine pieces of a function that is piecewise linear, in exact arithmetic."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import inf
from typing import TypeAlias

from nonlin.functions.expression import Call, Constant, Expression, Piecewise, Variable

__all__ = ["Piece", "affine_pieces"]

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
    ends = [-inf, *map(float, cuts), inf]
    return tuple(
        Piece(low=low, high=high, slope=float(slope), intercept=float(intercept))
        for low, high, (slope, intercept) in zip(ends, ends[1:], lines, strict=False)
    )


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
