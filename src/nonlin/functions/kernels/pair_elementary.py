"""exp, log and what is made of them in double-double arithmetic."""

from __future__ import annotations

from fractions import Fraction
from math import log2
from typing import TYPE_CHECKING

from nonlin.functions.kernels.pairs import (
    Pair,
    absolute,
    add,
    at_least,
    at_most,
    choose,
    constant,
    divide,
    either,
    multiply,
    negate,
    polynomial,
    rounded,
    scale,
    signed,
    two_sum,
)

if TYPE_CHECKING:
    from nonlin.functions.kernels.emitter import Emitter

__all__ = ["exp", "expm1", "falling", "log", "log1p", "sech2", "sigmoid", "softplus", "tanh"]

LN2 = Fraction(1037348597042850888842955372387121716824613784951242, 2**170)
HALF = 0.34657359027997264  # ln 2 / 2
LOWEST, HIGHEST = -746.0, 709.782712893384  # exp of less is 0, of more infinite
MAGIC = 1.5 * 2.0**52  # added to a number, it leaves the nearest integer in the last bits
MAGIC_BITS = 0x4338000000000000
BIAS = 1023


def exp(e: Emitter, u: Pair) -> Pair:
    """Return the exponential, infinity beyond the range, 0 far on the left."""
    r, k = _reduced(e, at_least(e, at_most(e, u, HIGHEST), LOWEST))
    # in two steps, so that a subnormal result is rounded once
    value = _scaled(e, add(e, constant(e, 1.0), _rest(e, r)), k)
    return choose(e, f"{u.high} > {e.number(HIGHEST)}", Pair("F(np.inf)"), value)


def falling(e: Emitter, u: Pair, factor: float = 1.0) -> Pair:
    """Return exp(−factor·abs(u)) for a power of two."""
    return exp(e, scale(e, absolute(e, u), -factor))


def expm1(e: Emitter, u: Pair) -> Pair:
    """Return exp(u) − 1."""
    r, k = _reduced(e, at_least(e, at_most(e, u, HIGHEST), -80.0))
    # 2ᵏ in two steps, so that k may be one more than the largest exponent
    first, second = _halves(e, k)
    power, inverse = _power_of_two(e, first), _power_of_two(e, e.step(f"-{second}"))
    rest = _times(e, _rest(e, r), power)
    value = _times(e, add(e, rest, Pair(*two_sum(e, power, e.step(f"-{inverse}")))), _power_of_two(e, second))
    return choose(e, f"{u.high} > {e.number(HIGHEST)}", Pair("F(np.inf)"), value)


def log(e: Emitter, u: Pair) -> Pair:
    """Return the natural logarithm, NaN below 0, −infinity at 0."""
    # a subnormal number is made a normal one first
    small = f"{u.high} < {e.number(2.0**-1022)}"
    u_high = either(e, small, e.step(f"{u.high} * {e.number(2.0**54)}"), u.high)
    safe = either(e, f"{u_high} < {e.number(2.0**-1022)}", e.number(2.0**-1022), u_high)
    pattern = e.step(f"bits({safe})")
    # of √½ and above the nearest power of two is taken off, so that log(m) does not cancel with k·ln 2
    k = e.step(f"({pattern} - I({((BIAS - 1) << 52) + int((0.5**0.5 * 2 - 1) * 2**52)})) >> I(52)")
    m = e.step(f"unbits({pattern} - ({k} << I(52)))")
    whole = e.step(f"unbits({k} + I({MAGIC_BITS})) - {e.number(MAGIC)}")
    whole = e.step(f"{whole} - {either(e, small, e.number(54.0), e.number(0.0))}")
    value = add(e, _times_ln2(e, whole), _log_near_1(e, Pair(e.step(f"{m} - {e.number(1.0)}"))))
    if u.low:
        value = add(e, value, Pair(e.step(f"{u.low} / {u.high}")))
    value = choose(e, f"{u.high} == {e.number(0.0)}", Pair("F(-np.inf)"), value)
    value = choose(e, f"{u.high} >= {e.number(0.0)}", value, Pair("F(np.nan)"))
    return choose(e, f"{u.high} == F(np.inf)", Pair("F(np.inf)"), value)


