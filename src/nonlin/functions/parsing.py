"""Reads a formula such as "x * sigmoid(beta * x)" into an expression; nothing is ever executed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection
from difflib import get_close_matches
from math import e, isfinite, pi
from typing import TypeAlias

from nonlin.errors import InvalidInputError
from nonlin.functions.construction import absolute, call, clip, maximum, minimum, sign, where
from nonlin.functions.expression import Condition, Constant, Expression, Parameter, Variable
from nonlin.functions.primitives import ALIASES, SLOPES

__all__ = ["Resolver", "parse"]

Resolver: TypeAlias = Callable[[str, Expression, dict[str, Expression]], Expression | None]
"""Gives the expression of a function of the catalogue at an argument, or None."""

CONSTANTS = {"pi": pi, "e": e}
LONGEST = 2000
DEEPEST = 60

CHOICES: dict[str, tuple[int, Callable[..., Expression]]] = {
    "abs": (1, absolute),
    "sign": (1, sign),
    "max": (2, maximum),
    "min": (2, minimum),
    "maximum": (2, maximum),
    "minimum": (2, minimum),
    "clip": (3, clip),
    "clamp": (3, clip),
}
OPERATORS = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}
COMPARISONS = {ast.Lt: (True, False), ast.LtE: (True, True), ast.Gt: (False, False), ast.GtE: (False, True)}


def parse(
    formula: str,
    *,
    parameters: Collection[str] = (),
    resolve: Resolver | None = None,
    names: Collection[str] = (),
    longest: int = LONGEST,
) -> Expression:
    """Read a formula.

    Args:
        formula: numbers, x, pi, e, the parameters, + - * / and ** by a whole number or 0.5, comparisons
        inside
            `where(condition, yes, no)`, abs, sign, max, min, clip, the primitives, and the catalogue's
            functions.
        parameters: the names that stand for a parameter.
        resolve: looks up a function of the catalogue.
        names: what it knows, of which the nearest are named beside a wrong one.
        longest: how many characters it may have.

    Raises:
        InvalidInputError: names the part of the formula that is not understood.
    """
    if len(formula) > longest:
        raise InvalidInputError(
            f"expected a formula of at most {longest} characters, got {len(formula)}; shorten it"
        )
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidInputError(
            f"expected a formula such as 'x * sigmoid(x)', got {formula!r}: {error}"
        ) from error
    return _Reader(formula, frozenset(parameters), resolve, frozenset(names)).read(tree, 0)


class _Reader:
    """Turns the nodes of Python's syntax tree into ours; knows nothing but what `parse` lists."""

    def __init__(
        self, formula: str, parameters: frozenset[str], resolve: Resolver | None, names: frozenset[str]
    ) -> None:
        self.formula, self.parameters, self.resolve, self.names = formula, parameters, resolve, names

    def refuse(self, node: ast.AST, expected: str) -> InvalidInputError:
        part = ast.get_source_segment(self.formula.strip(), node) if isinstance(node, ast.expr) else None
        return InvalidInputError(
            f"expected {expected} in the formula {self.formula!r}, got {part!r}; change that part"
        )

    def read(self, node: ast.expr, depth: int) -> Expression:
        if depth > DEEPEST:
            raise self.refuse(node, f"at most {DEEPEST} levels of nesting")
        if isinstance(node, ast.Constant):
            return self.number(node)
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            operand = self.read(node.operand, depth + 1)
            return -operand if isinstance(node.op, ast.USub) else operand
        if isinstance(node, ast.BinOp):
            return self.binary(node, depth + 1)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self.call(node, node.func.id, depth + 1)
        raise self.refuse(node, "numbers, x, parameters, + - * / ** and calls of functions")

    def known(self, name: str) -> bool:
        """Whether the catalogue has a function of that name."""
        return self.resolve is not None and self.resolve(name, Variable(), {}) is not None

    def number(self, node: ast.Constant) -> Expression:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise self.refuse(node, "a number")
        if abs(node.value) > 1e308 or not isfinite(node.value):
            raise self.refuse(node, "a finite number of at most 1e308")
        return Constant(float(node.value))

    def name(self, node: ast.Name) -> Expression:
        if node.id == "x":
            return Variable()
        if node.id in self.parameters:
            return Parameter(node.id)
        if node.id in CONSTANTS:
            return Constant(CONSTANTS[node.id])
        if node.id in CHOICES or ALIASES.get(node.id, node.id) in SLOPES or self.known(node.id):
            raise self.refuse(node, f"an argument for {node.id}, as in {node.id}(x),")
        names = ", ".join(["x", *sorted(self.parameters - {"x"})])
        near = get_close_matches(node.id.lower(), {"x", *self.parameters, *CONSTANTS}, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}? Or " if near else ""
        raise self.refuse(node, f"one of the names {names} ({hint}give a parameter its value: {node.id}=1.0)")

    def binary(self, node: ast.BinOp, depth: int) -> Expression:
        left, right = self.read(node.left, depth), self.read(node.right, depth)
        if type(node.op) in OPERATORS:
            return call(OPERATORS[type(node.op)], left, right)
        if isinstance(node.op, ast.Pow) and isinstance(right, Constant):
            return self.power(node, left, right.value)
        hint = " (a power is written **)" if isinstance(node.op, ast.BitXor) else ""
        raise self.refuse(node, f"+ - * / or a power by a whole number or a half{hint}")

    def power(self, node: ast.BinOp, base: Expression, exponent: float) -> Expression:
        if abs(exponent) > 64 or (exponent * 2) % 1:
            raise self.refuse(node, "a power that is a whole number or a half, of at most 64")
        result = base ** int(abs(exponent))
        if exponent % 1:
            root = call("sqrt", base)
            result = root if int(abs(exponent)) == 0 else result * root
        return 1 / result if exponent < 0 else result

    def call(self, node: ast.Call, name: str, depth: int) -> Expression:
        keywords = {k.arg: self.read(k.value, depth) for k in node.keywords if k.arg}
        if name == "where" and len(node.args) == 3 and not keywords:
            yes, no = self.read(node.args[1], depth), self.read(node.args[2], depth)
            return where(self.condition(node.args[0], depth), yes, no)
        if name == "where":
            raise self.refuse(node, "where(condition, yes, no)")
        arguments = [self.read(argument, depth) for argument in node.args]
        if name in CHOICES and len(arguments) == CHOICES[name][0] and not keywords:
            return CHOICES[name][1](*arguments)
        primitive = ALIASES.get(name, name)
        if primitive in SLOPES and len(arguments) == 1 and not keywords:
            return call(primitive, *arguments)
        found = self.resolve(name, arguments[0], keywords) if self.resolve and len(arguments) == 1 else None
        if found is None and name in CHOICES:
            raise self.refuse(node, f"{name} with {CHOICES[name][0]} argument(s)")
        if found is None and (primitive in SLOPES or self.known(name)):
            raise self.refuse(node, f"{name} with one argument and those parameters that it has")
        if found is None:
            raise self.unknown(node, name)
        return found

    def unknown(self, node: ast.Call, name: str) -> InvalidInputError:
        """Say which functions a formula may hold, the nearest if there are any."""
        near = get_close_matches(name, {"where", *CHOICES, *SLOPES, *ALIASES, *self.names}, n=3, cutoff=0.6)
        if name in near:
            return self.refuse(node, "a function of x alone, not of a whole vector,")
        if near:
            return InvalidInputError(
                f"expected functions that a formula may hold in {self.formula!r}, got {name!r}; "
                f"did you mean {' or '.join(near)}?"
            )
        known = ", ".join(["where(condition, yes, no)", *CHOICES, *SLOPES])
        return self.refuse(node, f"a function of the catalogue, of x alone, or one of {known}")

    def condition(self, node: ast.expr, depth: int) -> Condition:
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or type(node.ops[0]) not in COMPARISONS:
            raise self.refuse(node, "a comparison such as x > 0")
        less, equal = COMPARISONS[type(node.ops[0])]
        left, right = self.read(node.left, depth), self.read(node.comparators[0], depth)
        return Condition(left=left, right=right, less=less, equal=equal)
