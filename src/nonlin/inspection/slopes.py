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
    if largest in (0.0, 1.0):
        return lambda u: np.asarray(function.slope(u))

    def relative(u: Array) -> Array:
        slope = np.asarray(function.slope(u))
        slope /= slope.dtype.type(largest)
        return slope

    return relative
