"""Code for sine, cosine and the spherical Bessel functions.

The library's sine and cosine are called, which reduce an argument of any size exactly; such a kernel is not
vectorised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nonlin.functions.kernels.emitter import Emitter

__all__ = ["cosine", "sinc", "sine"]


def sine(e: Emitter, u: str) -> str:
    """Emit sin(u)."""
    return e.step(f"sin({u})")


def cosine(e: Emitter, u: str) -> str:
    """Emit cos(u)."""
    return e.step(f"cos({u})")


def sinc(e: Emitter, u: str, order: int) -> str:
    """Emit j_n(u)/uⁿ: a polynomial near 0, where the closed form cancels, and upward recurrence beyond."""
    border = 2.0 + order
    z = e.multiply(u, u)
    name = f"sinc{order}" if order else "sinc"
    near = e.polynomial(name, (0.0, border**2), e.smaller(z, border**2), relative=0.01)
    safe = e.select(f"{z} < {e.number(border**2)}", e.number(border), u)
    inverse = e.divide(e.number(1.0), safe)
    values = [e.multiply(sine(e, safe), inverse)]
    square = e.multiply(inverse, inverse)
    before = cosine(e, safe)
    for n in range(order):
        change = e.subtract(e.multiply(e.number(2.0 * n + 1.0), values[n]), before)
        before = values[n]
        values.append(e.multiply(change, square))
    return e.select(f"{z} < {e.number(border**2)}", near, values[order])
