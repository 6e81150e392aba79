"""Brings what was measured on a step from the device in one copy, and over all ranks where there are several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.inspection.torch.lean import LeanCall

__all__ = ["CallFigures", "read_back"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFigures:
    """What was measured on a call of one step, on the host.

    Args:
        low, high: the extremes of the pre-activations, shape (units,); None for a function of a whole vector.
        flat: the share of the sampled values on a flat part, shape (units,); None for a function that has no such part.
        slopes: a PReLU's for negative values, shape (units,) or (1,); None for any other function.
        total, squares: the sum of the outputs, and of their squares.
        gradient_squares: of the gradient's entries; None where none came.
        values: the number of outputs, on all ranks.
    """

    low: Array | None
    high: Array | None
    flat: Array | None
    slopes: Array | None
    total: float
    squares: float
    gradient_squares: float | None
    values: int


def read_back(calls: Sequence[LeanCall], *, ranks: int = 1) -> list[CallFigures]:
    """Return the figures of the calls of one step; this waits for the device once.

    Args:
        calls: the same on every rank.
        ranks: over how many processes to put them together.
    """
    if not calls:
        return []
    extremes = [call.extremes for call in calls if call.extremes is not None]
    sums = [torch.stack(_sums(call)) for call in calls]
    flat = [e.flat for e in extremes if e.flat is not None]
    slopes = [e.slopes for e in extremes if e.slopes is not None]
    groups = [
        _joined([e.low for e in extremes], distributed.ReduceOp.MIN, ranks),
        _joined([e.high for e in extremes], distributed.ReduceOp.MAX, ranks),
        _joined([*flat, *sums], distributed.ReduceOp.SUM, ranks),
        _joined(slopes, None, ranks),
    ]
    numbers = torch.cat([group.to(groups[2].device) for group in groups]).cpu().numpy()
    lows, highs, rest, others = np.split(numbers, np.cumsum([len(group) for group in groups])[:-1])
    parts = _Parts(lows=lows, highs=highs, flat=rest, sums=rest[-3 * len(calls) :], slopes=others)
    return [parts.take(call, ranks) for call in calls]


def _sums(call: LeanCall) -> list[torch.Tensor]:
    totals = call.totals
    squares = [norm.double() ** 2 for norm in totals.gradients]
    gradient = torch.stack(squares).sum() if squares else totals.norm.new_zeros((), dtype=torch.float64)
    return [totals.total.double(), totals.norm.double() ** 2, gradient.to(totals.norm.device)]


def _joined(parts: list[torch.Tensor], operation: Any, ranks: int) -> torch.Tensor:
    if not parts:
        return torch.zeros(0, dtype=torch.float64)
    joined = torch.cat([part.detach().double() for part in parts])
    if ranks > 1 and operation is not None:
        distributed.all_reduce(joined, operation)
    return joined


@dataclass(slots=True, kw_only=True)
class _Parts:
    """The numbers that are left, call by call."""

    lows: Array
    highs: Array
    flat: Array
    sums: Array
    slopes: Array

    def take(self, call: LeanCall, ranks: int) -> CallFigures:
        low = high = flat = slopes = None
        if call.extremes is not None:
            units = len(call.extremes.low)
            low, self.lows = self.lows[:units], self.lows[units:]
            high, self.highs = self.highs[:units], self.highs[units:]
            if call.extremes.flat is not None:
                flat, self.flat = self.flat[:units] / (call.extremes.rows * ranks), self.flat[units:]
            if call.extremes.slopes is not None:
                count = len(call.extremes.slopes)
                slopes, self.slopes = self.slopes[:count], self.slopes[count:]
        (total, squares, gradient), self.sums = self.sums[:3].tolist(), self.sums[3:]
        return CallFigures(
            low=low,
            high=high,
            flat=flat,
            slopes=slopes,
            total=total,
            squares=squares,
            gradient_squares=gradient if call.totals.gradients else None,
            values=call.totals.values * ranks,
        )
