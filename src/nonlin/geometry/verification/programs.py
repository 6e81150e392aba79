"""Many small linear programs at once, by the dual simplex method with bounded variables, one dense dictionary each."""

import numpy as np
from numba import njit

__all__ = ["multipliers"]

_FEASIBLE = 1e-9
_PIVOT = 1e-9


@njit(cache=True, nogil=True, error_model="numpy")
def multipliers(slopes, constants, rows, low, high, found, points):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN201, PLR0913, PLR0917 - a kernel takes arrays
    """Maximise, for every box, the least of some affine functions where others are not negative.

    What comes out is as good as float64 is: whoever needs a proof puts the multipliers in and rounds outwards.

    Args:
        slopes: of the functions, then of the others, shape (boxes, functions, inputs).
        constants: likewise, shape (boxes, functions).
        rows: how many of them are to be maximised.
        low: of the boxes, shape (boxes, inputs).
        high: likewise.
        found: the multipliers come here, shape (boxes, functions), none negative; those of the rows are all 0 where the
            others have a combination that is negative in the whole box, and else add up to 1.
        points: the best points come here, shape (boxes, inputs).
    """
    for b in range(len(slopes)):
        _solve(slopes[b], constants[b], rows, low[b], high[b], found[b], points[b])


@njit(cache=True, nogil=True, error_model="numpy")
def _solve(slopes, constants, rows, low, high, found, point):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202, PLR0913, PLR0917
    functions, inputs = slopes.shape
    table, scale = _scaled(slopes, constants, rows, low, high)
    top = _first_row(table, rows)
    basic, free = np.arange(inputs, inputs + functions), np.arange(inputs + 1)
    basic[top], free[inputs] = -1, inputs + top
    upper = np.zeros(inputs + 1, np.bool_)
    upper[:inputs] = table[top, :inputs] > 0.0
    values = np.empty(functions)
    source, turn = top, -1.0
    for _ in range(50 + 4 * (functions + inputs)):
        leaving, above = _violated(table, basic, upper, top, values)
        if leaving < 0:
            break
        entering = _entering(table, upper, top, leaving, above)
        if entering < 0:
            source, turn = leaving, 1.0 if above else -1.0
            break
        _pivot(table, leaving, entering)
        basic[leaving], free[entering] = free[entering], basic[leaving]
        upper[entering] = above
    # the objective is bounded by a combination; a row that nothing can repair is one that is negative everywhere
    found[:] = 0.0
    for j in range(inputs + 1):
        if free[j] >= inputs:
            found[free[j] - inputs] = max(turn * table[source, j], 0.0)
    if source != top:
        if basic[source] >= inputs:
            found[basic[source] - inputs] = 1.0
        found[:rows] = 0.0
    found *= scale[0] / scale
    _place(basic, free, upper, values, low, high, point)


@njit(cache=True, nogil=True, error_model="numpy")
def _place(basic, free, upper, values, low, high, point):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202, PLR0913, PLR0917
    inputs = len(low)
    point[:] = low
    for j in range(inputs + 1):
        if free[j] < inputs and upper[j]:
            point[free[j]] = high[free[j]]
    for i in range(len(basic)):
        j = basic[i]
        if 0 <= j < inputs:
            point[j] = min(low[j] + min(max(values[i], 0.0), 1.0) * (high[j] - low[j]), high[j])


@njit(cache=True, nogil=True, error_model="numpy")
def _scaled(slopes, constants, rows, low, high):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    """Return the functions of y in [0, 1], x = low + y (high − low), each scaled; the rows are scaled alike."""
    functions, inputs = slopes.shape
    table, scale = np.zeros((functions, inputs + 2)), np.ones(functions)
    for i in range(functions):
        constant, size = constants[i], 0.0
        for j in range(inputs):
            table[i, j] = slopes[i, j] * (high[j] - low[j])
            constant += slopes[i, j] * low[j]
            size = max(size, abs(table[i, j]))
        table[i, inputs + 1] = constant
        scale[i] = size
    scale[:rows] = scale[:rows].max()
    for i in range(functions):
        scale[i] = scale[i] if scale[i] > 0.0 else 1.0
        table[i] /= scale[i]
    return table, scale


@njit(cache=True, nogil=True, error_model="numpy")
def _first_row(table, rows):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    """Write the dictionary in which the row with the lowest top is the objective; return it."""
    inputs = table.shape[1] - 2
    top, least = 0, np.inf
    for i in range(rows):
        highest = table[i, inputs + 1]
        for j in range(inputs):
            highest += max(table[i, j], 0.0)
        if highest < least:
            top, least = i, highest
    for i in range(rows):
        if i != top:
            table[i] -= table[top]
            table[i, inputs] = 1.0
    table[top, inputs] = -1.0
    return top


@njit(cache=True, nogil=True, error_model="numpy")
def _violated(table, basic, upper, top, values):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    """Compute the basic variables; return which is furthest out of its bounds, or −1, and whether above."""
    functions, columns = table.shape
    inputs = columns - 2
    leaving, above, worst = -1, False, _FEASIBLE
    for i in range(functions):
        value = table[i, inputs + 1]
        for j in range(inputs + 1):
            if upper[j]:
                value += table[i, j]
        values[i] = value
        if i == top:
            continue
        if -value > worst:
            leaving, above, worst = i, False, -value
        if basic[i] < inputs and value - 1.0 > worst:
            leaving, above, worst = i, True, value - 1.0
    return leaving, above


@njit(cache=True, nogil=True, error_model="numpy")
def _entering(table, upper, top, leaving, above):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    """Return the variable that repairs a row at the least loss, or −1."""
    entering, best, size = -1, np.inf, 0.0
    for j in range(table.shape[1] - 1):
        gain = -table[leaving, j] if above else table[leaving, j]
        if (gain > _PIVOT and not upper[j]) or (gain < -_PIVOT and upper[j]):
            ratio = abs(table[top, j]) / abs(gain)
            if ratio < best or (ratio == best and abs(gain) > size):
                entering, best, size = j, ratio, abs(gain)
    return entering


@njit(cache=True, nogil=True, error_model="numpy")
def _pivot(table, leaving, entering):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    factor = 1.0 / table[leaving, entering]
    table[leaving] *= -factor
    table[leaving, entering] = factor
    for i in range(len(table)):
        if i != leaving and table[i, entering] != 0.0:
            share = table[i, entering]
            table[i, entering] = 0.0
            table[i] += share * table[leaving]
