"""Recognises textbook forms in a formula and puts the stable primitive in their place."""

from __future__ import annotations

from math import sqrt

import numpy as np

from nonlin.functions.construction import absolute, call, rebuild
from nonlin.functions.expression import Call, Constant, Expression, children, nodes
from nonlin.functions.polynomial import polynomial, polynomial_expression

__all__ = ["stabilise"]

ROOT_HALF = sqrt(0.5)
ROUNDED = 4e-16  # √2, or 1/√0.5, as float64 has it


def stabilise(expression: Expression) -> Expression:
    """Rewrite 1/(1 + exp(−u)) as sigmoid(u), log(1 + exp(u)) as softplus(u), and so on."""
    done: dict[Expression, Expression] = {}
    for node in nodes(expression):
        new = rebuild(node, done) if children(node) else node
        while isinstance(new, Call) and (better := _better(new)) is not None:
            new = better
        done[node] = new
    return done[expression]


def _better(node: Call) -> Expression | None:
    if node.operator == "divide":
        return _divide(*node.operands)
    if node.operator == "multiply":
        return _multiply(*node.operands)
    if node.operator == "subtract" and _is(node.operands[1], 1.0) and (u := _inside(node.operands[0], "exp")):
        return call("expm1", u)
    if node.operator == "sqrt" and (u := _squared(node.operands[0])):
        return absolute(u)
    if node.operator == "log":
        u = _one_plus(node.operands[0])
        return _logarithm(node.operands[0]) or (call("log1p", u) if u else None)
    if node.operator == "log1p" and (u := _inside(node.operands[0], "exp")):
        return call("softplus", u)
    if node.operator == "tanh" and (u := _inside(node.operands[0], "softplus")):
        return call("tanh_softplus", u)
    if node.operator == "tanh" and (u := _inside(node.operands[0], "exp")):
        return call("tanh_exp", u)
    if node.operator == "subtract" and (u := _inside(node.operands[1], "tanh")) == node.operands[0]:
        return call("tanhshrink", node.operands[0])
    return None


def _divide(a: Expression, b: Expression) -> Expression | None:
    exponential = _one_plus(b)
    u = _inside(exponential, "exp") if exponential else None
    if u is not None:
        return _over_one_plus_exp(a, u)
    if isinstance(b, Call) and b.operator == "power" and isinstance(n := b.operands[1], Constant):
        u = _inside(_one_plus(b.operands[0]), "exp")
        return None if u is None else _over_one_plus_exp(a, u) * call("sigmoid", -u) ** int(n.value - 1)
    if isinstance(b, Call) and b.operator == "add" and (share := _share(a, *b.operands)) is not None:
        return share
    if (difference := _hyperbolic(a, "subtract")) and set(difference) == set(_hyperbolic(b, "add")):
        return call("tanh", *children(difference[0]))
    if isinstance(b, Constant) and _near(b.value, 2.0) and (u := _normal(a)) is not None:
        return call("normal_cdf", u)
    return None


def _over_one_plus_exp(a: Expression, u: Expression) -> Expression:
    """Return a/(1 + exp(u)), such that where exp(u) is infinite the quotient still has a value."""
    exponential = call("exp", u)
    if a == exponential:
        return call("sigmoid", u)
    if a == call("expm1", u):
        return call("tanh", _scaled(u, 0.5))
    if a == 1 - exponential:
        return call("tanh", _scaled(u, -0.5))
    if isinstance(a, Call) and a.operator == "multiply" and exponential in a.operands:
        return a.operands[a.operands[0] == exponential] * call("sigmoid", u)
    return a * call("sigmoid", -u)


def _logarithm(node: Expression) -> Expression | None:
    """Return the logarithm of what exponentials and positive numbers make, without an exponential that overflows.

    log(exp(a) + exp(b)) is a + softplus(b − a), the log-sum-exp of two; of a number alone there is none.
    """
    if not isinstance(node, Call):
        return None
    if node.operator == "exp":
        return node.operands[0]
    if node.operator == "sigmoid":
        return -call("softplus", -node.operands[0])
    if node.operator not in ("add", "multiply", "divide"):
        return None
    a, b = (_logarithm_of_part(operand) for operand in node.operands)
    if a is None or b is None:
        return None
    if node.operator == "add":
        return a + call("softplus", _minus(b, a))
    return a + b if node.operator == "multiply" else a - b


def _logarithm_of_part(node: Expression) -> Expression | None:
    if isinstance(node, Constant) and node.value > 0:
        return Constant(0.0) if node.value == 1 else call("log", node)
    return _logarithm(node)


