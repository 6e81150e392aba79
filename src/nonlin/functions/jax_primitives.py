"""The primitives on JAX arrays, in the arrays' own type, each in a form that is stable over the whole range.

XLA's own tanh and log1p are off by 7 and 55 units in float64, its erfc by hundreds; its erf is slow. So these are made
of exp, expm1 and log, and of polynomials fitted with ball arithmetic.
"""

from __future__ import annotations

from math import factorial, pi, sqrt
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import lax

from nonlin.functions.kernels.fitting import TAIL_CENTER, fit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PRIMITIVES"]

HALF = {"float64": ("int64", -(2**27)), "float32": ("int32", -(2**12))}  # masks of half of the mantissa
HYPOT_LIMIT = {"float64": 1e8, "float32": 1e4}  # above it √(1 + u²) is abs(u) to the last bit
FAR = 40.0  # beyond it the tail of the normal distribution is below the smallest float64
ERROR = 2.0**-56  # of a polynomial


def _log1p(u: Any) -> Any:
    # 2·atanh(u/(2 + u)) near 0. The usual way to undo the rounding of 1 + u does not survive XLA's simplifications
    s = jnp.clip(u, -0.3, 1.0) / (2.0 + jnp.clip(u, -0.3, 1.0))
    z = s * s
    near = s * (2.0 + z * _polynomial("atanh", (0.0, 1 / 9), z))
    return jnp.where((u > -0.3) & (u < 1.0), near, jnp.log(1.0 + u))


def _polynomial(name: str, interval: tuple[float, float], t: Any) -> Any:
    result = jnp.zeros_like(t)
    for coefficient in reversed(fit(name, *interval, ERROR)):
        result = result * t + coefficient
    return result


def _sigmoid(u: Any) -> Any:
    e = jnp.exp(-jnp.abs(u))
    return jnp.where(u >= 0, 1.0, e) / (1.0 + e)


def _softplus(u: Any) -> Any:
    return jnp.maximum(u, 0.0) + _log1p(jnp.exp(-jnp.abs(u)))


def _tanh(u: Any) -> Any:
    m = jnp.expm1(-2.0 * jnp.abs(u))
    return jnp.copysign(m, u) / (2.0 + m)


def _sech2(u: Any) -> Any:
    e = jnp.exp(-2.0 * jnp.abs(u))
    return 4.0 * e / (1.0 + e) ** 2


def _tanh_softplus(u: Any) -> Any:
    # tanh(log(1 + e)) = (e² + 2e)/(e² + 2e + 2); 1 to the last bit above 20
    e = jnp.exp(jnp.minimum(u, 40.0))
    n = e * (e + 2.0)
    return n / (n + 2.0)


def _tanh_softplus_slope(u: Any) -> Any:
    # 4e(e + 1)/(e² + 2e + 2)², divided by e⁴ on the right so that nothing overflows
    e = jnp.exp(-jnp.abs(u))
    left = 4.0 * e * (1.0 + e) / (e * (e + 2.0) + 2.0) ** 2
    right = 4.0 * e * e * (1.0 + e) / (1.0 + 2.0 * e + 2.0 * e * e) ** 2
    return jnp.where(u > 0, right, left)


def _tanh_exp_slope(u: Any) -> Any:
    e = jnp.exp(jnp.minimum(u, 40.0))
    return e * _sech2(e)


def _tanhshrink(u: Any) -> Any:
    # (u·cosh(u) − sinh(u))/cosh(u), whose numerator is Σ 2k/(2k + 1)! u^(2k + 1), all terms of one sign
    near = jnp.clip(u, -1.5, 1.5)
    t = near * near
    series = jnp.zeros_like(near)
    for k in range(16, 0, -1):
        series = series * t + 2 * k / factorial(2 * k + 1)
    return jnp.where(jnp.abs(u) < 1.5, near * t * series / jnp.cosh(near), u - _tanh(u))


def _gaussian(u: Any, factor: float = 1.0) -> Any:
    # exp(−u²) has a relative error of u²/2 units unless the square is kept in two parts. The upper half is cut off
    # by its bits and the lower one's exp is its series, because XLA simplifies the usual forms of both away
    u = jnp.clip(u, -1e4, 1e4)
    integer, mask = HALF[u.dtype.name]
    high = lax.bitcast_convert_type(lax.bitcast_convert_type(u, integer) & mask, u.dtype)
    low = -factor * (u - high) * (u + high)
    rest = low * (1.0 + low * (0.5 + low / 6.0))
    value = jnp.exp(-factor * high * high)
    return jnp.where(value > 0, value + value * rest, 0.0)


