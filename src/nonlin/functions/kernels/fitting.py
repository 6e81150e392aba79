"""Polynomials that approximate a function on an interval to a given error, computed with arb when they are needed.

Truncated Chebyshev series: within a small factor of the best polynomial of their degree.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["fit", "fit_pairs"]

BITS = 300
NODES = 72


@cache
def fit(name: str, low: float, high: float, error: float) -> tuple[float, ...]:
    """Return monomial coefficients, constant first, of the shortest polynomial within an error.

    Args:
        name: of a target in `TARGETS`.
        low: left end of the interval.
        high: right end.
        error: absolute; the targets are about 1 in size.
    """
    return tuple(high_part for high_part, _ in fit_pairs(name, low, high, error))


@cache
def fit_pairs(name: str, low: float, high: float, error: float) -> tuple[tuple[float, float], ...]:
    """Return the same coefficients to 106 bits, each as a float64 and what its rounding left out."""
    import flint

    before, flint.ctx.prec = flint.ctx.prec, BITS
    try:
        series = _series(TARGETS[name], flint.arb(low), flint.arb(high))
        return _monomials(_truncated(series, error), flint.arb(low), flint.arb(high))
    finally:
        flint.ctx.prec = before


def _series(target: Callable[[Any], Any], low: Any, high: Any) -> list[Any]:
    from flint import arb

    angles = [arb(2 * j + 1) / (2 * NODES) for j in range(NODES)]
    values = [target((low + high) / 2 + (high - low) / 2 * arb.cos_pi(angle)) for angle in angles]
    series = []
    for k in range(NODES):
        total = sum((v * arb.cos_pi(angle * k) for v, angle in zip(values, angles, strict=True)), arb(0))
        series.append(total * (2 if k else 1) / NODES)
    return series


def _truncated(series: list[Any], error: float) -> list[Any]:
    left_out = 0.0
    for k in reversed(range(len(series))):
        left_out += abs(float(series[k]))
        if left_out > error:
            return series[: k + 1]
    return series[:1]


def _monomials(series: list[Any], low: Any, high: Any) -> tuple[tuple[float, float], ...]:
    from flint import arb_poly

    argument = arb_poly([-(low + high) / (high - low), 2 / (high - low)])
    before, current = arb_poly([1]), argument
    total = arb_poly([series[0]])
    for coefficient in series[1:]:
        total += current * coefficient
        before, current = current, 2 * argument * current - before
    nearest = [float(total[k]) for k in range(len(series))]
    return tuple((value, float(total[k] - value)) for k, value in enumerate(nearest))


def _exp_rest(r: Any) -> Any:
    return (r.expm1() - r) / r**2


def _atanh_rest(z: Any) -> Any:
    # (2·atanh(√z)/√z − 2)/z
    t = z.sqrt()
    return (((1 + t) / (1 - t)).log() / t - 2) / z


def _coth_core(r: Any) -> Any:
    return r**2 * (r / 2).coth()


def _tail(center: float) -> Callable[[Any], Any]:
    """Return (a + c)·erfc(a/√2)·exp(a²/2)/2 as a function of t = (a − c)/(a + c)."""

    def target(t: Any) -> Any:
        from flint import arb

        a = center * (1 + t) / (1 - t)
        return (a + center) * (a / arb(2).sqrt()).erfc() * (a * a / 2).exp() / 2

    return target


def _erf_core(z: Any) -> Any:
    return z.sqrt().erf() / z.sqrt()


def _normal_core(z: Any) -> Any:
    return (z / 2).sqrt().erf() / (2 * z.sqrt())


def _tanhshrink_core(z: Any) -> Any:
    t = z.sqrt()
    return (1 - t.tanh() / t) / z


def _atan_core(z: Any) -> Any:
    return (z.sqrt().atan() / z.sqrt() - 1) / z


def _sine_core(z: Any) -> Any:
    return (z.sqrt().sin() / z.sqrt() - 1) / z


def _cosine_core(z: Any) -> Any:
    return (z.sqrt().cos() - 1 + z / 2) / z**2


def _sinc_core(order: int) -> Callable[[Any], Any]:
    """Return j_n(u)/uⁿ as a function of u², from the Bessel function of half order."""

    def target(z: Any) -> Any:
        from flint import arb

        u = z.sqrt()
        return (arb.pi() / (2 * u)).sqrt() * u.bessel_j(arb(order) + arb(0.5)) / u**order

    return target


TAIL_CENTER = 4.0
"""Where t = (a − c)/(a + c) is 0 for the tail of the normal distribution; 4 needs the fewest terms on [0, 40]."""

NEAR_CENTER, SHIFT = 3.5, 0.1875
"""For float32 another center, and what is added to t: so fewer roundings count near 0, and not many more far out."""

TARGETS: dict[str, Callable[[Any], Any]] = {
    "exp": _exp_rest,
    "exp_whole": lambda r: r.exp(),
    "coth": _coth_core,
    "atanh": _atanh_rest,
    "atanh_whole": lambda z: ((1 + z.sqrt()) / (1 - z.sqrt())).log() / z.sqrt(),
    "tail": _tail(TAIL_CENTER),
    "tail_shifted": lambda t: _tail(NEAR_CENTER)(t - SHIFT),
    "erf": _erf_core,
    "normal": _normal_core,
    "tanhshrink": _tanhshrink_core,
    "atan": _atan_core,
    "sine": _sine_core,
    "cosine": _cosine_core,
    "sinc": _sinc_core(0),
    "sinc1": _sinc_core(1),
    "sinc2": _sinc_core(2),
    "sinc3": _sinc_core(3),
}
"""What is approximated, by name."""
