"""The language in which an activation function is defined: immutable expressions in one variable x.

An expression is a number, the variable, a named parameter, a call of a primitive, or a choice between pieces
with explicit breakpoints. Arithmetic on expressions builds expressions:

>>> from nonlin.functions.expression import Variable
>>> x = Variable()
>>> x * 2 + 1 == Variable() * 2 + 1
True
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING, TypeAlias

from nonlin.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Call", "Condition", "Constant", "Expression", "Number", "Parameter", "Piecewise", "Variable"]
__all__ += ["add", "as_expression", "children", "divide", "multiply", "negate", "nodes", "power", "subtract"]

Number: TypeAlias = "Expression | float"


class Expression:
    """What every expression can do: arithmetic, and comparison to a condition for `where`."""

    __slots__ = ()

    def __add__(self, other: Number) -> Expression:
        return add(self, as_expression(other))

    def __radd__(self, other: float) -> Expression:
        return add(as_expression(other), self)

    def __sub__(self, other: Number) -> Expression:
        return subtract(self, as_expression(other))

    def __rsub__(self, other: float) -> Expression:
        return subtract(as_expression(other), self)

    def __mul__(self, other: Number) -> Expression:
        return multiply(self, as_expression(other))

    def __rmul__(self, other: float) -> Expression:
        return multiply(as_expression(other), self)

    def __truediv__(self, other: Number) -> Expression:
        return divide(self, as_expression(other))

    def __rtruediv__(self, other: float) -> Expression:
        return divide(as_expression(other), self)

    def __neg__(self) -> Expression:
        return negate(self)

    def __pow__(self, exponent: int) -> Expression:
        return power(self, exponent)

    def __lt__(self, other: Number) -> Condition:
        return Condition(left=self, right=as_expression(other), equal=False, less=True)

    def __le__(self, other: Number) -> Condition:
        return Condition(left=self, right=as_expression(other), equal=True, less=True)

    def __gt__(self, other: Number) -> Condition:
        return Condition(left=self, right=as_expression(other), equal=False, less=False)

    def __ge__(self, other: Number) -> Condition:
        return Condition(left=self, right=as_expression(other), equal=True, less=False)


@dataclass(frozen=True, slots=True)
class Constant(Expression):
    """A number; exactly the float64 that it holds."""

    value: float

    def __post_init__(self) -> None:
        """Refuse what is not a finite number."""
        if not isfinite(self.value):
            raise InvalidInputError(
                f"expected a finite number in an expression, got {self.value}; use a finite one"
            )


@dataclass(frozen=True, slots=True)
class Variable(Expression):
    """The argument x of the function, its pre-activation."""


@dataclass(frozen=True, slots=True)
class Parameter(Expression):
    """A named number that a function's parameters will replace."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Call(Expression):
    """A primitive applied to expressions."""

    operator: str
    operands: tuple[Expression, ...]
    key: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Compute the hash once: trees are looked up far more often than built."""
        object.__setattr__(self, "key", hash((self.operator, self.operands)))

    def __hash__(self) -> int:
        return self.key

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Call) or self.key != other.key:
            return False
        if self.operator != other.operator or self.operands != other.operands:
            return False
        # so that the next comparison sees at once that they are the same: parts occur often in a derivative, and
        # comparing each occurrence to the bottom takes time exponential in the depth
        object.__setattr__(other, "operands", self.operands)
        return True

    def __reduce__(self) -> tuple[object, ...]:
        # the hash of a string differs between processes, so it is computed anew
        return Call, (self.operator, self.operands)


@dataclass(frozen=True, slots=True, eq=False)
class Piecewise(Expression):
    """One of several expressions, by where the argument lies among increasing breakpoints.

    Args:
        argument: what is compared with the breakpoints.
        points: n increasing breakpoints.
        pieces: n + 1 expressions, one between each two neighbouring breakpoints.
        at: n expressions that hold at the breakpoints themselves. Their derivative is the declared slope
        there.
    """

    argument: Expression
    points: tuple[Expression, ...]
    pieces: tuple[Expression, ...]
    at: tuple[Expression, ...]
    key: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the lengths; compute the hash once."""
        if len(self.pieces) != len(self.points) + 1 or len(self.at) != len(self.points):
            counts = (
                f"{len(self.points)} points, {len(self.pieces)} pieces, {len(self.at)} values at the points"
            )
            raise InvalidInputError(
                f"expected n points, n + 1 pieces and n values at the points, got {counts}"
            )
        object.__setattr__(self, "key", hash((self.argument, self.points, self.pieces, self.at)))

    def __hash__(self) -> int:
        return self.key

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Piecewise) or self.key != other.key:
            return False
        if self._parts() != other._parts():
            return False
        for name in ("argument", "points", "pieces", "at"):  # as of a call
            object.__setattr__(other, name, getattr(self, name))
        return True

    def _parts(self) -> tuple[object, ...]:
        return self.argument, self.points, self.pieces, self.at

    def __reduce__(self) -> tuple[object, ...]:
        return Piecewise, self._parts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A comparison of two expressions, for `where`; `equal` says whether a tie counts as true."""

    left: Expression
    right: Expression
    equal: bool
    less: bool


def as_expression(value: Number) -> Expression:
    """Return the expression itself, or the constant of a number."""
    return value if isinstance(value, Expression) else Constant(float(value))


def nodes(expression: Expression) -> Iterator[Expression]:
    """Yield every distinct sub-expression once, operands before what uses them."""
    seen: set[Expression] = set()

    def visit(node: Expression) -> Iterator[Expression]:
        if node not in seen:
            seen.add(node)
            for child in children(node):
                yield from visit(child)
            yield node

    yield from visit(expression)


def children(node: Expression) -> tuple[Expression, ...]:
    """Return the expressions that a node is directly made of."""
    if isinstance(node, Call):
        return node.operands
    if isinstance(node, Piecewise):
        return (node.argument, *node.points, *node.pieces, *node.at)
    return ()


def _exact(result: Fraction) -> Expression | None:
    # only what float64 holds exactly is computed now, so that the definition stays the definition
    try:
        value = float(result)
    except OverflowError:
        return None
    return Constant(value) if Fraction(value) == result else None


def _fraction(node: Expression) -> Fraction | None:
    return Fraction(node.value) if isinstance(node, Constant) else None


def add(a: Expression, b: Expression) -> Expression:
    """Return a + b."""
    p, q = _fraction(a), _fraction(b)
    if p == 0:
        return b
    if q == 0:
        return a
    if p is not None and q is not None and (folded := _exact(p + q)):
        return folded
    if isinstance(b, Call) and b.operator == "negate":
        return subtract(a, b.operands[0])
    return Call("add", (a, b))


def subtract(a: Expression, b: Expression) -> Expression:
    """Return a − b."""
    p, q = _fraction(a), _fraction(b)
    if p == 0:
        return negate(b)
    if q == 0:
        return a
    if p is not None and q is not None and (folded := _exact(p - q)):
        return folded
    if isinstance(b, Call) and b.operator == "negate":
        return add(a, b.operands[0])
    return Call("subtract", (a, b))


def multiply(a: Expression, b: Expression) -> Expression:
    """Return a · b."""
    p, q = _fraction(a), _fraction(b)
    if p == 0 or q == 0:
        return Constant(0.0)
    if p is not None and q is not None and (folded := _exact(p * q)):
        return folded
    for factor, other in ((p, b), (q, a)):
        if factor == 1:
            return other
        if factor == -1:
            return negate(other)
    if isinstance(a, Call) and a.operator == "negate":
        return negate(multiply(a.operands[0], b))
    if isinstance(b, Call) and b.operator == "negate":
        return negate(multiply(a, b.operands[0]))
    return Call("multiply", (a, b))


def divide(a: Expression, b: Expression) -> Expression:
    """Return a / b."""
    p, q = _fraction(a), _fraction(b)
    if q == 0:
        raise InvalidInputError("expected a divisor other than 0, got 0; change the formula")
    if p == 0:
        return Constant(0.0)
    if q == 1:
        return a
    if p is not None and q is not None and (folded := _exact(p / q)):
        return folded
    return Call("divide", (a, b))


def negate(a: Expression) -> Expression:
    """Return −a."""
    if isinstance(a, Constant):
        return Constant(-a.value + 0.0)
    if isinstance(a, Call) and a.operator == "negate":
        return a.operands[0]
    if isinstance(a, Call) and a.operator == "subtract":
        return Call("subtract", (a.operands[1], a.operands[0]))
    return Call("negate", (a,))


def power(a: Expression, exponent: int) -> Expression:
    """Return a to a whole power of 0 or more."""
    if int(exponent) != exponent or exponent < 0:
        raise InvalidInputError(f"expected a whole power of 0 or more, got {exponent}; use sqrt, exp and log")
    if exponent == 0:
        return Constant(1.0)
    if exponent == 1:
        return a
    p = _fraction(a)
    if p is not None and (folded := _exact(p ** int(exponent))):
        return folded
    return Call("power", (a, Constant(float(exponent))))
