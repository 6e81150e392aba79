"""Evaluates an expression on a NumPy float64 array."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError
from nonlin.functions.array_primitives import PRIMITIVES
from nonlin.functions.expression import Call, Constant, Expression, Parameter, Piecewise, Variable, nodes

__all__ = ["evaluate"]

Array: TypeAlias = NDArray[np.float64]


def evaluate(expression: Expression, u: Array) -> Array:
    """Evaluate in float64 exactly as written, with no care for what happens at ±inf.

    Args:
        expression: has no parameters left.
        u: float64, any shape.

    Returns:
        float64 of the same shape; NaN where u is NaN.
    """
    done: dict[Expression, Array] = {}
    with np.errstate(all="ignore"):
        for node in _order(expression):
            done[node] = _step(node, u, done)
        result = np.broadcast_to(done[expression], u.shape)
        return np.where(np.isnan(u), u, result)


@lru_cache(maxsize=4096)
def _order(expression: Expression) -> tuple[Expression, ...]:
    return tuple(nodes(expression))


def _step(node: Expression, u: Array, done: dict[Expression, Array]) -> Array:
    if isinstance(node, Constant):
        return np.asarray(node.value)
    if isinstance(node, Variable):
        return u
    if isinstance(node, Piecewise):
        return _piecewise(node, done)
    if isinstance(node, Call) and node.operator == "power":
        return _power(done[node.operands[0]], node)
    if isinstance(node, Call):
        return PRIMITIVES[node.operator](*(done[operand] for operand in node.operands))
    if isinstance(node, Parameter):
        raise InvalidInputError(
            f"expected a value for the parameter {node.name!r}, got none; substitute it first"
        )
    raise InvalidInputError(f"expected an expression, got {type(node).__name__}; build one with Variable()")


def _power(base: Array, node: Call) -> Array:
    degree = node.operands[1]
    exponent = int(degree.value) if isinstance(degree, Constant) else 0
    result = None
    while exponent:
        if exponent % 2:
            result = base if result is None else result * base
        base, exponent = base * base, exponent // 2
    return np.ones_like(base) if result is None else result


def _piecewise(node: Piecewise, done: dict[Expression, Array]) -> Array:
    u = done[node.argument]
    result = done[node.pieces[0]]
    for point, at, piece in zip(node.points, node.at, node.pieces[1:], strict=True):
        p = done[point]
        result = np.where(u < p, result, np.where(u > p, done[piece], done[at]))
    return result
