"""What a watched step looks at of an array, in one compiled pass.

In a training step every operation of an array library finds the caches cold and takes microseconds before it begins; a
dozen of them cost more than the values themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit

from nonlin.inspection.watching.parts import FEW, LEAST, LINE, between_blocks, parts_of

__all__ = ["mean_of_nearest", "scan", "sums", "within"]

if TYPE_CHECKING:
    from collections.abc import Callable

Array = npt.NDArray[Any]
F = TypeVar("F")

_NO_ROWS = np.zeros(0, np.int64)
_SETTINGS = {"cache": True, "nogil": True, "error_model": "numpy"}
_compiled: Callable[[F], F] = njit(**_SETTINGS)
_summing: Callable[[F], F] = njit(**_SETTINGS, fastmath={"reassoc"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """How the values of a call lie in memory.

    Args:
        order: of the axes.
        sizes: the samples, what is between them and the units, the units, what is within each.
        step: between the samples whose extremes are taken.
        blocks: how far apart they are in the sample, and how many values it has.
        rows: where the units begin that are looked at for flat values.
    """

    order: tuple[int, ...]
    sizes: tuple[int, int, int, int]
    step: int
    blocks: tuple[int, int]
    rows: Array = field(repr=False)


def scan(values: Array, axis: int, *, flat: tuple[float, float] | None, turn: int) -> Array | None:
    """Return the extremes of each unit, its flat values and a sample of all.

    Args:
        values: float32 or float64, two axes or more, the samples first.
        axis: of the units, not 0.
        flat: below the first and above the second a value is flat; None to look for none.
        turn: which part of a large batch to take the extremes of.

    Returns:
        One after the other, float64: the smallest value of each unit, the largest, both NaN where one is; with `flat`,
        how many values of each are flat; the sample. None for an array that has gaps or has not the samples first.
    """
    layout = _layout(values.shape, values.strides, axis, values.itemsize)
    if layout is None:
        return None
    dense = (values if values.flags.c_contiguous else values.transpose(layout.order)).reshape(-1)
    bits = dense.view(np.int32 if values.itemsize == 4 else np.int64)
    numbers: Array = _scan(
        (dense, bits),
        layout.sizes,
        (turn % layout.step, layout.step, *layout.blocks),
        layout.rows if flat is not None else _NO_ROWS,
        flat or (0.0, 0.0),
    )
    return numbers


def sums(values: Array) -> Array | None:
    """Return the sum and the root of the sum of squares, float64, shape (2,); of a large array estimated from a part.

    Args:
        values: float32 or float64, any shape; None is returned for one that has gaps.
    """
    if not values.flags.c_contiguous:
        order = _order(values.shape, values.strides, values.itemsize)
        if order is None:
            return None
        values = values.transpose(order)
    lines = values.size // LINE
    found: Array = _sums(values.reshape(-1), between_blocks(lines, LEAST) if values.size > 2 * LEAST else 1)
    return found


def within(low: Array, high: Array, ends: Array, scale: float) -> Array:
    """Return over which intervals nothing changes on a grid, shape (units,), bool; not for one without a finite end.

    Args:
        low: where each begins, float64, shape (units,).
        high: where it ends.
        ends: for each point of the grid, the last one up to which nothing changes.
        scale: points of the grid a unit of length; it lies around 0. What sticks out of it counts as its end.
    """
    found: Array = _within(low, high, ends, scale)
    return found


def mean_of_nearest(values: Array, table: Array, scale: float) -> float:
    """Return the mean of the entries of a table on a grid that are nearest to values, NaN left out; NaN for none.

    Args:
        values: float64, shape (values,).
        table: at the points of a grid around 0.
        scale: points of the grid a unit of length.
    """
    return float(_mean_of_nearest(values, table, scale))


@lru_cache(maxsize=1024)
def _order(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> tuple[int, ...] | None:
    order = sorted(range(len(shape)), key=lambda axis: -strides[axis])
    gap = itemsize
    for axis in reversed(order):
        if shape[axis] != 1 and strides[axis] != gap:
            return None
        gap *= shape[axis]
    return tuple(order)


@lru_cache(maxsize=1024)
def _layout(shape: tuple[int, ...], strides: tuple[int, ...], axis: int, itemsize: int) -> _Layout | None:
    order = _order(shape, strides, itemsize)
    if order is None or order[0] != 0:
        return None
    sizes, at = [shape[i] for i in order], order.index(axis)
    parts, rows = parts_of(shape, axis), np.zeros(1, np.int64)
    for places, stride in zip(parts.flat, strides, strict=True):
        rows = np.add.outer(rows, np.array(places, np.int64) * (stride // itemsize)).ravel()
    count, lines = prod(shape), prod(shape) // LINE
    distance = between_blocks(lines, FEW) if count > FEW else 1
    return _Layout(
        order=order,
        sizes=(shape[0], prod(sizes[1:at]), shape[axis], prod(sizes[at + 1 :])),
        step=parts.step,
        blocks=(distance, min(FEW, -(-lines // distance) * LINE) if count > FEW else count),
        rows=np.sort(rows),
    )


@_compiled
def _scan(
    arrays: tuple[Array, Array],
    sizes: tuple[int, int, int, int],
    part: tuple[int, int, int, int],
    rows: Array,
    flat: tuple[float, float],
) -> Array:
    values, (_, _, units, inner), (first, step, distance, sampled) = arrays[0], sizes, part
    start = 3 * units if len(rows) else 2 * units
    numbers = np.zeros(start + sampled)
    low, high = _extremes(arrays, sizes, first, step)
    for unit in range(units):
        numbers[unit], numbers[units + unit] = low[unit], high[unit]
    below, above = values.dtype.type(flat[0]), values.dtype.type(flat[1])
    for row in rows:
        for unit in range(units):
            x = values[row + unit * inner]
            numbers[2 * units + unit] += (x < below) | (x > above)
    for i in range(sampled):
        numbers[start + i] = values[i // LINE * distance * LINE + i % LINE]
    return numbers


@_compiled
def _extremes(
    arrays: tuple[Array, Array], sizes: tuple[int, int, int, int], first: int, step: int
) -> tuple[Array, Array]:
    """Return the smallest and the largest of each unit, NaN where one is."""
    # as integers in the order of the numbers: a loop over those takes sixteen at a time, and NaN lies outside infinity
    (values, bits), (samples, outer, units, inner) = arrays, sizes
    integer, most = bits.dtype.type, bits.dtype.type(np.iinfo(bits.dtype).max)
    low, high = np.full(units, most, bits.dtype), np.full(units, ~most, bits.dtype)
    for sample in range(first, samples, step):
        for block in range(sample * outer, (sample + 1) * outer):
            start = block * units * inner
            if inner == 1:
                _widen(bits[start : start + units], low, high)
                continue
            for unit in range(units):
                at = start + unit * inner
                least, largest = _range(bits[at : at + inner])
                low[unit], high[unit] = min(low[unit], least), max(high[unit], largest)
    infinity = np.full(1, np.inf, values.dtype).view(bits.dtype)[0]
    for unit in range(units):
        if low[unit] < ~infinity or high[unit] > infinity:
            low[unit] = high[unit] = most  # which are the bits of a NaN
        elif low[unit] < 0:
            low[unit] = integer(low[unit] ^ most)
            high[unit] = integer(high[unit] ^ most) if high[unit] < 0 else high[unit]
    return low.view(values.dtype), high.view(values.dtype)


@_compiled
def _widen(bits: Array, low: Array, high: Array) -> None:
    integer, most = bits.dtype.type, np.iinfo(bits.dtype).max
    for i in range(len(bits)):
        k = bits[i] if bits[i] >= 0 else integer(bits[i] ^ most)
        low[i] = min(low[i], k)
        high[i] = max(high[i], k)


@_compiled
def _range(bits: Array) -> tuple[Any, Any]:
    integer, most = bits.dtype.type, np.iinfo(bits.dtype).max
    low, high = integer(most), integer(~most)
    for i in range(len(bits)):
        k = bits[i] if bits[i] >= 0 else integer(bits[i] ^ most)
        low = min(low, k)
        high = max(high, k)
    return low, high


@_summing
def _sums(values: Array, distance: int) -> Array:
    total = squares = 0.0
    blocks = len(values) // LINE
    for block in range(0, blocks, distance):
        for i in range(block * LINE, (block + 1) * LINE):
            x = np.float64(values[i])
            total += x
            squares += x * x
    seen = -(-blocks // distance) * LINE
    if distance == 1:
        seen = len(values)
        for i in range(blocks * LINE, len(values)):
            x = np.float64(values[i])
            total += x
            squares += x * x
    share = len(values) / max(seen, 1)
    return np.array([total * share, np.sqrt(squares * share)])


@_compiled
def _within(low: Array, high: Array, ends: Array, scale: float) -> Array:
    found, last = np.zeros(len(low), np.bool_), len(ends) - 1
    for i in range(len(low)):
        if np.isfinite(low[i]) and np.isfinite(high[i]):
            # inwards to the grid: what changes too much there does so in full
            first = min(max(np.ceil(low[i] * scale + last / 2), 0), last)
            final = min(max(np.floor(high[i] * scale + last / 2), 0), last)
            found[i] = final <= ends[int(first)]
    return found


@_compiled
def _mean_of_nearest(values: Array, table: Array, scale: float) -> float:
    total, count, last = 0.0, 0, len(table) - 1
    for x in values:
        if not np.isnan(x):
            total += table[int(np.rint(min(max(x * scale + last / 2, 0), last)))]
            count += 1
    return total / count if count else np.nan
