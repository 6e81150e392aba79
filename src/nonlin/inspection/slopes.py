"""The one quantity behind the verdicts: f'(u) relative to the largest slope that the function has."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from nonlin.functions import Function
    from nonlin.inspection.statistics import Slope

__all__ = ["relative_slope"]

Array = npt.NDArray[Any]


def relative_slope(function: Function, pre_activation: Array) -> Slope | None:
    """Return what computes f'(u) / max abs f' of a part of a batch; None for a function of a whole vector.

    Where the slope has no bound (relu2), it is relative to the largest finite one of this batch, and so only comparable
    within it.

    Args:
        function: the activation.
        pre_activation: the whole batch.
    """
    if function.vector:
        return None
    largest = function.largest_slope
    if not isfinite(largest):
        slope = function.slope(pre_activation)
        largest = float(np.max(np.abs(slope), initial=0.0, where=np.isfinite(slope)))
    scale = 1.0 if largest == 0.0 else largest

    def relative(u: Array) -> Array:
        # as the memory lies, so that neither what goes in nor what comes out is laid out anew
        axes = sorted(range(u.ndim), key=lambda axis: -abs(u.strides[axis]))
        slope = np.asarray(function.slope(u.transpose(axes)))
        if scale != 1.0:
            slope /= slope.dtype.type(scale)
        return slope.transpose(np.argsort(axes))

    return relative
