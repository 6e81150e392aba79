"""The primitives on NumPy float64 arrays, each in a form that is stable over the whole range."""

from __future__ import annotations

from math import factorial, pi, sqrt
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PRIMITIVES"]

Array: TypeAlias = NDArray[np.float64]

LARGE = 1e8  # above it √(1 + u²) is abs(u) to the last bit
SPLIT = 134217729.0  # 2²⁷ + 1: Veltkamp's constant, cuts a float64 in two halves whose products are exact


def _sigmoid(u: Array) -> Array:
    e = np.exp(-np.abs(u))
    return np.asarray(np.where(u >= 0, 1.0, e) / (1.0 + e))


def _softplus(u: Array) -> Array:
    return np.asarray(np.maximum(u, 0.0) + np.log1p(np.exp(-np.abs(u))))


def _sech2(u: Array) -> Array:
    e = np.exp(-2.0 * np.abs(u))
    return np.asarray(4.0 * e / (1.0 + e) ** 2)


def _tanh_softplus(u: Array) -> Array:
    # tanh(log(1 + e)) = (e² + 2e) / (e² + 2e + 2); 1 to the last bit above 20
    e = np.exp(np.minimum(u, 40.0))
    n = e * (e + 2.0)
    return np.asarray(n / (n + 2.0))


def _tanh_softplus_slope(u: Array) -> Array:
    # 4e(e + 1)/(e² + 2e + 2)², divided by e⁴ on the right so that nothing overflows
    e = np.exp(-np.abs(u))
    left = 4.0 * e * (1.0 + e) / (e * (e + 2.0) + 2.0) ** 2
    right = 4.0 * e * e * (1.0 + e) / (1.0 + 2.0 * e + 2.0 * e * e) ** 2
    return np.asarray(np.where(u > 0, right, left))


def _tanh_exp_slope(u: Array) -> Array:
    e = np.exp(np.minimum(u, 40.0))
    return np.asarray(e * _sech2(e))


def _tanhshrink(u: Array) -> Array:
    # (u·cosh(u) − sinh(u))/cosh(u), whose numerator is Σ 2k/(2k + 1)! u^(2k + 1), all terms of one sign
    near = np.clip(u, -1.5, 1.5)
    t = near * near
    series = np.zeros_like(near)
    for k in range(16, 0, -1):
        series = series * t + 2 * k / factorial(2 * k + 1)
    return np.asarray(np.where(np.abs(u) < 1.5, near * t * series / np.cosh(near), u - np.tanh(u)))


def _square_halves(u: Array) -> tuple[Array, Array]:
    # exp(−u²) has a relative error of u²·2⁻⁵³ unless the square is kept in two parts
    u = np.clip(u, -1e4, 1e4)
    high = SPLIT * u
    high = high - (high - u)
    low = u - high
    return high * high, low * (u + high)


def _gaussian(u: Array) -> Array:
    high, low = _square_halves(u)
    return np.asarray(np.exp(-high) * np.exp(-low))


def _normal_density(u: Array) -> Array:
    high, low = _square_halves(u)
    return np.asarray(np.exp(-0.5 * high) * np.exp(-0.5 * low) / sqrt(2 * pi))


def _erf(u: Array) -> Array:
    from scipy.special import erf

    return np.asarray(erf(u))


def _normal_cdf(u: Array) -> Array:
    from scipy.special import erf, erfcx

    high, low = _square_halves(u)
    tail = 0.5 * erfcx(np.abs(u) / sqrt(2)) * (np.exp(-0.5 * high) * np.exp(-0.5 * low))
    near = 0.5 + 0.5 * erf(u / sqrt(2))
    return np.asarray(np.where(np.abs(u) < 0.8, near, np.where(u < 0, tail, 1.0 - tail)))


def _sinc(u: Array, order: int) -> Array:
    # the spherical Bessel function j_n(u)/uⁿ: its series near 0, where the closed form cancels
    t = -0.5 * u * u
    term = np.full_like(u, 1.0 / float(np.prod(np.arange(1.0, 2 * order + 2, 2))))
    series = term.copy()
    for k in range(1, 16):
        term = term * t / (k * (2 * order + 2 * k + 1))
        series += term
    safe = np.where(np.abs(u) < 1.0, 1.0, u)
    s, c = np.sin(safe) / safe, np.cos(safe)
    values = [s, (s - c) / safe**2]
    for n in range(1, order):
        values.append(((2 * n + 1) * values[n] - values[n - 1]) / safe**2)
    return np.asarray(np.where(np.abs(u) < 1.0 + order, series, values[order]))


def _inverse_hypot(u: Array) -> Array:
    magnitude = np.abs(u)
    return np.asarray(
        np.where(magnitude > LARGE, 1.0 / magnitude, 1.0 / np.sqrt(1.0 + np.minimum(magnitude, LARGE) ** 2))
    )


PRIMITIVES: dict[str, Callable[..., Array]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negate": np.negative,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "tanh": np.tanh,
    "sech2": _sech2,
    "tanh_softplus": _tanh_softplus,
    "tanh_softplus_slope": _tanh_softplus_slope,
    "tanh_exp": lambda u: np.tanh(np.exp(u)),
    "tanh_exp_slope": _tanh_exp_slope,
    "tanhshrink": _tanhshrink,
    "erf": _erf,
    "gaussian": _gaussian,
    "normal_cdf": _normal_cdf,
    "normal_density": _normal_density,
    "sin": np.sin,
    "cos": np.cos,
    "atan": np.arctan,
    "sinc": lambda u: _sinc(u, 0),
    "sinc1": lambda u: _sinc(u, 1),
    "sinc2": lambda u: _sinc(u, 2),
    "sinc3": lambda u: _sinc(u, 3),
    "hypot1": lambda u: np.hypot(1.0, u),
    "isru": lambda u: np.where(np.abs(u) > LARGE, np.sign(u), u * _inverse_hypot(u)),
    "inverse_hypot": _inverse_hypot,
}
"""Every primitive, by name."""
