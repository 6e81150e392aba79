"""Two lines around pieces of an activation, for many units and many boxes at once."""

from dataclasses import dataclass

import numpy as np

from nonlin.geometry.rounding import UNIT_ROUNDOFF
from nonlin.geometry.verification.layers import Layer
from nonlin.networks.array import Array

__all__ = ["decided", "lines_around", "straight_lines"]

_TINY = 2.0**-900


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Points:
    """Ends and kinks of pieces and the values there, shape (points, entries); NaN where a piece does not reach.

    Args:
        u, value: the points.
        doubt: how far slopes and intercepts that are no float64 can put each value off.
    """

    u: Array
    value: Array
    doubt: Array


def decided(layer: Layer, units: Array, low: Array, high: Array) -> Array:
    """Return the piece that each entry stays on, or −1.

    Args:
        layer: of the entries.
        units: which unit each is, shape (entries,).
        low: bound of its pre-activation; at a kink that is no jump both sides will do.
        high: likewise.
    """
    kinks_low, kinks_high = layer.kinks_low[units], layer.kinks_high[units]
    jumps = layer.jumps[units][:, None]
    above = np.where(jumps, low[:, None] > kinks_high, low[:, None] >= kinks_high).sum(axis=1)
    under = np.where(jumps, high[:, None] < kinks_low, high[:, None] <= kinks_low).sum(axis=1)
    # on a single kink both hold; then the right piece is taken
    return np.asarray(np.where(above + under >= layer.kinks_low.shape[1], above, -1), np.int8)


def straight_lines(layer: Layer, pieces: Array) -> Array:
    """Return the lines of units on known pieces, shape (4, boxes, units); what is −1 is taken for 0."""
    units = np.arange(layer.units)
    known = np.maximum(pieces, 0)
    slope, shift = layer.slopes[units, known], layer.intercepts[units, known]
    return np.stack([slope, shift, slope, shift])


def lines_around(layer: Layer, units: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Return lines between which the functions of some entries stay.

    Args:
        layer: of the entries.
        units: which unit each is, shape (entries,).
        low: bound of its pre-activation.
        high: likewise.

    Returns:
        Upper slope, upper shift, lower slope, lower shift, shape (4, entries); of the slopes of the secant, of the
        pieces at both ends and 0, those with the least height in the middle. And the distance of the two lines there.
    """
    points = _points(layer, units, low, high)
    with np.errstate(all="ignore"):
        ends = [np.nanmax(np.where(points.u == x, points.value, np.nan), axis=0) for x in (low, high)]
        secant = (ends[1] - ends[0]) / (high - low)
    secant = np.where(np.isfinite(secant), secant, 0.0)
    right = layer.slopes[units, (high[:, None] > layer.kinks_low[units]).sum(axis=1)]
    left = layer.slopes[units, (low[:, None] >= layer.kinks_high[units]).sum(axis=1)]
    candidates = np.stack([secant, left, right, np.zeros_like(low)])
    upper, lower = (_shifts(points, candidates, sign) for sign in (1, -1))
    heights = [candidates * ((low + high) / 2) + shift for shift in (upper, lower)]
    up, down, at = np.argmin(heights[0], axis=0), np.argmax(heights[1], axis=0), np.arange(len(low))
    gap = heights[0][up, at] - heights[1][down, at]
    return np.stack([candidates[up, at], upper[up, at], candidates[down, at], lower[down, at]]), gap


def _points(layer: Layer, units: Array, low: Array, high: Array) -> _Points:
    kinks = layer.kinks_low.shape[1]
    u, value, doubt = [], [], []
    for p in range(kinks + 1):
        # the enclosures of a kink make the pieces overlap, so that both are bounded around it
        first = layer.kinks_low[units, p - 1] if p else np.full(len(low), -np.inf)
        last = layer.kinks_high[units, p] if p < kinks else np.full(len(low), np.inf)
        start, end = np.maximum(low, first), np.minimum(high, last)
        slope, intercept = layer.slopes[units, p], layer.intercepts[units, p]
        for x in (start, end):
            place = np.where((start <= end) & np.isfinite(x), x, np.nan)
            u.append(place)
            value.append(slope * place + intercept)
            doubt.append(np.abs(slope * place) + np.abs(intercept))
    for k in range(kinks if layer.jumps[units].any() else 0):
        # at a jump the value may be that of neither piece
        single, nearest = layer.values[units, k], (layer.kinks_low[units, k], layer.kinks_high[units, k])
        reached = layer.jumps[units] & (low <= nearest[1]) & (high >= nearest[0]) & np.isfinite(single)
        for x in nearest:
            u.append(np.where(reached, x, np.nan))
            value.append(np.where(reached, single, np.nan))
            doubt.append(np.abs(single))
    return _Points(u=np.array(u), value=np.array(value), doubt=np.array(doubt))


def _shifts(points: _Points, slopes: Array, sign: int) -> Array:
    """Return the least shifts with which lines are above (sign 1), or below (−1), the function, as `slopes`."""
    found = []
    for slope in slopes:
        tilt = slope * points.u
        margin = 16 * UNIT_ROUNDOFF * (points.doubt + np.abs(tilt)) + _TINY
        found.append(sign * np.fmax.reduce(sign * (points.value - tilt) + margin, axis=0))
    return np.array(found)
