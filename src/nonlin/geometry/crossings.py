"""Where the units of one call cross their kinks, segment by segment; and which of these crossings are one point."""

from dataclasses import dataclass

import numpy as np

from nonlin.geometry.arithmetic import Arithmetic, Bounded, Shares
from nonlin.networks.array import Array

__all__ = ["Crossings", "Merged", "crossings_of", "joined", "merged"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crossings:
    """Points strictly inside segments; arrays of shape (crossings,).

    Args:
        segment: between which rows, this one and the next.
        shares: where in between.
        unit: who crosses; an index into the flattened tensor.
    """

    segment: Array
    shares: Shares
    unit: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Merged:
    """Crossings put together where they are at one point, in order along the line.

    Args:
        points: the distinct points; `unit` is that of one of the crossings there.
        point: for each crossing, its point.
        unsure: how many crossings share a point only because their order is not decided.
    """

    points: Crossings
    point: Array
    unsure: int

    @property
    def rows(self) -> Array:
        """For each crossing, the row at which it stands once the points have been put in."""
        index = np.arange(len(self.points.segment))
        return np.asarray((self.points.segment + 1 + index)[self.point])


def crossings_of(arithmetic: Arithmetic, x: Bounded, kink: Bounded, opposite: Array) -> Crossings:
    """Return where columns of x cross a kink.

    Args:
        arithmetic: of x.
        x: shape (rows, units).
        kink: one number.
        opposite: whether the two ends of a segment are strictly on opposite sides, shape (rows − 1, units).
    """
    segment, unit = np.unravel_index(np.flatnonzero(opposite), opposite.shape)
    ends = [
        arithmetic.minus(Bounded(value=x.value[rows, unit], error=x.error[rows, unit]), kink)
        for rows in (segment, segment + 1)
    ]
    return Crossings(segment=segment, shares=arithmetic.shares(*ends), unit=unit)


def joined(parts: list[Crossings]) -> Crossings:
    """Return the crossings of several lists in one."""
    return Crossings(
        segment=np.concatenate([part.segment for part in parts]),
        shares=Shares(
            value=np.concatenate([part.shares.value for part in parts]),
            doubt=np.concatenate([part.shares.doubt for part in parts]),
        ),
        unit=np.concatenate([part.unit for part in parts]),
    )


def merged(crossings: Crossings) -> Merged:
    """Put crossings of one segment together that are at one point: exact ones that are equal, others that seem so."""
    shares = crossings.shares
    groups = _groups(crossings.segment, shares.value, shares.likely_doubt)
    apart = _groups(crossings.segment, shares.value, shares.doubt)
    leading = np.asarray([group[0] for group in groups], np.intp)
    point = np.zeros(len(crossings.segment), np.intp)
    for number, group in enumerate(groups):
        point[group] = number
    return Merged(
        points=Crossings(
            segment=crossings.segment[leading],
            shares=Shares(value=shares.value[leading], doubt=shares.doubt[leading]),
            unit=crossings.unit[leading],
        ),
        point=point,
        unsure=0 if shares.value.dtype == object else len(point) - len(apart),
    )


def _groups(segment: Array, share: Array, doubt: Array) -> list[list[int]]:
    """Return which intervals of doubt hang together, in order along the line."""
    segments, lower, upper = segment.tolist(), (share - doubt).tolist(), (share + doubt).tolist()
    groups: list[list[int]] = []
    last, reach = -1, 0.0
    for i in sorted(range(len(segments)), key=lambda i: (segments[i], lower[i])):
        if segments[i] != last or lower[i] > reach:
            groups.append([])
            last, reach = segments[i], upper[i]
        reach = max(reach, upper[i])
        groups[-1].append(i)
    return groups
