"""Exact changes of type for JAX: to float64, also where `jax_enable_x64` is off, and back with one rounding.

XLA on a processor flushes subnormal numbers to 0, so these are read from their bits and written as bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["float64_inside", "narrowed", "widened"]


class Layout(NamedTuple):
    """Of a floating type: the integer type of its width, its stored mantissa bits, its smallest number's exponent."""

    integer: str
    mantissa: int
    lowest: int


LAYOUTS = {
    "float16": Layout("int16", 10, -24),
    "bfloat16": Layout("int16", 7, -133),
    "float32": Layout("int32", 23, -149),
}


def float64_inside() -> AbstractContextManager[None]:
    """Return a context in which float64 is float64; it holds for what is traced in it, whatever the user's setting."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)  # type: ignore[no-any-return]
    from jax.experimental import enable_x64  # its home before jax 0.8

    return enable_x64()  # type: ignore[no-any-return]


def widened(x: Any) -> Any:
    """Return float16, bfloat16 or float32 as exactly the same float64; to be called inside `float64_inside`."""
    layout = LAYOUTS[x.dtype.name]
    bits = lax.bitcast_convert_type(x, layout.integer)
    magnitude = bits & jnp.iinfo(layout.integer).max
    small = magnitude.astype(jnp.float64) * 2.0**layout.lowest
    small = jnp.where(bits < 0, -small, small)
    return jnp.where(magnitude < 2**layout.mantissa, small, x.astype(jnp.float64))


def narrowed(y: Any, dtype: Any) -> Any:
    """Return float64 rounded to a narrower type, subnormal results included."""
    layout = LAYOUTS[jnp.dtype(dtype).name]
    size = jnp.abs(y)
    subnormal = size < 2.0 ** (layout.lowest + layout.mantissa)
    places = lax.round(
        jnp.where(subnormal, size, 0.0) * 2.0**-layout.lowest, lax.RoundingMethod.TO_NEAREST_EVEN
    )
    small = lax.bitcast_convert_type(places.astype(layout.integer), dtype)
    return jnp.where(subnormal, jnp.where(jnp.signbit(y), -small, small), y.astype(dtype))
