"""Branch-free code for every primitive of the language, built from exp and log, for float32 and narrower."""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

from nonlin.functions.kernels.elementary import (
    FRACTION,
    exp_fraction,
    exp_negative,
    exp_product,
    exp_scaled,
    exp_up_to,
    expm1_negative,
    log1p_exp,
    reciprocal,
)
from nonlin.functions.kernels.fitting import NEAR_CENTER, SHIFT

if TYPE_CHECKING:
    from nonlin.functions.kernels.emitter import Emitter

__all__ = [
    "atan",
    "erf",
    "gaussian",
    "hypot1",
    "inverse_hypot",
    "isru",
    "normal_cdf",
    "normal_density",
    "sech2",
    "sigmoid",
    "softplus",
    "tanh",
    "tanh_exp",
    "tanh_exp_slope",
    "tanh_softplus",
    "tanh_softplus_slope",
    "tanhshrink",
]

FAR = 15.0  # beyond it the tail of the normal distribution is below the smallest float32
STEADY = 20.0  # beyond it 1 − tanh(softplus(u)) is invisible beside 1, also with a factor u
HYPOT_LIMIT = {"float64": 1e8, "float32": 1e4}  # above it √(1 + u²) is abs(u) to the last bit


def sigmoid(e: Emitter, u: str) -> str:
    """Emit the sigmoid such that that of −u shares what it can."""
    base = e.negated(u)
    if not (e.paired or e.folded or e.precision.careful):
        a, b = exp_fraction(e, base or u)
        value = e.divide(b if base else a, e.add(a, b))
        return value if base else _vanishing(e, u, value)
    a, b = _falling(e, u)
    right = f"{base or u} >= {e.number(0.0)}"
    if not e.paired:
        return e.divide(e.select(right, *((a, b) if base else (b, a))), e.add(a, b))
    # 1 minus the smaller of the two is rounded less often than a second quotient
    small = e.divide(a, e.add(a, b))
    large = e.subtract(e.number(1.0), small)
    product = f"fma(-{small}, {small}, {small})"
    return e.either(right, *((small, large) if base else (large, small)), product=product)


def _falling(e: Emitter, u: str) -> tuple[str, str]:
    """Emit a and b with exp(−abs(u)) = a/b."""
    return exp_fraction(e, e.magnitude(u), sign=-1)


def softplus(e: Emitter, u: str) -> str:
    """Emit log(1 + exp(u))."""
    return log1p_exp(e, e.magnitude(u), e.larger(u, 0.0))


def tanh(e: Emitter, u: str) -> str:
    """Emit the hyperbolic tangent."""
    a = e.magnitude(u)
    m = expm1_negative(e, e.step(f"{e.number(-2.0)} * {a}"))
    return e.signed(e.divide(e.magnitude(m), e.add(e.number(2.0), m)), u)


def sech2(e: Emitter, u: str) -> str:
    """Emit 1/cosh²(u)."""
    double = e.step(f"{e.number(-2.0)} * {e.magnitude(u)}")
    small = exp_negative(e, double)
    d = e.add(e.number(1.0), small)
    if e.precision.careful:
        t = e.divide(e.add(small, small), d)  # 1 − abs(tanh(u)), rounded less often than a square
        return e.fma(f"-{t}", t, e.add(t, t))
    return e.divide(e.multiply(e.number(4.0), small), e.multiply(d, d))


def _softplus_parts(e: Emitter, u: str) -> tuple[str, str, str, str]:
    # with exp(u) = a/b: n = a² + 2ab, d = n + 2b², tanh(softplus(u)) = n/d
    if e.precision.careful:
        a = exp_up_to(e, u, STEADY)
        n = e.fma(a, a, e.add(a, a))
        return a, e.number(1.0), n, e.add(n, e.number(2.0))
    a, b = exp_fraction(e, u)
    double = e.add(b, b)
    n = e.multiply(a, e.add(a, double))
    return a, b, n, e.fma(b, double, n)


def tanh_softplus(e: Emitter, u: str) -> str:
    """Emit tanh(softplus(u))."""
    _, _, n, d = _softplus_parts(e, u)
    value = e.multiply(n, reciprocal(e, d)) if e.sloped else e.divide(n, d)
    return _vanishing(e, u, value)


def _vanishing(e: Emitter, u: str, value: str) -> str:
    """Return a value that tends to 0 on the left like exp(u), and say that its product with u does, also at −∞."""
    lowest = e.precision.lowest if e.precision.careful else -FRACTION
    if e.precision.lift or not e.precision.careful:
        e.shortcut(u, "*", value, f"{e.larger(u, lowest)} * {value}", of=u)
    return value


def tanh_softplus_slope(e: Emitter, u: str) -> str:
    """Emit the slope of tanh(softplus(u)), 4ab²(a + b)/d²."""
    a, b, _, d = _softplus_parts(e, u)
    if e.precision.careful:
        value = _steep(e, a)
    else:
        w, double = reciprocal(e, d), e.add(b, b)
        part = e.multiply(e.multiply(a, w), e.multiply(double, double))
        value = e.multiply(part, e.multiply(e.add(a, b), w))
    # the clamp of exp must not leave a tiny slope that a huge x makes large again
    highest = STEADY if e.precision.careful else 340.0
    return e.select(f"{u} >= {e.number(highest)}", e.number(0.0), value)


