"""How exactly a kernel computes: the type that carries it and the error of its polynomials."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["DOUBLE", "FAST", "SINGLE", "TIGHT", "Precision"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """What a kernel computes with.

    Args:
        name: for the file of the kernel.
        carrier: the NumPy type of all that is computed in between.
        integer: the integer type of the same width.
        error: what a polynomial may be off by, relative to 1.
        mantissa: stored bits of the mantissa.
        bias: of the exponent.
        lowest: exp of this is 0 in the result.
        highest: exp of this is infinite, or far beyond the result's type.
        careful: whether roundings of the carrier are compensated.
        doubled: whether every number is a pair, as in double-double arithmetic; then subnormal results are right, too.
    """

    name: str
    carrier: str
    integer: str
    error: float
    mantissa: int
    bias: int
    lowest: float
    highest: float
    careful: bool
    doubled: bool


DOUBLE = Precision(
    name="double",
    carrier="float64",
    integer="int64",
    error=2.0**-72,
    mantissa=52,
    bias=1023,
    lowest=-746.0,
    highest=709.782712893384,
    careful=True,
    doubled=True,
)
"""For float64: double-double arithmetic, of which 20 bits are to spare."""

SINGLE = Precision(
    name="single",
    carrier="float64",
    integer="int64",
    error=2.0**-33,
    mantissa=52,
    bias=1023,
    lowest=-700.0,
    highest=709.0,
    careful=False,
    doubled=False,
)
"""For float32 and narrower, accurate: float64 inside, polynomials only as long as float32 needs."""

TIGHT = replace(SINGLE, name="tight", error=2.0**-38)
"""The same where several primitives are nested or added, so that their errors do."""

FAST = Precision(
    name="fast",
    carrier="float32",
    integer="int32",
    error=2.0**-27,
    mantissa=23,
    bias=127,
    lowest=-88.0,
    highest=88.9,
    careful=True,
    doubled=False,
)
"""For float32 and narrower, fast: float32 inside."""
