"""Sine, cosine and the spherical Bessel functions in double-double arithmetic.

An argument of any size is reduced exactly, by a table of the quarter turns in each power of two.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from nonlin.functions.kernels.pairs import (
    Pair,
    absolute,
    add,
    at_most,
    choose,
    constant,
    divide,
    multiply,
    negate,
    polynomial,
    rational,
    scale,
    signed,
    subtract,
)
from nonlin.functions.kernels.turns import WORDS

if TYPE_CHECKING:
    from nonlin.functions.kernels.emitter import Emitter

__all__ = ["HALF_PI", "cosine", "sinc", "sinc_times", "sine"]

HALF_PI = Fraction(2524172377308996935986705070621218418107321710744331485767684, 2**200)
EIGHTH = 0.7853981633974484  # π/4, rounded up
MAGIC = 1.5 * 2.0**52
MAGIC_BITS = 0x4338000000000000
FRACTION = (1 << 52) - 1  # the bits after the point
WHOLE = 1075 << 52  # with this exponent they are a whole number


def sine(e: Emitter, u: Pair) -> Pair:
    """Return sin(u)."""
    return _turned(e, u, 0)


def cosine(e: Emitter, u: Pair) -> Pair:
    """Return cos(u)."""
    return _turned(e, u, 1)


def _turned(e: Emitter, u: Pair, quarters: int) -> Pair:
    """Return sin(u + quarters·π/2)."""
    r, k = _reduced(e, u)
    z = multiply(e, r, r)
    interval = (0.0, EIGHTH**2)
    sin_r = add(e, r, multiply(e, multiply(e, r, z), polynomial(e, "sine", interval, z)))
    rest = multiply(e, multiply(e, z, z), polynomial(e, "cosine", interval, z))
    cos_r = add(e, subtract(e, constant(e, 1.0), scale(e, z, 0.5)), rest)
    turns = e.step(f"{k} + I({quarters})")
    value = choose(e, f"({turns} & I(1)) == I(0)", sin_r, cos_r)
    return choose(e, f"({turns} & I(2)) == I(0)", value, negate(e, value))


def _reduced(e: Emitter, u: Pair) -> tuple[Pair, str]:
    """Return r = u − k·π/2 and the integer k, modulo 4; NaN for an infinite u."""
    pattern = e.step(f"bits({u.high})")
    index = e.step(f"({pattern} >> I(52)) & I(2047)")
    whole = e.step(f"unbits(({pattern} & I({FRACTION})) | I({WHOLE}))")
    products = [multiply(e, Pair(whole), Pair(e.step(f"quarters[{word}][{index}]"))) for word in range(WORDS)]
    (first, first_rest), (second, second_rest), *others = products
    # all bits of the first words that count fit in a pair, so that what is left of them is exact
    zero = e.number(0.0)
    high = e.step(f"{first} - {e.number(4.0)} * np.floor({first} * {e.number(0.25)})")
    turns = add(e, add(e, Pair(high), Pair(first_rest or zero)), Pair(second))
    nearest = e.step(f"{turns.high} + {e.number(MAGIC)}")
    turns = subtract(e, turns, Pair(e.step(f"{nearest} - {e.number(MAGIC)}")))
    for part in (Pair(second_rest or zero), *others):
        turns = add(e, turns, part)
    r = multiply(e, turns, rational(e, HALF_PI))
    k = e.step(f"bits({nearest}) - I({MAGIC_BITS})")
    negative = f"{u.high} < {zero}"
    near = f"abs({u.high}) < {e.number(EIGHTH)}"
    r = choose(e, near, Pair(u.high), choose(e, negative, negate(e, r), r))
    # an infinity has no remainder
    r = Pair(e.step(f"{r.high} + {zero} * {u.high}"), r.low)
    k = e.step(f"select({e.step(negative)}, -{k}, {k})")
    k = e.step(f"select({e.step(near)}, I(0), {k})")
    return (add(e, r, Pair(u.low)) if u.low else r), k


def sinc(e: Emitter, u: Pair, order: int) -> Pair:
    """Return j_n(u)/uⁿ: a polynomial near 0, where the closed form cancels, and upward recurrence beyond."""
    near, beyond, inside = _sinc_parts(e, u, order)
    return choose(e, inside, near, divide(e, beyond, absolute(e, u), safe=True))


def sinc_times(e: Emitter, u: Pair, order: int) -> Pair:
    """Return u·j_n(u)/uⁿ, which is small, but not 0, where j_n(u)/uⁿ is below the smallest float64."""
    near, beyond, inside = _sinc_parts(e, u, order)
    return choose(e, inside, multiply(e, u, near), signed(e, beyond, u))


def _sinc_parts(e: Emitter, u: Pair, order: int) -> tuple[Pair, Pair, str]:
    """Return j_n(u)/uⁿ near 0, abs(u) times it beyond, and the condition for near."""
    border = 2.0 + order
    a = absolute(e, u)
    inside = f"{a.high} < {e.number(border)}"
    close = at_most(e, a, border)
    name = f"sinc{order}" if order else "sinc"
    near = polynomial(e, name, (0.0, border**2), multiply(e, close, close))
    safe = choose(e, inside, constant(e, border), a)
    before, times = cosine(e, safe), sine(e, safe)
    for n in range(order):
        value = divide(e, times, safe, safe=True)
        change = subtract(e, multiply(e, constant(e, 2.0 * n + 1.0), value), before)
        before, times = value, divide(e, change, safe, safe=True)
    return near, times, inside
