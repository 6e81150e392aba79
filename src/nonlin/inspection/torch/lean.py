"""The few sums and extremes of a call that are cheap enough for a training step; nothing waits for the device."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import torch

from nonlin.inspection.torch.sampling import few, norm_of, sum_and_norm_of
from nonlin.inspection.watching.zones import zones_of

if TYPE_CHECKING:
    from nonlin.functions import Function
    from nonlin.inspection.torch.measurement import Squares
    from nonlin.inspection.watching.zones import Zones

__all__ = [
    "Extremes",
    "LeanCall",
    "Totals",
    "Watched",
    "measure_output",
    "measure_pre_activation",
    "watched_call",
]

FlatEnds = tuple[float, float]
"""Below the first and above the second number a function is flat, and not at rest."""

_ROWS = 64  # values a unit to count the flat ones of
_LOOKED_AT = 1 << 17  # pre-activations of a call to take the extremes of: at the next step of others
_PRELU: FlatEnds = (0.0, inf)  # flat on the left where its slope there is small, which is looked at later


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """Of the pre-activations of a call, by unit, on the model's device.

    Args:
        low: the smallest, shape (units,).
        high: the largest.
        share: of the batch that these two are of.
        flat: how many of `rows` sampled values are on a flat part that is not at rest; None for a function without.
        rows: how many values a unit were looked at.
        slopes: a PReLU's for negative values, shape (units,) or (1,); None for any other function.
        sample: values of all units, mixed, shape (at most 4096,).
    """

    low: torch.Tensor
    high: torch.Tensor
    share: float
    sample: torch.Tensor
    flat: torch.Tensor | None
    rows: int
    slopes: torch.Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Of the outputs of a call: their number, and on the model's device their sum and norm; the gradient's to come.

    Of a large tensor they are estimated from a part, as `sampling` takes it.
    """

    values: int
    total: torch.Tensor
    norm: torch.Tensor
    gradients: Squares


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A call as it is on every step.

    Args:
        name: as the history calls it.
        function: the activation.
        label: of the function, with its parameters.
        zones: of the function; None for one of a whole vector, and for a PReLU, whose slopes are learnt.
        flat: where it is flat and not at rest; None for a function that is so nowhere.
    """

    name: str
    function: Function
    label: str
    zones: Zones | None
    flat: FlatEnds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeanCall:
    """A call of one step; `extremes` is None for a function of a whole vector."""

    watched: Watched
    extremes: Extremes | None
    totals: Totals


def watched_call(name: str, function: Function, constant_slope: float, *, is_prelu: bool) -> Watched:
    """Return a call with what its function says, which is looked up once for all steps.

    Args:
        name: of the call.
        function: the activation.
        constant_slope: how far the relative slope may vary where it counts as constant.
        is_prelu: whether its slopes for negative values are learnt.
    """
    if function.vector or is_prelu:
        flat = _PRELU if is_prelu else None
        return Watched(name=name, function=function, label=function.label, zones=None, flat=flat)
    zones = zones_of(function, constant_slope)
    flat = (zones.flat_below, zones.flat_above) if zones.saturates else None
    return Watched(name=name, function=function, label=function.label, zones=zones, flat=flat)


def measure_pre_activation(
    watched: Watched, pre: torch.Tensor, axis: int, *, slopes: torch.Tensor | None = None, turn: int = 0
) -> Extremes | None:
    """Measure the pre-activations of a call, before anything overwrites them.

    Args:
        watched: the call.
        pre: any shape.
        axis: of the units.
        slopes: a PReLU's.
        turn: which part of a large batch to look at; another one at each step.

    Returns:
        None for a function of a whole vector, which has no slope of one number.
    """
    if watched.function.vector or not pre.numel():
        return None
    pre, flat = pre.detach(), watched.flat
    if pre.dim() == 1:
        pre, axis = pre[:, None], 1
    others = tuple(i for i in range(pre.dim()) if i != axis)
    sampled = _sample(pre, others, pre.shape[axis]) if flat is not None else None
    # positions first: along several axes at once PyTorch takes twice as long
    wide = pre.flatten(axis + 1) if axis < pre.dim() - 2 and pre.is_contiguous() else pre
    part = _in_turn(wide, turn) if axis else wide
    return Extremes(
        low=_over(torch.Tensor.amin, part, axis),
        high=_over(torch.Tensor.amax, part, axis),
        share=len(part) / len(wide),
        sample=few(pre),
        flat=None if sampled is None or flat is None else _outside(sampled, flat, others),
        rows=0 if sampled is None else sampled.numel() // sampled.shape[axis],
        slopes=None if slopes is None else slopes.detach().reshape(-1),
    )


def measure_output(output: torch.Tensor, squares: Squares | None = None) -> Totals:
    """Measure the outputs of a call, and follow their gradient; `squares` where it is followed already."""
    total, norm = sum_and_norm_of(output.detach())
    return Totals(
        values=output.numel(),
        total=total,
        norm=norm,
        gradients=_follow_gradient(output) if squares is None else squares,
    )


def _follow_gradient(output: torch.Tensor) -> Squares:
    norms: Squares = []
    if output.requires_grad:

        def gather(gradient: torch.Tensor) -> None:
            norms.append(norm_of(gradient.detach()))

        output.register_hook(gather)
    return norms


def _in_turn(pre: torch.Tensor, turn: int) -> torch.Tensor:
    step = min(-(-pre.numel() // _LOOKED_AT), len(pre))
    return pre if step <= 1 else pre[turn % step :: step]


def _over(extreme: Any, pre: torch.Tensor, axis: int) -> torch.Tensor:
    # aminmax would cost fifty times as much along an axis
    if axis < pre.dim() - 1:
        pre = extreme(pre, tuple(range(axis + 1, pre.dim())))
    found: torch.Tensor = extreme(pre, tuple(range(axis)))
    return found


def _sample(pre: torch.Tensor, others: tuple[int, ...], units: int) -> torch.Tensor:
    left = -(-pre.numel() // units // _ROWS)
    for axis in sorted(others, key=lambda i: -pre.shape[i]):
        step = max(1, min(left, pre.shape[axis]))
        pre = pre[(slice(None),) * axis + (slice(None, None, step),)]
        left = -(-left // step)
    return pre


def _outside(sampled: torch.Tensor, flat: FlatEnds, others: tuple[int, ...]) -> torch.Tensor:
    return ((sampled < flat[0]) | (sampled > flat[1])).sum(others).float()
