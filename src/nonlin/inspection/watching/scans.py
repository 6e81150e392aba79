"""What a watched step looks at of an array, in one compiled pass.

In a training step every operation of an array library finds the caches cold and takes microseconds before it begins; a
dozen of them cost more than the values themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from numba import carray, njit

from nonlin.functions.kernels.intrinsics import at
from nonlin.inspection.watching.parts import FEW, LEAST, LINE, Parts, between_blocks, parts_of

__all__ = ["Layout", "Table", "is_dense", "layout_of", "mean_of_nearest", "scan", "sums"]

if TYPE_CHECKING:
    from collections.abc import Callable

Array = npt.NDArray[Any]
Table: TypeAlias = tuple[Array, float]
"""A function on a grid around 0, float64, and how many points of the grid a unit of length has."""
F = TypeVar("F")

_NO_ROWS = np.zeros(0, np.int64)
_NO_TABLE: Table = np.zeros(0), 0.0
_NOT_FLAT = (0.0, 0.0)
_SETTINGS = {"nogil": True, "error_model": "numpy"}
_compiled: Callable[[F], F] = njit(**_SETTINGS, cache=True)
# what these call has two types of arguments: on disk, two processes that begin at once could confuse them
_part: Callable[[F], F] = njit(**_SETTINGS)
_summing: Callable[[F], F] = njit(**_SETTINGS, fastmath={"reassoc"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the values of a call lie in memory, without gaps and the samples first.

    Args:
        sizes: the samples, what is between them and the units, the units, what is within each; how far apart the
            samples are that are looked at, and the blocks of the sample of all values; how many values this has.
        parts: which values are looked at.
        rows: where the units begin that are looked at for flat values.
    """

    sizes: Array = field(repr=False)
    parts: Parts
    rows: Array = field(repr=False)


