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

__all__ = ["CallFigures", "mean_over_ranks", "read_back"]

Array = npt.NDArray[Any]

_MIN, _MAX, _SUM, _NORM, _SAME = range(5)
"""How numbers of several ranks are put together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFigures:
    """What was measured on a call of one step, on the host.

    Args:
        low: the smallest pre-activations, shape (units,); None for a function of a whole vector.
        high: the largest.
        flat: the share of the sampled values on a flat part, shape (units,); None for a function that has no such part.
        slopes: a PReLU's for negative values, shape (units,) or (1,); None for any other function.
        sample: pre-activations of all units, mixed, of this rank; None for a function of a whole vector.
        total: the sum of the outputs.
        squares: the sum of their squares.
        gradient_squares: of the gradient's entries; None where none came.
        values: the number of outputs, on all ranks.
    """

    low: Array | None
    high: Array | None
    flat: Array | None
    slopes: Array | None
    sample: Array | None
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
    of_calls = [_parts(call) for call in calls]
    starts = np.cumsum([0, *(sum(part.numel() for _, part in parts) for parts in of_calls)]).tolist()
    parts = [part for parts in of_calls for part in parts]
    kinds = np.repeat([kind for kind, _ in parts], [part.numel() for _, part in parts])
    device = parts[0][1].device
    numbers = torch.cat([_row(part, device) for _, part in parts])
    if ranks > 1:
        numbers = _over_ranks(numbers.double(), kinds)
    host = numbers.cpu().double().numpy()
    host[kinds == _NORM] **= 2
    return [_take(call, host, at, ranks) for call, at in zip(calls, starts[:-1], strict=True)]


def mean_over_ranks(
    values: Sequence[float | None], calls: Sequence[LeanCall], *, ranks: int
) -> list[float | None]:
    """Return one number a call, the mean over all processes; None where it is None, on all of them alike."""
    if ranks == 1 or not calls:
        return list(values)
    numbers = torch.tensor(
        [0.0 if value is None else value for value in values], device=calls[0].totals.total.device
    )
    distributed.all_reduce(numbers)
    means = (numbers / ranks).tolist()
    return [None if value is None else mean for value, mean in zip(values, means, strict=True)]


def _parts(call: LeanCall) -> list[tuple[int, torch.Tensor]]:
    """Return the numbers of a call, each with how ranks are put together, in the order of `_take`."""
    gradients = call.totals.gradients
    if len(gradients) > 1:
        gradient = torch.linalg.vector_norm(torch.stack(gradients))
    else:
        gradient = gradients[0] if gradients else torch.zeros_like(call.totals.norm)
    parts = [(_SUM, call.totals.total), (_NORM, call.totals.norm), (_NORM, gradient)]
    extremes = call.extremes
    if extremes is not None:
        parts += [(_MIN, extremes.low), (_MAX, extremes.high)]
        parts += [(_SUM, extremes.flat)] if extremes.flat is not None else []
        parts += [(_SAME, extremes.slopes)] if extremes.slopes is not None else []
        parts += [(_SAME, extremes.sample)]
    return parts


def _row(part: torch.Tensor, device: torch.device) -> torch.Tensor:
    # nothing has a gradient here, and each operation less counts: there are dozens of parts
    row = part if part.dim() == 1 else part.reshape(-1)
    return row if row.device == device else row.to(device)


def _over_ranks(numbers: torch.Tensor, kinds: Array) -> torch.Tensor:
    operations = {
        _MIN: distributed.ReduceOp.MIN,
        _MAX: distributed.ReduceOp.MAX,
        _SUM: distributed.ReduceOp.SUM,
    }
    for kind, operation in (*operations.items(), (_NORM, distributed.ReduceOp.SUM)):
        where = torch.from_numpy(np.flatnonzero(kinds == kind)).to(numbers.device)
        part = numbers[where]
        part = part**2 if kind == _NORM else part
        distributed.all_reduce(part, operation)
        numbers[where] = part.sqrt() if kind == _NORM else part
    return numbers


def _take(call: LeanCall, numbers: Array, start: int, ranks: int) -> CallFigures:
    total, squares, gradient = numbers[start : start + 3].tolist()
    low = high = flat = slopes = sample = None
    if call.extremes is not None:
        units = len(call.extremes.low)
        low, high = numbers[start + 3 :][: 2 * units].reshape(2, units)
        rest = numbers[start + 3 + 2 * units :]
        if call.extremes.flat is not None:
            flat, rest = rest[:units] / (call.extremes.rows * ranks), rest[units:]
        if call.extremes.slopes is not None:
            slopes, rest = np.split(rest, [len(call.extremes.slopes)])
        sample = rest[: len(call.extremes.sample)]
    return CallFigures(
        low=low,
        high=high,
        flat=flat,
        slopes=slopes,
        sample=sample,
        total=total,
        squares=squares,
        gradient_squares=gradient if call.totals.gradients else None,
        values=call.totals.values * ranks,
    )
