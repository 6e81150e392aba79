"""Whether two expressions are one function: fractions of polynomials in x, in square roots and in other primitives."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from nonlin.functions.expression import Call, Constant, Expression, Variable
from nonlin.functions.primitives import EVEN, ODD, SLOPES

__all__ = ["one_function"]

Powers: TypeAlias = tuple[int, ...]
"""The power of x, then of each root or other primitive as they were met; those beyond its length are 0."""
Polynomial: TypeAlias = dict[Powers, Fraction]
Quotient: TypeAlias = tuple[Polynomial, Polynomial]

LARGEST = 400
"""Terms of a polynomial that are still multiplied."""


def one_function(a: Expression, b: Expression) -> bool:
    """Whether two expressions are equal wherever both are defined; False also where this does not show it.

    A root √(n/d) is written s/d with s² = n·d, and √(1 + (n/d)²) is s/d with s² = n² + d². Powers of s above the
    first are replaced, and the two are equal if nothing is left of the difference of the products crosswise. Any
    other primitive of one argument is a symbol of its own, of which its value at the argument's negative is known.

    >>> from nonlin.functions import define
    >>> one_function(define("x / (sqrt(1 + x * x) - 1)").expression, define("(sqrt(1 + x * x) + 1) / x").expression)
    True
    """
    field_ = _Field()
    left, right = field_.read(a), field_.read(b)
    return left is not None and right is not None and field_.equal(left, right)


@dataclass(slots=True)
class _Field:
    """The fractions with what was met so far: roots, each with the polynomial that is its square, and other symbols."""

    roots: dict[Expression, tuple[int, Polynomial]] = field(default_factory=dict)
    symbols: list[tuple[str, Quotient, Quotient]] = field(default_factory=list)
    """Of each other primitive that was met its name, its argument, and what stands for it."""

    def read(self, node: Expression) -> Quotient | None:
        """Return an expression as a quotient, or None where it is not algebraic or too long."""
        if isinstance(node, Constant):
            return _constant(Fraction(node.value)), _constant(Fraction(1))
        if isinstance(node, Variable):
            return {(1,): Fraction(1)}, _constant(Fraction(1))
        if not isinstance(node, Call):
            return None
        if node.operator in ("sqrt", "hypot1"):
            return self.root(node)
        if node.operator == "power" and isinstance(exponent := node.operands[1], Constant):
            return self.power(node.operands[0], exponent.value)
        if node.operator in SLOPES:
            return self.symbol(node.operator, self.read(node.operands[0]))
        parts = [self.read(operand) for operand in node.operands]
        first, last = parts[0], parts[-1]
        if first is None or last is None:
            return None
        return self.combined(node.operator, first, last)

    def combined(self, operator: str, a: Quotient, b: Quotient) -> Quotient | None:
        """Return what an operator of arithmetic makes of two quotients."""
        if operator == "negate":
            return _sum({}, a[0], -1), a[1]
        if operator in ("multiply", "divide"):
            over = b if operator == "multiply" else (b[1], b[0])
            return _both(self.product(a[0], over[0]), self.product(a[1], over[1]))
        if operator in ("add", "subtract"):
            left, right = self.product(a[0], b[1]), self.product(b[0], a[1])
            if left is None or right is None:
                return None
            return _both(_sum(left, right, 1 if operator == "add" else -1), self.product(a[1], b[1]))
        return None

    def power(self, node: Expression, exponent: float) -> Quotient | None:
        """Return a whole power of an expression."""
        if exponent < 0 or exponent % 1:
            return None
        base, result = self.read(node), self.read(Constant(1.0))
        for _ in range(int(exponent)):
            if base is None or result is None:
                return None
            result = self.combined("multiply", result, base)
        return result

    def root(self, node: Call) -> Quotient | None:
        """Return a root as its symbol over the denominator of what stands below it."""
        inner = self.read(node.operands[0])
        if inner is None:
            return None
        n, d = inner
        if node not in self.roots:
            place = self.place()
            square = self.product(n, d)
            if node.operator == "hypot1":
                squares = self.product(n, n), self.product(d, d)
                square = None if squares[0] is None or squares[1] is None else _sum(squares[0], squares[1], 1)
            if square is None:
                return None
            self.roots[node] = (place, square)
        place = self.roots[node][0]
        return {(*(0,) * place, 1): Fraction(1)}, d

    def symbol(self, operator: str, argument: Quotient | None) -> Quotient | None:
        """Return what stands for a primitive, a known one too if its argument was met with the other sign."""
        if argument is None:
            return None
        for name, known, value in self.symbols:
            if name == operator and self.equal(known, argument):
                return value
            if name == operator and self.equal(known, (_sum({}, argument[0], -1), argument[1])):
                found = self.reflected(operator, known, value)
                if found is not None:
                    return found
        new: Quotient = {(*(0,) * self.place(), 1): Fraction(1)}, _constant(Fraction(1))
        self.symbols.append((operator, argument, new))
        return new

    def reflected(self, operator: str, u: Quotient, value: Quotient) -> Quotient | None:
        """Return f(−u) from f(u), where the two are related."""
        if operator in EVEN:
            return value
        if operator in ODD:
            return self.combined("negate", value, value)
        if operator in ("sigmoid", "normal_cdf"):
            one = _constant(Fraction(1))
            return self.combined("subtract", (one, one), value)
        if operator == "softplus":
            return self.combined("subtract", value, u)
        return (value[1], value[0]) if operator == "exp" else None

    def place(self) -> int:
        """Return the next free place among the powers."""
        return len(self.roots) + len(self.symbols) + 1

    def equal(self, a: Quotient, b: Quotient) -> bool:
        """Whether two quotients are one."""
        first, second = self.product(a[0], b[1]), self.product(b[0], a[1])
        return first is not None and second is not None and not _sum(first, second, -1)

    def product(self, a: Polynomial, b: Polynomial) -> Polynomial | None:
        """Multiply, with no root above its first power; None where that is too long."""
        if len(a) * len(b) > LARGEST:
            return None
        result: Polynomial = {}
        for p, c in a.items():
            for q, d in b.items():
                size = max(len(p), len(q))
                powers = tuple(
                    i + j for i, j in zip(p + (0,) * (size - len(p)), q + (0,) * (size - len(q)), strict=True)
                )
                result = _sum(result, {powers: c * d}, 1)
        return self.reduced(result)

    def reduced(self, a: Polynomial) -> Polynomial | None:
        """Replace the squares of roots, the last root first, as its square may hold those before it."""
        for place, square in reversed(self.roots.values()):
            high = {p: c for p, c in a.items() if len(p) > place and p[place] > 1}
            if not high:
                continue
            rest: Polynomial | None = {p: c for p, c in a.items() if p not in high}
            for p, c in high.items():
                lower = {_trimmed((*p[:place], p[place] - 2, *p[place + 1 :])): c}
                part = self.product(lower, square)
                if rest is None or part is None:
                    return None
                rest = _sum(rest, part, 1)
            return self.reduced(rest) if rest is not None else None
        return a


def _constant(value: Fraction) -> Polynomial:
    return {(): value} if value else {}


def _both(numerator: Polynomial | None, denominator: Polynomial | None) -> Quotient | None:
    return None if numerator is None or not denominator else (numerator, denominator)


def _trimmed(powers: Powers) -> Powers:
    while powers and powers[-1] == 0:
        powers = powers[:-1]
    return powers


def _sum(a: Polynomial, b: Polynomial, sign: int) -> Polynomial:
    result = dict(a)
    for powers, c in b.items():
        key = _trimmed(powers)
        total = result.get(key, Fraction(0)) + sign * c
        if total:
            result[key] = total
        else:
            result.pop(key, None)
    return result
