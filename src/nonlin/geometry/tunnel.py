"""The fewest straight pieces through a tunnel: between a lower and an upper bound at given places.

A line is a point (slope, height) of the plane; every bound at a place cuts a half-plane off. As long as the
polygon of lines that keep all bounds is not empty, one piece goes on. Where a bound leaves it empty, the
extreme line of the polygon is the piece, and the next piece must cross it after its last touch: before the
crossing the extreme line keeps the bounds on its side, so that they may be asked of the next piece too.

Between the places a knot may leave the tunnel. Asked to keep inside, the next piece must also cross before the
extreme line leaves the tunnel whose walls are straight between places; without that, the count is a lower
bound for every function that keeps the bounds, whatever happens between the places.

Source: Imai and Iri 1986, An optimal algorithm for approximating a piecewise linear function; O'Rourke 1981,
An on-line algorithm for fitting straight lines between data ranges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Line", "Tunnel", "fewest_lines"]

Array: TypeAlias = NDArray[np.float64]
Edge: TypeAlias = tuple[float, float, float]
"""p·slope + q·height ≤ r"""
F = TypeVar("F", bound=Callable[..., Any])

STEEPEST = 1e7  # of a line in a tunnel that is scaled to the unit square
HIGHEST = 1e3
PARALLEL = 1e-4
"""Bounds at places nearer than this do not tell well where their edges cross; corners are interpolated there."""
TOUCH = 1e-14
SAME = 1e-15


class Line(NamedTuple):
    """y = height + slope·(x − start), a piece up to the next one's crossing."""

    start: float
    slope: float
    height: float

    def at(self, x: float) -> float:
        """Return y at x."""
        return self.height + self.slope * (x - self.start)


class Tunnel(NamedTuple):
    """Bounds at increasing places, all of shape (n,); scaled so that they lie about in the unit square."""

    x: Array
    low: Array
    high: Array


def fewest_lines(tunnel: Tunnel, *, most: int, inside: bool = True) -> list[Line] | None:
    """Return the fewest lines whose pieces, joined where neighbours cross, keep every bound; exact but for rounding.

    Args:
        tunnel: the bounds.
        most: give up with None once more lines than this are needed.
        inside: whether the knots must keep the tunnel between its places, too.
    """
    found = np.empty((most, 3))
    count = _fewest(tunnel, found, inside)
    return None if count < 0 else [Line(*row) for row in found[:count].tolist()]


def _compiled(kernel: F) -> F:
    compiled: F = njit(cache=True)(kernel)
    return compiled


@_compiled
def _write_crossing(out: Array, old: Array, edge: Edge, between: tuple[Array, Array, float, float]) -> None:
    """Write where two edges cross: by Cramer's rule, or between the corners inside and outside the new one."""
    a, b, c = old
    p, q, r = edge
    inside, outside, below, above = between
    determinant = a * q - b * p
    if abs(determinant) > PARALLEL:
        out[0] = (c * q - b * r) / determinant
        out[1] = (a * r - c * p) / determinant
    else:
        out[:2] = inside + below / (below - above) * (outside - inside)


@_compiled
def _cut(edges: Array, corners: Array, count: int, edge: Edge) -> int:
    """Keep the part of a polygon within an edge; corner i lies between edge i − 1 and edge i.

    Returns:
        The new number of corners, which are written into `edges` and `corners`.
    """
    p, q, r = edge
    excess = p * corners[:count, 0] + q * corners[:count, 1] - r
    first = last = int(np.argmin(excess))
    if excess[first] > 0:
        return count  # the polygon is a point but for rounding, and the bound goes through it
    # the corners inside are one arc; rounding must not make it two
    kept = 1
    while kept < count and excess[(last + 1) % count] <= 0:
        last = (last + 1) % count
        kept += 1
    while kept < count and excess[first - 1] <= 0:
        first = (first - 1) % count
        kept += 1
    if kept == count:
        return count
    spare = np.empty((kept + 2, 5))
    before, after = (first - 1) % count, (last + 1) % count
    _write_crossing(
        spare[0], edges[before], edge, (corners[first], corners[before], excess[first], excess[before])
    )
    spare[0, 2:] = edges[before]
    for k in range(kept):
        spare[k + 1, :2] = corners[(first + k) % count]
        spare[k + 1, 2:] = edges[(first + k) % count]
    _write_crossing(
        spare[kept + 1], edges[last], edge, (corners[last], corners[after], excess[last], excess[after])
    )
    spare[kept + 1, 2], spare[kept + 1, 3], spare[kept + 1, 4] = p, q, r
    return _without_points(spare, edges, corners)


@_compiled
def _without_points(spare: Array, edges: Array, corners: Array) -> int:
    """Drop edges without a length, so that bounds on one line do not pile corners up on one point."""
    kept, count = len(spare), 0
    for k in range(kept):
        follower = spare[k + 1 if k + 1 < kept else 0]
        apart = abs(follower[0] - spare[k, 0]) + abs(follower[1] - spare[k, 1])
        if apart > SAME * (1.0 + abs(spare[k, 0]) + abs(spare[k, 1])) or (k + 1 == kept and count == 0):
            corners[count] = spare[k, :2]
            edges[count] = spare[k, 2:]
            count += 1
    return count


