"""Branch-free code for exp, log and what is made of them, for float32 and narrower."""

from __future__ import annotations

from fractions import Fraction
from math import log, log2
from typing import TYPE_CHECKING

from nonlin.functions.kernels.fitting import fit

if TYPE_CHECKING:
    from nonlin.functions.kernels.emitter import Emitter

__all__ = [
    "FRACTION",
    "exp",
    "exp_fraction",
    "exp_negative",
    "exp_product",
    "exp_scaled",
    "exp_up_to",
    "expm1",
    "expm1_negative",
    "log1p",
    "log1p_exp",
    "log_of",
    "reciprocal",
]

HALF = 0.34657359027997264  # ln 2 / 2
FRACTION = 350.0  # exp of it is beyond float32 with every factor beside it, and its square within float64
LIFTED = -64.0  # below it exp is multiplied by 2^lift, and still invisible beside 1
LN2 = Fraction(log(2)) + Fraction(2.3190468138462996e-17)  # to 107 bits


def exp(e: Emitter, u: str) -> str:
    """Emit the exponential of u, far beyond the result's range on the right, 0 far on the left."""
    return _exp(e, e.smaller(e.larger(u, e.precision.lowest), e.precision.highest))


def exp_negative(e: Emitter, u: str) -> str:
    """Emit exp(u) for u ≤ 0; lifted, see `Precision`."""
    return _exp(e, e.larger(u, e.precision.lowest), lift=_lift(e, u))


def exp_up_to(e: Emitter, u: str, highest: float) -> str:
    """Emit exp of the smaller of u and a number of at most 60; lifted, see `Precision`."""
    return _exp(e, e.smaller(e.larger(u, e.precision.lowest), highest), lift=_lift(e, u))


def exp_product(e: Emitter, a: str, b: str) -> str:
    """Emit exp(a·b) for a product that is not positive nor below the lowest, whose rounding does not count."""
    u = e.multiply(a, b)
    high, low = _split(e)
    k, whole = _wholes(e, u)
    r = e.fma(k, e.number(-low), e.fma(a, b, e.multiply(k, e.number(-high))))
    return _exp_of(e, r, whole, lift=_lift(e, u))


def exp_scaled(e: Emitter, a: str, factor: float) -> str:
    """Emit exp(factor·a) in float64 for a product not below the lowest: the factor is in the constants."""
    k, whole = _wholes(e, a, factor)
    r = e.fma(k, e.number(-log(2) / factor), a)
    coefficients = fit("exp_whole", -HALF, HALF, 2.0 * e.precision.error)
    return _scaled(e, e.horner([c * factor**i for i, c in enumerate(coefficients)], r), whole, None)


def exp_fraction(e: Emitter, u: str, *, sign: int = 1) -> tuple[str, str]:
    """Emit a and b with exp(sign·u) = a/b, for what divides anyway: shorter than the polynomial of exp.

    In float64 u within ±350, in float32 sign·u ≤ 0, and a is lifted, see `Precision`; with a sign of −1 u ≥ 0.
    """
    a, b, whole = _fraction(e, u, sign)
    return _scaled(e, a, whole, _lift(e, u, sign)), b


def _fraction(e: Emitter, u: str, sign: int) -> tuple[str, str, str]:
    """Return a and b with exp(sign·u) = 2ᵏ·a/b, and k + magic.

    With c = r·coth(r/2), an even function, exp(r) = (c + r)/(c − r).
    """
    furthest = -e.precision.lowest if e.precision.careful else FRACTION
    within = u if sign < 0 else e.larger(u, -furthest)
    if sign < 0 or not e.precision.careful:
        within = e.smaller(within, furthest)
    r, whole = _reduced(e, within, sign)
    c = e.horner(_even_coth(e), e.multiply(r, r))
    both = e.add(c, r), e.subtract(c, r)
    a, b = both[::sign]
    return a, b, whole


def _even_coth(e: Emitter) -> tuple[float, ...]:
    """Return the coefficients of r·coth(r/2) in r² on the reduced interval."""
    # r·c is approximated, an odd function: an error of it counts 2/(c² − r²) < 0.52 times in the quotient
    return fit("coth", -HALF, HALF, 1.9 * e.precision.error)[1::2]


def expm1(e: Emitter, u: str) -> str:
    """Emit exp(u) − 1."""
    return expm1_negative(e, e.smaller(u, e.precision.highest))


def expm1_negative(e: Emitter, u: str) -> str:
    """Emit exp(u) − 1 for u ≤ 0."""
    # −1 to the last bit long before; only an exp beside it needs the rest
    lowest, lift = (e.precision.lowest, _lift(e, u)) if e.shared else (-80.0, None)
    r, whole = _reduced(e, e.larger(u, lowest))
    scale = _power_of_two(e, whole, _lifted_bias(e, lift))
    return e.fma(scale, _rest(e, r), e.subtract(scale, e.number(1.0)))


