"""Double-double arithmetic: a number as the unevaluated sum of two float64, with about 100 bits.

What is written here becomes lines of a kernel, or of a program that NumPy runs. The low part is always finite: above
`HUGE` it is 0, so that an infinity never makes a NaN of a number that is one.

Source: Dekker 1971, A floating-point technique for extending the available precision; Knuth, TAOCP 2, theorem 4.2.2B;
Joldes, Muller and Popescu 2017, Tight and rigorous error bounds for basic building blocks of double-word arithmetic.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from nonlin.functions.kernels.fitting import fit_pairs

if TYPE_CHECKING:
    from nonlin.functions.kernels.emitter import Emitter

__all__ = [
    "Pair",
    "absolute",
    "add",
    "at_least",
    "at_most",
    "choose",
    "constant",
    "divide",
    "either",
    "multiply",
    "negate",
    "polynomial",
    "rational",
    "rounded",
    "scale",
    "signed",
    "square_root",
    "subtract",
    "two_sum",
]

HUGE = 1e305
ROUNDING = 2.0**-52


class Pair(NamedTuple):
    """The names of a high part, the number rounded, and of a low part, what the rounding left out; None for 0."""

    high: str
    low: str | None = None


def constant(e: Emitter, value: float, low: float = 0.0) -> Pair:
    """Write a number, which float64 may not hold exactly."""
    return Pair(e.number(value), e.number(low) if low else None)


def rational(e: Emitter, value: Fraction) -> Pair:
    """Write a number to 106 bits."""
    return constant(e, float(value), float(value - Fraction(float(value))))


def choose(e: Emitter, condition: str, yes: Pair, no: Pair) -> Pair:
    """Return one of two."""
    high = either(e, condition, yes.high, no.high)
    if yes.low is None and no.low is None:
        return Pair(high)
    return Pair(high, either(e, condition, yes.low or e.number(0.0), no.low or e.number(0.0)))


def either(e: Emitter, condition: str, yes: str, no: str) -> str:
    """Return one of two float64."""
    return yes if yes == no else e.step(f"select({e.step(condition)}, {yes}, {no})")


def at_most(e: Emitter, a: Pair, limit: float) -> Pair:
    """Return a, at most the limit; NaN stays NaN."""
    return choose(e, f"{a.high} > {e.number(limit)}", constant(e, limit), a)


def at_least(e: Emitter, a: Pair, limit: float) -> Pair:
    """Return a, at least the limit; NaN stays NaN."""
    return choose(e, f"{a.high} < {e.number(limit)}", constant(e, limit), a)


def negate(e: Emitter, a: Pair) -> Pair:
    """Return −a."""
    return Pair(e.step(f"-{a.high}"), e.step(f"-{a.low}") if a.low else None)


def absolute(e: Emitter, a: Pair) -> Pair:
    """Return abs(a)."""
    if a.low is None:
        return Pair(e.step(f"abs({a.high})"))
    opposite = e.step(f"-{a.low}")
    return Pair(e.step(f"abs({a.high})"), either(e, f"{a.high} < {e.number(0.0)}", opposite, a.low))


def signed(e: Emitter, magnitude: Pair, like: Pair) -> Pair:
    """Return the magnitude with the sign of another number, also of −0."""
    # −0 is not below 0
    return choose(e, f"bits({like.high}) < I(0)", negate(e, magnitude), magnitude)


def scale(e: Emitter, a: Pair, factor: float) -> Pair:
    """Return a times a power of two."""
    f = e.number(factor)
    return Pair(e.step(f"{f} * {a.high}"), e.step(f"{f} * {a.low}") if a.low else None)


def two_sum(e: Emitter, a: str, b: str) -> tuple[str, str]:
    """Return the sum of two float64, exactly, as the high and the low part of a pair."""
    total = e.step(f"{a} + {b}")
    back = e.step(f"{total} - {a}")
    left = e.step(f"{a} - {e.step(f'{total} - {back}')}")
    return total, e.step(f"{left} + {e.step(f'{b} - {back}')}")


def add(e: Emitter, a: Pair, b: Pair, *, safe: bool = False) -> Pair:
    """Return a + b; `safe` where it may be infinite."""
    total, low = two_sum(e, a.high, b.high)
    lows = [part for part in (a.low, b.low) if part]
    for part in lows:
        low = e.step(f"{low} + {part}")
    return rounded(e, total, low, safe=safe) if lows else _exact(e, total, low, safe=safe)


def subtract(e: Emitter, a: Pair, b: Pair, *, safe: bool = False) -> Pair:
    """Return a − b; `safe` where it may be infinite."""
    return add(e, a, negate(e, b), safe=safe)


def multiply(e: Emitter, a: Pair, b: Pair, *, safe: bool = False) -> Pair:
    """Return a·b; `safe` where it may be infinite."""
    product = e.step(f"{a.high} * {b.high}")
    low = e.step(f"left_out({a.high}, {b.high}, {product})")
    if b.low:
        low = e.fma(a.high, b.low, low)
    if a.low:
        low = e.fma(a.low, b.high, low)
    if a.low or b.low:
        return rounded(e, product, low, safe=safe)
    return _exact(e, product, low, safe=safe)


def divide(e: Emitter, a: Pair, b: Pair, *, safe: bool = False) -> Pair:
    """Return a/b; `safe` where anything may be infinite or 0."""
    first = e.step(f"{a.high} / {b.high}")
    # a − first·b, exactly as far as the high parts go
    rest = e.step(f"remainder({first}, {b.high}, {a.high})")
    if a.low:
        rest = e.step(f"{rest} + {a.low}")
    if b.low:
        rest = e.step(f"{rest} - {e.step(f'{first} * {b.low}')}")
    second = e.step(f"{rest} / {b.high}")
    if safe:
        second = either(e, f"abs({b.high}) < {e.number(HUGE)}", second, e.number(0.0))
    return rounded(e, first, second, safe=safe)


def square_root(e: Emitter, a: Pair) -> Pair:
    """Return √a, NaN below 0."""
    first = e.step(f"sqrt({a.high})")
    rest = e.step(f"remainder({first}, {first}, {a.high})")
    if a.low:
        rest = e.step(f"{rest} + {a.low}")
    second = e.step(f"{rest} / {e.step(f'{first} + {first}')}")
    regular = e.step(f"({first} > {e.number(0.0)}) & ({first} < {e.number(HUGE)})")
    return rounded(e, first, either(e, regular, second, e.number(0.0)), safe=True)


def _exact(e: Emitter, high: str, low: str, *, safe: bool) -> Pair:
    """Return high and what its rounding left out; a high part that was rounded once keeps the sign of 0."""
    fine = f"abs({high}) < {e.number(HUGE)}"
    return Pair(high, either(e, fine, low, e.number(0.0)) if safe else low)


def rounded(e: Emitter, high: str, low: str, *, safe: bool = False) -> Pair:
    """Return high + low such that the high part is the sum rounded, for abs(low) ≤ abs(high)."""
    if not safe:
        total = e.step(f"{high} + {low}")
        return Pair(total, e.step(f"{low} - {e.step(f'{total} - {high}')}"))
    fine = e.step(f"abs({high}) < {e.number(HUGE)}")
    low = either(e, fine, low, e.number(0.0))
    total = e.step(f"{high} + {low}")
    rest = e.step(f"{low} - {e.step(f'{total} - {high}')}")
    return Pair(total, either(e, fine, rest, e.number(0.0)))


def polynomial(e: Emitter, name: str, interval: tuple[float, float], x: Pair) -> Pair:
    """Evaluate a fitted polynomial: in float64 as long as its roundings do not show, then in pairs."""
    coefficients = fit_pairs(name, *interval, e.precision.error)
    largest = max(map(abs, interval))
    k = len(coefficients) - 1
    sizes = [abs(coefficients[-1][0])]
    for high, _ in reversed(coefficients[:-1]):
        sizes.append(abs(high) + largest * sizes[-1])
    sizes.reverse()
    result = e.number(coefficients[-1][0])
    # what is rounded at step k is multiplied by x k times before it reaches the result
    while k > 0 and sizes[k - 1] * largest ** (k - 1) * ROUNDING < e.precision.error:
        k -= 1
        result = e.fma(result, x.high, e.number(coefficients[k][0]))
    value = Pair(result)
    for high, low in reversed(coefficients[:k]):
        value = _step(e, value, x, constant(e, high, low))
    return value


def _step(e: Emitter, value: Pair, x: Pair, coefficient: Pair) -> Pair:
    """Return value·x + coefficient, normalised once."""
    product = e.step(f"{value.high} * {x.high}")
    low = e.step(f"left_out({value.high}, {x.high}, {product})")
    if x.low:
        low = e.fma(value.high, x.low, low)
    if value.low:
        low = e.fma(value.low, x.high, low)
    total, rest = two_sum(e, coefficient.high, product)
    low = e.step(f"{low} + {rest}")
    if coefficient.low:
        low = e.step(f"{low} + {coefficient.low}")
    return rounded(e, total, low)
