"""Writes an expression for float64: every step in double-double arithmetic, rounded once at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nonlin.functions.expression import Call, Constant, Expression, Piecewise, nodes
from nonlin.functions.kernels.pair_oscillating import sinc_times
from nonlin.functions.kernels.pairs import (
    Pair,
    add,
    choose,
    constant,
    divide,
    multiply,
    scale,
    subtract,
)
from nonlin.functions.kernels.writers import WRITERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nonlin.functions.kernels.emitter import Emitter

__all__ = ["emit_pairs"]

SPHERICAL = ("sinc1", "sinc2", "sinc3")
SCALES = {sign * 2.0**k for sign in (-1, 1) for k in range(-8, 9)}

ARITHMETIC: dict[str, Callable[..., Pair]] = {
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
}


def emit_pairs(e: Emitter, expression: Expression, known: Mapping[Expression, str]) -> str:
    """Write an expression and return the name of its value; `known` as for `emit`."""
    done = {node: Pair(name) for node, name in known.items()}
    for node in nodes(expression):
        if isinstance(node, Constant):
            done[node] = constant(e, node.value)
        elif isinstance(node, Piecewise):
            done[node] = _piecewise(e, node, done)
        elif isinstance(node, Call):
            done[node] = _call(e, node, done)
    return done[expression].high


def _call(e: Emitter, node: Call, done: Mapping[Expression, Pair]) -> Pair:
    operands = [done[operand] for operand in node.operands]
    if (order := _spherical(node)) is not None:
        return sinc_times(e, operands[0], order)
    if node.operator in ARITHMETIC:
        factor = _exact_factor(node)
        if factor is not None:
            return scale(e, operands[factor[0]], factor[1])
        return ARITHMETIC[node.operator](e, *operands, safe=True)
    if node.operator == "power" and isinstance(degree := node.operands[1], Constant):
        return _power(e, operands[0], int(degree.value))
    return WRITERS[node.operator][1](e, operands[0])


def _spherical(node: Call) -> int | None:
    """Return n where a node is u times j_n(u)/uⁿ, as the slopes of these functions are."""
    if node.operator != "multiply":
        return None
    u, other = node.operands
    if isinstance(other, Call) and other.operator in SPHERICAL and other.operands[0] == u:
        return SPHERICAL.index(other.operator) + 1
    return None


def _exact_factor(node: Call) -> tuple[int, float] | None:
    """Return the operand that is multiplied, and the power of two that multiplies it, if so it is."""
    if node.operator not in ("multiply", "divide"):
        return None
    for place in (0, 1):
        factor = node.operands[1 - place]
        if (
            isinstance(factor, Constant)
            and factor.value in SCALES
            and (node.operator == "multiply" or place == 0)
        ):
            return place, factor.value if node.operator == "multiply" else 1 / factor.value
    return None


def _power(e: Emitter, base: Pair, exponent: int) -> Pair:
    result = None
    while exponent:
        if exponent % 2:
            result = base if result is None else multiply(e, result, base, safe=True)
        exponent //= 2
        base = multiply(e, base, base, safe=True) if exponent else base
    return constant(e, 1.0) if result is None else result


def _piecewise(e: Emitter, node: Piecewise, done: Mapping[Expression, Pair]) -> Pair:
    u = done[node.argument]
    result = done[node.pieces[0]]
    for i, point in enumerate(node.points):
        here, right = done[node.at[i]], done[node.pieces[i + 1]]
        beyond = _difference(e, u, done[point])
        zero = e.number(0.0)
        if here == done[node.pieces[i]]:
            result = choose(e, f"{beyond} <= {zero}", result, right)
        elif here == right:
            result = choose(e, f"{beyond} < {zero}", result, right)
        else:
            # NaN must reach the last piece, which passes it on
            between = choose(e, f"{beyond} < {zero}", result, right)
            result = choose(e, f"{beyond} == {zero}", here, between)
    return result


def _difference(e: Emitter, u: Pair, point: Pair) -> str:
    """Return what has the sign of u − point, the low part included, so that a kink is where it truly is."""
    high = e.step(f"{u.high} - {point.high}")
    for sign, low in (("+", u.low), ("-", point.low)):
        high = e.step(f"{high} {sign} {low}") if low else high
    return high