def _tail(a: Any) -> Any:
    """Return erfcx(a/√2)/2 for a ≥ 0."""
    a = jnp.minimum(a, FAR)
    t = (a - TAIL_CENTER) / (a + TAIL_CENTER)
    return _polynomial("tail", (-1.0, (FAR - TAIL_CENTER) / (FAR + TAIL_CENTER)), t) / (a + TAIL_CENTER)


def _normal_cdf(u: Any) -> Any:
    tail = _tail(jnp.abs(u)) * _gaussian(u, 0.5)
    z = jnp.minimum(u * u, 0.7)
    near = 0.5 + u * _polynomial("normal", (0.0, 0.7), z)
    return jnp.where(u * u < 0.7, near, jnp.where(u < 0, tail, 1.0 - tail))


def _erf(u: Any) -> Any:
    z = jnp.minimum(u * u, 1.0)
    near = u * _polynomial("erf", (0.0, 1.0), z)
    far = 1.0 - 2.0 * _tail(jnp.abs(u) * sqrt(2)) * _gaussian(u)
    return jnp.where(u * u < 1.0, near, jnp.where(u < 0, -far, far))


def _sinc(order: int) -> Callable[[Any], Any]:
    """Return the spherical Bessel function j_n(u)/uⁿ: its series near 0, where the closed form cancels."""
    odd = 1.0
    for factor in range(3, 2 * order + 2, 2):
        odd *= factor

    def value(u: Any) -> Any:
        t = -0.5 * u * u
        term = jnp.full_like(u, 1.0 / odd)
        series = term
        for k in range(1, 16):
            term = term * t / (k * (2 * order + 2 * k + 1))
            series = series + term
        safe = jnp.where(jnp.abs(u) < 1.0, 1.0, u)
        values = [jnp.sin(safe) / safe]
        values.append((values[0] - jnp.cos(safe)) / safe / safe)
        for n in range(1, order):
            values.append(((2 * n + 1) * values[n] - values[n - 1]) / safe / safe)
        return jnp.where(jnp.abs(u) < 1.0 + order, series, values[order])

    return value


def _hypot1(u: Any) -> Any:
    a, limit = jnp.abs(u), HYPOT_LIMIT[u.dtype.name]
    return jnp.where(a > limit, a, jnp.sqrt(1.0 + jnp.minimum(a, limit) ** 2))


def _isru(u: Any) -> Any:
    limit = HYPOT_LIMIT[u.dtype.name]
    return jnp.where(jnp.abs(u) > limit, jnp.sign(u), jnp.clip(u, -limit, limit) / _hypot1(u))


PRIMITIVES: dict[str, Callable[..., Any]] = {
    "add": jnp.add,
    "subtract": jnp.subtract,
    "multiply": jnp.multiply,
    "divide": jnp.divide,
    "negate": jnp.negative,
    "exp": jnp.exp,
    "expm1": jnp.expm1,
    "log": jnp.log,
    "log1p": _log1p,
    "sqrt": jnp.sqrt,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "tanh": _tanh,
    "sech2": _sech2,
    "tanh_softplus": _tanh_softplus,
    "tanh_softplus_slope": _tanh_softplus_slope,
    "tanh_exp": lambda u: _tanh(jnp.exp(u)),
    "tanh_exp_slope": _tanh_exp_slope,
    "tanhshrink": _tanhshrink,
    "erf": _erf,
    "gaussian": _gaussian,
    "normal_cdf": _normal_cdf,
    "normal_density": lambda u: _gaussian(u, 0.5) / sqrt(2 * pi),
    "sin": jnp.sin,
    "cos": jnp.cos,
    "atan": jnp.arctan,
    "sinc": _sinc(0),
    "sinc1": _sinc(1),
    "sinc2": _sinc(2),
    "sinc3": _sinc(3),
    "hypot1": _hypot1,
    "isru": _isru,
    "inverse_hypot": lambda u: 1.0 / _hypot1(u),
}
"""Every primitive, by name."""
