"""How exactly a kernel computes: the type that carries it and the error of its polynomials."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["DOUBLE", "FAST", "LOOSE", "PLAIN", "SHORT", "SINGLE", "TIGHT", "Precision"]


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
        lift: powers of two by which exp(u) is multiplied where u is below −64, and the results that tend to 0 divided
            at last: so no factor is subnormal where the result is not.
        doubled: whether every number is a pair, as in double-double arithmetic; then subnormal results are right, too.
        short: whether what roundings leave out is carried along to the last operation, as in short arithmetic.
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
    lift: int
    doubled: bool
    short: bool = False


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
    lift=0,
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
    highest=700.0,
    careful=False,
    lift=0,
    doubled=False,
)
"""For float32 and narrower, accurate: float64 inside, polynomials only as long as float32 needs."""

TIGHT = replace(SINGLE, name="tight", error=2.0**-38)
"""The same where several primitives are nested or added, so that their errors do."""

LOOSE = replace(SINGLE, name="loose", error=2.0**-31.5)
"""The same where one polynomial is all, and its error, relative to the result, at most 0.006 ULP of float32."""

FAST = Precision(
    name="fast",
    carrier="float32",
    integer="int32",
    error=2.0**-27,
    mantissa=23,
    bias=127,
    lowest=-110.5,
    highest=88.9,
    careful=True,
    lift=32,
    doubled=False,
)
"""For float32 and narrower, fast: float32 inside."""

PLAIN = replace(FAST, lowest=-88.0, lift=0)
"""The same for several exponentials of different arguments, as in second derivatives: below 1e-38 each is 0."""

SHORT = replace(FAST, name="short", lift=0, short=True)
"""For float32 and narrower, accurate, where the arithmetic is so short that float32 is enough."""
