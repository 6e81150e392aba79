"""Short arithmetic on float32, right to half an ULP without float64: what a rounding leaves out is carried along.

A register holds twice as many elements as of float64, and nothing is converted. That serves where each piece is a
product of a number, of at most one sum a·x + b that can be had exactly as two float32, and of at most one more factor,
x or a gradient: the last operation is then a fused multiply-add, which rounds once.

Source: Dekker 1971, A floating-point technique for extending the available precision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import inf, isfinite
from typing import TYPE_CHECKING, cast

import numpy as np

from nonlin.functions.expression import Call, Constant, Expression, Piecewise, Variable
from nonlin.functions.kernels.pairs import Pair, two_sum
from nonlin.functions.polynomial import polynomial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.functions.kernels.emitter import Emitter

__all__ = ["emit_short", "is_short"]

FAR = 2.0**40  # a product of numbers below it is far from overflow
SCALES = {sign * Fraction(2) ** k for sign in (-1, 1) for k in range(-8, 9)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A number times a·x + b, where there is such a sum, times x, where `times` is 1.

    `reach` is the largest magnitude of x at which the product is taken, inf where it is taken on a ray.
    """

    number: Fraction
    line: tuple[Fraction, Fraction] | None = None
    times: int = 0
    reach: float = inf

    @property
    def varies(self) -> bool:
        """Whether x is in it, so that a NaN comes out."""
        return self.line is not None or self.times > 0


def is_short(expression: Expression, *, pull: bool) -> bool:
    """Return whether an expression, times a gradient if it is pulled, can be written as short arithmetic."""
    if not isinstance(expression, Piecewise) or not isinstance(expression.argument, Variable):
        return False
    points = [point.value for point in expression.points if isinstance(point, Constant)]
    if len(points) < len(expression.points) or not all(isfinite(p) and _held(Fraction(p)) for p in points):
        return False
    ends = [-inf, *points, inf]
    around = [left <= 0 <= right for left, right in pairwise(ends)]
    around += [point == 0 for point in ends[1:-1]]
    products = _products(expression)
    return all(
        p is not None and _is_short(p, zero and not pull, pull)
        for p, zero in zip(products, around, strict=True)
    )


def _is_short(product: Product, zero: bool, pull: bool) -> bool:  # noqa: FBT001 - its two circumstances
    """Return whether a product is short; `zero` says whether x comes near 0, so that it may be subnormal."""
    if product.times + pull > 1 or (product.line is not None and product.reach > FAR):
        return False
    if product.number and not 1 / FAR < abs(product.number) < FAR:
        return False
    if not zero or not product.varies:
        return True
    # what is left out of a subnormal result cannot be carried along: near 0 the factor of x must be a float32
    a, b = product.line or (Fraction(0), Fraction(1))
    return _held(product.number * b) if product.times else b != 0 or product.number * a in SCALES


def emit_short(e: Emitter, expression: Expression, gradient: str | None) -> str:
    """Write a short expression of u, times a gradient where there is one, and return the name of its value."""
    expression = cast("Piecewise", expression)  # as is_short has found
    products = _products(expression)
    names = [_emit(e, product, gradient) for product in products if product is not None]
    pieces, here = names[: len(expression.pieces)], names[len(expression.pieces) :]
    points = [e.number(point.value) for point in expression.points if isinstance(point, Constant)]
    # where all comparisons are false, as with NaN, the result is of a piece that passes it on
    passing = [k for k, p in enumerate(products[: len(pieces)]) if p is not None and p.varies]
    base = passing[0] if passing else 0
    result = pieces[base]
    for k in range(base - 1, -1, -1):
        result = e.select(f"u {'<=' if here[k] == pieces[k] else '<'} {points[k]}", pieces[k], result)
    for k in range(base, len(points)):
        result = e.select(f"u {'>=' if here[k] == pieces[k + 1] else '>'} {points[k]}", pieces[k + 1], result)
    for k, name in enumerate(here):
        if name not in pieces[k : k + 2]:
            result = e.select(f"u == {points[k]}", name, result)
    return result if passing else e.select("u == u", result, "u")


