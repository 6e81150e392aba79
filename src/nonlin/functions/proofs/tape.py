"""Writes an expression as a list of instructions, so that it can be evaluated often and fast."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from nonlin.errors import InvalidInputError
from nonlin.functions.expression import Call, Constant, Expression, Parameter, Piecewise, Variable, nodes

__all__ = ["Instruction", "tape"]


class Instruction(NamedTuple):
    """One step: an operator on the results of earlier steps.

    Args:
        operator: a primitive; "variable", "constant", "power" or "piecewise".
        operands: the indices of earlier steps. Of a choice with n breakpoints: the argument, the n
            breakpoints, the n + 1 pieces, the n values at the breakpoints.
        number: a constant's value, or the exponent of a power.
    """

    operator: str
    operands: tuple[int, ...]
    number: float


@lru_cache(maxsize=4096)
def tape(expression: Expression) -> tuple[Instruction, ...]:
    """Return the instructions; the last one gives the expression's value.

    Raises:
        InvalidInputError: a parameter has no value yet.
    """
    order = list(nodes(expression))
    index = {node: i for i, node in enumerate(order)}
    return tuple(_instruction(node, index) for node in order)


def _instruction(node: Expression, index: dict[Expression, int]) -> Instruction:
    if isinstance(node, Constant):
        return Instruction("constant", (), node.value)
    if isinstance(node, Variable):
        return Instruction("variable", (), 0.0)
    if isinstance(node, Piecewise):
        parts = (node.argument, *node.points, *node.pieces, *node.at)
        return Instruction("piecewise", tuple(index[part] for part in parts), 0.0)
    if isinstance(node, Parameter):
        raise InvalidInputError(
            f"expected a value for the parameter {node.name!r}, got none; substitute it first"
        )
    if isinstance(node, Call):
        return _call(node, index)
    raise InvalidInputError(f"expected an expression, got {type(node).__name__}; build one with Variable()")


def _call(node: Call, index: dict[Expression, int]) -> Instruction:
    first, last = node.operands[0], node.operands[-1]
    if node.operator == "power" and isinstance(last, Constant):
        return Instruction("power", (index[first],), last.value)
    if node.operator == "multiply" and first == last:
        # as a square, an interval of it is never negative
        return Instruction("power", (index[first],), 2.0)
    return Instruction(node.operator, tuple(index[operand] for operand in node.operands), 0.0)
