"""Any activation function as ONNX nodes, from its definition."""

from collections.abc import Callable
from math import sqrt

from nonlin.errors import UnsupportedModelError
from nonlin.functions.construction import call, rebuild
from nonlin.functions.expression import Call, Constant, Expression, Piecewise, Variable, children, nodes
from nonlin.networks.onnx_emission import Emission

__all__ = ["emit_expression"]

_OPERATORS = {
    "add": "Add",
    "atan": "Atan",
    "cos": "Cos",
    "divide": "Div",
    "erf": "Erf",
    "exp": "Exp",
    "log": "Log",
    "multiply": "Mul",
    "negate": "Neg",
    "power": "Pow",
    "sigmoid": "Sigmoid",
    "sin": "Sin",
    "softplus": "Softplus",
    "sqrt": "Sqrt",
    "subtract": "Sub",
    "tanh": "Tanh",
}
_REWRITTEN: dict[str, Callable[[Expression], Expression]] = {
    # e^u − 1 loses its digits near 0, tanh(u/2)·(e^u + 1) does not
    "expm1": lambda u: call("tanh", u / 2) * (call("exp", u) + 1),
    "gaussian": lambda u: call("exp", -(u * u)),
    "hypot1": lambda u: call("sqrt", 1 + u * u),
    "inverse_hypot": lambda u: 1 / call("sqrt", 1 + u * u),
    "isru": lambda u: u / call("sqrt", 1 + u * u),
    "log1p": lambda u: call("log", 1 + u),
    "normal_cdf": lambda u: 0.5 * (1 + call("erf", u * sqrt(0.5))),
    "sinc": lambda u: _at_zero(call("sin", u) / u, u, 1.0),
    "tanh_exp": lambda u: call("tanh", call("exp", u)),
    "tanh_softplus": lambda u: call("tanh", call("softplus", u)),
    "tanhshrink": lambda u: u - call("tanh", u),
}
"""The primitives that are no operator of ONNX, in those that are."""


def emit_expression(expression: Expression, x: str, out: str, emission: Emission) -> None:
    """Write a function of one tensor, entry by entry.

    It computes what its operators compute in the file's element type: near a root, and at ±inf, that is less exact than
    the catalogue's own kernels. NaN gives NaN.

    Args:
        expression: has no parameters left.
        x: the tensor that it is applied to.
        out: the tensor that it makes.
        emission: where the nodes are appended.

    Raises:
        UnsupportedModelError: if a primitive has no counterpart in ONNX; it is named.
    """
    whole = _rewritten(expression)
    names: dict[Expression, str] = {}
    for i, node in enumerate(nodes(whole)):
        target = out if node == whole else f"{out}/{i}"
        parts = [names[part] for part in children(node)]
        names[node] = _written(node, parts, x, target, emission)
    if isinstance(whole, Constant):
        _unless_nan(names[whole], x, out, emission)
    elif names[whole] != out:
        emission.add("Identity", [names[whole]], out)


def _rewritten(expression: Expression) -> Expression:
    done: dict[Expression, Expression] = {}
    for node in nodes(expression):
        new = rebuild(node, done) if children(node) else node
        if isinstance(new, Call) and new.operator in _REWRITTEN:
            new = _rewritten(_REWRITTEN[new.operator](*new.operands))
        done[node] = new
    return done[expression]


def _at_zero(expression: Expression, u: Expression, value: float) -> Expression:
    return Piecewise(u, (Constant(0.0),), (expression, expression), (Constant(value),))


def _written(node: Expression, parts: list[str], x: str, target: str, emission: Emission) -> str:
    if isinstance(node, Variable):
        return x
    if isinstance(node, Constant):
        return emission.store(f"{target}/number", node.value)
    if isinstance(node, Piecewise):
        return _choice(node, parts, x, target, emission)
    if not isinstance(node, Call) or node.operator not in _OPERATORS:
        what = node.operator if isinstance(node, Call) else type(node).__name__
        raise UnsupportedModelError(
            f"expected a function made of ONNX's operators, got one with {what} in it; write its network from the "
            "file that it was read from"
        )
    return emission.add(_OPERATORS[node.operator], parts, target)


def _choice(node: Piecewise, parts: list[str], x: str, target: str, emission: Emission) -> str:
    """Write a choice between pieces, outwards from one that depends on x: NaN fails every comparison, and stays."""
    count = len(node.points)
    argument, points = parts[0], parts[1 : 1 + count]
    pieces, at = parts[1 + count : 2 + 2 * count], parts[2 + 2 * count :]
    moving = [i for i, piece in enumerate(node.pieces) if Variable() in nodes(piece)]
    start = moving[0] if moving else 0
    steps = []
    for i, below in [
        *((i, True) for i in reversed(range(start))),
        *((i, False) for i in range(start, count)),
    ]:
        nearer, farther = (pieces[i + 1], pieces[i]) if below else (pieces[i], pieces[i + 1])
        steps += [(points[i], below, False, at[i])] if at[i] != nearer else []
        steps += [(points[i], below, True, farther)] if farther != at[i] else []
    propagates = bool(moving) and emission.has("LessOrEqual")
    chosen = pieces[start]
    for k, (point, below, strict, value) in enumerate(steps, 1):
        name = target if propagates and k == len(steps) else f"{target}/choice{k}"
        holds = _compared([argument, point], f"{name}/holds", emission, below=below, strict=strict)
        chosen = emission.add("Where", [holds, value, chosen], name)
    return chosen if propagates else _unless_nan(chosen, x, target, emission)


def _compared(pair: list[str], target: str, emission: Emission, *, below: bool, strict: bool) -> str:
    if strict:
        return emission.add("Less" if below else "Greater", pair, target)
    if emission.has("LessOrEqual"):
        return emission.add("LessOrEqual" if below else "GreaterOrEqual", pair, target)
    return emission.add("Not", [emission.add("Greater" if below else "Less", pair, f"{target}/not")], target)


def _unless_nan(value: str, x: str, target: str, emission: Emission) -> str:
    nan = emission.add("IsNaN", [x], f"{target}/nan")
    return emission.add("Where", [nan, x, value], target)
