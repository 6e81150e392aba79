"""Brings what was measured on a step to the host in one copy, and puts all ranks together where there are several."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import distributed

from nonlin.inspection.watching.shares import UnitRanges, slope_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nonlin.inspection.torch.lean import LeanCall
    from nonlin.inspection.torch.sampling import Numbers

__all__ = ["CallFigures", "read_back"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFigures:
    """What was measured on a call of one step, on the host.

    Args:
        ranges: of the pre-activations of each unit; None for a function of a whole vector.
        slope: the mean of the slope relative to the largest; None where `slope_mean` says so.
        total: the sum of the outputs.
        squares: the sum of their squares.
        gradient_squares: of the gradient's entries; None where none came.
        values: the number of outputs, on all ranks.
    """

    ranges: UnitRanges | None
    slope: float | None
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
    of_calls = [_parts(call) for call in calls]
    host = iter(_fetched([part for parts in of_calls for part in parts]))
    figures = [
        _figures(call, [next(host) for _ in parts]) for call, parts in zip(calls, of_calls, strict=True)
    ]
    return figures if ranks == 1 or not calls else _over_ranks(figures, ranks, _device(calls))


def _parts(call: LeanCall) -> list[Numbers]:
    parts, extremes = [call.sum_and_norm, *call.gradients], call.extremes
    if extremes is not None:
        parts += [extremes.numbers] if extremes.slopes is None else [extremes.numbers, extremes.slopes]
    return parts


def _fetched(parts: list[Numbers]) -> list[Any]:
    tensors = [part for part in parts if isinstance(part, torch.Tensor)]
    if not tensors:
        return parts
    joined = torch.cat([tensor.to(tensors[0].device) for tensor in tensors]).cpu().double().numpy()
    arrays = iter(np.split(joined, np.cumsum([len(tensor) for tensor in tensors])))
    return [next(arrays) if isinstance(part, torch.Tensor) else part for part in parts]


def _figures(call: LeanCall, numbers: list[Any]) -> CallFigures:
    (total, norm), extremes = map(float, numbers[0]), call.extremes
    gradients = [float(norm[0]) ** 2 for norm in numbers[1 : 1 + len(call.gradients)]]
    ranges = slope = None
    if extremes is not None:
        units, rest = extremes.units, numbers[1 + len(gradients)]
        split = 3 * units if extremes.rows else 2 * units
        ranges = UnitRanges(
            low=rest[:units],
            high=rest[units : 2 * units],
            flat=rest[2 * units : split] / extremes.rows if extremes.rows else None,
            slopes=None if extremes.slopes is None else numbers[-1],
        )
        watched, rest = call.watched, rest[split:]
        slope = (
            slope_mean(watched.function, watched.zones, rest, ranges) if extremes.sampled else float(rest[0])
        )
    return CallFigures(
        ranges=ranges,
        slope=slope,
        total=total,
        squares=norm * norm,
        gradient_squares=sum(gradients) if gradients else None,
        values=call.values,
    )


def _device(calls: Sequence[LeanCall]) -> torch.device:
    first = calls[0].sum_and_norm
    return first.device if isinstance(first, torch.Tensor) else torch.device("cpu")


def _over_ranks(figures: list[CallFigures], ranks: int, device: torch.device) -> list[CallFigures]:
    def reduce(parts: list[Array], operation: Any) -> Iterator[Array]:
        joined = torch.from_numpy(np.concatenate(parts)).to(device)
        distributed.all_reduce(joined, operation)
        return iter(np.split(joined.cpu().numpy(), np.cumsum([len(part) for part in parts])))

    def of_units(name: str) -> list[Array]:
        parts = (None if one.ranges is None else getattr(one.ranges, name) for one in figures)
        return [np.zeros(0) if part is None else part for part in parts]

    sums = [
        np.array([one.total, one.squares, one.gradient_squares or 0.0, one.slope or 0.0]) for one in figures
    ]
    low = reduce(of_units("low"), distributed.ReduceOp.MIN)
    high = reduce(of_units("high"), distributed.ReduceOp.MAX)
    flat = reduce(of_units("flat"), distributed.ReduceOp.SUM)
    totals = reduce(sums, distributed.ReduceOp.SUM)
    return [
        replace(
            one,
            ranges=one.ranges
            and replace(
                one.ranges, low=least, high=largest, flat=None if one.ranges.flat is None else flats / ranks
            ),
            slope=None if one.slope is None else float(added[3]) / ranks,
            total=float(added[0]),
            squares=float(added[1]),
            gradient_squares=None if one.gradient_squares is None else float(added[2]),
            values=one.values * ranks,
        )
        # np.split leaves an empty rest
        for one, least, largest, flats, added in zip(figures, low, high, flat, totals, strict=False)
    ]
