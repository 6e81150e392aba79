"""Takes numbers and arrays of any kind to float64 arrays and the results back to the same kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["apply_array"]

Array: TypeAlias = NDArray[np.float64]


def apply_array(compute: Callable[[Array], Array], u: Any, *, out: Any = None) -> Any:
    """Compute in float64 and return the kind and type of u.

    Args:
        compute: takes and returns float64 of one shape (a function of a vector may change it).
        u: a number, or an array of a floating type; integers and booleans count as float64.
        out: an array of the result's shape and type to write into.
    """
    if isinstance(u, int | float) and out is None:
        return float(compute(np.asarray(float(u))))
    array = np.asarray(u)
    if not _floating(array.dtype):
        array = _as_float64(array)
    result = compute(array.astype(np.float64, copy=False))
    if out is not None:
        return _write(result, array, out)
    with np.errstate(over="ignore", under="ignore"):
        result = np.asarray(result.astype(array.dtype, copy=False))
    return result if isinstance(u, np.ndarray) or result.ndim else result[()]


def _floating(dtype: np.dtype[Any]) -> bool:
    return (dtype.kind == "f" and dtype.itemsize <= 8) or dtype.name == "bfloat16"


def _as_float64(array: NDArray[Any]) -> Array:
    if array.dtype.kind not in "iub" or array.dtype.itemsize > 8:
        raise InvalidInputError(
            f"expected an array of real numbers, got {array.dtype}; convert it to float32 or float64"
        )
    return array.astype(np.float64)


def _write(result: Array, array: NDArray[Any], out: Any) -> Any:
    if not isinstance(out, np.ndarray) or out.shape != result.shape or out.dtype != array.dtype:
        got = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise InvalidInputError(
            f"expected out as an array of {array.dtype} {result.shape}, got {got}; make it fit"
        )
    with np.errstate(over="ignore", under="ignore"):
        out[...] = result
    return out
