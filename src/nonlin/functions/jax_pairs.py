"""float64 for JAX in double-double arithmetic: the lines that NumPy and the compiled kernels run, traced.

They hold only as long as every sum and product is rounded by itself. XLA takes (x + c) − c for x where c is a constant,
and LLVM makes one rounding of a product and the sum that follows; neither looks through a choice that depends on data.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nonlin.functions.kernels.interpretation import HALF_STEP, LARGEST, UPPER_HALF, select_element
from nonlin.functions.kernels.precision import DOUBLE
from nonlin.functions.kernels.source import written
from nonlin.functions.kernels.turns import quarter_turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.functions.expression import Expression

__all__ = ["in_pairs"]

OPERAND = r"(-?\w+|[FI]\([^()]*\))"
ROUNDED = re.compile(rf"{OPERAND} [-+*/] {OPERAND}")
EXACT = 2.0**-900  # from here on up the 106 bits of a product are normal numbers
NEVER = np.int64(0x7FF4_6E6F_6E6C_696E)  # the bits of a NaN that no computation makes

TEMPLATE = """
def program(u, alone, divisor, fma, remainder):
{body}
    return {result}
"""


def in_pairs(expression: Expression, u: Any) -> Any:
    """Evaluate an expression on a float64 JAX array or tracer, each step in double-double arithmetic, rounded once.

    To be called inside `float64_inside`. A number below 2.2e-308 in between counts as 0, as XLA has it on a processor.

    Args:
        expression: has no parameters left.
        u: of any shape.

    Returns:
        float64 of the same shape, what NumPy gives but for what is subnormal; NaN where u is NaN, the limits at ±inf.
    """
    whole = _bits(u) != NEVER

    def alone(value: Any) -> Any:
        """Return a rounded result so that the compiler cannot join it with what it is made of."""
        return jnp.where(whole, value, u) if _traced(value) and value.dtype == jnp.float64 else value

    def divisor(value: float) -> Any:
        # a quotient by a constant that XLA sees becomes a product with its reciprocal
        return jnp.where(whole, np.float64(value), u)

    def fma(a: Any, b: Any, c: Any) -> Any:
        return alone(alone(a * b) + c)

    def remainder(a: Any, b: Any, c: Any) -> Any:
        product = alone(a * b)
        return (c - product) - _left_out(a, b, product)

    with np.errstate(all="ignore"):  # of constants, which NumPy computes beforehand
        value = _program(expression)(u, alone, divisor, fma, remainder)
    return jnp.broadcast_to(value, u.shape)


@lru_cache(maxsize=1024)
def _program(expression: Expression) -> Callable[..., Any]:
    lines, (result,) = written((expression,), DOUBLE)
    body = "\n".join(f"    {_guarded(line)}" for line in lines)
    names = dict(NAMES)
    exec(TEMPLATE.format(body=body or "    pass", result=result), names)  # noqa: S102 - the kernels' own lines
    program: Callable[..., Any] = names["program"]
    return program


def _guarded(line: str) -> str:
    name, text = line.split(" = ", 1)
    if ROUNDED.fullmatch(text) is None:
        return line
    return f"{name} = alone({text.replace('/ F(', '/ divisor(')})"


def _traced(value: Any) -> bool:
    return isinstance(value, jax.Array)


def _bits(a: Any) -> Any:
    return lax.bitcast_convert_type(a, jnp.int64) if _traced(a) else a.view(np.int64)


def _unbits(a: Any) -> Any:
    return lax.bitcast_convert_type(a, jnp.float64) if _traced(a) else a.view(np.float64)


def _select(condition: Any, yes: Any, no: Any) -> Any:
    return jnp.where(condition, yes, no) if _traced(condition) else select_element(condition, yes, no)


def _left_out(a: Any, b: Any, product: Any) -> Any:
    """Return a·b − product exactly, the product being a·b rounded; see `kernels.interpretation`.

    0 for a tiny product, of which parts would be taken for 0.
    """
    high = _unbits(_bits(a) & UPPER_HALF)
    top = _unbits((_bits(b) + HALF_STEP * (abs(b) < LARGEST)) & UPPER_HALF)
    low, rest = a - high, b - top
    # every product here is exact, so that a sum joined with it is the same
    value = ((high * top - product) + high * rest + low * top) + low * rest
    return _select(abs(product) < EXACT, np.float64(0.0), value)


class _Turns:
    """The table of quarter turns, as constants of the program that is traced."""

    def __getitem__(self, word: int) -> Any:
        return jnp.asarray(quarter_turns()[word])


NAMES: dict[str, Any] = {
    "F": np.float64,
    "I": np.int64,
    "bits": _bits,
    "left_out": _left_out,
    "np": jnp,
    "quarters": _Turns(),
    "select": _select,
    "sqrt": jnp.sqrt,
    "unbits": _unbits,
}
"""What the lines call."""
