"""Random formulas, and their values by mpmath from the text alone: an oracle that shares no code with the language."""

import ast
import random
from functools import lru_cache

import mpmath
from mpmath import mpf
from textbook import TEXTBOOK

DIGITS = 50
LARGEST = mpf(10) ** 60
NUMBERS = ("0.1", "0.25", "0.3", "0.5", "0.7", "1", "1.5", "2", "3", "5")
SMOOTH = (
    "tanh",
    "sigmoid",
    "softplus",
    "erf",
    "atan",
    "sin",
    "cos",
    "gelu",
    "silu",
    "mish",
    "softsign",
    "isru",
)
BENT = ("relu", "abs", "elu", "selu", "hardtanh", "hardswish", "leaky_relu", "relu6", "softshrink", "sqnl")
POSITIVE = ("1 + {}**2", "2 + sin({})", "1 + exp({})", "1.5 + tanh({})", "0.1 + abs({})", "sqrt(1 + {}**2)")


def draw(seed):
    """Return a formula in x; the same for the same seed."""
    return _any(random.Random(seed), 3)  # noqa: S311 -- no secret


def _any(chance, depth):
    if depth == 0:
        return chance.choice(("x", "x", "x", f"({_line(chance)})"))
    kind = chance.choices(sorted(_KINDS), weights=[_KINDS[k][0] for k in sorted(_KINDS)])[0]
    return _KINDS[kind][1](chance, depth - 1)


def _line(chance):
    return f"{chance.choice(NUMBERS)}*x {chance.choice('+-')} {chance.choice(NUMBERS)}"


def _two(chance, depth):
    return f"({_any(chance, depth)} {chance.choice('++--*')} {_any(chance, chance.randrange(depth + 1))})"


def _scaled(chance, depth):
    return f"({chance.choice(('', '-'))}{chance.choice(NUMBERS)} * {_any(chance, depth)})"


def _polynomial(chance, depth):
    terms = [f"{chance.choice(NUMBERS)}*x**{k}" for k in chance.sample(range(1, 6), chance.randrange(1, 4))]
    return f"({chance.choice((' + ', ' - ')).join(terms)} {chance.choice('+-')} {chance.choice(NUMBERS)})"


def _quotient(chance, depth):
    bottom = chance.choice(POSITIVE).format(chance.choice(("x", f"({_line(chance)})", _any(chance, depth))))
    return f"({_any(chance, depth)} / ({bottom}))"


def _choice(chance, depth):
    point = f"{chance.choice(('-', ''))}{chance.choice((*NUMBERS, '0', '0'))}"
    condition = f"x {chance.choice(('<', '<=', '>', '>='))} {point}"
    yes = _any(chance, depth)
    # the same on both sides but for a term that vanishes to some order, or a shift: smooth joints are the hard ones
    no = chance.choice((_any(chance, depth), f"({yes} + x**{chance.randrange(1, 4)})", f"({yes} + 0.1)"))
    return f"where({condition}, {yes}, {no})"


def _pair(chance, depth):
    return f"{chance.choice(('max', 'min'))}({_any(chance, depth)}, {chance.choice((*NUMBERS, 'x', _line(chance)))})"


def _exponential(chance, depth):
    return chance.choice(("exp(-{}**2)", "exp({})", "exp(-abs({}))", "expm1({})")).format(
        f"({_line(chance)})"
    )


def _of(names):
    def make(chance, depth):
        return f"{chance.choice(names)}({_any(chance, chance.randrange(depth + 1))})"

    return make


_KINDS = {
    "smooth": (5, _of(SMOOTH)),
    "bent": (4, _of(BENT)),
    "two": (6, _two),
    "scaled": (2, _scaled),
    "polynomial": (2, _polynomial),
    "quotient": (2, _quotient),
    "choice": (3, _choice),
    "pair": (2, _pair),
    "exponential": (1, _exponential),
}


def _capped(f):
    """Return f, refusing an argument whose exponential has more digits than memory."""

    def limited(x):
        if abs(x) > LARGEST:
            raise OverflowError
        return f(x)

    return limited


_NAMES = {
    **{name: _capped(TEXTBOOK[name]) for name in SMOOTH if name in TEXTBOOK},
    **{name: TEXTBOOK[name] for name in BENT},
    "tanh": lambda x: mpmath.tanh(x) if abs(x) < 10**5 else mpmath.sign(x),
    "elu": lambda x: x if x > 0 else mpmath.expm1(max(x, -LARGEST)),
    "selu": lambda x: TEXTBOOK["selu"](max(x, -LARGEST)),
    "atan": mpmath.atan,
    "sin": _capped(mpmath.sin),
    "cos": _capped(mpmath.cos),
    "exp": _capped(mpmath.exp),
    "expm1": _capped(mpmath.expm1),
    "sqrt": mpmath.sqrt,
    "max": max,
    "min": min,
    "sign": mpmath.sign,
    "where": lambda condition, yes, no: yes() if condition else no(),
    "number": lambda text: mpf(float(text)),
}


class _Exact(ast.NodeTransformer):
    """Makes each number the mpf of the float64 that the language reads, and each branch of a choice lazy."""

    def visit_Constant(self, node):
        return ast.Call(ast.Name("number", ast.Load()), [ast.Constant(repr(node.value))], [])

    def visit_BinOp(self, node):
        if isinstance(node.op, ast.Pow):
            return ast.BinOp(self.visit(node.left), node.op, node.right)
        return self.generic_visit(node)

    def visit_Call(self, node):
        node = self.generic_visit(node)
        if node.func.id == "where":
            lazy = [ast.Lambda(ast.arguments([], [], None, [], [], None, []), part) for part in node.args[1:]]
            node.args = [node.args[0], *lazy]
        return node


@lru_cache(maxsize=64)
def textbook(formula):
    """Return a function of a number that gives the formula's value as an mpf at the precision in force."""
    tree = ast.fix_missing_locations(_Exact().visit(ast.parse(formula, mode="eval")))
    code = compile(tree, "formula", "eval")
    return lambda x: eval(code, {**_NAMES, "x": mpf(x)})  # noqa: S307 -- the text was drawn above
