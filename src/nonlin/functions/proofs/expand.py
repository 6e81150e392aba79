"""Expands an expression near +∞ or −∞."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flint import arb

from nonlin.functions.proofs.expansion import Expansion, NoExpansionError, constant, variable
from nonlin.functions.proofs.expansion_primitives import apply_primitive
from nonlin.functions.proofs.intervals import point
from nonlin.functions.proofs.tape import Instruction, tape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.functions.arb import Ball
    from nonlin.functions.expression import Expression

__all__ = ["expand"]


def expand(expression: Expression, *, side: int, start: Ball) -> Expansion | None:
    """Return an expansion that holds for side·x ≥ start, or None where this method finds none.

    Args:
        expression: has no parameters left.
        side: 1 or −1.
        start: an exact number of at least 1.
    """
    done: list[Expansion] = []
    try:
        for instruction in tape(expression):
            done.append(_step(instruction, side, arb(start), done))
    except NoExpansionError:
        return None
    return done[-1]


def _step(instruction: Instruction, side: int, start: Ball, done: Sequence[Expansion]) -> Expansion:
    operator, operands, number = instruction
    if operator == "variable":
        return variable(side, start)
    if operator == "constant":
        return constant(number, start)
    first, last = (done[operands[0]], done[operands[-1]])
    if operator == "power":
        return first.power(int(number))
    if operator == "piecewise":
        return _piecewise([done[i] for i in operands])
    if operator == "divide":
        return first * last.reciprocal()
    if operator == "negate":
        return -first
    if operator == "multiply":
        return first * last
    if operator in ("add", "subtract"):
        return first + last if operator == "add" else first - last
    return apply_primitive(operator, first)


def _piecewise(parts: list[Expansion]) -> Expansion:
    count = (len(parts) - 2) // 3
    u, pieces = parts[0].bound(), parts[count + 1 : 2 * count + 2]
    points = [part.terms[0][1] if part.terms else point(0.0) for part in parts[1 : count + 1]]
    for i, piece in enumerate(pieces):
        if (i == 0 or u[0] > points[i - 1][1]) and (i == count or u[1] < points[i][0]):
            return piece
    raise NoExpansionError
