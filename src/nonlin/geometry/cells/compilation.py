"""How the kernels of this folder are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar

from llvmlite import ir
from numba import njit, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

__all__ = ["kernel", "load", "ones", "part"]

F = TypeVar("F", bound=Callable[..., Any])


def load() -> None:
    """Import what Numba imports with the first compiled function of any kind: 200 modules, 58 MB, some 0.3 s."""
    cpu_target.target_context.refresh()


def kernel(function: F) -> F:
    """Compile a function, and keep the machine code beside it.

    Products and sums may be fused, which only takes roundings away, so that every bound still holds. References to
    arrays are not counted, since the caller holds them, and counting would cost more than the work: so a kernel makes
    no array of its own.
    """
    return _compiled(function)


def part(function: F) -> F:
    """Compile a kernel into each one that calls it.

    A network and what changes on a walk are hundreds of words as arguments, and handing them over would take longer
    than most parts take.
    """
    return _compiled(function, forceinline=True)


def _compiled(function: F, **options: bool) -> F:
    compiled: F = njit(
        cache=True, nogil=True, error_model="numpy", fastmath={"contract"}, _nrt=False, **options
    )(function)
    return compiled


def _ones(_context: Any, _number: Any) -> Any:
    def generate(_target: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


ones = intrinsic(_ones)
"""The number of bits that are 1."""
