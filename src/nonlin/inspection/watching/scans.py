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
from numba import carray, njit, types
from numba.extending import intrinsic

from nonlin.inspection.watching.parts import FEW, LEAST, LINE, Parts, between_blocks, parts_of

__all__ = ["Layout", "is_dense", "layout_of", "mean_of_nearest", "scan", "sums", "within"]

if TYPE_CHECKING:
    from collections.abc import Callable

Array = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, int, int, int]
F = TypeVar("F")

_NO_ROWS = np.zeros(0, np.int64)
_SETTINGS = {"nogil": True, "error_model": "numpy"}
_compiled: Callable[[F], F] = njit(**_SETTINGS, cache=True)
# what these call has two types of arguments: on disk, two processes that begin at once could confuse them
_part: Callable[[F], F] = njit(**_SETTINGS)
_summing: Callable[[F], F] = njit(**_SETTINGS, fastmath={"reassoc"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the values of a call lie in memory, without gaps and the samples first.

    Args:
        sizes: the samples, what is between them and the units, the units, what is within each.
        parts: which values are looked at.
        blocks: how far apart they are in the sample, and how many values it has.
        rows: where the units begin that are looked at for flat values.
    """

    sizes: Sizes
    parts: Parts
    blocks: tuple[int, int]
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
    return Layout(
        sizes=(shape[0], prod(sizes[1:at]), shape[axis], prod(sizes[at + 1 :])),
        parts=parts,
        blocks=(distance, min(FEW, -(-lines // distance) * LINE) if count > FEW else count),
        rows=np.sort(rows),
    )


@lru_cache(maxsize=1024)
def is_dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Return whether values lie without gaps, in whatever order of the axes; strides are counted in values."""
    gap = 1
    for axis in sorted(range(len(shape)), key=lambda axis: strides[axis]):
        if shape[axis] != 1 and strides[axis] != gap:
            return False
        gap *= shape[axis]
    return True


def scan(address: int, layout: Layout, *, double: bool, flat: tuple[float, float] | None, turn: int) -> Array:
    """Return the extremes of each unit, its flat values and a sample of all.

    Args:
        address: of the first value; the caller keeps the memory.
        layout: of the values.
        double: whether they are float64, else float32.
        flat: below the first and above the second a value is flat; None to look for none.
        turn: which part of a large batch to take the extremes of.

    Returns:
        One after the other, float64: the smallest value of each unit, the largest, both NaN where one is; with `flat`,
        how many values of each are flat; the sample.
    """
    step = layout.parts.step
    part = turn % step, step, *layout.blocks
    rows = _NO_ROWS if flat is None else layout.rows
    found: Array = (_scan_double if double else _scan_single)(
        address, layout.sizes, part, rows, flat or (0.0, 0.0)
    )
    return found


def sums(address: int, count: int, *, double: bool) -> Array:
    """Return the sum and the root of the sum of squares, float64, shape (2,); of many values estimated from a part.

    Args:
        address: of the first; the caller keeps the memory.
        count: how many there are, one after the other.
        double: whether they are float64, else float32.
    """
    distance = between_blocks(count // LINE, LEAST) if count > 2 * LEAST else 1
    found: Array = (_sums_double if double else _sums_single)(address, count, distance)
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


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(_: Any, address: Any, like: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(like)(address, like), codegen


@_compiled
def _scan_single(address: int, sizes: Sizes, part: Sizes, rows: Array, flat: tuple[float, float]) -> Array:
    count = sizes[0] * sizes[1] * sizes[2] * sizes[3]
    values, bits = (
        carray(_pointer(address, np.float32(0)), (count,)),
        carray(_pointer(address, np.int32(0)), (count,)),
    )
    return _scan((values, bits), sizes, part, rows, flat)


@_compiled
def _scan_double(address: int, sizes: Sizes, part: Sizes, rows: Array, flat: tuple[float, float]) -> Array:
    count = sizes[0] * sizes[1] * sizes[2] * sizes[3]
    values, bits = (
        carray(_pointer(address, np.float64(0)), (count,)),
        carray(_pointer(address, np.int64(0)), (count,)),
    )
    return _scan((values, bits), sizes, part, rows, flat)


@_part
def _scan(
    arrays: tuple[Array, Array], sizes: Sizes, part: Sizes, rows: Array, flat: tuple[float, float]
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


@_part
def _extremes(arrays: tuple[Array, Array], sizes: Sizes, first: int, step: int) -> tuple[Array, Array]:
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
def _sums_single(address: int, count: int, distance: int) -> Array:
    return _sums(carray(_pointer(address, np.float32(0)), (count,)), distance)


@_compiled
def _sums_double(address: int, count: int, distance: int) -> Array:
    return _sums(carray(_pointer(address, np.float64(0)), (count,)), distance)


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
