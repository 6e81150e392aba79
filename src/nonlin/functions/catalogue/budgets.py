"""How exact every function is: the budgets in ULP, and where a root or a subnormal result forbids them.

A unit in the last place becomes arbitrarily small at a root, and stops shrinking at the subnormal numbers, so there an
absolute bound stands instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

__all__ = ["ALLOWANCES", "FLOAT32", "FLOAT64", "ROOT", "Allowance"]

FLOAT32 = 0.51
"""ULP, for float32 and narrower: value and slope of every function, computed in float64 and rounded."""

FLOAT64 = 1.5
"""ULP, for float64: value and slope of every function, computed in double-double arithmetic and rounded to 0.51.

The rest is for a product of a subnormal number, rounded twice, and for sums beyond 1e305, where the low parts end.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """An absolute error that counts as right on an interval.

    Args:
        order: 0 for the value, 1 for the slope.
        low: left end.
        high: right end.
        absolute: the error in float64.
        reason: why no bound in ULP holds there.
        single: the error in float32 and narrower.
        power: of the magnitude of the point, by which the errors are multiplied.
    """

    order: int
    low: float
    high: float
    absolute: float
    reason: str
    single: float = 0.0
    power: int = 0


LEAST = 2.0**-1074  # the smallest float64
LARGEST = 1.7976931348623157e308
PAIRS = 2.0**-74  # the absolute error of a sum of terms below 1, in double-double arithmetic
SINGLE = 2.0**-37  # the same by the polynomials for float32
SINE = 2.0**-52  # the same of a sine in float64

SUBNORMAL = "a factor is subnormal, and the other one magnifies its last place"
OVERFLOW = "what a number is divided by is infinite in float64, so that the quotient is 0"
DOUBLE_ROOT = (
    "1 + sin(2αx) has double roots, where it is smaller than the last place of what its terms are computed in"
)
ROOT = "a root of a sum"


def _subnormal(*orders: int, factor: float) -> tuple[Allowance, ...]:
    """Allow what a subnormal factor, itself right to the budget, is off by, times the largest factor beside it."""
    return tuple(_everywhere(order, FLOAT64 * (factor + 1) * LEAST, SUBNORMAL) for order in orders)


def _everywhere(order: int, absolute: float, reason: str, *, single: float = 0.0) -> Allowance:
    return Allowance(order=order, low=-inf, high=inf, absolute=absolute, single=single, reason=reason)


def _root(center: float, curvature: float) -> tuple[Allowance, Allowance]:
    """Allow for a root of the slope, as far from it as the error of its terms is above what the budget spares."""
    narrow, wide = _edge(PAIRS, FLOAT64, 53), _edge(SINGLE, FLOAT32, 24)
    return (
        _around(center, narrow / curvature, absolute=PAIRS + narrow * 2.0**-53),
        _around(center, wide / curvature, single=SINGLE + wide * 2.0**-24),
    )


def _around(center: float, width: float, *, absolute: float = 0.0, single: float = 0.0) -> Allowance:
    return Allowance(
        order=1, low=center - width, high=center + width, absolute=absolute, single=single, reason=ROOT
    )


def _edge(error: float, budget: float, bits: int) -> float:
    """Return the number below which an error is more units in the last place than a budget has beside rounding."""
    return error * 2.0**bits / (budget - 0.5)


TAIL = 750.0  # exp is subnormal from −708 to −745; twice that where two primitives are nested, which round it twice
ALLOWANCES: dict[str, tuple[Allowance, ...]] = {
    "arctan": (_everywhere(1, 1 / LARGEST, OVERFLOW),),
    "elish": _root(-0.881373587019543, 0.24),
    "gaussian": _subnormal(1, factor=2 * 27.3),
    "gcu": (Allowance(order=1, low=-inf, high=inf, absolute=PAIRS, power=1, reason=ROOT),),
    "gelu": (*_root(-0.7517915246935645, 0.43), *_subnormal(0, 1, factor=39.0)),
    "gelu_tanh": (
        *_root(-0.7524614220710163, 0.43),
        *_subnormal(0, factor=22.0),
        *_subnormal(1, factor=2200.0),
    ),
    "logish": (*_root(-1.3724541370256922, 0.18), *_subnormal(0, 1, factor=2 * TAIL)),
    "mish": (*_root(-1.1924312145154954, 0.26), *_subnormal(0, 1, factor=TAIL)),
    "phish": (*_root(-1.1954312013879125, 0.36), *_subnormal(0, 1, factor=39.0**2)),
    "quick_gelu": (*_root(-0.751154255441289, 0.37), *_subnormal(0, 1, factor=TAIL)),
    "serf": (*_root(-1.193059968928188, 0.3), *_subnormal(0, 1, factor=2 * TAIL)),
    "scaled_tanh": _subnormal(0, 1, factor=1.72),
    "selu": _subnormal(0, 1, factor=1.76),
    "silu": (*_root(-1.278464542761074, 0.21), *_subnormal(0, 1, factor=TAIL)),
    "sinc": (Allowance(order=1, low=-inf, high=inf, absolute=PAIRS, power=-1, reason=ROOT),),
    "smish": (*_root(-1.3945193019245041, 0.18), *_subnormal(0, 1, factor=TAIL)),
    "snake": (_everywhere(1, 1e-22, DOUBLE_ROOT, single=SINE + _edge(SINE, FLOAT32, 24) * 2.0**-24),),
    "softclip": _subnormal(0, 1, factor=4.0),
    "squareplus": (_everywhere(0, 2 / LARGEST, OVERFLOW),),
    "swish": (*_root(-1.278464542761074, 0.21), *_subnormal(0, 1, factor=TAIL)),
    "tanhexp": (*_root(-1.0788600584646242, 0.35), *_subnormal(0, 1, factor=TAIL)),
    "telu": (*_root(-1.0788600584646242, 0.35), *_subnormal(0, 1, factor=TAIL)),
}
"""The exceptions by function, with its default parameters; all others meet the budgets everywhere.

A root of a slope is given with the size of the curvature there.
"""
