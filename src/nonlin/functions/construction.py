"""Builds expressions: primitives, choices between pieces, substitution; computes what is a number."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from nonlin.errors import InvalidInputError
from nonlin.functions.expression import (
    Call,
    Condition,
    Constant,
    Expression,
    Number,
    Parameter,
    Piecewise,
    Variable,
    add,
    as_expression,
    children,
    divide,
    multiply,
    negate,
    nodes,
    power,
    subtract,
)

__all__ = ["absolute", "call", "clip", "maximum", "minimum", "piecewise", "sign", "substitute", "where"]

Pieces: TypeAlias = Sequence[Expression]

ARITHMETIC: dict[str, Callable[[Expression, Expression], Expression]] = {
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
}


def call(operator: str, *operands: Number) -> Expression:
    """Apply a primitive or an arithmetic operator by name."""
    arguments = tuple(as_expression(operand) for operand in operands)
    if operator in ARITHMETIC:
        return ARITHMETIC[operator](*arguments)
    if operator == "negate":
        return negate(*arguments)
    if operator == "power" and isinstance(arguments[1], Constant):
        return power(arguments[0], int(arguments[1].value))
    return Call(operator, arguments)


def piecewise(argument: Expression, points: Pieces, pieces: Pieces, at: Pieces) -> Expression:
    """Choose by breakpoints; choices within a piece on the same argument are merged when they are numbers."""
    if len(set(pieces) | set(at)) == 1:
        return pieces[0]
    numbers = [p.value for p in points if isinstance(p, Constant)]
    if isinstance(argument, Constant) and len(numbers) == len(points):
        return _choose(argument.value, numbers, pieces, at)
    if len(numbers) != len(points):
        return Piecewise(argument, tuple(points), tuple(pieces), tuple(at))
    if any(a >= b for a, b in itertools.pairwise(numbers)):
        raise InvalidInputError(f"expected increasing breakpoints, got {numbers}; put them in order")
    if any(_splits(piece, argument) for piece in (*pieces, *at)):
        return _merged(argument, numbers, pieces, at)
    return _joined(argument, numbers, pieces, at)


def where(condition: Condition, yes: Number, no: Number) -> Expression:
    """Return the first expression where the condition holds, else the second; a tie as the condition says.

    The side that owns the tie also declares the slope at the breakpoint.
    """
    yes, no = as_expression(yes), as_expression(no)
    left, right, less = condition.left, condition.right, condition.less
    if isinstance(left, Constant):
        left, right, less = right, left, not less
    if not isinstance(right, Constant | Parameter):
        left, right = left - right, Constant(0.0)
    tie = yes if condition.equal else no
    return piecewise(left, (right,), (yes, no) if less else (no, yes), (tie,))


def clip(argument: Number, low: Number, high: Number) -> Expression:
    """Limit to [low, high]; the slope at both ends is 0."""
    u, low, high = as_expression(argument), as_expression(low), as_expression(high)
    if not all(isinstance(end, Constant | Parameter) for end in (low, high)):
        return where(u <= low, low, where(u >= high, high, u))
    return piecewise(u, (low, high), (low, u, high), (low, high))


def absolute(argument: Number) -> Expression:
    """Return the absolute value; its slope at 0 is 0."""
    u = as_expression(argument)
    zero = Constant(0.0)
    return piecewise(u, (zero,), (-u, u), (zero,))


def sign(argument: Number) -> Expression:
    """Return −1, 0 or 1."""
    zero, one = Constant(0.0), Constant(1.0)
    return piecewise(as_expression(argument), (zero,), (-one, one), (zero,))


def maximum(a: Number, b: Number) -> Expression:
    """Return the larger of two; at a tie the slope is that of a number, or of the second."""
    a, b = as_expression(a), as_expression(b)
    if isinstance(a, Constant | Parameter):
        a, b = b, a
    return where(a > b, a, b)


def minimum(a: Number, b: Number) -> Expression:
    """Return the smaller of two; at a tie the slope is that of a number, or of the second."""
    a, b = as_expression(a), as_expression(b)
    if isinstance(a, Constant | Parameter):
        a, b = b, a
    return where(a < b, a, b)


def substitute(
    expression: Expression, *, x: Expression | None = None, parameters: Mapping[str, Expression] | None = None
) -> Expression:
    """Replace the variable, and parameters by name."""
    values = parameters or {}
    done: dict[Expression, Expression] = {}
    for node in nodes(expression):
        new: Expression = node
        if isinstance(node, Variable) and x is not None:
            new = x
        elif isinstance(node, Parameter):
            new = values.get(node.name, node)
        elif children(node):
            new = rebuild(node, done)
        done[node] = new
    return done[expression]


def rebuild(node: Expression, done: Mapping[Expression, Expression]) -> Expression:
    """Make a node again from what its parts became."""
    if isinstance(node, Call):
        return call(node.operator, *(done[operand] for operand in node.operands))
    if isinstance(node, Piecewise):
        parts = [tuple(done[part] for part in group) for group in (node.points, node.pieces, node.at)]
        return piecewise(done[node.argument], *parts)
    return node


def _choose(value: float, points: list[float], pieces: Pieces, at: Pieces) -> Expression:
    i = bisect_left(points, value)
    return at[i] if i < len(points) and points[i] == value else pieces[i]


def _splits(piece: Expression, argument: Expression) -> bool:
    if not isinstance(piece, Piecewise) or piece.argument != argument:
        return False
    return all(isinstance(point, Constant) for point in piece.points)


def _merged(argument: Expression, points: list[float], pieces: Pieces, at: Pieces) -> Expression:
    inner = [
        p
        for piece in (*pieces, *at)
        if isinstance(piece, Piecewise) and _splits(piece, argument)
        for p in piece.points
    ]
    union = sorted({*points, *(p.value for p in inner if isinstance(p, Constant))})
    ends = [union[0] - 1, *union, union[-1] + 1]
    middles = [(a + b) / 2 for a, b in itertools.pairwise(ends)]

    def hold(value: float) -> Expression:
        chosen = _choose(value, points, pieces, at)
        while isinstance(chosen, Piecewise) and _splits(chosen, argument):
            numbers = [p.value for p in chosen.points if isinstance(p, Constant)]
            chosen = _choose(value, numbers, chosen.pieces, chosen.at)
        return chosen

    return _joined(argument, union, [hold(m) for m in middles], [hold(p) for p in union])


def _joined(argument: Expression, points: list[float], pieces: Pieces, at: Pieces) -> Expression:
    # a breakpoint between equal pieces is none
    keep = [i for i in range(len(points)) if not pieces[i] == pieces[i + 1] == at[i]]
    if not keep:
        return pieces[0]
    chosen = [pieces[keep[0]], *(pieces[i + 1] for i in keep)]
    return Piecewise(
        argument, tuple(Constant(points[i]) for i in keep), tuple(chosen), tuple(at[i] for i in keep)
    )