def _steep(e: Emitter, a: str) -> str:
    """Emit 4a(a + 1)/d² with d = a² + 2a + 2; for a small a as a − a·c, where c is small and may be less exact."""
    four = e.multiply(e.number(4.0), a)
    g = e.horner((4.0, 8.0, 4.0, 1.0), a)
    square = e.fma(g, a, e.add(four, e.number(4.0)))  # d², a polynomial, rounded less often than a product
    small = f"{a} < {e.number(0.25)}"
    quotient = e.divide(e.select(small, e.multiply(a, g), e.fma(four, a, four)), square)
    return e.select(small, e.subtract(a, e.multiply(a, quotient)), quotient)


def tanh_exp(e: Emitter, u: str) -> str:
    """Emit tanh(exp(u)); 1 to the last bit above 5."""
    return _vanishing(e, u, tanh(e, exp_up_to(e, u, 10.0)))


def tanh_exp_slope(e: Emitter, u: str) -> str:
    """Emit exp(u)/cosh²(exp(u)); 0 above 8."""
    epsilon = exp_up_to(e, u, 8.0)
    return e.multiply(epsilon, sech2(e, epsilon))


def tanhshrink(e: Emitter, u: str) -> str:
    """Emit u − tanh(u), near 0 by a polynomial that does not cancel."""
    z = e.multiply(u, u)
    near = e.multiply(e.multiply(u, z), e.polynomial("tanhshrink", (0.0, 1.0), z, relative=0.25))
    return e.select(f"{z} < {e.number(1.0)}", near, e.subtract(u, tanh(e, u)))


def gaussian(e: Emitter, u: str, factor: float = 1.0) -> str:
    """Emit exp(−factor·u²); the square's rounding error is put back where the last bit counts."""
    a = e.smaller(e.magnitude(u), _furthest(e, factor))
    if e.precision.careful:
        return exp_product(e, e.multiply(e.number(-factor), a), a)
    return exp_scaled(e, e.multiply(a, a), -factor)


def _furthest(e: Emitter, factor: float) -> float:
    """Return from where on exp(−factor·u²) is 0 beside all that it is multiplied with."""
    return sqrt(-e.precision.lowest / factor)


def normal_density(e: Emitter, u: str) -> str:
    """Emit exp(−u²/2)/√(2π)."""
    return e.multiply(gaussian(e, u, 0.5), e.number(1 / sqrt(2 * pi)))


def _tail(e: Emitter, a: str) -> tuple[str, str]:
    """Emit erfcx(a/√2)/2 for a ≥ 0, and the same times a.

    Beyond the interval of the polynomial they are of the right size, and the density beside them 0.
    """
    b = e.add(a, e.number(NEAR_CENTER))
    part = e.divide(a, b)
    t = e.fma(e.number(2.0), part, e.number(SHIFT - 1.0))
    interval = (SHIFT - 1.0, SHIFT + (FAR - NEAR_CENTER) / (FAR + NEAR_CENTER))
    core = e.polynomial("tail_shifted", interval, t, relative=2.0 if e.precision.careful else 0.52)
    if e.precision.careful:
        inverse = reciprocal(e, b)
    else:
        inverse = e.fma(part, e.number(-1 / NEAR_CENTER), e.number(1 / NEAR_CENTER))
    return e.multiply(inverse, core), e.multiply(part, core)


def normal_cdf(e: Emitter, u: str) -> str:
    """Emit Φ(u), on the left as the scaled tail times the density."""
    a = e.smaller(e.magnitude(u), _furthest(e, 0.5))
    tail, times_a = _tail(e, a)
    density = gaussian(e, u, 0.5)
    left = e.multiply(tail, density)
    value = e.select(f"{u} < {e.number(0.0)}", left, e.subtract(e.number(1.0), left))
    if e.precision.careful:
        # near 0 the sum of 1/2 and an odd polynomial is more exact
        z = e.multiply(u, u)
        near = e.fma(u, e.polynomial("normal", (0.0, 0.7), z), e.number(0.5))
        value = e.select(f"{z} < {e.number(0.7)}", near, value)
    # u·Φ(u) = max(u, 0) − abs(u)·Φ(−abs(u)), rounded less often, and right at ±inf
    zero = e.number(-0.0)
    text = f"fma(-{times_a}, {density}, {zero} if {u} < {zero} else {u})"
    e.shortcut(u, "*", value, text, of=u)
    if e.dense:
        # its slope, Φ(u) + u·φ(u), is s on the left and 1 − s on the right
        bell = e.multiply(u, normal_density(e, u))
        s = e.multiply(e.fma(a, e.number(-1 / sqrt(2 * pi)), tail), density)
        e.shortcut(value, "+", bell, f"{s} if {u} < {zero} else {e.number(1.0)} - {s}", of=u)
    return value


def erf(e: Emitter, u: str) -> str:
    """Emit the error function, near 0 by a polynomial, elsewhere from the tail."""
    z = e.multiply(u, u)
    near = e.multiply(u, e.polynomial("erf", (0.0, 1.0), z))
    a = e.smaller(e.magnitude(u), _furthest(e, 1.0) / 2)
    rest = e.multiply(_tail(e, e.multiply(a, e.number(sqrt(2))))[0], gaussian(e, u))
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