def _products(expression: Piecewise) -> list[Product | None]:
    """Read the pieces, and after them what holds at the points, as products."""
    ends = [-inf, *(point.value for point in expression.points if isinstance(point, Constant)), inf]
    reach = [max(abs(left), abs(right)) for left, right in pairwise(ends)]
    found = [_product(piece) for piece in (*expression.pieces, *expression.at)]
    return [
        p and replace(p, reach=far) for p, far in zip(found, [*reach, *map(abs, ends[1:-1])], strict=True)
    ]


def _product(expression: Expression) -> Product | None:
    if isinstance(expression, Variable):
        return Product(number=Fraction(1), times=1)
    if isinstance(expression, Constant):
        return Product(number=Fraction(expression.value)) if isfinite(expression.value) else None
    if not isinstance(expression, Call):
        return None
    operands = expression.operands
    match expression.operator:
        case "add" | "subtract":
            return _line(polynomial(expression))
        case "negate":
            found = _product(operands[0])
            return found and replace(found, number=-found.number)
        case "multiply":
            return _multiplied(*map(_product, operands))
        case "divide" if (
            isinstance(operands[1], Constant) and operands[1].value and isfinite(operands[1].value)
        ):
            found = _product(operands[0])
            return found and replace(found, number=found.number / Fraction(operands[1].value))
    return None


def _line(coefficients: Sequence[Fraction] | None) -> Product | None:
    if coefficients is None or len(coefficients) != 2:
        return None
    b, a = coefficients
    return Product(number=Fraction(1), line=(a, b)) if a in SCALES and _held(b) else None


def _multiplied(a: Product | None, b: Product | None) -> Product | None:
    if a is None or b is None or (a.line and b.line):
        return None
    return Product(number=a.number * b.number, line=a.line or b.line, times=a.times + b.times)


def _held(number: Fraction) -> bool:
    """Return whether float32 holds a number of moderate size exactly."""
    return -FAR < number < FAR and Fraction(float(np.float32(float(number)))) == number


def _emit(e: Emitter, product: Product, gradient: str | None) -> str:
    factor, number = "u" if product.times else gradient, product.number
    if product.line is None:
        return e.number(float(number)) if factor is None else _times(e, factor, number)
    total = _sum(e, product.line, product.reach)
    if factor is None:
        return total.high if number == 1 else _rounded(e, total, number)
    scaled = total if number == 1 else _scaled(e, total, number)
    return e.fma(factor, scaled.high, e.multiply(factor, str(scaled.low)))


def _times(e: Emitter, factor: str, number: Fraction) -> str:
    """Return a factor times a number, whose two parts are of one sign: so that infinity times both is no NaN."""
    high = np.float32(float(number))
    if abs(Fraction(float(high))) > abs(number):
        high = np.nextafter(high, np.float32(0))
    if number == 1:
        return factor
    low = float(number - Fraction(float(high)))
    product = e.multiply(factor, e.number(low or float(high)))
    return e.fma(factor, e.number(float(high)), product) if low else product


def _sum(e: Emitter, line: tuple[Fraction, Fraction], reach: float) -> Pair:
    """Return a·u + b exactly: the sum rounded, and what the rounding leaves out."""
    a, b = line
    term = "u" if a == 1 else e.multiply("u", e.number(float(a)))
    constant = e.number(float(b))
    if abs(b) < abs(a) * Fraction(reach):
        return Pair(*two_sum(e, constant, term))
    total = e.add(constant, term)
    return Pair(total, e.subtract(term, e.subtract(total, constant)))


def _split(number: Fraction) -> tuple[str, str]:
    """Write a number as two of float32 that together are not smaller, so that 0 times a sum keeps its sign."""
    high = float(np.float32(float(number)))
    rest = number - Fraction(high)
    low = np.float32(float(rest))
    if (Fraction(float(low)) - rest) * number < 0:
        low = np.nextafter(low, np.float32(np.copysign(np.inf, float(number))))
    return f"F({high!r})", f"F({float(low)!r})"


def _scaled(e: Emitter, total: Pair, number: Fraction) -> Pair:
    high, low = _split(number)
    product = e.multiply(total.high, high)
    rest = e.fma(total.high, low, e.step(f"left_out({total.high}, {high}, {product})"))
    return Pair(product, e.fma(str(total.low), high, rest))


def _rounded(e: Emitter, total: Pair, number: Fraction) -> str:
    """Return a sum times a number, rounded once."""
    high, low = _split(number)
    return e.fma(total.high, high, e.fma(total.high, low, e.multiply(str(total.low), high)))
