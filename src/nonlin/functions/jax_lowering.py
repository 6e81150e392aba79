"""The lowering to JAX: compiled by XLA, with derivatives from the expression and never from JAX's autodiff of a value.

The computation is traced in float64, also where `jax_enable_x64` is off, and rounded once to the type of the argument.
"""

from __future__ import annotations

from functools import lru_cache, partial
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from nonlin.errors import InvalidInputError
from nonlin.functions.differentiation import differentiate
from nonlin.functions.expression import Call, Constant, Expression, Parameter, Piecewise, Variable, nodes
from nonlin.functions.jax_precision import float64_inside, narrowed, widened
from nonlin.functions.jax_primitives import PRIMITIVES
from nonlin.functions.tails import LINE, Tail, tail

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["apply_traced", "as_floating"]

NARROW = ("float16", "bfloat16", "float32")


def apply_traced(expression: Expression, x: Any, fast: bool = False) -> Any:  # noqa: FBT001, FBT002 - as the dispatch calls it
    """Evaluate an expression on a JAX array or tracer, elementwise and differentiably, any number of times.

    Args:
        expression: has no parameters left.
        x: float16, bfloat16, float32 or float64, of any shape, on any device; integers and booleans count as JAX's
            default floating type.
        fast: compute float32 and narrower in float32 instead of float64.

    Returns:
        The type and shape of x; NaN where x is NaN, the limit at ±inf.
    """
    return _lowered(expression, bool(fast))(as_floating(x))


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
def _lowered(expression: Expression, fast: bool) -> Callable[[Any], Any]:  # noqa: FBT001
    """Return an expression as a JAX function whose derivative is the derivative's expression."""

    @jax.custom_jvp  # type: ignore[untyped-decorator]
    def value(x: Any) -> Any:
        return compiled(x)

    # inline: within a program of the user's, value and slope are simplified together
    @partial(jax.jit, inline=True)
    def compiled(x: Any) -> Any:
        if x.dtype.name == "float64":
            return _everywhere(expression, x)
        if fast:
            return _everywhere(expression, x.astype(jnp.float32)).astype(x.dtype)
        with float64_inside():
            return narrowed(_everywhere(expression, widened(x)), x.dtype)

    @value.defjvp  # type: ignore[untyped-decorator]
    def _pushed(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
        (x,), (tangent,) = primals, tangents
        return value(x), _lowered(differentiate(expression), fast)(x) * tangent

    return value  # type: ignore[no-any-return]


def _everywhere(expression: Expression, u: Any) -> Any:
    """Evaluate in u's type, float32 or float64, with the right limits at ±inf."""
    right, left = tail(expression, 1), tail(expression, -1)
    double = u.dtype.name == "float64"
    argument = u
    if double and (isfinite(left.bound) or isfinite(right.bound)):
        argument = jnp.clip(u, -left.bound, right.bound)
    result = _evaluated(expression, argument)
    for side, end in ((1, right), (-1, left)):
        result = _ended(result, u, side, end)
    return jnp.where(jnp.isnan(u), u, result)


def _ended(result: Any, u: Any, side: int, end: Tail) -> Any:
    double = u.dtype.name == "float64"
    if double and isfinite(end.slope):
        result = jnp.where(side * u > LINE, end.slope * u, result)
    # a finite float32 is taken as it is, so only infinity itself needs care
    if end.select or (isfinite(end.bound) and not double):
        result = jnp.where(u == side * inf, end.limit, result)
    return result


def _evaluated(expression: Expression, u: Any) -> Any:
    done: dict[Expression, Any] = {}
    for node in nodes(expression):
        done[node] = _step(node, u, done)
    return jnp.broadcast_to(done[expression], u.shape)


def _step(node: Expression, u: Any, done: dict[Expression, Any]) -> Any:
    if isinstance(node, Constant):
        return jnp.asarray(node.value, u.dtype)
    if isinstance(node, Variable):
        return u
    if isinstance(node, Parameter):
        raise InvalidInputError(
            f"expected a value for the parameter {node.name!r}, got none; substitute it first"
        )
    if isinstance(node, Piecewise):
        return _piecewise(node, done)
    if not isinstance(node, Call):
        raise InvalidInputError(
            f"expected an expression, got {type(node).__name__}; build one with Variable()"
        )
    operands = [done[operand] for operand in node.operands]
    if node.operator == "power" and isinstance(degree := node.operands[1], Constant):
        return _power(operands[0], int(degree.value))
    return PRIMITIVES[node.operator](*operands)


def _power(base: Any, exponent: int) -> Any:
    result = None
    while exponent:
        if exponent % 2:
            result = base if result is None else result * base
        base, exponent = base * base, exponent // 2
    return jnp.ones_like(base) if result is None else result


def _piecewise(node: Piecewise, done: dict[Expression, Any]) -> Any:
    u = done[node.argument]
    result = done[node.pieces[0]]
    for point, at, piece in zip(node.points, node.at, node.pieces[1:], strict=True):
        p = done[point]
        result = jnp.where(u < p, result, jnp.where(u > p, done[piece], done[at]))
    return result
