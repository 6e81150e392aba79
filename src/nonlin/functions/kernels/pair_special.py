"""Every primitive of the language in double-double arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from nonlin.functions.kernels.fitting import TAIL_CENTER
from nonlin.functions.kernels.pair_elementary import (
    exp,
    falling,
    sech2,
    tanh,
)
from nonlin.functions.kernels.pair_oscillating import HALF_PI
from nonlin.functions.kernels.pairs import (
    Pair,
    absolute,
    add,
    at_most,
    choose,
    constant,
    divide,
    multiply,
    polynomial,
    rational,
    scale,
    signed,
    square_root,
    subtract,
)

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
    "tanh_exp",
    "tanh_exp_slope",
    "tanh_softplus",
    "tanh_softplus_slope",
    "tanhshrink",
]

ROOT_2 = Fraction(2116480447430499751252734943246140439044294856528970, 2**170)
DENSITY_AT_0 = Fraction(597048111111391273711812331974348679368034209284421, 2**170)  # 1/√(2π)
FAR = 40.0  # beyond it the tail of the normal distribution is below the smallest float64
HYPOT_LIMIT = 1e17  # above it √(1 + u²) is abs(u) to the last bit


def tanh_softplus(e: Emitter, u: Pair) -> Pair:
    """Return tanh(softplus(u)), with ε = exp(−abs(u)) so that nothing overflows."""
    top, _, total = _softplus_parts(e, u)
    return divide(e, top, total)


def tanh_softplus_slope(e: Emitter, u: Pair) -> Pair:
    """Return the slope of tanh(softplus(u)), 4·exp(u)·(1 + exp(u))/((1 + exp(u))² + 1)²."""
    _, slope_top, total = _softplus_parts(e, u)
    # the square of the sum would lose bits of a tiny numerator no earlier than this
    return divide(e, divide(e, slope_top, total), total)


def _softplus_parts(e: Emitter, u: Pair) -> tuple[Pair, Pair, Pair]:
    one, two = constant(e, 1.0), constant(e, 2.0)
    epsilon = falling(e, u)
    square = multiply(e, epsilon, epsilon)
    right = f"{u.high} > {e.number(0.0)}"
    double = scale(e, epsilon, 2.0)
    top = choose(e, right, add(e, one, double), add(e, square, double))
    total = choose(
        e, right, add(e, add(e, one, double), scale(e, square, 2.0)), add(e, add(e, square, double), two)
    )
    sum_1 = add(e, one, epsilon)
    slope = scale(e, multiply(e, choose(e, right, square, epsilon), sum_1), 4.0)
    return top, slope, total


def tanh_exp(e: Emitter, u: Pair) -> Pair:
    """Return tanh(exp(u)); 1 to the last bit above 5."""
    return tanh(e, exp(e, at_most(e, u, 10.0)))


def tanh_exp_slope(e: Emitter, u: Pair) -> Pair:
    """Return exp(u)/cosh²(exp(u)); 0 above 8."""
    epsilon = exp(e, at_most(e, u, 8.0))
    return multiply(e, epsilon, sech2(e, epsilon))


def tanhshrink(e: Emitter, u: Pair) -> Pair:
    """Return u − tanh(u), near 0 by a polynomial that does not cancel."""
    z = multiply(e, u, u, safe=True)
    inside = at_most(e, z, 1.0)
    near = multiply(e, multiply(e, u, inside), polynomial(e, "tanhshrink", (0.0, 1.0), inside), safe=True)
    return choose(e, f"{z.high} < {e.number(1.0)}", near, subtract(e, u, tanh(e, u), safe=True))


def gaussian(e: Emitter, u: Pair, factor: float = 1.0) -> Pair:
    """Return exp(−factor·u²) for a power of two."""
    a = at_most(e, absolute(e, u), FAR)
    return exp(e, scale(e, multiply(e, a, a), -factor))


def normal_density(e: Emitter, u: Pair) -> Pair:
    """Return exp(−u²/2)/√(2π)."""
    return multiply(e, gaussian(e, u, 0.5), rational(e, DENSITY_AT_0))


def _tail(e: Emitter, a: Pair) -> Pair:
    """Return erfcx(a/√2)/2 for a in [0, FAR]."""
    center = constant(e, TAIL_CENTER)
    total = add(e, a, center)
    t = divide(e, subtract(e, a, center), total)
    interval = (-1.0, (FAR - TAIL_CENTER) / (FAR + TAIL_CENTER))
    return divide(e, polynomial(e, "tail", interval, t), total)


def normal_cdf(e: Emitter, u: Pair) -> Pair:
    """Return Φ(u), on the left as the scaled tail times the density."""
    a = at_most(e, absolute(e, u), FAR)
    left = multiply(e, _tail(e, a), gaussian(e, a, 0.5))
    right = subtract(e, constant(e, 1.0), left)
    return choose(e, f"{u.high} < {e.number(0.0)}", left, right)


def erf(e: Emitter, u: Pair) -> Pair:
    """Return the error function, near 0 by a polynomial, elsewhere from the tail."""
    a = at_most(e, absolute(e, u), FAR / 2)
    inside = at_most(e, a, 1.0)
    near = multiply(e, inside, polynomial(e, "erf", (0.0, 1.0), multiply(e, inside, inside)))
    rest = multiply(e, _tail(e, multiply(e, a, rational(e, ROOT_2))), gaussian(e, a))
    far = subtract(e, constant(e, 1.0), scale(e, rest, 2.0))
    return signed(e, choose(e, f"{a.high} < {e.number(1.0)}", near, far), u)


def atan(e: Emitter, u: Pair) -> Pair:
    """Return the arctangent, from 1/u beyond 1."""
    a = absolute(e, u)
    outside = f"{a.high} > {e.number(1.0)}"
    t = choose(e, outside, divide(e, constant(e, 1.0), a, safe=True), a)
    z = multiply(e, t, t)
    value = add(e, t, multiply(e, multiply(e, t, z), polynomial(e, "atan", (0.0, 1.0), z)))
    return signed(e, choose(e, outside, subtract(e, rational(e, HALF_PI), value), value), u)


def hypot1(e: Emitter, u: Pair) -> Pair:
    """Return √(1 + u²)."""
    a = absolute(e, u)
    m = at_most(e, a, HYPOT_LIMIT)
    root = square_root(e, add(e, multiply(e, m, m), constant(e, 1.0)))
    return choose(e, f"{a.high} < {e.number(HYPOT_LIMIT)}", root, a)


def inverse_hypot(e: Emitter, u: Pair) -> Pair:
    """Return 1/√(1 + u²)."""
    return divide(e, constant(e, 1.0), hypot1(e, u), safe=True)


def isru(e: Emitter, u: Pair) -> Pair:
    """Return u/√(1 + u²), which is 1 to the last bit long before the limit."""
    a = at_most(e, absolute(e, u), HYPOT_LIMIT)
    return signed(e, divide(e, a, hypot1(e, a)), u)
