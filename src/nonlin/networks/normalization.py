"""Normalisation by the values' own mean and variance (layer normalisation)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nonlin.networks.array import Array

__all__ = ["Normalize"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normalize:
    """(x − mean) / √(variance + ε), over the last axes; the scale and the shift behind it are operators of their own.

    Args:
        axes: how many of the last axes are taken together.
        epsilon: ε.
    """

    kind: ClassVar[str] = "nonlinear"
    axes: int
    epsilon: float

    def apply(self, x: Array) -> Array:
        """Return the normalised values, in the dtype of x."""
        return self._normalised(x)[0].astype(x.dtype, copy=False)

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Return the cotangent without its parts along 1 and along the normalised values, divided by the deviation."""
        over = self._over(x)
        normalised, deviation = self._normalised(x)
        along = normalised * (cotangent * normalised).mean(axis=over, keepdims=True)
        made = (cotangent - cotangent.mean(axis=over, keepdims=True) - along) / deviation
        return (np.asarray(made, x.dtype),)

    def _over(self, x: Array) -> tuple[int, ...]:
        return tuple(range(x.ndim - self.axes, x.ndim))

    def _normalised(self, x: Array) -> tuple[Array, Array]:
        over = self._over(x)
        centred = x - x.mean(axis=over, keepdims=True, dtype=np.float64)
        deviation = np.sqrt(np.square(centred).mean(axis=over, keepdims=True) + self.epsilon)
        return centred / deviation, deviation
