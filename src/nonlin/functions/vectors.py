"""The values of the functions that act on a whole vector, along the last axis, on NumPy float64 arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError
from nonlin.functions.array_primitives import PRIMITIVES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["evaluate_vector"]

Array: TypeAlias = NDArray[np.float64]

BISECTIONS = 80


def evaluate_vector(name: str, parameters: Mapping[str, float], u: Array) -> Array:
    """Return the value of a vector function of the catalogue along the last axis.

    Args:
        name: canonical.
        parameters: every one of its parameters.
        u: shape (..., n); a gated function halves n, crelu doubles it, maxout divides it by its pieces.
    """
    if u.ndim == 0 or u.shape[-1] == 0:
        raise InvalidInputError(
            f"expected at least one element along the last axis for {name}, got {u.shape}; give one"
        )
    with np.errstate(all="ignore"):
        return VALUES[name](u, **parameters)


def _softmax(u: Array) -> Array:
    e = np.exp(u - u.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _log_softmax(u: Array) -> Array:
    shifted = u - u.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def _hardmax(u: Array) -> Array:
    # argmax finds the first NaN, too
    first = np.argmax(u, axis=-1)[..., None] == np.arange(u.shape[-1])
    return np.asarray(np.where(np.isnan(u).any(axis=-1, keepdims=True), np.nan, first.astype(np.float64)))


def _sparsemax(u: Array) -> Array:
    # Martins and Astudillo 2016, algorithm 1
    ordered = -np.sort(-u, axis=-1)
    sums = np.cumsum(ordered, axis=-1) - 1.0
    counts = np.arange(1, u.shape[-1] + 1)
    size = (ordered * counts > sums).sum(axis=-1, keepdims=True)
    tau = np.take_along_axis(sums, np.maximum(size, 1) - 1, axis=-1) / np.maximum(size, 1)
    return np.asarray(np.where(np.isnan(sums[..., -1:]), np.nan, np.maximum(u - tau, 0.0)))


def _entmax(u: Array, alpha: float) -> Array:
    if alpha == 1.0:
        return _softmax(u)
    if alpha == 2.0:
        return _sparsemax(u)
    # tau lies where the largest element alone would reach 1, or all elements together
    v = (alpha - 1.0) * u
    top = v.max(axis=-1, keepdims=True)
    low, high = top - 1.0, top - float(u.shape[-1]) ** (1.0 - alpha)
    for _ in range(BISECTIONS):
        tau = (low + high) / 2
        large = (np.maximum(v - tau, 0.0) ** (1 / (alpha - 1.0))).sum(axis=-1, keepdims=True) >= 1.0
        low, high = np.where(large, tau, low), np.where(large, high, tau)
    p = np.maximum(v - low, 0.0) ** (1 / (alpha - 1.0))
    return np.asarray(p / p.sum(axis=-1, keepdims=True))


def _halves(u: Array) -> tuple[Array, Array]:
    if u.shape[-1] % 2:
        raise InvalidInputError(
            f"expected an even number of elements along the last axis, got {u.shape[-1]}; pad it"
        )
    half = u.shape[-1] // 2
    return u[..., :half], u[..., half:]


def _gated(gate: Callable[[Array], Array]) -> Callable[[Array], Array]:
    def value(u: Array) -> Array:
        a, b = _halves(u)
        return np.asarray(a * gate(b))

    return value


def _maxout(u: Array, pieces: float) -> Array:
    size = int(pieces)
    if size != pieces or u.shape[-1] % size:
        raise InvalidInputError(
            f"expected a multiple of {pieces} elements along the last axis, got {u.shape[-1]}; change pieces"
        )
    return np.asarray(u.reshape(*u.shape[:-1], -1, size).max(axis=-1))


VALUES: dict[str, Callable[..., Array]] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "softmin": lambda u: _softmax(-u),
    "hardmax": _hardmax,
    "sparsemax": _sparsemax,
    "entmax": _entmax,
    "crelu": lambda u: np.concatenate([np.maximum(u, 0.0), np.maximum(-u, 0.0)], axis=-1),
    "glu": _gated(PRIMITIVES["sigmoid"]),
    "reglu": _gated(lambda b: np.maximum(b, 0.0)),
    "geglu": _gated(lambda b: b * PRIMITIVES["normal_cdf"](b)),
    "swiglu": _gated(lambda b: b * PRIMITIVES["sigmoid"](b)),
    "maxout": _maxout,
}
"""Every vector function, by its canonical name."""
