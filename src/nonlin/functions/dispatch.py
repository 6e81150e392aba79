"""Evaluates an expression on a number or an array of any kind, and returns the same kind.

A large array goes through a compiled loop. A small one is not worth compiling for, and goes through NumPy: in float64
by the same steps (unless the loop is there anyway, which is a hundred times faster), in float32 and narrower by
NumPy's own functions in float64. Both round the same way but in rare ties.
"""

from __future__ import annotations

import sys
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError
from nonlin.functions.tails import evaluate_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.functions.expression import Expression

__all__ = ["apply", "apply_array", "form_for"]

Array: TypeAlias = NDArray[np.float64]
Loop: TypeAlias = "tuple[Callable[..., None], Callable[[NDArray[Any]], int]]"

WORTH_COMPILING = 4096  # elements; below it NumPy is as fast, and nothing has to be compiled
_KINDS = {
    np.dtype(name): name for name in ("float32", "float64")
}  # asking a dtype for its name takes a microsecond
CHUNK = 8192  # elements of a narrow type that are widened at a time, so that they stay in the cache


def apply(expression: Expression, u: Any, *, out: Any = None, fast: bool = False) -> Any:
    """Evaluate an expression elementwise.

    Args:
        expression: has no parameters left.
        u: a number, a NumPy array, a torch tensor or a JAX array; integers and booleans count as float64.
        out: a NumPy array of u's shape and type to write into; it may be u.
        fast: compute float32 and narrower in float32 instead of float64.

    Returns:
        The kind and type of u, in its shape.
    """
    if isinstance(u, np.ndarray):
        return _array_form(expression, fast)(u, out)
    if isinstance(u, int | float) and out is None:
        number = _number(expression, _as_float(u))
        return number if type(u) is not np.float64 else np.float64(number)  # which is a float, too
    other = _framework(u)
    if other is None:
        result = _array_form(expression, fast)(_as_array(u), out)
        return result if result.ndim or out is not None else result[()]
    if out is not None:
        raise InvalidInputError(
            f"expected out only with a NumPy array, got it with {type(u).__name__}; leave it out"
        )
    return other(expression, u, fast)


def form_for(expression: Expression, u: Any, *, fast: bool) -> Callable[..., Any] | None:
    """Return what evaluates an expression on all of u's kind without any search, for an array also with `out`.

    None where u is neither a NumPy array nor one of torch's tensors.
    """
    if type(u) is np.ndarray:
        return _array_form(expression, fast)
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(u, torch.Tensor) or torch.compiler.is_compiling():
        return None
    from nonlin.functions.torch_lowering import lowered

    return lowered(expression, fast)


def apply_array(compute: Callable[[Array], Array], u: Any, *, out: Any = None) -> Any:
    """Compute a function of a whole vector in float64 and return the kind and type of u."""
    array = _as_array(u)
    result = compute(array.astype(np.float64, copy=False))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        narrow = result.astype(array.dtype, copy=False)
    if out is None:
        return narrow
    _checked(out, narrow)[...] = narrow
    return out


@lru_cache(maxsize=1024)
def _array_form(expression: Expression, fast: bool) -> Callable[..., NDArray[Any]]:  # noqa: FBT001 - as it is cached
    """Return what evaluates an expression on arrays; the loops are kept as types are first met."""
    return partial(_evaluated, expression, "fast" if fast else "accurate", {})


def _evaluated(
    expression: Expression, mode: str, loops: dict[Any, Loop], u: NDArray[Any], out: Any = None
) -> NDArray[Any]:
    array = u if type(u) is np.ndarray and u.dtype in _KINDS else _as_array(u)
    target = np.empty(array.shape, array.dtype) if out is None else _checked(out, array)
    dtype = array.dtype
    if array.size < WORTH_COMPILING and (dtype != np.float64 or dtype not in loops):
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            target[...] = _small(expression, array)
        return target
    loop = loops.get(dtype) or _compiled(expression, mode, loops, dtype)
    source = array.ravel() if array.flags.aligned else array.flatten()
    in_order = target.flags.carray
    flat = target.ravel() if in_order else np.empty(array.size, dtype)
    (_whole if dtype in _KINDS else _narrow)(loop, source, flat)
    if not in_order:
        target[...] = flat.reshape(target.shape)
    return target