@_compiled
def _all_lines(edges: Array, corners: Array) -> int:
    """Write the polygon of all lines that are not absurdly steep or high."""
    edges[0] = (0.0, -1.0, HIGHEST)
    edges[1] = (1.0, 0.0, STEEPEST)
    edges[2] = (0.0, 1.0, HIGHEST)
    edges[3] = (-1.0, 0.0, STEEPEST)
    corners[0] = (-STEEPEST, -HIGHEST)
    corners[1] = (STEEPEST, -HIGHEST)
    corners[2] = (STEEPEST, HIGHEST)
    corners[3] = (-STEEPEST, HIGHEST)
    return 4


@_compiled
def _lowest_and_highest(corners: Array, count: int, step: float) -> tuple[int, int]:
    """Return the corners whose lines are lowest and highest at a step from the start."""
    bottom, top = 0, 0
    for k in range(1, count):
        value = corners[k, 1] + corners[k, 0] * step
        if value < corners[bottom, 1] + corners[bottom, 0] * step:
            bottom = k
        if value > corners[top, 1] + corners[top, 0] * step:
            top = k
    return bottom, top


@_compiled
def _advance(
    tunnel: Tunnel, polygon: tuple[Array, Array], count: int, asked: tuple[int, int]
) -> tuple[int, int, int]:
    """Cut the polygon by one place after another until it would be empty.

    Returns:
        The place that blocks, the number of corners, and the corner whose line goes farthest: as it is where
        the lower bound blocks, −1 less it where the upper one does; the number of places where none blocks.
    """
    x, low, high = tunnel
    edges, corners = polygon
    begin = min(asked)
    for i in range(begin, len(x)):
        step = x[i] - x[begin]
        bottom, top = _lowest_and_highest(corners, count, step)
        least, largest = (
            corners[bottom, 1] + corners[bottom, 0] * step,
            corners[top, 1] + corners[top, 0] * step,
        )
        if i >= asked[0] and largest < low[i]:
            return i, count, top
        if i >= asked[1] and least > high[i]:
            return i, count, -1 - bottom
        if i >= asked[0] and least < low[i]:
            count = _cut(edges, corners, count, (-step, -1.0, -low[i]))
        if i >= asked[1] and largest > high[i]:
            count = _cut(edges, corners, count, (step, 1.0, high[i]))
    return len(x), count, 0


@_compiled
def _last_touch(x: Array, bound: Array, line: Array, span: tuple[int, int]) -> int:
    """Return the last place, of those where a bound was asked, at which a line comes nearest to it."""
    touch, nearest = span[0], np.inf
    for k in range(span[0], span[1]):
        gap = abs(bound[k] - line[2] - line[1] * (x[k] - line[0]))
        if gap <= nearest + TOUCH:
            touch, nearest = k, min(gap, nearest)
    return touch


@_compiled
def _exit(x: Array, wall: Array, line: Array, i: int) -> float:
    """Return where a line leaves the tunnel before place i, its wall straight between places."""
    before = wall[i - 1] - line[2] - line[1] * (x[i - 1] - line[0])
    after = wall[i] - line[2] - line[1] * (x[i] - line[0])
    return x[i - 1] + (x[i] - x[i - 1]) * min(max(before / (before - after), 0.0), 1.0)  # type: ignore[no-any-return]


@_compiled
def _fewest(tunnel: Tunnel, found: Array, inside: bool) -> int:  # noqa: FBT001 - Numba takes arguments by position
    """Write the lines as rows (start, slope, height); return their number, or −1 where there is no room for all."""
    x, low, high = tunnel
    edges, corners = np.empty((2 * len(x) + 8, 3)), np.empty((2 * len(x) + 8, 2))
    asked = (0, 0)
    side, place, height_there = 0.0, 0.0, 0.0
    for k in range(len(found)):
        start = x[min(asked)]
        count = _all_lines(edges, corners)
        if inside and k > 0:
            count = _cut(edges, corners, count, (side * (place - start), side, side * height_there))
        i, count, corner = _advance(tunnel, (edges, corners), count, asked)
        if i == len(x):
            found[k] = (start, corners[:count, 0].mean(), corners[:count, 1].mean())
            return k + 1
        upwards = corner >= 0
        slope, height = corners[corner if upwards else -1 - corner]
        found[k] = (start, slope, height)
        place = _exit(x, low if upwards else high, found[k], i)
        # the next line must be on the far side where this one leaves
        side, height_there = -1.0 if upwards else 1.0, height + slope * (place - start)
        if upwards:
            asked = (i, _last_touch(x, high, found[k], (asked[1], i)))
        else:
            asked = (_last_touch(x, low, found[k], (asked[0], i)), i)
    return -1
