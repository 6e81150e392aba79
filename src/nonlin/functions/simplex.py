"""Maps of a vector onto the probability simplex, and the products with their Jacobians, for every array library.

They act along the last axis, in float64. A Jacobian is diag(w) − w·wᵀ/Σw with weights w ≥ 0: the value itself for
softmax, 1 on the support for sparsemax, p^(2 − α) on it for entmax. No entry of it is computed by a difference that
cancels: the tangent of the largest weight is subtracted from the others first, so that 1 − p is the sum of the other
probabilities.

Source: Martins and Astudillo 2016, "From softmax to sparsemax", algorithm 1 and equation 11; Peters, Niculae and
Martins 2019, "Sparse sequence-to-sequence models", proposition 1 and algorithm 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["SIMPLEX", "Library", "mapped", "pulled", "pushed"]

SIMPLEX = ("softmax", "softmin", "log_softmax", "sparsemax", "entmax", "hardmax")
"""The functions that this module computes."""

BISECTIONS = 60
OUTSIDE = -2.0  # of (α − 1)(x − max x): below −1 an element is never in the support
SMALLEST_LOGARITHM = -800.0  # exp is 0 below


@dataclass(frozen=True, kw_only=True)
class Library:
    """An array library, whose functions are asked for by NumPy's names.

    Args:
        module: has them.
        others: those that it lacks or has with another meaning, by name; and `positions(u)`, 0 to n − 1 along the last
            axis of u.
    """

    module: Any
    others: Mapping[str, Callable[..., Any]]

    def __getattr__(self, name: str) -> Any:
        """Return a function by its name in NumPy."""
        found = self.others.get(name)
        return getattr(self.module, name) if found is None else found

    def repeated(self, step: Callable[[Any], Any], state: Any, count: int) -> Any:
        """Apply a step to a state again and again; by a loop of the library's where it has one."""
        if "repeat" in self.others:
            return self.others["repeat"](count, lambda _, inner: step(inner), state)
        for _ in range(count):
            state = step(state)
        return state


def mapped(xp: Library, name: str, parameters: Mapping[str, float], u: Any) -> Any:
    """Return the value of a function of `SIMPLEX`.

    Args:
        xp: the array library of u.
        name: canonical.
        parameters: alpha of entmax; of the others none.
        u: float64, shape (..., n). −inf counts as left out; with NaN or +inf, or −inf alone, every value is NaN.
    """
    if name == "softmin":
        return _softmax(xp, -u)
    alpha = _alpha(name, parameters)
    if name == "log_softmax":
        return _log_softmax(xp, u)
    if name == "hardmax":
        return xp.where(xp.isnan(xp.max(u, axis=-1, keepdims=True)), xp.nan, 1.0 * _first(xp, u))
    if alpha == 1.0:
        return _softmax(xp, u)
    z = xp.maximum((alpha - 1.0) * _below_top(xp, u), OUTSIDE)
    if alpha == 2.0:
        return xp.maximum(z - _sparsemax_threshold(xp, z), 0.0)
    root = _entmax15_threshold if alpha == 1.5 else _bisected_threshold
    p = xp.power(xp.maximum(z - root(xp, z, alpha), 0.0), 1.0 / (alpha - 1.0))
    return p / xp.sum(p, axis=-1, keepdims=True)


def pushed(xp: Library, name: str, parameters: Mapping[str, float], y: Any, tangent: Any) -> Any:
    """Return the Jacobian at the input that has the value y, times a tangent; linear in the tangent."""
    if name == "hardmax":
        return 0.0 * y * tangent
    w = _weights(xp, name, parameters, y)
    first = _first(xp, w)
    base = xp.sum(xp.where(first, tangent, 0.0), axis=-1, keepdims=True)
    h = xp.where(first, 0.0, tangent - base)
    mean = xp.sum(w * h, axis=-1, keepdims=True) / xp.sum(w, axis=-1, keepdims=True)
    if name == "log_softmax":
        return h - mean
    return -w * (h - mean) if name == "softmin" else w * (h - mean)


def pulled(xp: Library, name: str, parameters: Mapping[str, float], y: Any, gradient: Any) -> Any:
    """Return the transposed Jacobian times a gradient; only that of log_softmax is not symmetric."""
    if name != "log_softmax":
        return pushed(xp, name, parameters, y, gradient)
    p = _weights(xp, name, parameters, y)
    others = xp.where(_first(xp, p), 0.0, gradient - p * xp.sum(gradient, axis=-1, keepdims=True))
    # the columns of the Jacobian sum to 0
    return xp.where(_first(xp, p), -xp.sum(others, axis=-1, keepdims=True), others)


