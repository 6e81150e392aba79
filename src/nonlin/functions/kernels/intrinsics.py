"""Three instructions that Numba has no name for: a float's bits, the float of bits, and a fused multiply-add."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["bits", "fma", "unbits"]

INTEGERS = {types.float64: types.int64, types.float32: types.int32}
FLOATS = {types.int64: types.float64, types.int32: types.float32}
LLVM = {types.int64: ir.IntType(64), types.int32: ir.IntType(32)}
LLVM |= {types.float64: ir.DoubleType(), types.float32: ir.FloatType()}


@intrinsic  # type: ignore[untyped-decorator]
def bits(_context: Any, a: Any) -> Any:
    """Return the integer of the same bits."""
    target = INTEGERS[a]
    return target(a), lambda _c, builder, _s, arguments: builder.bitcast(arguments[0], LLVM[target])


@intrinsic  # type: ignore[untyped-decorator]
def unbits(_context: Any, a: Any) -> Any:
    """Return the float of the same bits."""
    target = FLOATS[a]
    return target(a), lambda _c, builder, _s, arguments: builder.bitcast(arguments[0], LLVM[target])


@intrinsic  # type: ignore[untyped-decorator]
def fma(_context: Any, a: Any, _b: Any, _c: Any) -> Any:
    """Return a·b + c with one rounding."""
    return a(a, a, a), lambda _c, builder, _s, arguments: builder.fma(*arguments)