def log1p(e: Emitter, u: Pair) -> Pair:
    """Return log(1 + u)."""
    near = at_least(e, at_most(e, u, 0.5), -0.25)
    far = log(e, add(e, constant(e, 1.0), u, safe=True))
    near_value = _log_near_1(e, near)
    inside = e.step(f"({u.high} > {e.number(-0.25)}) & ({u.high} < {e.number(0.5)})")
    return choose(e, inside, near_value, far)


def sigmoid(e: Emitter, u: Pair) -> Pair:
    """Return 1/(1 + exp(−u))."""
    small = falling(e, u)
    top = choose(e, f"{u.high} >= {e.number(0.0)}", constant(e, 1.0), small)
    return divide(e, top, add(e, constant(e, 1.0), small))


def softplus(e: Emitter, u: Pair) -> Pair:
    """Return log(1 + exp(u))."""
    return add(e, at_least(e, u, 0.0), _log_near_1(e, falling(e, u)), safe=True)


def tanh(e: Emitter, u: Pair) -> Pair:
    """Return the hyperbolic tangent."""
    m = expm1(e, scale(e, absolute(e, u), -2.0))
    value = divide(e, negate(e, m), add(e, constant(e, 2.0), m))
    return signed(e, value, u)


def sech2(e: Emitter, u: Pair) -> Pair:
    """Return 1/cosh²(u)."""
    small = falling(e, u, 2.0)
    base = divide(e, constant(e, 1.0), add(e, constant(e, 1.0), small))
    return multiply(e, scale(e, small, 4.0), multiply(e, base, base))


def _log_near_1(e: Emitter, f: Pair) -> Pair:
    """Return log(1 + f) for f in [-0.3, 1], as 2·atanh(f/(2 + f))."""
    t = divide(e, f, add(e, constant(e, 2.0), f))
    z = multiply(e, t, t)
    rest = multiply(e, multiply(e, t, z), polynomial(e, "atanh", (0.0, 1 / 9), z))
    return add(e, scale(e, t, 2.0), rest)


def _reduced(e: Emitter, u: Pair) -> tuple[Pair, str]:
    """Return r = u − k·ln 2 and the integer k."""
    whole = e.fma(u.high, e.number(log2(2.718281828459045)), e.number(MAGIC))
    k = e.step(f"{whole} - {e.number(MAGIC)}")
    high, middle, low = _thirds(LN2)
    # the first product and difference are exact, and so is the second product
    first = e.step(f"{u.high} - {e.step(f'{k} * {e.number(high)}')}")
    r, rest = two_sum(e, first, e.step(f"{k} * {e.number(-middle)}"))
    rest = e.fma(k, e.number(-low), rest)
    if u.low:
        rest = e.step(f"{rest} + {u.low}")
    return rounded(e, r, rest), e.step(f"bits({whole}) - I({MAGIC_BITS})")


def _times_ln2(e: Emitter, k: str) -> Pair:
    high, middle, low = _thirds(LN2)
    total, rest = two_sum(e, e.step(f"{k} * {e.number(high)}"), e.step(f"{k} * {e.number(middle)}"))
    return rounded(e, total, e.fma(k, e.number(low), rest))


def _rest(e: Emitter, r: Pair) -> Pair:
    """Return exp(r) − 1 on the reduced interval."""
    q = polynomial(e, "exp", (-HALF, HALF), r)
    return add(e, r, multiply(e, multiply(e, r, r), q))


def _thirds(value: Fraction) -> tuple[float, float, float]:
    """Cut a number near 1 in parts of 41 bits, whose products with an integer of 12 bits are exact, and the rest."""
    high = Fraction(int(value * 2**41), 2**41)
    middle = Fraction(int((value - high) * 2**82), 2**82)
    return float(high), float(middle), float(value - high - middle)


def _halves(e: Emitter, k: str) -> tuple[str, str]:
    first = e.step(f"{k} >> I(1)")
    return first, e.step(f"{k} - {first}")


def _power_of_two(e: Emitter, k: str) -> str:
    return e.step(f"unbits({e.step(f'({k} + I({BIAS})) << I(52)')})")


def _times(e: Emitter, a: Pair, power: str) -> Pair:
    return Pair(e.step(f"{a.high} * {power}"), e.step(f"{a.low} * {power}") if a.low else None)


def _scaled(e: Emitter, a: Pair, k: str) -> Pair:
    first, second = (_power_of_two(e, part) for part in _halves(e, k))
    return _times(e, _times(e, a, first), second)
