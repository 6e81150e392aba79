"""Takes the rows along a line through a function that jumps, such as a step."""

import numpy as np

from nonlin.geometry.arithmetic import Arithmetic, Bounded
from nonlin.geometry.bends import Bends
from nonlin.geometry.rows import Rows, doubled
from nonlin.networks.array import Array

__all__ = ["jump"]


def jump(arithmetic: Arithmetic, rows: Rows, name: str, bends: Bends) -> tuple[Rows, Bounded, int]:
    """Apply a function that jumps, with two rows wherever its value is not the same on both sides.

    Args:
        arithmetic: of the rows.
        rows: no unit crosses a kink between two of them.
        name: of the pre-activation, shape (rows, units).
        bends: of the function.

    Returns:
        The rows, the function's values, and how many decisions were smaller than the bound on their error. A value is
        the limit from within the segment: at a kink that a unit only passes, the function's own value plays no part.
    """
    regions, unsure = _regions(arithmetic, rows.live[name], bends)
    unsure &= ~rows.gaps[:, None]
    apart = np.concatenate(
        [[True], rows.gaps, [True]]
    )  # before each row, and after the last: nothing to be a limit of
    before = np.concatenate([regions[:1], regions])
    after = np.concatenate([regions, regions[-1:]])
    left = _valued(arithmetic, rows.live[name], bends, np.where(apart[:-1, None], after, before))
    right = _valued(arithmetic, rows.live[name], bends, np.where(apart[1:, None], before, after))
    which = np.any(left.value != right.value, axis=1)
    counts = np.where(which, 2, 1)
    second = np.flatnonzero(which) + np.cumsum(which)[which]
    made = Bounded(value=np.repeat(left.value, counts, axis=0), error=np.repeat(left.error, counts, axis=0))
    made.value[second], made.error[second] = right.value[which], right.error[which]
    return doubled(rows, which), made, int(np.count_nonzero(unsure))


def _regions(arithmetic: Arithmetic, x: Bounded, bends: Bends) -> tuple[Array, Array]:
    """Return for each segment and unit 2 i on the i-th piece, 2 i + 1 on the i-th kink all along; and where unsure."""
    shape = (len(x.value) - 1, *x.value.shape[1:])
    regions, unsure = np.zeros(shape, np.intp), np.zeros(shape, bool)
    for kink in bends.kinks:
        at = arithmetic.number(kink)
        sides, doubtful = arithmetic.sides(x, at)
        likely = arithmetic.likely_sides(x, at)
        side = _either(sides)
        open_ = (side == 0) & (doubtful[:-1] | doubtful[1:])
        side = np.where(open_, _either(likely), side)
        unsure |= open_
        regions += side + 1
    return regions, unsure


def _either(sides: Array) -> Array:
    """Return the side of each segment: that of the end which is not on the kink."""
    return np.where(sides[:-1] != 0, sides[:-1], sides[1:])


def _valued(arithmetic: Arithmetic, x: Bounded, bends: Bends, regions: Array) -> Bounded:
    made = arithmetic.along(x, bends.slopes[0], bends.intercepts[0])
    value, error = made.value.copy(), made.error.copy()
    for i, at_kink in enumerate(bends.values):
        constant = arithmetic.number(at_kink)
        piece = arithmetic.along(x, bends.slopes[i + 1], bends.intercepts[i + 1])
        for region, part in ((2 * i + 1, constant), (2 * i + 2, piece)):
            chosen = regions == region
            value[chosen] = np.broadcast_to(part.value, value.shape)[chosen]
            error[chosen] = np.broadcast_to(part.error, value.shape)[chosen]
    return Bounded(value=value, error=error)