def _alpha(name: str, parameters: Mapping[str, float]) -> float:
    return {"softmax": 1.0, "sparsemax": 2.0}.get(name) or float(parameters.get("alpha", 1.0))


def _weights(xp: Library, name: str, parameters: Mapping[str, float], y: Any) -> Any:
    if name == "log_softmax":
        return xp.exp(y)
    alpha = _alpha(name, parameters)
    if alpha == 1.0 or name == "softmin":
        return y
    # where y is not above 0 it is 0 or NaN, and so is its weight
    inside = y > 0
    return xp.where(inside, xp.power(xp.where(inside, y, 1.0), 2.0 - alpha), y)


def _first(xp: Library, u: Any) -> Any:
    """Mark the first of the largest elements."""
    places = 1.0 * xp.positions(u)
    top = u == xp.max(u, axis=-1, keepdims=True)
    # not argmax, which XLA compiles for float32 where the user's setting is that
    return places == xp.min(xp.where(top, places, xp.inf), axis=-1, keepdims=True)


def _below_top(xp: Library, u: Any) -> Any:
    top = xp.max(u, axis=-1, keepdims=True)
    return xp.where(xp.isfinite(top), u - top, xp.nan)


def _exponentials(xp: Library, u: Any) -> tuple[Any, Any, Any]:
    """Return u − max u, what its rounding left out, and the sum of its exponentials but the largest, which is 1."""
    d = _below_top(xp, u)
    top = xp.max(u, axis=-1, keepdims=True)
    back = d - u
    lost = (u - (d - back)) - (top + back)
    lost = xp.where(d > SMALLEST_LOGARITHM, lost, 0.0)
    rest = xp.sum(xp.where(_first(xp, u), 0.0 * d, xp.exp(d) * (1.0 + lost)), axis=-1, keepdims=True)
    return d, lost, rest


def _softmax(xp: Library, u: Any) -> Any:
    d, lost, rest = _exponentials(xp, u)
    return xp.exp(d) * (1.0 + lost) / (1.0 + rest)


def _log_softmax(xp: Library, u: Any) -> Any:
    d, lost, rest = _exponentials(xp, u)
    return d - (xp.log1p(rest) - lost)


def _sparsemax_threshold(xp: Library, z: Any) -> Any:
    ordered = -xp.sort(-z, axis=-1)
    counts = 1.0 + xp.positions(z)
    inside = ordered * counts > xp.cumsum(ordered, axis=-1) - 1.0
    total = xp.sum(xp.where(inside, ordered, 0.0), axis=-1, keepdims=True)
    return (total - 1.0) / xp.sum(1.0 * inside, axis=-1, keepdims=True)


def _entmax15_threshold(xp: Library, z: Any, _alpha: float) -> Any:
    ordered = -xp.sort(-z, axis=-1)
    counts = 1.0 + xp.positions(z)
    mean = xp.cumsum(ordered, axis=-1) / counts
    spread = xp.cumsum(ordered * ordered, axis=-1) / counts - mean * mean
    candidates = mean - xp.sqrt(xp.maximum(1.0 / counts - spread, 0.0))
    size = xp.sum(1.0 * (candidates <= ordered), axis=-1, keepdims=True)
    return xp.sum(xp.where(counts == size, candidates, 0.0), axis=-1, keepdims=True)


def _bisected_threshold(xp: Library, z: Any, alpha: float) -> Any:
    # it lies where the largest element alone would reach 1, or all elements together
    def halve(bounds: tuple[Any, Any]) -> tuple[Any, Any]:
        low, high = bounds
        middle = (low + high) / 2
        sums = xp.sum(xp.power(xp.maximum(z - middle, 0.0), 1.0 / (alpha - 1.0)), axis=-1, keepdims=True)
        return xp.where(sums >= 1.0, middle, low), xp.where(sums >= 1.0, high, middle)

    top = xp.max(z, axis=-1, keepdims=True)
    bounds = (top - 1.0, top - float(z.shape[-1]) ** (1.0 - alpha))
    low, _ = xp.repeated(halve, bounds, BISECTIONS)
    return low
