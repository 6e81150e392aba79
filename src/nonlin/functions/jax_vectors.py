"""The functions of a whole vector for JAX: float64 inside, whatever `jax_enable_x64` says, with their own Jacobians."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from nonlin.functions.jax_lowering import apply_traced, as_floating
from nonlin.functions.jax_precision import float64_inside, narrowed, widened
from nonlin.functions.lookup import function
from nonlin.functions.simplex import SIMPLEX, Library, mapped, pushed
from nonlin.functions.vectors import GATES, halves, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["apply_vector_traced"]

JAX = Library(
    module=jnp,
    others={
        "positions": lambda u: jnp.arange(u.shape[-1]),
        "repeat": lambda count, step, state: jax.lax.fori_loop(0, count, step, state),
    },
)


def apply_vector_traced(name: str, parameters: Mapping[str, float], x: Any) -> Any:
    """Evaluate a vector function along the last axis of a JAX array or tracer, differentiably.

    Args:
        name: canonical.
        parameters: every one of its parameters.
        x: float16, bfloat16, float32 or float64, shape (..., n); integers count as JAX's default floating type.
    """
    x = as_floating(x)
    if name == "maxout":
        parts = runs(x, parameters["pieces"])
        # of equal elements the first has the slope 1
        return jnp.take_along_axis(parts, parts.argmax(axis=-1, keepdims=True), axis=-1)[..., 0]
    if name == "crelu":
        relu = function("relu")
        return jnp.concatenate([relu(x), relu(-x)], axis=-1)
    inner = _simplex(name, tuple(parameters.items())) if name in SIMPLEX else _gated(name, x.dtype.name)
    with float64_inside():
        return _narrow(inner(_wide(x)), x.dtype.name)


def _gated(name: str, dtype: str) -> Callable[[Any], Any]:
    gate = function(GATES[name]).expression
    assert gate is not None  # noqa: S101 - for the type checker: a gate is a function of one number

    def value(u: Any) -> Any:
        first, second = halves(u)
        return first * apply_traced(gate, second, doubled=dtype == "float64")

    return value


@lru_cache(maxsize=256)
def _simplex(name: str, items: tuple[tuple[str, float], ...]) -> Callable[[Any], Any]:
    parameters = dict(items)

    @jax.custom_jvp  # type: ignore[untyped-decorator]
    def value(u: Any) -> Any:
        with float64_inside():
            return mapped(JAX, name, parameters, u)

    @value.defjvp  # type: ignore[untyped-decorator]
    def _pushed(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
        with float64_inside():
            y = value(*primals)
            return y, pushed(JAX, name, parameters, y, *tangents)

    return value  # type: ignore[no-any-return]


@jax.custom_jvp  # type: ignore[untyped-decorator]
def _wide(x: Any) -> Any:
    return x if x.dtype.name == "float64" else widened(x)


@_wide.defjvp  # type: ignore[untyped-decorator]
def _wide_tangent(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    with float64_inside():
        return _wide(*primals), tangents[0].astype(jnp.float64)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _narrow(y: Any, dtype: str) -> Any:
    return y if dtype == "float64" else narrowed(y, jnp.dtype(dtype))


@_narrow.defjvp  # type: ignore[untyped-decorator]
def _narrow_tangent(dtype: str, primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    with float64_inside():
        return _narrow(*primals, dtype), tangents[0].astype(dtype)
