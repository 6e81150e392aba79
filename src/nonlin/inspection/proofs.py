"""Which units are dead or linear on every input of a box, proven by bounds on their pre-activations."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.functions.proofs.derivative import derivative
from nonlin.functions.proofs.interval_evaluation import enclose_range
from nonlin.functions.proofs.intervals import interval
from nonlin.geometry.bends import Bends, bends_of
from nonlin.geometry.bounds import CallBounds
from nonlin.inspection.thresholds import DEAD_SLOPE
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.array import Array

__all__ = ["Proven", "prove"]

_PARTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What is proven of a call over a box of inputs.

    Args:
        dead: the indices of the units whose slope is nowhere in the box above a thousandth of the largest.
        linear: of those that are not dead, whose slope is the same everywhere in the box.
        certificate: how the pre-activations were bounded: "interval", or "linear" functions of the input.
    """

    dead: tuple[int, ...]
    linear: tuple[int, ...]
    certificate: str


def prove(call: CallBounds, *, unit_axis: int, constant_slope: float) -> Proven:
    """Judge the units of a call by bounds of their pre-activations.

    Args:
        call: the bounds.
        unit_axis: the axis of the units, the batch axis counted as 0.
        constant_slope: the largest change of the relative slope that still counts as none.
    """
    least, most = _slopes(call)
    axis = unit_axis - 1 if unit_axis > 0 else unit_axis
    if call.low.ndim == 0:
        return Proven(dead=(), linear=(), certificate=call.certificate)
    others = tuple(i for i in range(call.low.ndim) if i != axis % call.low.ndim)
    least, most = (
        least.reshape(call.low.shape).min(axis=others),
        most.reshape(call.low.shape).max(axis=others),
    )
    dead = np.maximum(np.abs(least), np.abs(most)) <= DEAD_SLOPE
    linear = ~dead & (most - least <= constant_slope)
    return Proven(
        dead=tuple(np.flatnonzero(dead).tolist()),
        linear=tuple(np.flatnonzero(linear).tolist()),
        certificate=call.certificate,
    )


def _slopes(call: CallBounds) -> tuple[Array, Array]:
    """Return bounds of the relative slope of every entry, shape (entries,)."""
    low, high = call.low.ravel(), call.high.ravel()
    operator = call.node.operator
    assert isinstance(operator, Activation | ParametricRelu)  # noqa: S101 - no other has bounds of a call
    try:
        bends = bends_of(call.node, call.low.shape)
    except UnsupportedModelError:
        return _smooth(operator, low, high)
    if isinstance(operator, ParametricRelu):
        largest = np.maximum(np.abs(np.broadcast_to(operator.slopes, (1, *call.low.shape)).ravel()), 1.0)
    else:
        largest = np.full(low.shape, operator.function.largest_slope or 1.0)
    least, most = _pieces(bends, low, high)
    return least / largest, most / largest


def _pieces(bends: Bends, low: Array, high: Array) -> tuple[Array, Array]:
    """Return the extreme slopes of the pieces that the intervals share more than a point with."""
    cuts = [-np.inf, *map(float, bends.kinks), np.inf]
    least, most = np.full(low.shape, np.inf), np.full(low.shape, -np.inf)
    for first, last, slope in zip(cuts, cuts[1:], bends.slopes, strict=False):
        inclination = np.asarray(slope if isinstance(slope, np.ndarray) else float(slope), np.float64)
        # an interval that ends at a kink is on one piece; one that is a point takes the pieces on both sides
        inside = (np.minimum(high, last) > np.maximum(low, first)) | (
            (low == high) & (first <= low) & (low <= last)
        )
        least = np.where(inside, np.minimum(least, inclination), least)
        most = np.where(inside, np.maximum(most, inclination), most)
    if not bends.continuous:
        # where it jumps, its slope says nothing of how it varies
        for kink in bends.kinks:
            astride = (low <= float(kink)) & (float(kink) <= high)
            least, most = np.where(astride, -np.inf, least), np.where(astride, np.inf, most)
    return least, most


def _smooth(operator: Activation | ParametricRelu, low: Array, high: Array) -> tuple[Array, Array]:
    """Enclose the slope with interval arithmetic, where its ends leave a chance for a proof."""
    least, most = np.full(low.shape, -np.inf), np.full(low.shape, np.inf)
    expression = operator.function.expression
    slope = None if expression is None else derivative(expression)
    largest = operator.function.largest_slope
    if slope is None or not np.isfinite(largest) or largest == 0:
        return least, most
    ends = np.array([operator.slope(x) for x in (low, (low + high) / 2, high)]) / largest
    for i in np.flatnonzero((ends.max(axis=0) - ends.min(axis=0)) < 0.1).tolist():
        parts = np.linspace(low[i], high[i], _PARTS + 1).tolist()
        found = [_ends(enclose_range(slope, interval(a, b))) for a, b in _neighbours(parts)]
        least[i], most[i] = min(a for a, _ in found) / largest, max(b for _, b in found) / largest
    return least, most


def _neighbours(parts: Sequence[float]) -> list[tuple[float, float]]:
    return list(pairwise(parts))


def _ends(found: tuple[object, object]) -> tuple[float, float]:
    low, high = (float(end) for end in found)  # type: ignore[arg-type] # balls of arb
    return (
        -np.inf if np.isnan(low) else float(np.nextafter(low, -np.inf)),
        np.inf if np.isnan(high) else float(np.nextafter(high, np.inf)),
    )
