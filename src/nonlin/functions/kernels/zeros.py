"""The sign of a result that is 0 at ±0, where the parameters, which decide it, are known only when a kernel runs.

A pair loses it, −0 + 0 being 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nonlin.functions.expression import Call, Parameter, Piecewise, Variable, nodes
from nonlin.functions.kernels.precision import SINGLE
from nonlin.functions.kernels.source import emit, prepared

if TYPE_CHECKING:
    from nonlin.functions.expression import Expression
    from nonlin.functions.kernels.emitter import Emitter

__all__ = ["at_zero_source", "loses_sign", "signed"]

PASSED_ON = frozenset({"atan", "erf", "expm1", "isru", "log1p", "sin", "sqrt", "tanh", "tanhshrink"})
"""Primitives whose value at ±0 is that 0."""

TEMPLATE = """
@numba.njit("void({types})", cache=True, error_model="numpy", nogil=True)
def at_zero({arguments}):
    for c in range(p0.size):
        for side in range(2):
            u = F(-0.0) if side else F(0.0)
{body}

"""


def loses_sign(expression: Expression) -> bool:
    """Return whether pairs may give a 0 at ±0 the wrong sign: where more is done than one product and choices."""
    if isinstance(expression, Piecewise):
        return any(loses_sign(part) for part in (*expression.pieces, *expression.at))
    if not isinstance(expression, Call):
        return False
    if expression.operator == "multiply":
        return any(isinstance(operand, Call | Piecewise) for operand in expression.operands)
    return expression.operator != "negate" or loses_sign(expression.operands[0])


def at_zero_source(expressions: tuple[Expression, ...], names: tuple[str, ...]) -> str:
    """Write a function that takes the parameters' arrays and fills zeros[k, side, c] step by step, −0 as side 1.

    Args:
        expressions: index k.
        names: of the parameters, each an array over c.
    """
    emitter = prepared(expressions, SINGLE)
    known: dict[Expression, str] = {Parameter(name): f"q{k}" for k, name in enumerate(names)}
    known[Variable()] = "u"
    values = [_step_by_step(emitter, expression, known) for expression in expressions]
    loads = [f"q{k} = F(p{k}[c])" for k in range(len(names))]
    body = [*loads, *emitter.lines, *(f"zeros[{k}, side, c] = {value}" for k, value in enumerate(values))]
    return TEMPLATE.format(
        types=", ".join(["float64[::1]"] * len(names) + ["float64[:, :, ::1]"]),
        arguments=", ".join([*(f"p{k}" for k in range(len(names))), "zeros"]),
        body="\n".join(f"{' ' * 12}{line}" for line in body),
    )


def _step_by_step(e: Emitter, expression: Expression, known: dict[Expression, str]) -> str:
    for node in nodes(expression):
        known[node] = emit(e, node, known)
        if isinstance(node, Call) and node.operator in PASSED_ON:
            inner = known[node.operands[0]]
            known[node] = e.select(f"{inner} == {e.number(0.0)}", inner, known[node])
    return known[expression]


def signed(k: int, value: str) -> list[str]:
    """Return the lines that make r of a value at u: with the sign of za or zb, which hold at 0 and −0."""
    return [
        f"z{k} = select(bits(u) < I(0), zb{k}, za{k})",
        f"r{k} = select(u == F(0.0), select(z{k} == F(0.0), z{k}, {value}), {value})",
    ]
