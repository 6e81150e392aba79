"""The weights that shape a call's pre-activation, whichever framework holds them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["LayerWeights"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerWeights:
    """An affine layer in front of a call.

    Args:
        name: of the layer.
        weight: shape (units, inputs of a unit), float64; a normalisation has one input for each unit.
        bias: shape (units,), or None.
        unit_axis: of the layer's output, where `weight` and `bias` are the names of its parameters and nothing else
            shapes the pre-activation, so that code can change it; None for any other.
    """

    name: str
    weight: Array
    bias: Array | None
    unit_axis: int | None = None

    @property
    def norms(self) -> Array:
        """The Euclidean norm of each unit's weights, shape (units,)."""
        return np.asarray(np.linalg.norm(self.weight, axis=1))
