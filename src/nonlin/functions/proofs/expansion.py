"""Expansions of a function near infinity, with a proven enclosure of what is left out.

On the tail y = abs(x) ≥ start, a function is enclosed by a finite sum of terms C·yᵏ·exp(p(y)), p a polynomial
without a constant. Of the coefficient C, which may depend on y, an interval is known that holds for all of
the tail. A coefficient that is one exact number is exact. So the limit, the sign and the growth are read off
the first term, and they are proven, not extrapolated.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from flint import arb, fmpq

from nonlin.functions.proofs import intervals
from nonlin.functions.proofs.intervals import INF, ZERO, Interval

if TYPE_CHECKING:
    from nonlin.functions.arb import Ball

__all__ = ["CONSTANT", "Expansion", "Key", "NoExpansionError", "constant", "is_exact_zero", "variable"]

Key: TypeAlias = tuple[Fraction, ...]
"""The coefficients of p from y⁸ down to y, then k; so a larger key is a term that grows faster."""

DEGREE = 8
CONSTANT: Key = (Fraction(0),) * (DEGREE + 1)
LENGTH = 6  # terms kept; the smallest are merged into the next larger


class NoExpansionError(Exception):
    """The function has no expansion of this kind, or not from this start on; never leaves this package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """A sum of terms from the largest to the smallest; no terms is 0.

    Args:
        start: the tail begins here.
        terms: pairs of a key and the interval of its coefficient.
    """

    start: Ball
    terms: tuple[tuple[Key, Interval], ...]

    def bound(self) -> Interval:
        """Enclose all values on the tail."""
        total: Interval = (ZERO, ZERO)
        for key, coefficient in self.terms:
            total = intervals.add(total, intervals.multiply(coefficient, _monomial(key, self.start)))
        return total

    def limit(self) -> Interval | None:
        """Enclose the limit; (∞, ∞) or (−∞, −∞) where it diverges; None where this does not tell."""
        if not self.terms or self.terms[0][0] < CONSTANT:
            return (ZERO, ZERO)
        key, coefficient = self.terms[0]
        if key == CONSTANT:
            return coefficient
        if coefficient[0] > 0:
            return (INF, INF)
        return (-INF, -INF) if coefficient[1] < 0 else None

    def sign(self) -> str:
        """Return the sign on all of the tail, as `intervals.sign` writes it."""
        if not self.terms:
            return "0"
        key, _ = self.terms[0]
        # relative to the largest monomial, every other one is bounded
        total: Interval = (ZERO, ZERO)
        for other, coefficient in self.terms:
            ratio = _monomial(_minus(other, key), self.start)
            total = intervals.add(total, intervals.multiply(coefficient, ratio))
        return intervals.sign(total)

    def __neg__(self) -> Expansion:
        return self.scaled((arb(-1), arb(-1)))

    def __add__(self, other: Expansion) -> Expansion:
        return _collected(self.start, [*self.terms, *other.terms])

    def __sub__(self, other: Expansion) -> Expansion:
        return self + -other

    def __mul__(self, other: Expansion) -> Expansion:
        products = [(_plus(p, q), intervals.multiply(a, b)) for p, a in self.terms for q, b in other.terms]
        return _collected(self.start, products)

    def scaled(self, factor: Interval) -> Expansion:
        """Return the product with a number, or with a bounded function known by its interval."""
        return _collected(self.start, [(key, intervals.multiply(c, factor)) for key, c in self.terms])

    def split(self) -> tuple[Expansion, Interval, Expansion]:
        """Return the growing terms, the constant and the terms that tend to 0."""
        growing = tuple(term for term in self.terms if term[0] > CONSTANT)
        falling = tuple(term for term in self.terms if term[0] < CONSTANT)
        middle = next((c for key, c in self.terms if key == CONSTANT), (ZERO, ZERO))
        return _like(self, growing), middle, _like(self, falling)

    def leading(self) -> tuple[Key, Interval, Expansion]:
        """Return the first term and w, where the whole is that term times 1 + w and w tends to 0."""
        if not self.terms or intervals.sign(self.terms[0][1]) not in ("+", "-"):
            raise NoExpansionError
        key, coefficient = self.terms[0]
        rest = [(_minus(other, key), intervals.divide(c, coefficient)) for other, c in self.terms[1:]]
        return key, coefficient, _collected(self.start, rest)

    def reciprocal(self) -> Expansion:
        """Return 1 over it: 1/(1 + w) = 1 − w + w²·C with C in 1/(1 + W)."""
        key, coefficient, w = self.leading()
        one = constant(1, self.start)
        whole = intervals.add((arb(1), arb(1)), w.bound())
        if not whole[0] > 0:
            raise NoExpansionError
        rest = (w * w).scaled(intervals.divide((arb(1), arb(1)), whole))
        inverse = intervals.divide((arb(1), arb(1)), coefficient)
        monomial = Expansion(start=self.start, terms=((_minus(CONSTANT, key), inverse),))
        return monomial * (one - w + rest)

    def power(self, exponent: int) -> Expansion:
        """Return a whole power of 0 or more."""
        result = constant(1, self.start)
        for _ in range(exponent):
            result *= self
        return result


