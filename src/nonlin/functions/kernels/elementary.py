"""Branch-free code for exp, log and what is made of them, for float32 and narrower."""

from __future__ import annotations

from fractions import Fraction
from math import log, log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nonlin.functions.kernels.emitter import Emitter

__all__ = [
    "exp",
    "exp_fraction",
    "exp_negative",
    "expm1",
    "expm1_negative",
    "log1p",
    "log1p_unit",
    "log_of",
    "reciprocal",
]

HALF = 0.34657359027997264  # ln 2 / 2
FRACTION = 350.0  # exp of it is beyond float32 with every factor beside it, and its square within float64
LN2 = Fraction(log(2)) + Fraction(2.3190468138462996e-17)  # to 107 bits


def exp(e: Emitter, u: str) -> str:
    """Emit the exponential of u, far beyond the result's range on the right, 0 far on the left."""
    return _exp(e, e.smaller(e.larger(u, e.precision.lowest), e.precision.highest))


def exp_negative(e: Emitter, u: str) -> str:
    """Emit exp(u) for u ≤ 0."""
    return _exp(e, e.larger(u, e.precision.lowest))


def exp_fraction(e: Emitter, u: str) -> tuple[str, str]:
    """Emit a and b with exp(u) = a/b, for what divides anyway: shorter than the polynomial of exp; u within ±350.

    With c = r·coth(r/2), an even function, exp(r) = (c + r)/(c − r).
    """
    r, whole = _reduced(e, e.smaller(e.larger(u, -FRACTION), FRACTION))
    # an error of c counts 2r/(c² − r²) < 0.19 times in the quotient
    c = e.polynomial("coth", (0.0, HALF**2), e.multiply(r, r), relative=10.0)
    top = e.add(c, r)
    scaled = e.step(f"unbits(bits({top}) + (bits({whole}) << {e.integer(e.precision.mantissa)}))")
    return scaled, e.subtract(c, r)


def expm1(e: Emitter, u: str) -> str:
    """Emit exp(u) − 1."""
    return expm1_negative(e, e.smaller(u, e.precision.highest))


def expm1_negative(e: Emitter, u: str) -> str:
    """Emit exp(u) − 1 for u ≤ 0."""
    r, whole = _reduced(e, e.larger(u, e.precision.lowest))
    scale = _power_of_two(e, _integer_part(e, whole))
    return e.fma(scale, _rest(e, r), e.subtract(scale, e.number(1.0)))


def log1p_unit(e: Emitter, v: str) -> str:
    """Emit log(1 + v) for v in [0, 1]."""
    # a longer polynomial costs less than the division that a shorter one would need
    return e.multiply(v, e.polynomial("log1p", (0.0, 1.0), v, relative=2.5))


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


def _exp(e: Emitter, u: str) -> str:
    r, whole = _reduced(e, u)
    value = e.add(e.number(1.0), _rest(e, r)) if e.shared else _exp_whole(e, r)
    if not e.precision.careful and not e.shared:
        return e.step(f"unbits(bits({value}) + (bits({whole}) << {e.integer(e.precision.mantissa)}))")
    return e.multiply(value, _power_of_two(e, _integer_part(e, whole)))


def _exp_whole(e: Emitter, r: str) -> str:
    return e.polynomial("exp_whole", (-HALF, HALF), r, relative=2.0)


def _reduced(e: Emitter, u: str) -> tuple[str, str]:
    """Return r = u − k·ln 2, and k + magic, whose last bits are k."""
    whole = e.fma(u, e.number(log2(2.718281828459045)), e.number(_magic(e)))
    k = e.subtract(whole, e.number(_magic(e)))
    if not e.precision.careful:
        return e.fma(k, e.number(-log(2)), u), whole
    high, low = _split(e)
    return e.fma(k, e.number(-low), e.fma(k, e.number(-high), u)), whole


def _rest(e: Emitter, r: str) -> str:
    """Emit exp(r) − 1 on the reduced interval."""
    q = e.polynomial("exp", (-HALF, HALF), r, relative=16.0)
    return e.fma(e.multiply(r, r), q, r)


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
