"""Evaluates an expression on floating arrays of a library, NumPy or JAX, each step in the arrays' own type."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.functions.array_primitives import PRIMITIVES
from nonlin.functions.expression import Call, Constant, Expression, Parameter, Piecewise, Variable, nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["NUMPY", "Arrays", "evaluate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrays:
    """An array library: the module that has `where` and `isnan`, and the primitives on its arrays, by name."""

    module: Any
    primitives: Mapping[str, Callable[..., Any]]


NUMPY = Arrays(module=np, primitives=PRIMITIVES)


def evaluate(expression: Expression, u: Any, arrays: Arrays = NUMPY) -> Any:
    """Evaluate exactly as written, with no care for what happens at ±inf.

    Args:
        expression: has no parameters left.
        u: float64, or float32 where the primitives take it; any shape.
        arrays: the library of u.

    Returns:
        The same type and shape; NaN where u is NaN.
    """
    done: dict[Expression, Any] = {}
    with np.errstate(all="ignore"):
        for node in _order(expression):
            done[node] = _step(node, u, done, arrays)
        result = done[expression]
        if result.shape != u.shape:  # a constant
            result = arrays.module.broadcast_to(result, u.shape)
        return arrays.module.where(arrays.module.isnan(u), u, result)


@lru_cache(maxsize=4096)
def _order(expression: Expression) -> tuple[Expression, ...]:
    return tuple(nodes(expression))


def _step(node: Expression, u: Any, done: dict[Expression, Any], arrays: Arrays) -> Any:
    if isinstance(node, Constant):
        return arrays.module.asarray(node.value, dtype=u.dtype)
    if isinstance(node, Variable):
        return u
    if isinstance(node, Piecewise):
        return _piecewise(node, done, arrays)
    if isinstance(node, Parameter):
        raise InvalidInputError(
            f"expected a value for the parameter {node.name!r}, got none; substitute it first"
        )
    if not isinstance(node, Call):
        raise InvalidInputError(
            f"expected an expression, got {type(node).__name__}; build one with Variable()"
        )
    if node.operator == "power" and isinstance(degree := node.operands[1], Constant):
        return _power(done[node.operands[0]], int(degree.value))
    return arrays.primitives[node.operator](*(done[operand] for operand in node.operands))


def _power(base: Any, exponent: int) -> Any:
    result = 1.0
    while exponent:
        if exponent % 2:
            result = result * base
        base, exponent = base * base, exponent // 2
    return result


def _piecewise(node: Piecewise, done: dict[Expression, Any], arrays: Arrays) -> Any:
    u, where = done[node.argument], arrays.module.where
    result = done[node.pieces[0]]
    for point, at, piece in zip(node.points, node.at, node.pieces[1:], strict=True):
        p = done[point]
        result = where(u < p, result, where(u > p, done[piece], done[at]))
    return result
