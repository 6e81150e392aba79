"""Branch-free code for every primitive of the language, built from exp and log, for float32 and narrower."""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

from nonlin.functions.kernels.elementary import (
    exp,
    exp_fraction,
    exp_negative,
    expm1,
    expm1_negative,
    log1p,
    log1p_unit,
    log_of,
    reciprocal,
)
from nonlin.functions.kernels.fitting import TAIL_CENTER
from nonlin.functions.kernels.oscillating import cosine, sinc, sine

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.functions.kernels.emitter import Emitter

__all__ = ["EMITTERS"]

FAR = 15.0  # beyond it the tail of the normal distribution is below the smallest float32
SQUARED = 40.0  # and here exp(−u²), with factors beside it
HYPOT_LIMIT = {"float64": 1e8, "float32": 1e4}  # above it √(1 + u²) is abs(u) to the last bit


def sigmoid(e: Emitter, u: str) -> str:
    """Emit the sigmoid such that that of −u shares what it can."""
    if e.folded or (e.paired and e.precision.careful):
        small = _falling(e, u)
        right = reciprocal(e, e.add(e.number(1.0), small))
        return e.select(f"{u} >= {e.number(0.0)}", right, e.multiply(small, right))
    base = e.negated(u) if e.paired else None
    if not e.precision.careful:
        top, bottom = exp_fraction(e, e.negate(base or u))
        total = e.add(top, bottom)
        if not e.paired:
            return e.divide(bottom, total)
        return e.multiply(top if base else bottom, reciprocal(e, total))
    large = exp(e, e.negate(base or u))
    right = reciprocal(e, e.add(e.number(1.0), large))
    return e.multiply(large, right) if base else right


def _falling(e: Emitter, u: str) -> str:
    """Emit exp(−abs(u))."""
    return exp_negative(e, e.negate(e.magnitude(u)))


def softplus(e: Emitter, u: str) -> str:
    """Emit log(1 + exp(u))."""
    small = _falling(e, u)
    return e.add(e.larger(u, 0.0), log1p_unit(e, small))


def tanh(e: Emitter, u: str) -> str:
    """Emit the hyperbolic tangent."""
    a = e.magnitude(u)
    m = expm1_negative(e, e.step(f"{e.number(-2.0)} * {a}"))
    return e.signed(e.divide(e.negate(m), e.add(e.number(2.0), m)), u)


def sech2(e: Emitter, u: str) -> str:
    """Emit 1/cosh²(u)."""
    double = e.step(f"{e.number(-2.0)} * {e.magnitude(u)}")
    small = exp_negative(e, double)
    four = e.multiply(e.number(4.0), small)
    d = e.add(e.number(1.0), small)
    return e.divide(four, e.multiply(d, d))


def _softplus_parts(e: Emitter, u: str) -> tuple[str, str, str, str]:
    # with exp(u) = a/b: n = a² + 2ab, d = n + 2b², tanh(softplus(u)) = n/d
    if e.precision.careful:
        a, b = exp_negative(e, e.smaller(u, 40.0)), e.number(1.0)
    else:
        a, b = exp_fraction(e, u)
    double = e.number(2.0) if e.precision.careful else e.add(b, b)
    n = e.multiply(a, e.add(a, double))
    d = e.add(n, double) if e.precision.careful else e.fma(b, double, n)
    return a, b, n, reciprocal(e, d)


def tanh_softplus(e: Emitter, u: str) -> str:
    """Emit tanh(softplus(u))."""
    _, _, n, w = _softplus_parts(e, u)
    return e.multiply(n, w)


def tanh_softplus_slope(e: Emitter, u: str) -> str:
    """Emit the slope of tanh(softplus(u)), 4ab²(a + b)/d²."""
    a, b, _, w = _softplus_parts(e, u)
    part = e.multiply(a, w)
    if e.precision.careful:
        value = e.multiply(e.multiply(e.number(4.0), part), e.add(part, w))
    else:
        double = e.add(b, b)
        value = e.multiply(e.multiply(part, e.multiply(double, double)), e.multiply(e.add(a, b), w))
    # the clamp of exp must not leave a tiny slope that a huge x makes large again
    highest = 340.0 if e.precision.carrier == "float64" else 40.0
    return e.select(f"{u} < {e.number(highest)}", value, e.number(0.0))


def tanh_exp(e: Emitter, u: str) -> str:
    """Emit tanh(exp(u)); 1 to the last bit above 5."""
    return tanh(e, exp_negative(e, e.smaller(u, 10.0)))


def tanh_exp_slope(e: Emitter, u: str) -> str:
    """Emit exp(u)/cosh²(exp(u)); 0 above 8."""
    epsilon = exp_negative(e, e.smaller(u, 8.0))
    return e.multiply(epsilon, sech2(e, epsilon))


def tanhshrink(e: Emitter, u: str) -> str:
    """Emit u − tanh(u), near 0 by a polynomial that does not cancel."""
    z = e.multiply(u, u)
    near = e.multiply(e.multiply(u, z), e.polynomial("tanhshrink", (0.0, 1.0), z, relative=0.25))
    return e.select(f"{z} < {e.number(1.0)}", near, e.subtract(u, tanh(e, u)))


