"""Writes an expression as text that `nonlin.functions.parsing` reads back."""

from __future__ import annotations

import numpy as np

from nonlin.functions.expression import Call, Constant, Expression, Parameter, Piecewise, Variable

__all__ = ["number_text", "short_text", "text"]

SIGNS = {"add": (" + ", 1), "subtract": (" - ", 1), "multiply": (" * ", 2), "divide": (" / ", 2)}
ATOM = 4


def number_text(value: float) -> str:
    """Write a number in full, but a whole one without its '.0'."""
    short = repr(float(value))
    return short.removesuffix(".0")


def short_text(value: float) -> str:
    """Write a number for people: one that comes from a float32 model as 0.1, not as 0.10000000149011612."""
    single = np.float32(value)
    return str(single).removesuffix(".0") if float(single) == value else number_text(value)


def text(expression: Expression) -> str:
    """Write an expression in the language of formulas."""
    return _write(expression)[0]


def _write(node: Expression) -> tuple[str, int]:
    if isinstance(node, Constant):
        return number_text(node.value), ATOM if node.value >= 0 else 0
    if isinstance(node, Variable):
        return "x", ATOM
    if isinstance(node, Parameter):
        return node.name, ATOM
    if isinstance(node, Piecewise):
        return _piecewise(node), ATOM
    if isinstance(node, Call):
        return _call(node)
    return repr(node), ATOM


def _call(node: Call) -> tuple[str, int]:
    if node.operator == "negate":
        return "-" + _bracketed(node.operands[0], 2), 0
    if node.operator == "power":
        return f"{_bracketed(node.operands[0], ATOM)}**{text(node.operands[1])}", 3
    if node.operator in SIGNS:
        sign, level = SIGNS[node.operator]
        # a * (b / c) is rounded otherwise than a * b / c, and may not overflow where that does
        return _bracketed(node.operands[0], level) + sign + _bracketed(node.operands[1], level + 1), level
    return f"{node.operator}({', '.join(text(operand) for operand in node.operands)})", ATOM


def _bracketed(node: Expression, level: int) -> str:
    written, own = _write(node)
    return written if own >= level else f"({written})"


def _piecewise(node: Piecewise) -> str:
    u = text(node.argument)
    result = text(node.pieces[-1])
    for i in reversed(range(len(node.points))):
        point, left, right = text(node.points[i]), text(node.pieces[i]), node.pieces[i + 1]
        if node.at[i] == node.pieces[i]:
            result = f"where({u} <= {point}, {left}, {result})"
        elif node.at[i] == right:
            result = f"where({u} < {point}, {left}, {result})"
        else:
            result = f"where({u} < {point}, {left}, where({u} <= {point}, {text(node.at[i])}, {result}))"
    return result
