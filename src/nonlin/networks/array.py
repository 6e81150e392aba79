"""The arrays that a network computes with: NumPy, in the dtype of what is fed."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "matched", "unbroadcast"]

Array = npt.NDArray[Any]


def matched(constant: Array, x: Array) -> Array:
    """Return a stored constant in the dtype that x is computed in."""
    return constant if constant.dtype == x.dtype else constant.astype(x.dtype)


def unbroadcast(cotangent: Array, shape: tuple[int, ...]) -> Array:
    """Sum a cotangent over the axes along which an input of this shape was broadcast."""
    extra = cotangent.ndim - len(shape)
    if extra:
        cotangent = cotangent.sum(axis=tuple(range(extra)))
    stretched = tuple(i for i, (n, m) in enumerate(zip(shape, cotangent.shape, strict=True)) if n != m)
    return np.asarray(cotangent.sum(axis=stretched, keepdims=True)) if stretched else cotangent