def _compiled(expression: Expression, mode: str, loops: dict[Any, Loop], dtype: np.dtype[Any]) -> Loop:
    """Return the compiled loop, which takes a size and addresses, and what returns the address of an array."""
    from nonlin.functions.kernels import addressed
    from nonlin.functions.kernels.addresses import STARTS

    name = _KINDS.get(dtype, "float32")  # a narrower type is widened to float32
    return loops.setdefault(dtype, (addressed((expression,), name, mode), STARTS[name]))


def _number(expression: Expression, u: float) -> float:
    from nonlin.functions.kernels import interpreted

    with np.errstate(all="ignore"):
        return float(interpreted(expression)[1](np.float64(u)))


def _small(expression: Expression, array: NDArray[Any]) -> Array:
    if array.dtype != np.float64:
        return np.asarray(evaluate_everywhere(expression, array.astype(np.float64)))
    from nonlin.functions.kernels import interpreted

    with np.errstate(all="ignore"):
        return np.asarray(interpreted(expression)[0](array))


def _framework(u: Any) -> Callable[[Expression, Any, bool], Any] | None:
    # a tensor can only be one if its library is loaded already
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(u, torch.Tensor):
        from nonlin.functions.torch_lowering import apply_tensor

        lowered: Callable[[Expression, Any, bool], Any] = apply_tensor
        return lowered
    jax = sys.modules.get("jax")
    if jax is not None and isinstance(u, jax.Array):
        from nonlin.functions.jax_lowering import apply_traced

        traced: Callable[[Expression, Any, bool], Any] = apply_traced
        return traced
    return None


def _whole(loop: Loop, source: NDArray[Any], target: NDArray[Any]) -> None:
    kernel, address = loop
    given, taken = address(source), address(target)
    if abs(given - taken) < source.nbytes:
        source = source.copy()
        given = address(source)
    kernel(source.size, given, taken)


def _narrow(loop: Loop, source: NDArray[Any], target: NDArray[Any]) -> None:
    if np.may_share_memory(source, target):
        source = source.copy()
    wide, result = np.empty(CHUNK, np.float32), np.empty(CHUNK, np.float32)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for start in range(0, source.size, CHUNK):
            part = source[start : start + CHUNK]
            wide[: part.size] = part
            _whole(loop, wide[: part.size], result[: part.size])
            target[start : start + CHUNK] = result[: part.size]


def _floating(dtype: np.dtype[Any]) -> bool:
    return (dtype.kind == "f" and dtype.itemsize <= 8) or dtype.name == "bfloat16"


def _as_float(u: float) -> float:
    try:
        return float(u)
    except OverflowError as error:
        raise InvalidInputError(
            "expected a number that float64 has, got a whole number beyond 1.8e308; scale it"
        ) from error


def _as_array(u: Any) -> NDArray[Any]:
    """Return numbers as an array of a floating type in this machine's order of bytes."""
    if type(u) is np.ndarray and u.dtype in _KINDS:
        return u
    if np.ma.is_masked(u):
        raise InvalidInputError(
            "expected an array without a mask, got one with masked elements; hand over u.filled(nan) or u.compressed()"
        )
    try:
        array = np.asarray(u)
    except ValueError as error:
        raise InvalidInputError(
            f"expected an array of real numbers, got a {type(u).__name__} whose parts differ in length; fill it up"
        ) from error
    if _floating(array.dtype):
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind not in "iub" or array.dtype.itemsize > 8:
        raise InvalidInputError(
            f"expected an array of real numbers, got {array.dtype}; convert it to float32 or float64"
        )
    return array.astype(np.float64)


def _checked(out: Any, array: NDArray[Any]) -> NDArray[Any]:
    if not isinstance(out, np.ndarray) or out.shape != array.shape or out.dtype != array.dtype:
        got = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise InvalidInputError(
            f"expected out as an array of {array.dtype} {array.shape}, got {got}; make it fit"
        )
    if not out.flags.writeable:
        raise InvalidInputError(
            "expected out as an array to write into, got a read-only one; hand over a copy"
        )
    return out