def gaussian(e: Emitter, u: str, factor: float = 1.0) -> str:
    """Emit exp(−factor·u²); the square's rounding error is put back where the last bit counts."""
    a = e.smaller(e.magnitude(u), SQUARED)
    square = e.multiply(a, a)
    value = exp_negative(e, e.step(f"{e.number(-factor)} * {square}"))
    if not e.precision.careful:
        return value
    error = e.fma(a, a, e.step(f"-{square}"))
    return e.fma(value, e.step(f"{e.number(-factor)} * {error}"), value)


def normal_density(e: Emitter, u: str) -> str:
    """Emit exp(−u²/2)/√(2π)."""
    return e.multiply(gaussian(e, u, 0.5), e.number(1 / sqrt(2 * pi)))


def _tail(e: Emitter, a: str) -> str:
    """Emit erfcx(a/√2)/2 for a ≥ 0; the density beside it is 0 beyond the interval."""
    a = e.smaller(a, FAR)
    w = reciprocal(e, e.add(a, e.number(TAIL_CENTER)))
    t = e.fma(w, e.number(-2 * TAIL_CENTER), e.number(1.0))
    return e.multiply(
        w, e.polynomial("tail", (-1.0, (FAR - TAIL_CENTER) / (FAR + TAIL_CENTER)), t, relative=0.25)
    )


def normal_cdf(e: Emitter, u: str) -> str:
    """Emit Φ(u), on the left as the scaled tail times the density."""
    a = e.smaller(e.magnitude(u), SQUARED)
    left = e.multiply(_tail(e, a), gaussian(e, u, 0.5))
    value = e.select(f"{u} < {e.number(0.0)}", left, e.subtract(e.number(1.0), left))
    if not e.precision.careful:
        return value
    # near 0 the sum of 1/2 and an odd polynomial is more exact
    z = e.multiply(u, u)
    near = e.fma(u, e.polynomial("normal", (0.0, 0.7), z), e.number(0.5))
    return e.select(f"{z} < {e.number(0.7)}", near, value)


def erf(e: Emitter, u: str) -> str:
    """Emit the error function, near 0 by a polynomial, elsewhere from the tail."""
    z = e.multiply(u, u)
    near = e.multiply(u, e.polynomial("erf", (0.0, 1.0), z))
    a = e.smaller(e.magnitude(u), SQUARED / 2)
    rest = e.multiply(_tail(e, e.multiply(a, e.number(sqrt(2)))), gaussian(e, u))
    far = e.signed(e.fma(e.number(-2.0), rest, e.number(1.0)), u)
    return e.select(f"{z} < {e.number(1.0)}", near, far)


def atan(e: Emitter, u: str) -> str:
    """Emit the arctangent, from 1/u beyond 1."""
    a = e.magnitude(u)
    t = e.select(f"{a} > {e.number(1.0)}", reciprocal(e, a), a)
    z = e.multiply(t, t)
    value = e.fma(e.multiply(t, z), e.polynomial("atan", (0.0, 1.0), z), t)
    return e.signed(e.select(f"{a} > {e.number(1.0)}", e.subtract(e.number(pi / 2), value), value), u)


def hypot1(e: Emitter, u: str) -> str:
    """Emit √(1 + u²)."""
    limit = HYPOT_LIMIT[e.precision.carrier]
    a = e.magnitude(u)
    m = e.smaller(a, limit)
    return e.select(f"{a} < {e.number(limit)}", e.step(f"sqrt({e.fma(m, m, e.number(1.0))})"), a)


def inverse_hypot(e: Emitter, u: str) -> str:
    """Emit 1/√(1 + u²)."""
    return reciprocal(e, hypot1(e, u))


def isru(e: Emitter, u: str) -> str:
    """Emit u/√(1 + u²), which is 1 to the last bit long before the clamp."""
    limit = 10 * HYPOT_LIMIT[e.precision.carrier]
    v = e.larger(e.smaller(u, limit), -limit)
    return e.divide(v, hypot1(e, v))


EMITTERS: dict[str, Callable[[Emitter, str], str]] = {
    "exp": exp,
    "expm1": expm1,
    "exp_negative": lambda e, u: exp_negative(e, e.smaller(u, 0.0)),
    "expm1_negative": lambda e, u: expm1_negative(e, e.smaller(u, 0.0)),
    "log": log_of,
    "log1p": log1p,
    "sqrt": lambda e, u: e.step(f"sqrt({u})"),
    "sigmoid": sigmoid,
    "softplus": softplus,
    "tanh": tanh,
    "sech2": sech2,
    "tanh_softplus": tanh_softplus,
    "tanh_softplus_slope": tanh_softplus_slope,
    "tanh_exp": tanh_exp,
    "tanh_exp_slope": tanh_exp_slope,
    "tanhshrink": tanhshrink,
    "erf": erf,
    "gaussian": gaussian,
    "normal_cdf": normal_cdf,
    "normal_density": normal_density,
    "sin": sine,
    "cos": cosine,
    "atan": atan,
    "sinc": lambda e, u: sinc(e, u, 0),
    "sinc1": lambda e, u: sinc(e, u, 1),
    "sinc2": lambda e, u: sinc(e, u, 2),
    "sinc3": lambda e, u: sinc(e, u, 3),
    "hypot1": hypot1,
    "isru": isru,
    "inverse_hypot": inverse_hypot,
}
"""What writes the code of each primitive."""
