"""Branch-free code for exp, log and what is made of them, for any precision."""

from __future__ import annotations

from fractions import Fraction
from math import log, log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nonlin.functions.kernels.emitter import Emitter

__all__ = ["exp", "exp_negative", "expm1", "expm1_negative", "log1p", "log1p_unit", "log_of", "reciprocal"]

HALF = 0.34657359027997264  # ln 2 / 2
LN2 = Fraction(log(2)) + Fraction(2.3190468138462996e-17)  # to 107 bits


def exp(e: Emitter, u: str) -> str:
    """Emit the exponential of u, with infinity beyond the carrier's range, 0 far on the left."""
    p = e.precision
    value = _exp(e, e.smaller(e.larger(u, p.lowest), p.highest), e.delta(u) if p.gradual else None)
    return e.select(f"{u} > {e.number(p.highest)}", "F(np.inf)", value) if p.gradual else value


def exp_negative(e: Emitter, u: str, delta: str | None = None) -> str:
    """Emit exp(u + delta) for u ≤ 0 and a delta of the size of its rounding."""
    return _exp(e, e.larger(u, e.precision.lowest), delta)


def expm1(e: Emitter, u: str) -> str:
    """Emit exp(u) − 1."""
    p = e.precision
    if not p.gradual:
        return expm1_negative(e, e.smaller(u, p.highest))
    r, whole, left = _reduced(e, e.smaller(e.larger(u, -60.0), p.highest), e.delta(u))
    # 2ᵏ in two steps, so that k may be one more than the carrier's largest exponent
    k = _integer_part(e, whole)
    first = e.whole(f"{k} >> {e.integer(1)}")
    second = e.whole(f"{k} - {first}")
    scale, outer = _power_of_two(e, first), _power_of_two(e, second)
    inverse = _power_of_two(e, e.whole(f"-{second}"))
    value = e.multiply(outer, e.fma(scale, _rest(e, r, left), e.subtract(scale, inverse)))
    return e.select(f"{u} > {e.number(p.highest)}", "F(np.inf)", value)


def expm1_negative(e: Emitter, u: str, delta: str | None = None) -> str:
    """Emit exp(u + delta) − 1 for u ≤ 0."""
    p = e.precision
    r, whole, left = _reduced(e, e.larger(u, -60.0 if p.gradual else p.lowest), delta)
    scale = _power_of_two(e, _integer_part(e, whole))
    return e.fma(scale, _rest(e, r, left), e.subtract(scale, e.number(1.0)))


def log1p_unit(e: Emitter, v: str) -> str:
    """Emit log(1 + v) for v in [0, 1]."""
    if not e.precision.gradual:
        # a longer polynomial costs less than the division
        return e.multiply(v, e.polynomial("log1p", (0.0, 1.0), v, relative=2.5))
    t = e.divide(v, e.add(e.number(2.0), v))
    z = e.multiply(t, t)
    rest = e.polynomial("atanh", (0.0, 1 / 9), z)
    return e.fma(e.multiply(t, z), rest, e.add(t, t))


def log_of(e: Emitter, u: str, correction: str | None = None) -> str:
    """Emit log(u + correction) for u > 0 and a correction far below u; NaN below 0, −inf at 0."""
    p = e.precision
    safe = e.larger(u, 2.0 ** (1 - p.bias))
    pattern = e.step(f"bits({safe})")
    offset = e.integer(((p.bias - 1) << p.mantissa) + int((0.5**0.5 * 2 - 1) * 2**p.mantissa))
    k = e.whole(f"({pattern} - {offset}) >> {e.integer(p.mantissa)}")
    m = e.step(f"unbits({e.whole(f'{pattern} - ({k} << {e.integer(p.mantissa)})')})")
    whole = e.subtract(e.step(f"unbits({e.whole(f'{k} + {_magic_bits(e)}')})"), e.number(_magic(e)))
    f = e.subtract(m, e.number(1.0))
    t = e.divide(f, e.add(e.number(2.0), f))
    z = e.multiply(t, t)
    rest = e.multiply(e.multiply(t, z), e.polynomial("atanh", (0.0, 0.02945), z))
    high, low = _split(e)
    small = e.fma(whole, e.number(low), rest)
    if correction is not None:
        small = e.add(small, e.divide(correction, safe))
    value = e.fma(whole, e.number(high), e.add(e.add(t, t), small))
    value = e.select(
        f"{u} > {e.number(0.0)}", value, e.select(f"{u} == {e.number(0.0)}", "F(-np.inf)", "F(np.nan)")
    )
    return e.select(f"{u} == F(np.inf)", u, value)


