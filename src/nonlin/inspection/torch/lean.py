"""The few sums and extremes of a call that are cheap enough for a training step; nothing waits for the device."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import inf, isinf
from typing import TYPE_CHECKING, Any

import torch

from nonlin.inspection.torch.sampling import address_of, few, norm_of, sum_and_norm_of
from nonlin.inspection.watching.parts import parts_of
from nonlin.inspection.watching.scans import layout_of, scan
from nonlin.inspection.watching.zones import slope_table, zones_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.functions import Function
    from nonlin.inspection.torch.sampling import Numbers
    from nonlin.inspection.watching.scans import Table
    from nonlin.inspection.watching.zones import Zones

__all__ = [
    "Extremes",
    "LeanCall",
    "Watched",
    "measure_output",
    "measure_pre_activation",
    "watched_call",
]

FlatEnds = tuple[float, float]
"""Below the first and above the second number a function is flat, and not at rest."""

_PRELU: FlatEnds = (0.0, inf)  # flat on the left where its slope there is small, which is looked at later


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """Of the pre-activations of a call, on the model's device.

    Args:
        numbers: one after the other the smallest of each unit, the largest, with `rows` how many of these sampled
            values are on a flat part that is not at rest, and a sample of at most 4096 values of all units, or the
            mean of their slopes.
        units: how many there are.
        share: of the batch that the extremes are of.
        rows: how many values a unit were looked at for flat ones; 0 for a function without a flat part.
        sampled: whether the sample is there, and not the mean.
        slopes: a PReLU's for negative values, shape (units,) or (1,); None for any other function.
    """

    numbers: Numbers
    units: int
    share: float
    rows: int
    sampled: bool
    slopes: torch.Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A call as it is on every step.

    Args:
        name: as the history calls it.
        function: the activation.
        label: of the function, with its parameters.
        zones: of the function; None for one of a whole vector, and for a PReLU, whose slopes are learnt.
        flat: where it is flat and not at rest; None for a function that is so nowhere.
        table: of its relative slope; None for one without a largest slope, of a whole vector, and for a PReLU.
    """

    name: str
    function: Function
    label: str
    zones: Zones | None
    flat: FlatEnds | None
    table: Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeanCall:
    """A call of one step; sums over a large tensor are estimated from a part, as `sampling` takes it.

    Args:
        watched: what is so on every step.
        extremes: of its pre-activations; None for a function of a whole vector.
        values: the number of its outputs.
        sum_and_norm: of these, shape (2,), on the model's device.
        gradients: the norms of their gradient, which are to come.
    """

    watched: Watched
    extremes: Extremes | None
    values: int
    sum_and_norm: Numbers
    gradients: list[Numbers]


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
    table = None if isinf(function.largest_slope) else slope_table(zones)
    return Watched(name=name, function=function, label=function.label, zones=zones, flat=flat, table=table)


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
    if pre.dim() == 1:
        pre, axis = pre[:, None], 1
    flat, table, address = watched.flat, watched.table, address_of(pre)
    layout = None if address is None else layout_of(pre.shape, pre.stride(), axis)
    if address is None or layout is None:
        parts, table = parts_of(pre.shape, axis), None
        numbers: Numbers = _numbers(pre.detach(), axis, flat, turn)
    else:
        parts = layout.parts
        numbers = scan(address, layout, double=pre.dtype is torch.float64, ends=(flat, table), turn=turn)
    return Extremes(
        numbers=numbers,
        units=pre.shape[axis],
        share=len(parts.samples(turn, len(pre))) / len(pre),
        rows=0 if flat is None else parts.rows,
        sampled=table is None,
        slopes=None if slopes is None else slopes.detach().reshape(-1),
    )


def measure_output(
    watched: Watched,
    output: torch.Tensor,
    extremes: Extremes | None,
    *,
    squares: list[Numbers] | None = None,
) -> LeanCall:
    """Measure the outputs of a call, and follow their gradient; `squares` where it is followed already."""
    return LeanCall(
        watched=watched,
        extremes=extremes,
        values=output.numel(),
        sum_and_norm=sum_and_norm_of(output),
        gradients=_follow_gradient(output) if squares is None else squares,
    )


def _follow_gradient(output: torch.Tensor) -> list[Numbers]:
    norms: list[Numbers] = []
    if output.requires_grad:

        def gather(gradient: torch.Tensor) -> None:
            norms.append(norm_of(gradient))

        _hook(output, gather)
    return norms


def _hook(output: torch.Tensor, function: Callable[[torch.Tensor], None]) -> None:
    if output._backward_hooks is not None or output.grad_fn is None:  # noqa: SLF001 - see below
        output.register_hook(function)
        return
    # what register_hook does, without the handle to remove it by: in a training step that costs half of a measurement
    output._backward_hooks = OrderedDict({-1: function})  # noqa: SLF001 - the same
    output.grad_fn._register_hook_dict(output)  # noqa: SLF001 - the same


def _numbers(pre: torch.Tensor, axis: int, flat: FlatEnds | None, turn: int) -> torch.Tensor:
    others = tuple(i for i in range(pre.dim()) if i != axis)
    parts = parts_of(pre.shape, axis)
    samples = parts.samples(turn, len(pre))
    # positions first: along several axes at once PyTorch takes twice as long
    wide = pre.flatten(axis + 1) if axis < pre.dim() - 2 and pre.is_contiguous() else pre
    part = wide[samples.start :: samples.step]
    numbers = [_over(torch.Tensor.amin, part, axis), _over(torch.Tensor.amax, part, axis)]
    if flat is not None:
        looked_at = pre
        for i in others:
            looked_at = looked_at[(slice(None),) * i + (slice(None, None, parts.flat[i].step),)]
        numbers.append(((looked_at < flat[0]) | (looked_at > flat[1])).sum(others).float())
    return torch.cat([*numbers, few(pre)])


def _over(extreme: Any, pre: torch.Tensor, axis: int) -> torch.Tensor:
    # aminmax would cost fifty times as much along an axis
    if axis < pre.dim() - 1:
        pre = extreme(pre, tuple(range(axis + 1, pre.dim())))
    found: torch.Tensor = extreme(pre, tuple(range(axis)))
    return found
