"""The few sums and extremes of a call that are cheap enough for a training step; nothing waits for the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from nonlin.inspection.torch.measurement import Squares, watch_gradient
from nonlin.inspection.watching.zones import Zones, zones_of

if TYPE_CHECKING:
    from nonlin.functions import Function

__all__ = ["Extremes", "LeanCall", "Totals", "measure_output", "measure_pre_activation"]

_ROWS = 64  # values a unit to count the flat ones of
_PRELU = Zones(dead=(), flat_below=0.0, flat_above=float("inf"), turns=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """Of the pre-activations of a call, by unit, on the model's device.

    Args:
        low, high: the smallest and the largest, shape (units,).
        flat: how many of `rows` sampled values are on a flat part that is not at rest; None for a function without.
        rows: how many values a unit were looked at.
        slopes: a PReLU's for negative values, shape (units,) or (1,); None for any other function.
    """

    low: torch.Tensor
    high: torch.Tensor
    flat: torch.Tensor | None
    rows: int
    slopes: torch.Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Of the outputs of a call: their number, and on the model's device their sum and norm; the gradient's to come."""

    values: int
    total: torch.Tensor
    norm: torch.Tensor
    gradients: Squares


@dataclass(frozen=True, slots=True, kw_only=True)
class LeanCall:
    """A call of one step; `extremes` is None for a function of a whole vector."""

    name: str
    function: Function
    extremes: Extremes | None
    totals: Totals


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not followed, so its type is Any
def measure_pre_activation(
    function: Function, pre: torch.Tensor, axis: int, slopes: torch.Tensor | None = None
) -> Extremes | None:
    """Measure the pre-activations of a call, before anything overwrites them.

    Args:
        function: the activation.
        pre: any shape.
        axis: of the units.
        slopes: a PReLU's.

    Returns:
        None for a function of a whole vector, which has no slope of one number.
    """
    if function.vector or pre.numel() == 0:
        return None
    pre = pre.detach()
    if pre.dim() == 1:
        pre, axis = pre[:, None], 1
    others = tuple(i for i in range(pre.dim()) if i != axis)
    zones = zones_of(function) if slopes is None else _PRELU
    sampled = _sample(pre, others) if zones.saturates else None
    return Extremes(
        # aminmax would cost fifty times as much along an axis
        low=pre.amin(others).float(),
        high=pre.amax(others).float(),
        flat=None if sampled is None else _flat(sampled, zones, others),
        rows=0 if sampled is None else sampled.numel() // sampled.shape[axis],
        slopes=None if slopes is None else slopes.detach().reshape(-1).float(),
    )


@torch.no_grad()  # type: ignore[untyped-decorator]  # the same
def measure_output(output: torch.Tensor, squares: Squares | None = None) -> Totals:
    """Measure the outputs of a call, and follow their gradient; `squares` where it is followed already."""
    wide = torch.float64 if output.dtype == torch.float64 else torch.float32
    plain = output.detach()
    return Totals(
        values=output.numel(),
        total=plain.sum(dtype=wide),
        norm=torch.linalg.vector_norm(plain, dtype=wide),
        gradients=watch_gradient(output) if squares is None else squares,
    )


def _sample(pre: torch.Tensor, others: tuple[int, ...]) -> torch.Tensor:
    rows = pre.numel() // max(1, _units(pre, others))
    left = -(-rows // _ROWS)
    for axis in sorted(others, key=lambda i: -pre.shape[i]):
        step = min(left, pre.shape[axis])
        pre = pre[(slice(None),) * axis + (slice(None, None, step),)]
        left = -(-left // step)
    return pre


def _units(pre: torch.Tensor, others: tuple[int, ...]) -> int:
    return next(int(n) for i, n in enumerate(pre.shape) if i not in others)


def _flat(sampled: torch.Tensor, zones: Zones, others: tuple[int, ...]) -> torch.Tensor:
    below, above = sampled < zones.flat_below, sampled > zones.flat_above
    return (below | above).sum(others).float()
