"""A proven upper bound on how much a dense layer can stretch a vector: its largest singular value."""

from functools import cache
from math import inf
from weakref import WeakKeyDictionary

import numpy as np

from nonlin.networks.affine import Dense
from nonlin.networks.array import Array

__all__ = ["frobenius_bound", "spectral_bound"]

_UNIT_ROUNDOFF = 2.0**-24
"""Of float32, in which the products are made: they cost half as much, and the bound needs few digits."""

_OUTWARD = 1 + 2.0**-30
"""Covers the rounding of a handful of float64 operations on positive numbers."""

_SQUARINGS = 3


@cache
def _known() -> "WeakKeyDictionary[Dense, float]":
    return WeakKeyDictionary()


def spectral_bound(layer: Dense) -> float:
    """Return an upper bound on ‖W‖₂, in the 2-norm; for a wide random layer some 1.2 times the least one.

    With G₁ = WᵀW and Gₖ₊₁ = GₖᵀGₖ, ‖W‖₂ = ‖Gₖ‖₂ to the power of 2⁻ᵏ, and ‖Gₖ‖₂ ≤ ‖Gₖ‖_F. A computed product of n
    terms is off by at most γₙ ‖A‖_F² in the 2-norm (Higham, Accuracy and Stability of Numerical Algorithms, 2002,
    section 3.5), which is added. The bound of a layer is kept while the layer lives.
    """
    if layer not in _known():
        _known()[layer] = _bound(layer.weight)
    return _known()[layer]


def frobenius_bound(x: Array) -> float:
    """Return an upper bound on the Frobenius norm of an array, infinite where it cannot be given."""
    wide = np.asarray(x, np.float64).ravel()
    size = float(np.sqrt(np.dot(wide, wide))) * (1 + wide.size * 2.0**-53) * _OUTWARD
    return size if 2.0**-400 < size < 2.0**400 else (0.0 if not np.any(wide) else inf)


def _bound(weight: Array) -> float:
    size = frobenius_bound(weight)
    if size in (0, inf):
        return size
    narrow = (np.asarray(weight, np.float64) / size).astype(np.float32)
    if narrow.shape[0] < narrow.shape[1]:
        narrow = np.ascontiguousarray(narrow.T)
    # rounding to float32, and numbers that are subnormal there
    lost = 2 * _UNIT_ROUNDOFF + 2.0**-149 * narrow.size
    offs, norm = [], 1.0
    product = narrow
    for _ in range(_SQUARINGS):
        terms = product.shape[0]
        offs.append(2 * terms * _UNIT_ROUNDOFF * norm**2 + terms * product.size * 2.0**-148)
        product = product.T @ product
        norm = frobenius_bound(product)
    stretch = norm
    for off in reversed(offs):
        stretch = float(np.sqrt(stretch + off)) * _OUTWARD
    return min(stretch + lost, 1.0) * size * _OUTWARD
