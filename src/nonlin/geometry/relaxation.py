"""Two straight lines between which an activation stays on an interval, for every entry of its pre-activation.

For a function of affine pieces they hold exactly, with a margin for the rounding of their own arithmetic. For another
they rest on its proven Lipschitz constant between the points of a grid, and on values that are within 16 units in the
last place, which the catalogue's tests hold.

Source: Zhang, Weng, Chen, Hsieh and Daniel 2018, Efficient neural network robustness certification with general
activation functions, section 3.
"""

from dataclasses import dataclass

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.geometry.bends import bends_of
from nonlin.geometry.rounding import UNIT_ROUNDOFF
from nonlin.networks import Node
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.array import Array

__all__ = ["Lines", "relax"]

_CELLS = 128
_VALUE_ULPS = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """For every u between the bounds, lower_slope·u + lower_shift ≤ f(u) ≤ upper_slope·u + upper_shift.

    Args:
        lower_slope, lower_shift, upper_slope, upper_shift: in the pre-activation's shape.
        low, high: of f(u) itself.
    """

    lower_slope: Array
    lower_shift: Array
    upper_slope: Array
    upper_shift: Array
    low: Array
    high: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Points:
    """Points of a function, shape (points, entries), and how far above or below them it can be in between.

    Args:
        u, value: the points; NaN where an entry has none.
        doubt: of the value, for a line of slope 0; shape (points, entries).
        cell: the half width of a cell, by which the slope of the line is multiplied; shape (entries,).
    """

    u: Array
    value: Array
    doubt: Array
    cell: Array


def relax(node: Node, low: Array, high: Array) -> Lines | None:
    """Return the lines of an activation.

    Args:
        node: a call.
        low: a finite bound of its pre-activation, shape (1, …).
        high: likewise.

    Returns:
        The lines with the least height in the middle of the interval; None where nothing is proven of the function.
    """
    operator = node.operator
    assert isinstance(operator, Activation | ParametricRelu)  # noqa: S101 - as the caller has it
    shape, l, h = low.shape, low.ravel(), high.ravel()
    points = _points(node, low, high)
    if points is None:
        return None
    with np.errstate(all="ignore"):
        ends = [operator.apply(x).ravel() for x in (low, high)]
        slopes = [operator.slope(x).ravel() for x in (low, high)]
        secant = np.where(h > l, (ends[1] - ends[0]) / (h - l), 0.0)
    candidates = [np.nan_to_num(x, posinf=0.0, neginf=0.0) for x in (secant, *slopes, np.zeros_like(l))]
    middle = (l + h) / 2
    upper = [_shift(points, slope) for slope in candidates]
    lower = [-_shift(_mirrored(points), -slope) for slope in candidates]
    best_up = np.argmin([s * middle + b for s, b in zip(candidates, upper, strict=True)], axis=0)
    best_low = np.argmax([s * middle + b for s, b in zip(candidates, lower, strict=True)], axis=0)
    at = np.arange(len(l))
    stacked = np.array(candidates)
    return Lines(
        lower_slope=stacked[best_low, at].reshape(shape),
        lower_shift=np.array(lower)[best_low, at].reshape(shape),
        upper_slope=stacked[best_up, at].reshape(shape),
        upper_shift=np.array(upper)[best_up, at].reshape(shape),
        low=lower[-1].reshape(shape),
        high=upper[-1].reshape(shape),
    )


def _shift(points: _Points, slope: Array) -> Array:
    """Return the least shift with which a line of this slope is above the function."""
    tilt = slope * points.u
    rounding = 8 * UNIT_ROUNDOFF * (np.abs(tilt) + np.abs(points.value)) + 2.0**-1000
    above = points.value - tilt + points.doubt + np.abs(slope) * points.cell + rounding
    return np.asarray(np.nanmax(above, axis=0))


def _mirrored(points: _Points) -> _Points:
    return _Points(u=points.u, value=-points.value, doubt=points.doubt, cell=points.cell)


def _points(node: Node, low: Array, high: Array) -> _Points | None:
    try:
        bends = bends_of(node, low.shape[1:])
    except UnsupportedModelError:
        return _grid(node, low.ravel(), high.ravel())
    l, h = low.ravel(), high.ravel()
    cuts = [-np.inf, *map(float, bends.kinks), np.inf]
    u, value = [], []
    for first, last, slope, intercept in zip(cuts, cuts[1:], bends.slopes, bends.intercepts, strict=False):
        inclination = np.asarray(slope if isinstance(slope, np.ndarray) else float(slope))
        start, end = np.maximum(l, first), np.minimum(h, last)
        for x in (start, end):
            place = np.where(start <= end, x, np.nan)
            u.append(place)
            value.append(inclination * place + float(intercept))
    if not bends.continuous:  # at a jump the value may be that of neither piece
        for kink, single in zip(bends.kinks, bends.values, strict=True):
            reached = (l <= float(kink)) & (h >= float(kink))
            u.append(np.where(reached, float(kink), np.nan))
            value.append(np.where(reached, float(single), np.nan))
    points, values = np.array(u), np.array(value)
    # a kink that is no float64 is a rounding away from its own place
    size = 16 * UNIT_ROUNDOFF * (np.abs(values) + np.abs(points) * _steepest(bends.slopes) + 1)
    exact = all(float(kink) == kink for kink in bends.kinks) and all(float(b) == b for b in bends.intercepts)
    doubt = np.zeros_like(size) if exact and _whole(bends.slopes) else size
    return _Points(u=points, value=values, doubt=doubt, cell=np.zeros_like(l))


def _steepest(slopes: tuple[object, ...]) -> float:
    return max(float(np.max(np.abs(np.asarray(slope, np.float64)), initial=0.0)) for slope in slopes)


def _whole(slopes: tuple[object, ...]) -> bool:
    """Whether every slope is 0 or ±1, so that nothing is rounded."""
    return all(not isinstance(slope, np.ndarray) and slope in (-1, 0, 1) for slope in slopes)


def _grid(node: Node, l: Array, h: Array) -> _Points | None:
    operator = node.operator
    if not isinstance(operator, Activation) or operator.function.expression is None:
        return None
    lipschitz = operator.function.properties.lipschitz
    if lipschitz.status != "proved" or lipschitz.value is None or not np.isfinite(lipschitz.value):
        return None
    steepest = lipschitz.value + lipschitz.error
    u = np.linspace(l, h, _CELLS + 1)
    value = operator.apply(u)
    if not np.all(np.isfinite(value)):
        return None
    # the ends of the cells are rounded too
    cell = (h - l) / (2 * _CELLS) * (1 + 2.0**-40) + 4 * UNIT_ROUNDOFF * np.maximum(np.abs(l), np.abs(h))
    doubt = steepest * cell + _VALUE_ULPS * UNIT_ROUNDOFF * np.abs(value)
    return _Points(u=u, value=value, doubt=doubt, cell=cell)