def constant(value: float | Ball | Interval, start: Ball) -> Expansion:
    """Return the expansion of a number or of a bounded function known by its interval."""
    coefficient = value if isinstance(value, tuple) else intervals.point(value)
    return Expansion(start=start, terms=() if is_exact_zero(coefficient) else ((CONSTANT, coefficient),))


def variable(side: int, start: Ball) -> Expansion:
    """Return the expansion of x on the right (side = 1, x = y) or on the left (x = −y)."""
    linear = (*CONSTANT[:-1], Fraction(1))
    return Expansion(start=start, terms=((linear, (arb(side), arb(side))),))


def is_exact_zero(a: Interval) -> bool:
    """Whether it is the number 0."""
    return bool(a[0].is_zero() and a[1].is_zero())


def _like(expansion: Expansion, terms: tuple[tuple[Key, Interval], ...]) -> Expansion:
    return Expansion(start=expansion.start, terms=terms)


def _plus(p: Key, q: Key) -> Key:
    return tuple(a + b for a, b in zip(p, q, strict=True))


def _minus(p: Key, q: Key) -> Key:
    return tuple(a - b for a, b in zip(p, q, strict=True))


def _collected(start: Ball, terms: list[tuple[Key, Interval]]) -> Expansion:
    sums: dict[Key, Interval] = {}
    for key, coefficient in terms:
        sums[key] = intervals.add(sums[key], coefficient) if key in sums else coefficient
    ordered = [(key, sums[key]) for key in sorted(sums, reverse=True) if not is_exact_zero(sums[key])]
    while len(ordered) > LENGTH:
        last, small = ordered.pop()
        key, coefficient = ordered[-1]
        ratio = _monomial(_minus(last, key), start)
        ordered[-1] = (key, intervals.add(coefficient, intervals.multiply(small, ratio)))
    return Expansion(start=start, terms=tuple(ordered))


def _monomial(key: Key, start: Ball) -> Interval:
    """Enclose yᵏ·exp(p(y)) for y ≥ start."""
    if key == CONSTANT:
        return (arb(1), arb(1))
    if key < CONSTANT and _monotone(key, start):
        return (ZERO, intervals.point(_value(key, start))[1])
    if key > CONSTANT and _monotone(_minus(CONSTANT, key), start):
        return (intervals.point(_value(key, start))[0], INF)
    return (ZERO, INF)


def _monotone(key: Key, start: Ball) -> bool:
    """Whether a falling monomial falls on all of the tail.

    y·(log of it)' = k + Σ i·cᵢ·yⁱ; divided by the highest power in it, the leading coefficient is negative
    and every other positive term is largest at the start.
    """
    parts = {DEGREE - i: (DEGREE - i) * c for i, c in enumerate(key[:-1]) if c}
    parts[0] = key[-1]
    top = max(parts)
    total = _arb(parts[top])
    for degree, c in parts.items():
        if degree < top and c > 0:
            total += _arb(c) / start ** (top - degree)
    return bool(total < 0)


def _value(key: Key, y: Ball) -> Ball:
    exponent = arb(0)
    for i, c in enumerate(key[:-1]):
        if c:
            exponent += _arb(c) * y ** (DEGREE - i)
    return exponent.exp() * y ** _arb(key[-1])


def _arb(value: Fraction) -> Ball:
    return arb(fmpq(value.numerator, value.denominator))
