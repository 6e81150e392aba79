"""Lowers expressions to JavaScript: the page of explanations computes with the same definitions as Python."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

from nonlin.errors import InvalidInputError
from nonlin.functions.expression import Call, Constant, Expression, Parameter, Piecewise, Variable, nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["javascript", "javascript_breakpoints", "javascript_primitives"]

SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


def javascript(expression: Expression) -> str:
    """Return an arrow function `(x, p) => …` that evaluates an expression in float64.

    Args:
        expression: its parameters become members of the object p.

    Returns:
        Source text that needs the object P of `javascript_primitives`. NaN gives NaN; beyond 1e50 and at ±inf it
        computes as written, without the care for limits that `Function` takes.

    >>> from nonlin.functions import function
    >>> print(javascript(function("leaky_relu").definition))
    (x, p) => { const v0 = p.negative_slope * x; return x < 0.0 ? v0 : x === 0.0 ? v0 : x === x ? x : NaN; }
    """
    names: dict[Expression, str] = {}
    steps: list[str] = []
    for node in nodes(expression):
        written = _written(node, names)
        if isinstance(node, Call):
            names[node] = f"v{len(steps)}"
            steps.append(f"const {names[node]} = {written}; ")
        else:
            names[node] = f"({written})" if isinstance(node, Piecewise) else written
    result = (
        names[expression].removeprefix("(").removesuffix(")") if _choice(expression) else names[expression]
    )
    return f"(x, p) => {{ {''.join(steps)}return {result}; }}"


def javascript_breakpoints(expression: Expression) -> str:
    """Return an arrow function `(p) => […]` of the x at which some choice between pieces changes, as it finds them.

    An argument other than x must be affine in x, as in every function of the catalogue; what it is compared with must
    not depend on x.
    """
    pairs = dict.fromkeys(
        (node.argument, point)
        for node in nodes(expression)
        if isinstance(node, Piecewise)
        for point in node.points
    )
    solved = ", ".join(_solution(argument, point) for argument, point in pairs)
    return f"(p) => [{solved}]"


def javascript_primitives() -> str:
    """Return the module that exports the primitives as the members of P."""
    return files("nonlin.functions").joinpath("javascript_primitives.js").read_text(encoding="utf-8")


def _choice(expression: Expression) -> bool:
    return isinstance(expression, Piecewise)


def _written(node: Expression, names: Mapping[Expression, str]) -> str:
    if isinstance(node, Constant):
        return json.dumps(node.value) if node.value >= 0 else f"({json.dumps(node.value)})"
    if isinstance(node, Variable):
        return "x"
    if isinstance(node, Parameter):
        return f"p.{node.name}"
    if isinstance(node, Piecewise):
        return _chosen(node, names)
    if isinstance(node, Call):
        return _called(node, names)
    raise InvalidInputError(f"expected an expression, got {type(node).__name__}; build one with Variable()")


def _called(node: Call, names: Mapping[Expression, str]) -> str:
    operands = [names[operand] for operand in node.operands]
    if node.operator in SIGNS:
        return f"{operands[0]} {SIGNS[node.operator]} {operands[1]}"
    if node.operator == "negate":
        return f"-{operands[0]}"
    return f"P.{node.operator}({', '.join(operands)})"


def _chosen(node: Piecewise, names: Mapping[Expression, str]) -> str:
    u = names[node.argument]
    parts = []
    for point, piece, at in zip(node.points, node.pieces, node.at, strict=False):
        parts += [f"{u} < {names[point]} ? {names[piece]} : ", f"{u} === {names[point]} ? {names[at]} : "]
    return f"{''.join(parts)}{u} === {u} ? {names[node.pieces[-1]]} : NaN"


def _solution(argument: Expression, point: Expression) -> str:
    if isinstance(argument, Variable):
        return f"({javascript(point)})(0, p)"
    return f"((f, y) => (y - f(0, p)) / (f(1, p) - f(0, p)))({javascript(argument)}, ({javascript(point)})(0, p))"
