"""How far a function lies from straight lines, enclosed: the proof behind an approximation."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from flint import arb

from nonlin.functions.proofs import intervals
from nonlin.functions.proofs.chart import chart, roots
from nonlin.functions.proofs.derivative import derivative, exact_number
from nonlin.functions.proofs.extent import value_at
from nonlin.functions.proofs.interval_evaluation import enclose_range
from nonlin.functions.proofs.intervals import Interval, point
from nonlin.functions.proofs.segments import Segment, as_ball, cuts, resolve, segments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from nonlin.functions.arb import Ball
    from nonlin.functions.expression import Expression

__all__ = ["Deviation", "Piece", "deviations"]

PARTS = 64


class Piece(NamedTuple):
    """A straight line over an interval, exactly: y = slope·x + intercept."""

    low: Fraction
    high: Fraction
    slope: Fraction
    intercept: Fraction


class Deviation(NamedTuple):
    """Where a function is farthest from a line, above or below it, and an enclosure of f − line there."""

    x: float
    value: Interval


def deviations(expression: Expression, pieces: Sequence[Piece]) -> Iterator[Deviation | None]:
    """Enclose f − line at every point of every piece where it may be extreme; None where that is not possible.

    Args:
        expression: has no parameters left.
        pieces: lines over neighbouring intervals.

    Yields:
        For the ends of each piece, the breakpoints and the zeros of f' − slope in it: all that can be extreme.
    """
    for piece in pieces:
        inner = [cut for cut in cuts(expression) if piece.low < cut < piece.high]
        for place in (piece.low, *inner, piece.high):
            line = point(as_ball(piece.slope * place + piece.intercept))
            value = value_at(resolve(expression, place), place)
            yield Deviation(float(place), intervals.subtract(value, line))
        for low, high in itertools.pairwise([piece.low, *inner, piece.high]):
            segment = _segment_at(expression, (low + high) / 2)
            if segment is None:
                yield None
            else:
                yield from _on_part(segment.expression, piece, (low, high))


def _segment_at(expression: Expression, x: Fraction) -> Segment | None:
    for segment in segments(expression):
        if (segment.low is None or segment.low < x) and (segment.high is None or x < segment.high):
            return segment if segment.resolved else None
    return None


def _on_part(f: Expression, piece: Piece, part: tuple[Fraction, Fraction]) -> Iterator[Deviation | None]:
    slope, intercept = as_ball(piece.slope), as_ball(piece.intercept)
    for end in part:
        x = as_ball(end)
        yield Deviation(float(end), intervals.subtract(value_at(f, end), point(slope * x + intercept)))
    steepness = derivative(f)
    if steepness is None:
        yield None
        return
    low, high = point(as_ball(part[0]))[0], point(as_ball(part[1]))[1]
    relative = steepness - exact_number(piece.slope)
    stretches = chart(relative, low, high)
    unsure = [
        box for stretch in stretches if stretch.sign == "?" for box in _split(stretch.low, stretch.high)
    ]
    for box in (*roots(stretches, relative), *unsure):
        line = intervals.add(intervals.multiply(point(slope), box), point(intercept))
        middle = float(((box[0] + box[1]) / 2).mid())
        yield Deviation(middle, intervals.subtract(enclose_range(f, box), line))


def _split(low: Ball, high: Ball) -> Iterator[Interval]:
    width = (high - low) / PARTS
    ends = [low, *((low + i * width).mid() for i in range(1, PARTS)), high]
    yield from itertools.pairwise([arb(end) for end in ends])
