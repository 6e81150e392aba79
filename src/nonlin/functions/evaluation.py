"""Evaluates an expression on a NumPy float64 array."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError
from nonlin.functions.array_primitives import PRIMITIVES, SPLIT
from nonlin.functions.expression import Call, Constant, Expression, Parameter, Piecewise, Variable, nodes

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["evaluate"]

Array: TypeAlias = NDArray[np.float64]

STEEP: dict[str, Callable[[Array], Array]] = {
    "exp": PRIMITIVES["exp"],
    "expm1": PRIMITIVES["exp"],
    "sigmoid": lambda u: PRIMITIVES["sigmoid"](u) * PRIMITIVES["sigmoid"](-u),
    "softplus": PRIMITIVES["sigmoid"],
    "tanh": PRIMITIVES["sech2"],
    "sech2": lambda u: -2.0 * np.tanh(u) * PRIMITIVES["sech2"](u),
}
"""The primitives that magnify an error of a large argument, with their slopes."""

FACTORS: dict[str, Callable[[Array, Array, Array], tuple[Array | float, Array | float]]] = {
    "add": lambda _a, _b, _value: (1.0, 1.0),
    "subtract": lambda _a, _b, _value: (1.0, -1.0),
    "multiply": lambda a, b, _value: (b, a),
    "divide": lambda _a, b, value: (1.0 / b, -value / b),
    "power": lambda a, _b, _value: (2.0 * a, 0.0),
}
"""How much of an operand's error reaches the result of a sum, a product, a quotient or a square."""


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
    if (
        isinstance(node, Call)
        and node.operator in STEEP
        and (delta := _compensation(node.operands[0], done)) is not None
    ):
        u = done[node.operands[0]]
        return PRIMITIVES[node.operator](u) + delta * STEEP[node.operator](u)
    if isinstance(node, Call):
        return PRIMITIVES[node.operator](*(done[operand] for operand in node.operands))
    if isinstance(node, Parameter):
        raise InvalidInputError(
            f"expected a value for the parameter {node.name!r}, got none; substitute it first"
        )
    raise InvalidInputError(f"expected an expression, got {type(node).__name__}; build one with Variable()")


def _compensation(node: Expression, done: dict[Expression, Array]) -> Array | None:
    """Return what the roundings of sums and products below a node left out; 0 where the node is huge.

    exp(v) has a relative error of the absolute error of v, so 60 to the last bit is not exact enough.
    """
    lost = _rounding(node, done)
    return None if lost is None else np.where(np.abs(done[node]) < 1e4, lost, 0.0)


def _rounding(node: Expression, done: dict[Expression, Array]) -> Array | None:
    if not isinstance(node, Call) or node.operator not in FACTORS:
        return None
    a, b = done[node.operands[0]], done[node.operands[-1]]
    value = done[node]
    if node.operator in ("add", "subtract"):
        b = b if node.operator == "add" else -b
        back = value - a
        lost = (a - (value - back)) + (b - back)
    elif node.operator == "divide":
        lost = -_exact_product(value, b, a) / b
    elif node.operator == "power" and b != 2.0:
        return None
    else:
        lost = _exact_product(a, a if node.operator == "power" else b, value)
    for operand, factor in zip(node.operands, FACTORS[node.operator](a, b, value), strict=True):
        below = _rounding(operand, done)
        lost = lost if below is None else lost + factor * below
    return lost


def _exact_product(a: Array, b: Array, product: Array) -> Array:
    """Return a·b − product without a rounding, for numbers far from the ends of the range."""
    (high, low), (top, rest) = _halves(a), _halves(b)
    return ((high * top - product) + high * rest + low * top) + low * rest


def _halves(a: Array) -> tuple[Array, Array]:
    scaled = SPLIT * a
    high = scaled - (scaled - a)
    return high, a - high


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
