"""Encloses the values of an expression on an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flint import arb

from nonlin.functions.proofs import intervals
from nonlin.functions.proofs.interval_primitives import PRIMITIVES
from nonlin.functions.proofs.intervals import EVERYTHING
from nonlin.functions.proofs.tape import Instruction, tape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.functions.expression import Expression
    from nonlin.functions.proofs.intervals import Interval

__all__ = ["enclose_range"]


def enclose_range(expression: Expression, over: Interval) -> Interval:
    """Return an interval that holds every value of the expression on an interval, at the context's precision.

    At a single point where a part of it is not defined, as 1/x at 0, that is everything: x/x has no value there.
    """
    done: list[Interval] = []
    alone = over[0] == over[1]
    for instruction in tape(expression):
        found = _step(instruction, over, done)
        if alone and not (found[0].is_finite() and found[1].is_finite()):
            return EVERYTHING
        done.append(found)
    return done[-1]


def _step(instruction: Instruction, over: Interval, done: Sequence[Interval]) -> Interval:
    operator, operands, number = instruction
    if operator == "variable":
        return over
    if operator == "constant":
        return (arb(number), arb(number))
    if operator == "power":
        return intervals.power(done[operands[0]], int(number))
    if operator == "piecewise":
        return _piecewise([done[i] for i in operands])
    if operator in ("add", "subtract") or len(operands) == 2:
        return PRIMITIVES[operator](done[operands[0]], done[operands[1]])
    return PRIMITIVES[operator](done[operands[0]])


def _piecewise(parts: list[Interval]) -> Interval:
    count = (len(parts) - 2) // 3
    u, points = parts[0], parts[1 : count + 1]
    pieces, at = parts[count + 1 : 2 * count + 2], parts[2 * count + 2 :]
    possible = [value for value, p in zip(at, points, strict=True) if not (u[1] < p[0] or u[0] > p[1])]
    for i, piece in enumerate(pieces):
        left_of_it = i > 0 and u[1] <= points[i - 1][0]
        right_of_it = i < count and u[0] >= points[i][1]
        if not left_of_it and not right_of_it:
            possible.append(piece)
    result = possible[0]
    for value in possible[1:]:
        result = intervals.hull(result, value)
    return result
