"""Instructions that Numba has no name for: a float's bits, a fused multiply-add, a choice without a jump."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["at", "bits", "fma", "left_out", "remainder", "select", "unbits"]

INTEGERS = {types.float64: types.int64, types.float32: types.int32}
FLOATS = {types.int64: types.float64, types.int32: types.float32}
LLVM = {types.int64: ir.IntType(64), types.int32: ir.IntType(32)}
LLVM |= {types.float64: ir.DoubleType(), types.float32: ir.FloatType()}


@intrinsic  # type: ignore[untyped-decorator]
def at(_context: Any, address: Any, kind: Any) -> Any:
    """Return the pointer to numbers of a type at an address."""
    target = types.CPointer(kind.dtype)
    pointer = LLVM[kind.dtype].as_pointer()
    return target(address, kind), lambda _c, builder, _s, arguments: builder.inttoptr(arguments[0], pointer)


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


@intrinsic  # type: ignore[untyped-decorator]
def select(_context: Any, condition: Any, a: Any, _b: Any) -> Any:
    """Return a where the condition holds, else b; both are computed."""
    return a(condition, a, a), lambda _c, builder, _s, arguments: builder.select(*arguments)


@intrinsic  # type: ignore[untyped-decorator]
def left_out(_context: Any, a: Any, _b: Any, _product: Any) -> Any:
    """Return a·b − product exactly, the product being a·b rounded."""
    return a(a, a, a), lambda _c, builder, _s, arguments: builder.fma(
        arguments[0], arguments[1], builder.fneg(arguments[2])
    )


@intrinsic  # type: ignore[untyped-decorator]
def remainder(_context: Any, a: Any, _b: Any, _c: Any) -> Any:
    """Return c − a·b with one rounding."""
    return a(a, a, a), lambda _c, builder, _s, arguments: builder.fma(
        builder.fneg(arguments[0]), arguments[1], arguments[2]
    )