def log1p_exp(e: Emitter, a: str, beside: str) -> str:
    """Emit log(1 + exp(−a)) + beside for a ≥ 0: with exp(−a) = p/q it is 2·atanh(p/(p + 2q))."""
    if e.precision.careful:
        t = _lifted_quotient(e, a)
    else:
        p, q, whole = _fraction(e, a, -1)
        low = _scaled(e, p, whole, None)
        t = e.divide(low, e.fma(e.number(2.0), q, low))
    # the division is hidden behind the polynomial, which without it would be twice as long
    coefficients = fit("atanh_whole", 0.0, 1 / 9, 4.0 * e.precision.error)
    return e.fma(t, e.horner(coefficients, e.multiply(t, t)), beside)


def _lifted_quotient(e: Emitter, a: str) -> str:
    """Emit exp(−a)/(exp(−a) + 2) for a ≥ 0 in float32, both sides lifted, see `Precision`.

    As in `_fraction`; 2(c ± r) come from the doubled polynomial, and the lift is in the number whose last bits are k.
    """
    lift = e.precision.lift
    r, whole = _reduced(e, e.smaller(a, -e.precision.lowest), -1, shift=lift - 1)
    c = e.horner([2 * c for c in _even_coth(e)], e.multiply(r, r))
    above = e.step(f"fma({e.number(-2.0)}, {r}, {c})")
    exponent = e.whole(f"bits({above}) + (bits({whole}) << {e.integer(e.precision.mantissa)})")
    lifted = e.step(f"unbits({exponent})")
    return e.divide(lifted, e.fma(e.fma(e.number(2.0), r, c), e.number(2.0**lift), lifted))


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


def _exp(e: Emitter, u: str, lift: str | None = None) -> str:
    return _exp_of(e, *_reduced(e, u), lift=lift)


def _exp_of(e: Emitter, r: str, whole: str, *, lift: str | None) -> str:
    if e.shared:
        return e.multiply(e.add(e.number(1.0), _rest(e, r)), _power_of_two(e, whole, _lifted_bias(e, lift)))
    return _scaled(e, e.polynomial("exp_whole", (-HALF, HALF), r, relative=2.0), whole, lift)


def _lift(e: Emitter, u: str, sign: int = 1) -> str | None:
    """Return the condition under which exp(sign·u) is lifted, noted for the kernel's end; None where it never is."""
    if not e.precision.lift:
        return None
    condition = f"{u} {'<' if sign > 0 else '>'} {e.number(sign * LIFTED)}"
    e.lifts.add(condition)
    return condition


def _scaled(e: Emitter, value: str, whole: str, lift: str | None) -> str:
    """Multiply a number near 1 by the power of two that a reduction found."""
    if e.precision.careful:
        return e.multiply(value, _power_of_two(e, whole, _lifted_bias(e, lift)))
    return e.step(f"unbits(bits({value}) + (bits({whole}) << {e.integer(e.precision.mantissa)}))")


def _reduced(e: Emitter, u: str, sign: int = 1, *, shift: int = 0) -> tuple[str, str]:
    """Return r = u − sign·k·ln 2, and shift + k + magic, whose last bits are shift + k: exp(sign·u) = 2ᵏexp(sign·r)."""
    k, whole = _wholes(e, u, sign, shift=shift)
    if not e.precision.careful:
        return e.fma(k, e.number(-sign * log(2)), u), whole
    high, low = _split(e)
    return e.fma(k, e.number(-sign * low), e.fma(k, e.number(-sign * high), u)), whole


def _wholes(e: Emitter, u: str, factor: float = 1, *, shift: int = 0) -> tuple[str, str]:
    """Return k, the integer nearest to factor·u/ln 2, and k + shift + magic."""
    magic = e.number(_magic(e) + shift)
    whole = e.fma(u, e.number(factor * log2(2.718281828459045)), magic)
    return e.subtract(whole, magic), whole


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


def _magic_bits(e: Emitter) -> str:
    p = e.precision
    return e.integer(((p.bias + p.mantissa) << p.mantissa) + (1 << (p.mantissa - 1)))


def _power_of_two(e: Emitter, whole: str, bias: str) -> str:
    """Return 2ᵏ from k + magic, whose last bits are k: the shift takes the others away."""
    return e.step(f"unbits({e.whole(f'(bits({whole}) << {e.integer(e.precision.mantissa)}) + {bias}')})")


def _bias(e: Emitter, lift: int = 0) -> str:
    """Write the exponent of 2 to the power of the lift, where a number has it."""
    return e.integer((e.precision.bias + lift) << e.precision.mantissa)


def _lifted_bias(e: Emitter, lift: str | None) -> str:
    return _bias(e) if lift is None else e.select(lift, _bias(e, e.precision.lift), _bias(e))
