"""Writes an expression as LaTeX, for pages and papers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nonlin.errors import InvalidInputError
from nonlin.functions.expression import Call, Constant, Expression, Parameter, Piecewise, Variable

if TYPE_CHECKING:
    from nonlin.functions.function import Function

__all__ = ["latex"]

_SUM, _PRODUCT, _ATOM = 1, 2, 4
_GREEK = frozenset({"alpha", "beta", "gamma", "delta", "lambda", "mu", "omega", "sigma", "theta"})
_SPELLED = {"lambd": r"\lambda"}
_INDEXED = re.compile(r"([a-z]+)_?(\d+)")
_DIGITS = 6

_SYMBOLS = {
    "sigmoid": r"\sigma",
    "normal_cdf": r"\Phi",
    "normal_density": r"\varphi",
    "tanh": r"\tanh",
    "erf": r"\operatorname{erf}",
    "log": r"\log",
    "sin": r"\sin",
    "cos": r"\cos",
    "atan": r"\arctan",
    "sinc": r"\operatorname{sinc}",
}
"""Primitives that have a sign of their own."""

_WRITTEN_OUT = {
    "exp": ("e^{U}", _ATOM),
    "expm1": ("e^{U} - 1", _SUM),
    "log1p": (r"\log\left(1 + U\right)", _ATOM),
    "sqrt": (r"\sqrt{U}", _ATOM),
    "softplus": (r"\log\left(1 + e^{U}\right)", _ATOM),
    "gaussian": ("e^{-B^{2}}", _ATOM),
    "sech2": (r"\operatorname{sech}^{2}\left(U\right)", _ATOM),
    "tanh_softplus": (r"\tanh\left(\log\left(1 + e^{U}\right)\right)", _ATOM),
    "tanh_exp": (r"\tanh\left(e^{U}\right)", _ATOM),
    "tanhshrink": (r"B - \tanh\left(U\right)", _SUM),
    "hypot1": (r"\sqrt{1 + B^{2}}", _ATOM),
    "isru": (r"\frac{U}{\sqrt{1 + B^{2}}}", _ATOM),
    "inverse_hypot": (r"\frac{1}{\sqrt{1 + B^{2}}}", _ATOM),
}
"""Primitives that papers write as a formula: U stands for the operand, B for it in brackets where it needs them."""

_ALONE = {"sigmoid": r"\frac{1}{1 + e^{-x}}", "sinc": r"\frac{\sin\left(x\right)}{x}"}
"""What stands for a primitive that is the whole function, and would be explained by its own sign."""


def latex(f: Function | Expression) -> str:
    r"""Write the definition of a function as LaTeX, its parameters by name.

    Numbers of more than six digits are cut, and end in dots. σ is the logistic sigmoid, Φ and φ the distribution and
    the density of a standard normal variable.

    Args:
        f: a function of one number, or an expression.

    Raises:
        InvalidInputError: f is a function of a whole vector.

    >>> from nonlin.functions import function
    >>> print(latex(function("swish", beta=2)))
    x \, \sigma\left(\beta \, x\right)
    """
    expression = f if isinstance(f, Expression) else f.definition
    if expression is None:
        raise InvalidInputError(
            "expected a function of one number, got one of a whole vector; its formula is words"
        )
    if (
        isinstance(expression, Call)
        and expression.operator in _ALONE
        and expression.operands == (Variable(),)
    ):
        return _ALONE[expression.operator]
    return _write(expression)[0]


def _write(node: Expression) -> tuple[str, int]:
    """Return the text of a node, and how tightly it holds together."""
    if isinstance(node, Constant):
        return _number(node.value)
    if isinstance(node, Variable):
        return "x", _ATOM
    if isinstance(node, Parameter):
        return _name(node.name), _ATOM
    if isinstance(node, Piecewise):
        return _piecewise(node), _ATOM
    if not isinstance(node, Call):
        raise TypeError(f"an expression has no node of the kind {type(node).__name__}")
    return _arithmetic(node) if node.operator in _ARITHMETIC else _primitive(node)


def _number(value: float) -> tuple[str, int]:
    short = f"{value:.{_DIGITS}g}"
    if "e" in short:
        mantissa, exponent = short.split("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}", _PRODUCT
    dots = "" if float(short) == value else r"\ldots"
    return short + dots, _ATOM if value >= 0 else _SUM


def _name(name: str) -> str:
    if found := _INDEXED.fullmatch(name):
        return f"{found[1]}_{{{found[2]}}}"
    if name in _SPELLED:
        return _SPELLED[name]
    if name in _GREEK:
        return f"\\{name}"
    return name if len(name) == 1 else r"\mathrm{" + name.replace("_", r"\ ") + "}"


_LESS = {False: "<", True: r"\le"}
_ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide", "negate", "power"})


def _arithmetic(node: Call) -> tuple[str, int]:
    first, *others = node.operands
    if node.operator == "negate":
        return "-" + _bracketed(first, _PRODUCT), _SUM
    if node.operator == "power":
        return f"{_bracketed(first, _ATOM)}^{{{_write(others[0])[0]}}}", _PRODUCT + 1
    if node.operator == "divide":
        return rf"\frac{{{_write(first)[0]}}}{{{_write(others[0])[0]}}}", _PRODUCT + 1
    if node.operator == "multiply":
        right = _bracketed(others[0], _PRODUCT)
        sign = r" \cdot " if right[0].isdigit() else r" \, "
        return _bracketed(first, _PRODUCT) + sign + right, _PRODUCT
    sign = " + " if node.operator == "add" else " - "
    return _write(first)[0] + sign + _bracketed(others[0], _PRODUCT), _SUM


def _primitive(node: Call) -> tuple[str, int]:
    (operand,) = node.operands
    inner = _write(operand)[0]
    if node.operator in _WRITTEN_OUT:
        text, level = _WRITTEN_OUT[node.operator]
        # one pass: what is put in may hold the letters itself
        parts = {"U": inner, "B": _bracketed(operand, _ATOM)}
        return re.sub(r"\b[UB]\b", lambda found: parts[found.group()], text), level
    symbol = _SYMBOLS.get(node.operator) or r"\operatorname{" + node.operator.replace("_", " ") + "}"
    return rf"{symbol}\left({inner}\right)", _ATOM


def _bracketed(node: Expression, level: int) -> str:
    text, own = _write(node)
    return text if own >= level else rf"\left({text}\right)"


def _piecewise(node: Piecewise) -> str:
    lines = r" \\ ".join(f"{text} & {condition}" for text, condition in _rows(node))
    return rf"\begin{{cases}} {lines} \end{{cases}}"


def _rows(node: Piecewise) -> list[tuple[str, str]]:
    """Return the pieces and their conditions, to be read from the top; the first that holds counts."""
    u, first, last = _write(node.argument)[0], node.pieces[0], node.pieces[-1]
    if isinstance(first, Piecewise) and len(node.points) == 1 and node.at[0] in node.pieces:
        above = ">" if node.at[0] == first else r"\ge"
        return [(_write(last)[0], f"{u} {above} {_write(node.points[0])[0]}"), *_rows(first)]
    rows, low = [], ""
    for i, point in enumerate(node.points):
        p = _write(point)[0]
        left, right = node.at[i] == node.pieces[i], node.at[i] == node.pieces[i + 1]
        rows.append((_write(node.pieces[i])[0], f"{low}{u} {_LESS[left]} {p}"))
        if not left and not right:
            rows.append((_write(node.at[i])[0], f"{u} = {p}"))
        low = f"{p} {_LESS[right and not left]} "
    rest = _rows(last) if isinstance(last, Piecewise) else [(_write(last)[0], r"\text{otherwise}")]
    return [*rows, *rest]
