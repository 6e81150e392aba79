"""Compiled functions called without Numba's search for the one that fits, and the addresses that they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from nonlin.functions.kernels.intrinsics import at

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SCALES", "STARTS", "VIEWS", "entry_point"]


def entry_point(compiled: Any, kind: int = 0) -> Callable[..., Any]:
    """Return what Python calls of a compiled function, for one of its signatures."""
    entry: Callable[..., Any] = compiled.overloads[compiled.signatures[kind]].entry_point
    return entry


@numba.njit(["int64(float32[::1])", "int64(float64[::1])"], cache=True)  # type: ignore[untyped-decorator]
def _start(array: Any) -> int:
    return array.ctypes.data  # type: ignore[no-any-return]


@numba.njit("float32[::1](int64, int64)", cache=True)  # type: ignore[untyped-decorator]
def _singles(address: int, size: int) -> Any:
    return numba.carray(at(address, np.float32), size)


@numba.njit("float64[::1](int64, int64)", cache=True)  # type: ignore[untyped-decorator]
def _doubles(address: int, size: int) -> Any:
    return numba.carray(at(address, np.float64), size)


STARTS = {name: entry_point(_start, kind) for kind, name in enumerate(("float32", "float64"))}
"""What returns the address of a contiguous array of one dimension, by its type; NumPy itself takes a microsecond."""

VIEWS = {"float32": entry_point(_singles), "float64": entry_point(_doubles)}
"""What returns the array of that many numbers at an address; whoever gave the address keeps them alive."""


@numba.njit("void(int64, int64, int64)", cache=True)  # type: ignore[untyped-decorator]
def _scale_singles(size: int, target_at: int, factors_at: int) -> None:
    target = numba.carray(at(target_at, np.float32), size)
    factors = numba.carray(at(factors_at, np.float32), size)
    for i in range(size):
        target[i] *= factors[i]


@numba.njit("void(int64, int64, int64)", cache=True)  # type: ignore[untyped-decorator]
def _scale_doubles(size: int, target_at: int, factors_at: int) -> None:
    target = numba.carray(at(target_at, np.float64), size)
    factors = numba.carray(at(factors_at, np.float64), size)
    for i in range(size):
        target[i] *= factors[i]


SCALES = {"float32": entry_point(_scale_singles), "float64": entry_point(_scale_doubles)}
"""What multiplies the numbers at the first address by those at the second."""