@lru_cache(maxsize=1024)
def layout_of(shape: tuple[int, ...], strides: tuple[int, ...], axis: int) -> Layout | None:
    """Return the layout of a call; None where there are gaps or the samples do not come first.

    Args:
        shape: two axes or more, the samples first.
        strides: counted in values.
        axis: of the units, not 0.
    """
    order = sorted(range(len(shape)), key=lambda axis: -strides[axis])
    if order[0] != 0 or not is_dense(shape, strides):
        return None
    sizes, at = [shape[i] for i in order], order.index(axis)
    parts, rows = parts_of(shape, axis), np.zeros(1, np.int64)
    for places, stride in zip(parts.flat, strides, strict=True):
        rows = np.add.outer(rows, np.array(places, np.int64) * stride).ravel()
    count, lines = prod(shape), prod(shape) // LINE
    distance = between_blocks(lines, FEW) if count > FEW else 1
    few = min(FEW, -(-lines // distance) * LINE) if count > FEW else count
    lengths = shape[0], prod(sizes[1:at]), shape[axis], prod(sizes[at + 1 :])
    return Layout(sizes=np.array([*lengths, parts.step, distance, few]), parts=parts, rows=np.sort(rows))


@lru_cache(maxsize=1024)
def is_dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Return whether values lie without gaps, in whatever order of the axes; strides are counted in values."""
    gap = 1
    for axis in sorted(range(len(shape)), key=lambda axis: strides[axis]):
        if shape[axis] != 1 and strides[axis] != gap:
            return False
        gap *= shape[axis]
    return True


def scan(
    address: int,
    layout: Layout,
    *,
    double: bool,
    ends: tuple[tuple[float, float] | None, Table | None],
    turn: int,
) -> Array:
    """Return the extremes of each unit, its flat values, and a sample of all or what a table says of that.

    Args:
        address: of the first value; the caller keeps the memory.
        layout: of the values.
        double: whether they are float64, else float32.
        ends: below the first and above the second number a value is flat, None to look for none; and a table to look
            the sample up in, None to return it as it is.
        turn: which part of a large batch to take the extremes of.

    Returns:
        One after the other, float64: the smallest value of each unit, the largest, both NaN where one is; with numbers
        in `ends`, how many values of each are flat; the sample, or the mean over it of the nearest entries of the
        table, as `mean_of_nearest` has it.
    """
    flat, table = ends
    rows = _NO_ROWS if flat is None else layout.rows
    found: Array = (_scan_double if double else _scan_single)(
        address, layout.sizes, rows, flat or _NOT_FLAT, table or _NO_TABLE, turn
    )
    return found


def sums(address: int, count: int, *, double: bool) -> tuple[float, float]:
    """Return the sum and the root of the sum of squares; of many values estimated from a part.

    Args:
        address: of the first; the caller keeps the memory.
        count: how many there are, one after the other.
        double: whether they are float64, else float32.
    """
    distance = between_blocks(count // LINE, LEAST) if count > 2 * LEAST else 1
    found: tuple[float, float] = (_sums_double if double else _sums_single)(address, count, distance)
    return found


def mean_of_nearest(values: Array, table: Table) -> float:
    """Return the mean of the entries of a table that are nearest to values, NaN left out; NaN for none.

    Args:
        values: float64, shape (values,).
        table: beyond its ends, they count.
    """
    return float(_mean_of_sample(values, *table))


@_compiled
def _scan_single(
    address: int, sizes: Array, rows: Array, flat: tuple[float, float], table: Table, turn: int
) -> Array:
    count = sizes[0] * sizes[1] * sizes[2] * sizes[3]
    values, bits = (
        carray(at(address, np.float32), (count,)),
        carray(at(address, np.int32), (count,)),
    )
    return _scan((values, bits), sizes, rows, flat, table, turn)


@_compiled
def _scan_double(
    address: int, sizes: Array, rows: Array, flat: tuple[float, float], table: Table, turn: int
) -> Array:
    count = sizes[0] * sizes[1] * sizes[2] * sizes[3]
    values, bits = (
        carray(at(address, np.float64), (count,)),
        carray(at(address, np.int64), (count,)),
    )
    return _scan((values, bits), sizes, rows, flat, table, turn)


@_part
def _scan(
    arrays: tuple[Array, Array], sizes: Array, rows: Array, flat: tuple[float, float], table: Table, turn: int
) -> Array:
    values, units, inner, distance, few = arrays[0], sizes[2], sizes[3], sizes[5], sizes[6]
    start = 3 * units if len(rows) else 2 * units
    numbers = np.zeros(start + (1 if len(table[0]) else few))
    low, high = _extremes(arrays, sizes, turn % sizes[4])
    for unit in range(units):
        numbers[unit], numbers[units + unit] = low[unit], high[unit]
    below, above = values.dtype.type(flat[0]), values.dtype.type(flat[1])
    for row in rows:
        for unit in range(units):
            x = values[row + unit * inner]
            numbers[2 * units + unit] += (x < below) | (x > above)
    if len(table[0]):
        numbers[start] = _mean_of_nearest(values, table[0], table[1], distance, few)
    else:
        for i in range(few):
            numbers[start + i] = values[i // LINE * distance * LINE + i % LINE]
    return numbers


@_part
def _extremes(arrays: tuple[Array, Array], sizes: Array, first: int) -> tuple[Array, Array]:
    """Return the smallest and the largest of each unit, NaN where one is."""
    # as integers in the order of the numbers: a loop over those takes sixteen at a time, and NaN lies outside infinity
    (values, bits), samples, outer = arrays, sizes[0], sizes[1]
    units, inner, step = sizes[2], sizes[3], sizes[4]
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


@_part
def _widen(bits: Array, low: Array, high: Array) -> None:
    integer, most = bits.dtype.type, np.iinfo(bits.dtype).max
    for i in range(len(bits)):
        k = bits[i] if bits[i] >= 0 else integer(bits[i] ^ most)
        low[i] = min(low[i], k)
        high[i] = max(high[i], k)


@_part
def _range(bits: Array) -> tuple[Any, Any]:
    integer, most = bits.dtype.type, np.iinfo(bits.dtype).max
    low, high = integer(most), integer(~most)
    for i in range(len(bits)):
        k = bits[i] if bits[i] >= 0 else integer(bits[i] ^ most)
        low = min(low, k)
        high = max(high, k)
    return low, high


@_compiled
def _sums_single(address: int, count: int, distance: int) -> tuple[float, float]:
    return _sums(carray(at(address, np.float32), (count,)), distance)


@_compiled
def _sums_double(address: int, count: int, distance: int) -> tuple[float, float]:
    return _sums(carray(at(address, np.float64), (count,)), distance)


@_summing
def _sums(values: Array, distance: int) -> tuple[float, float]:
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
    return total * share, np.sqrt(squares * share)


@_compiled
def _mean_of_sample(values: Array, table: Array, scale: float) -> float:
    return _mean_of_nearest(values, table, scale, 1, len(values))


@_part
def _mean_of_nearest(values: Array, table: Array, scale: float, distance: int, count: int) -> float:
    """Look up so many values, in blocks so far apart."""
    total, found, last = 0.0, 0, len(table) - 1
    for i in range(count):
        x = values[i // LINE * distance * LINE + i % LINE]
        if not np.isnan(x):
            total += table[int(np.rint(min(max(x * scale + last / 2, 0), last)))]
            found += 1
    return total / found if found else np.nan
