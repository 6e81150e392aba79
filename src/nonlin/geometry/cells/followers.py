"""Units of a stage that are multiples of another: they fold where that one folds, whatever the cell."""

import numpy as np

from nonlin.geometry.cells.chain import Entries, Stage
from nonlin.networks.array import Array

__all__ = ["followers_of"]


def followers_of(stage: Stage) -> tuple[Array, Array]:
    """Find the units that are exact multiples of an earlier one.

    Only units are compared whose function has its one kink at 0; weights are compared by products of whole numbers, so
    that nothing is rounded.

    Returns:
        For each unit the number of the earlier one, −1 for none; and whether the factor is negative.
    """
    leader, turned = np.full(stage.units, -1, np.int64), np.zeros(stage.units, bool)
    if isinstance(stage.matrix, Entries):
        return leader, turned
    at_zero = np.array([list(bends.kinks) == [0] for bends in stage.bends] + [False], bool)
    table = np.column_stack([stage.matrix, stage.bias])
    used = np.argmax(table != 0, axis=1)
    first_weights = np.take_along_axis(table, used[:, None], axis=1)
    # close multiples round to the same ratios but for the last digits, which an exact comparison then settles
    with np.errstate(over="ignore", under="ignore"):
        keys = np.round(table / np.where(first_weights == 0, 1.0, first_weights), 6) + 0.0
    groups: dict[bytes, list[int]] = {}
    for unit in np.flatnonzero(at_zero[stage.bend]):
        row = table[unit]
        if not first_weights[unit, 0]:
            continue
        key = keys[unit].tobytes()
        for first in groups.setdefault(key, []):
            if _multiple(table[first], row):
                leader[unit], turned[unit] = (
                    first,
                    bool(row[used[unit]] > 0) != bool(table[first, used[unit]] > 0),
                )
                break
        else:
            groups[key].append(int(unit))
    return leader, turned


def _multiple(a: Array, b: Array) -> bool:
    """Return whether b is a multiple of a, exactly."""
    ratios = [x.as_integer_ratio() for x in a.tolist()], [x.as_integer_ratio() for x in b.tolist()]
    used = int(np.flatnonzero(a)[0])
    p, q = ratios[0][used]
    r, s = ratios[1][used]
    return all(e * p * m * s == c * r * n * q for (c, m), (e, n) in zip(*ratios, strict=True))