def log1p(e: Emitter, u: str) -> str:
    """Emit log(1 + u), with what the rounding of 1 + u left out put back."""
    s = e.add(e.number(1.0), u)
    small = e.subtract(u, e.subtract(s, e.number(1.0)))
    large = e.subtract(e.number(1.0), e.subtract(s, u))
    return log_of(e, s, e.select(f"abs({u}) < {e.number(1.0)}", small, large))


def reciprocal(e: Emitter, u: str) -> str:
    """Emit 1/u."""
    return e.divide(e.number(1.0), u)


def _exp(e: Emitter, u: str, delta: str | None = None) -> str:
    p = e.precision
    r, whole, left = _reduced(e, u, delta)
    if p.gradual or e.shared:
        value = e.add(e.number(1.0), _rest(e, r, left))
    else:
        value = e.polynomial("exp_whole", (-HALF, HALF), r, relative=2.0)
    if not p.careful and not e.shared:
        return e.step(f"unbits(bits({value}) + (bits({whole}) << {e.integer(p.mantissa)}))")
    k = _integer_part(e, whole)
    if not e.precision.gradual:
        return e.multiply(value, _power_of_two(e, k))
    # in two steps, so that a subnormal result is rounded once
    first = e.whole(f"{k} >> {e.integer(1)}")
    second = e.whole(f"{k} - {first}")
    return e.multiply(e.multiply(value, _power_of_two(e, first)), _power_of_two(e, second))


def _reduced(e: Emitter, u: str, delta: str | None = None) -> tuple[str, str, str | None]:
    """Return r = u − k·ln 2, k + magic, whose last bits are k, and what r's rounding and u's left out."""
    whole = e.fma(u, e.number(log2(2.718281828459045)), e.number(_magic(e)))
    k = e.subtract(whole, e.number(_magic(e)))
    if not e.precision.careful:
        return e.fma(k, e.number(-log(2)), u), whole, None
    high, low = _split(e)
    first = e.fma(k, e.number(-high), u)
    r = e.fma(k, e.number(-low), first)
    if not e.precision.gradual:
        return r, whole, None
    left = e.fma(k, e.number(-low), e.step(f"{first} - {r}"))
    return r, whole, e.step(f"{left} + {delta}") if delta else left


def _rest(e: Emitter, r: str, left: str | None) -> str:
    """Emit exp(r + left) − 1 on the reduced interval."""
    q = e.polynomial("exp", (-HALF, HALF), r, relative=16.0)
    square = e.multiply(r, r)
    return e.fma(square, q, r) if left is None else e.add(r, e.fma(square, q, e.fma(left, r, left)))


def _split(e: Emitter) -> tuple[float, float]:
    # the high part has trailing zeros, so that its product with k is exact
    scale = 2 ** (e.precision.mantissa - 11 if e.precision.mantissa == 52 else 15)
    high = Fraction(int(LN2 * scale), scale)
    return float(high), float(LN2 - high)


def _magic(e: Emitter) -> float:
    return 1.5 * 2.0**e.precision.mantissa


def _integer_part(e: Emitter, whole: str) -> str:
    return e.whole(f"bits({whole}) - {_magic_bits(e)}")


def _magic_bits(e: Emitter) -> str:
    p = e.precision
    return e.integer(((p.bias + p.mantissa) << p.mantissa) + (1 << (p.mantissa - 1)))


def _power_of_two(e: Emitter, k: str) -> str:
    p = e.precision
    return e.step(f"unbits({e.whole(f'({k} + {e.integer(p.bias)}) << {e.integer(p.mantissa)}')})")
