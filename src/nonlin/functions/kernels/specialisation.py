"""What a kernel may leave out, seen from the structure of an expression."""

from __future__ import annotations

import numpy as np

from nonlin.functions.construction import rebuild
from nonlin.functions.evaluation import evaluate
from nonlin.functions.expression import Call, Constant, Expression, Piecewise, Variable, children, nodes
from nonlin.functions.primitives import SLOPES

__all__ = ["ZEROS", "multiplies_one", "passes_nan", "specialised"]

ZEROS = np.array([0.0, -0.0])
CHEAPER = {"exp": "exp_negative", "expm1": "expm1_negative"}


def passes_nan(expression: Expression) -> bool:
    """Return whether NaN comes out by itself; a comparison with NaN is false, so it takes the last piece."""
    if isinstance(expression, Piecewise):
        return passes_nan(expression.pieces[-1])
    if isinstance(expression, Call) and expression.operator == "power":
        return passes_nan(expression.operands[0])
    return isinstance(expression, Variable) or any(passes_nan(child) for child in children(expression))


def multiplies_one(expressions: tuple[Expression, ...]) -> bool:
    """Return whether expressions are arithmetic times one primitive of one a, such as sigmoid(a).

    Then nothing magnifies the error of exp(a); nor in sigmoid(a)·sigmoid(−a), where it counts less than in one.
    """
    found = [_multiplied(expression) for expression in expressions]
    arguments = [argument for part in found for argument in part or ()]
    once = all(part is not None and len(part) == len(set(part)) for part in found)
    return once and len({_without_sign(argument) for argument in arguments}) == 1


def _multiplied(expression: Expression) -> list[Expression] | None:
    """Return the arguments of the primitives in a product; None where it is none, or has others.

    That of another than sigmoid is there with both signs: nothing else may be beside it.
    """
    if _is_arithmetic(expression):
        return []
    if not isinstance(expression, Call):
        return None
    match expression.operator:
        case "sigmoid" if _is_arithmetic(expression.operands[0]):
            return [expression.operands[0]]
        case "softplus" | "tanh_softplus" | "normal_cdf" if _is_arithmetic(expression.operands[0]):
            return [expression.operands[0], Call("negate", expression.operands)]
        case "multiply" | "negate":
            parts = [_multiplied(operand) for operand in expression.operands]
            return None if None in parts else [argument for part in parts for argument in part or ()]
    return None


def _is_arithmetic(expression: Expression) -> bool:
    return not any(isinstance(node, Call) and node.operator in SLOPES for node in nodes(expression))


def _without_sign(argument: Expression) -> Expression:
    while isinstance(argument, Call) and argument.operator == "negate":
        argument = argument.operands[0]
    return argument


def specialised(expression: Expression) -> Expression:
    """Use the cheaper exp where a piece holds only for x ≤ 0, and the right piece at 0 where it is the same there."""
    if not isinstance(expression, Piecewise) or not isinstance(expression.argument, Variable):
        return expression
    first = expression.points[0]
    if not isinstance(first, Constant) or first.value > 0:
        return expression
    pieces = (_cheaper(expression.pieces[0]), *expression.pieces[1:])
    # x keeps the sign of 0, which exp(x) − 1 loses
    right = first.value == 0 and _same_zero(expression.at[0], pieces[1])
    here = pieces[1] if right else _cheaper(expression.at[0])
    return Piecewise(expression.argument, expression.points, pieces, (here, *expression.at[1:]))


def _same_zero(a: Expression, b: Expression) -> bool:
    """Whether both are 0 at ±0, with the same sign."""
    values = [evaluate(piece, ZEROS) for piece in (a, b)]
    return not np.any(values) and bool((np.signbit(values[0]) == np.signbit(values[1])).all())


def _cheaper(piece: Expression) -> Expression:
    done: dict[Expression, Expression] = {}
    for node in nodes(piece):
        if isinstance(node, Call) and node.operator in CHEAPER and _follows_x(node.operands[0]):
            done[node] = Call(CHEAPER[node.operator], node.operands)
        else:
            done[node] = rebuild(node, done)
    return done[piece]


def _follows_x(argument: Expression) -> bool:
    """Return whether the argument is x times or over a positive number, and so has its sign."""
    if isinstance(argument, Variable):
        return True
    if not isinstance(argument, Call) or argument.operator not in ("multiply", "divide"):
        return False
    a, b = argument.operands
    if argument.operator == "multiply" and isinstance(a, Constant):
        a, b = b, a
    return isinstance(a, Variable) and isinstance(b, Constant) and b.value > 0
