"""The breakpoints on a line so far, and every live tensor at them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.geometry.arithmetic import Arithmetic, Bounded
from nonlin.geometry.crossings import Crossings
from nonlin.networks.array import Array

__all__ = ["Rows", "TooManyFoldsError", "doubled", "inserted"]

_MOST_NUMBERS = 2**25
"""How many numbers the live tensors may hold at all rows together; with what the arithmetic needs on the way, 3 GB."""


class TooManyFoldsError(UnsupportedModelError):
    """The rows would not fit in a usual memory; `share` is the part of them that would."""

    def __init__(self, message: str, share: float) -> None:
        """Keep the share."""
        super().__init__(message)
        self.share = share


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Places in order along a line. From each to the next every live tensor is affine.

    Args:
        positions: from 0 to 1, shape (rows,). Where some tensor jumps there are two rows at one place, one for
            each side.
        gaps: whether the stretch from a row to the next is such a jump, and no piece; shape (rows − 1,).
        makers: the name of the call that made each row; "" for the ends.
        units: the unit that did, an index into the flattened sample of its pre-activation; −1 for the ends.
        live: the tensors that are still read, by name, shape (rows, …).
    """

    positions: Bounded
    gaps: Array
    makers: tuple[str, ...]
    units: Array
    live: Mapping[str, Bounded]


def inserted(arithmetic: Arithmetic, rows: Rows, points: Crossings, *, maker: str) -> Rows:
    """Put in new rows.

    Args:
        arithmetic: of the rows.
        rows: the old ones.
        points: where to, sorted, at most one for each place.
        maker: the call that folds there.

    Raises:
        TooManyFoldsError: if they would not fit in a usual memory.
    """
    if not len(points.segment):
        return rows
    count = len(rows.makers) + len(points.segment)
    each = sum(x.value[:1].size for x in rows.live.values())
    if count * each > _MOST_NUMBERS:
        raise TooManyFoldsError(
            f"expected a line of at most {_MOST_NUMBERS:,} numbers at its folds, got {count - 2:,} folds by node "
            f"'{maker}' and {each:,} numbers at each; choose points nearer to each other",
            _MOST_NUMBERS / (count * each),
        )

    def grown(x: Bounded) -> Bounded:
        before, at = points.segment, points.segment + 1
        new = arithmetic.between(x[before], x[at], points.shares)
        return Bounded(
            value=np.insert(x.value, at, new.value, axis=0),
            error=np.insert(x.error, at, new.error, axis=0),
            norm=None if x.norm is None or new.norm is None else np.insert(x.norm, at, new.norm),
        )

    makers = np.insert(np.asarray(rows.makers, object), points.segment + 1, maker)
    return Rows(
        positions=grown(rows.positions),
        gaps=np.insert(rows.gaps, points.segment, values=False),
        makers=tuple(makers.tolist()),
        units=np.insert(rows.units, points.segment + 1, points.unit),
        live={name: grown(x) for name, x in rows.live.items()},
    )


def doubled(rows: Rows, which: Array) -> Rows:
    """Make two rows of each of some, with a gap in between.

    Args:
        rows: the old ones.
        which: shape (rows,), booleans.
    """
    counts = np.where(which, 2, 1)

    def repeated(x: Bounded) -> Bounded:
        return x[np.repeat(np.arange(len(counts)), counts)]

    stretches = np.zeros(int(counts.sum()) - 1, bool)
    starts = np.cumsum(counts) - counts
    stretches[starts[which]] = True
    stretches[starts[1:] - 1] |= rows.gaps
    return replace(
        rows,
        positions=repeated(rows.positions),
        gaps=stretches,
        makers=tuple(np.repeat(np.asarray(rows.makers, object), counts).tolist()),
        units=np.repeat(rows.units, counts),
        live={name: repeated(x) for name, x in rows.live.items()},
    )
