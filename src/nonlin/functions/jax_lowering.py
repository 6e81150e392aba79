"""The lowering to JAX: compiled by XLA, with derivatives from the expression and never from JAX's autodiff of a value.

Narrow types are computed in float64, also where `jax_enable_x64` is off, and rounded once; float64 in pairs of it.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from nonlin.errors import InvalidInputError
from nonlin.functions.differentiation import differentiate
from nonlin.functions.evaluation import Arrays
from nonlin.functions.jax_pairs import in_pairs
from nonlin.functions.jax_precision import float64_inside, narrowed, widened
from nonlin.functions.jax_primitives import PRIMITIVES
from nonlin.functions.tails import evaluate_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.functions.expression import Expression

__all__ = ["apply_traced", "as_floating"]

NARROW = ("float16", "bfloat16", "float32")
JAX = Arrays(module=jnp, primitives=PRIMITIVES)


def apply_traced(
    expression: Expression,
    x: Any,
    fast: bool = False,  # noqa: FBT001, FBT002 - as the dispatch calls it
    *,
    doubled: bool = True,
) -> Any:
    """Evaluate an expression on a JAX array or tracer, elementwise and differentiably, any number of times.

    Args:
        expression: has no parameters left.
        x: float16, bfloat16, float32 or float64, of any shape, on any device; integers and booleans count as JAX's
            default floating type.
        fast: compute float32 and narrower in float32 instead of float64.
        doubled: compute float64 in double-double arithmetic; not worth it for what is rounded to a narrower type after.

    Returns:
        The type and shape of x; NaN where x is NaN, the limit at ±inf.
    """
    return _lowered(expression, bool(fast), doubled)(as_floating(x))


def as_floating(x: Any) -> Any:
    """Return a JAX array of one of the four floating types.

    Raises:
        InvalidInputError: complex numbers, or a floating type of 8 bits or fewer.
    """
    if jnp.issubdtype(x.dtype, jnp.integer) or x.dtype == jnp.bool_:
        return x.astype(jnp.result_type(float))
    if x.dtype.name not in (*NARROW, "float64"):
        raise InvalidInputError(
            f"expected an array of real numbers, got {x.dtype}; convert it to float32 or float64"
        )
    return x


@lru_cache(maxsize=1024)
def _lowered(expression: Expression, fast: bool, doubled: bool) -> Callable[[Any], Any]:  # noqa: FBT001
    """Return an expression as a JAX function whose derivative is the derivative's expression."""

    @jax.custom_jvp  # type: ignore[untyped-decorator]
    def value(x: Any) -> Any:
        return compiled(x)

    # inline: within a program of the user's, value and slope are simplified together
    @partial(jax.jit, inline=True)
    def compiled(x: Any) -> Any:
        if fast and x.dtype.name in NARROW:
            return evaluate_everywhere(expression, x.astype(jnp.float32), JAX).astype(x.dtype)
        with float64_inside():
            if x.dtype.name in NARROW:
                return narrowed(evaluate_everywhere(expression, widened(x), JAX), x.dtype)
            return in_pairs(expression, x) if doubled else evaluate_everywhere(expression, x, JAX)

    @value.defjvp  # type: ignore[untyped-decorator]
    def _pushed(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
        (x,), (tangent,) = primals, tangents
        return value(x), _lowered(differentiate(expression), fast, doubled)(x) * tangent

    return value  # type: ignore[no-any-return]