def _minus(a: Expression, b: Expression) -> Expression:
    """Return a − b, multiplied out where that is a polynomial: of x and −x, 2·x."""
    line = polynomial(a - b)
    return (polynomial_expression(line) if line is not None else None) or a - b


def _share(a: Expression, first: Expression, second: Expression) -> Expression | None:
    """Return a/(exp(u) + exp(v)), where a is one of the two, or a product with it."""
    u, v = _inside(first, "exp"), _inside(second, "exp")
    if u is None or v is None:
        return None
    if a in (first, second):
        return call("sigmoid", _minus(u, v) if a == first else _minus(v, u))
    if isinstance(a, Call) and a.operator == "multiply":
        for factor, other in (a.operands, reversed(a.operands)):
            if factor in (first, second):
                return other * call("sigmoid", _minus(u, v) if factor == first else _minus(v, u))
    return None


def _hyperbolic(node: Expression, operator: str) -> tuple[Expression, ...]:
    """Return exp(u) and exp(−u) of their sum or difference; nothing of anything else."""
    if not isinstance(node, Call) or node.operator != operator:
        return ()
    u, v = (_inside(operand, "exp") for operand in node.operands)
    opposite = u is not None and v is not None and _scaled(u, 1.0) == _scaled(v, -1.0)
    return node.operands if opposite else ()


def _scaled(u: Expression, factor: float) -> Expression:
    """Return the factor times u, a sign or a number in front of u taken into it."""
    if isinstance(u, Call) and u.operator == "negate":
        return _scaled(u.operands[0], -factor)
    if isinstance(u, Call) and u.operator == "multiply" and isinstance(number := u.operands[0], Constant):
        return _scaled(u.operands[1], number.value * factor)
    return u if factor == 1 else -u if factor == -1 else factor * u


def _multiply(a: Expression, b: Expression) -> Expression | None:
    for half, other in ((a, b), (b, a)):
        if isinstance(half, Constant) and (u := _normal(other)) is not None:
            return 2 * half.value * call("normal_cdf", u)
        # (0.5·v)·(1 + erf(u)) = v·Φ(√2·u)
        if isinstance(half, Call) and half.operator == "multiply" and (u := _normal(other)) is not None:
            for i in (0, 1):
                factor = half.operands[i]
                if isinstance(factor, Constant):
                    return 2 * factor.value * half.operands[1 - i] * call("normal_cdf", u)
        if isinstance(half, Call) and half.operator == "divide" and (u := _normal(other)) is not None:
            factor = half.operands[1]
            if isinstance(factor, Constant):
                return half.operands[0] * call("normal_cdf", u) * (2 / factor.value)
    return None


def _normal(node: Expression) -> Expression | None:
    """Return u of 1 + erf(u/√2)."""
    inner = _one_plus(node)
    argument = _inside(inner, "erf") if inner else None
    if not isinstance(argument, Call):
        return None
    for i, operand in enumerate(argument.operands):
        if not isinstance(operand, Constant):
            continue
        if argument.operator == "multiply" and _near(operand.value, ROOT_HALF):
            return argument.operands[1 - i]
        if argument.operator == "divide" and i == 1 and _near(operand.value, 1 / ROOT_HALF):
            return argument.operands[0]
    if argument.operator == "divide" and argument.operands[1] == call("sqrt", Constant(2.0)):
        return argument.operands[0]
    return None


def _squared(node: Expression) -> Expression | None:
    """Return u of u·u, a line in x; of anything else abs(u) has breakpoints that are only searched for."""
    u = node.operands[0] if isinstance(node, Call) else node
    line = polynomial(u)
    return u if node in (u * u, u**2) and line is not None and len(line) == 2 else None


def _one_plus(node: Expression) -> Expression | None:
    if isinstance(node, Call) and node.operator == "add":
        for i in (0, 1):
            if _is(node.operands[i], 1.0):
                return node.operands[1 - i]
    return None


def _inside(node: Expression | None, operator: str) -> Expression | None:
    if isinstance(node, Call) and node.operator == operator:
        return node.operands[0]
    return None


def _is(node: Expression, value: float) -> bool:
    return isinstance(node, Constant) and node.value == value


def _near(value: float, goal: float) -> bool:
    """Whether a number is the goal as float64 has it, or as an exported float32 model has it, and no other."""
    return abs(value - goal) <= ROUNDED * abs(goal) or value == float(np.float32(goal))
