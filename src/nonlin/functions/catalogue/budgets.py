"""How exact every function is: the budgets in ULP, and where a root or a subnormal result forbids them.

A unit in the last place becomes arbitrarily small at a root, and stops shrinking at the subnormal numbers, so there an
absolute bound stands instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

__all__ = ["ALLOWANCES", "FLOAT32", "FLOAT64", "LOOSER", "Allowance"]

FLOAT32 = 0.51
"""ULP, for float32 and narrower: value and slope of every function, computed in float64 and rounded."""

FLOAT64 = 4.0
"""ULP, for float64: value and slope of every function."""

LOOSER: dict[str, float] = {
    "elish": 5.0,
    "gelu": 7.0,
    "gelu_tanh": 96.0,
    "logish": 8.0,
    "mish": 7.0,
    "phish": 9.0,
    "quick_gelu": 6.0,
    "rational": 10.0,
    "serf": 9.0,
    "scaled_tanh": 16.0,
    "silu": 5.0,
    "sinc": 6.0,
    "smish": 9.0,
    "softclip": 24.0,
    "squareplus": 7.0,
    "swish": 5.0,
    "tanhexp": 6.0,
    "tanhshrink": 5.0,
    "telu": 6.0,
}
"""ULP, for float64, of the functions that miss the budget: many roundings, not all of them compensated.

Measured over 20,000 points each, the worse of the compiled loop and NumPy, rounded up.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """An absolute error that counts as right on an interval.

    Args:
        order: 0 for the value, 1 for the slope.
        low: left end.
        high: right end.
        absolute: the error in float64.
        single: the error in float32 and narrower.
        reason: why no bound in ULP holds there.
    """

    order: int
    low: float
    high: float
    absolute: float
    reason: str
    single: float = 0.0


ROOT = "a root of a sum"
SUBNORMAL = "a result below 2.3e-308, or a factor of it, is subnormal"


def _root(center: float, absolute: float, *, order: int = 1, width: float = 0.5) -> Allowance:
    return Allowance(
        order=order, low=center - width, high=center + width, absolute=absolute, reason=ROOT, single=6e-10
    )


def _everywhere(order: int, absolute: float, reason: str) -> Allowance:
    return Allowance(order=order, low=-inf, high=inf, absolute=absolute, reason=reason)


ALLOWANCES: dict[str, tuple[Allowance, ...]] = {
    "arctan": (_everywhere(1, 1e-306, SUBNORMAL),),
    "elish": (_root(-0.881, 2e-16),),
    "gaussian": (_everywhere(1, 1e-320, SUBNORMAL),),
    "gcu": (_everywhere(1, 3e-16, ROOT), Allowance(order=1, low=-1e3, high=1e3, absolute=3e-13, reason=ROOT)),
    "gelu": (_root(-0.752, 3e-16), _everywhere(0, 1e-320, SUBNORMAL), _everywhere(1, 1e-320, SUBNORMAL)),
    "gelu_tanh": (_root(-0.752, 3e-16), _everywhere(0, 1e-306, SUBNORMAL), _everywhere(1, 1e-306, SUBNORMAL)),
    "hardmish": (_root(-1.0, 3e-16),),
    "hardsigmoid_affine": (
        _root(-2.5, 6e-17, order=0),
        Allowance(
            order=1,
            low=2.5 - 1e-9,
            high=2.5 + 1e-9,
            absolute=0.2,
            reason="0.2 in float64 is not 1/5: the kink is beside 2.5",
        ),
        Allowance(
            order=1,
            low=-2.5 - 1e-9,
            high=-2.5 + 1e-9,
            absolute=0.2,
            reason="0.2 in float64 is not 1/5: the kink is beside −2.5",
        ),
    ),
    "hardswish": (_root(-1.5, 3e-16),),
    "logish": (_root(-1.385, 3e-16, width=2.4),),
    "mish": (_root(-1.192, 4e-16, width=1.5),),
    "phish": (
        _root(-1.2, 3e-16, width=1.0),
        Allowance(order=1, low=-2.2, high=-0.2, absolute=3e-16, reason=ROOT, single=2e-9),
        _everywhere(0, 1e-318, SUBNORMAL),
        _everywhere(1, 1e-318, SUBNORMAL),
    ),
    "quick_gelu": (
        _root(-0.751, 3e-16),
        _everywhere(0, 1e-320, SUBNORMAL),
        _everywhere(1, 1e-320, SUBNORMAL),
    ),
    "rational": (_root(-0.6, 6e-17, order=0, width=1.0), _root(-0.5, 3e-16, width=1.0)),
    "serf": (_root(-1.19, 4e-16, width=1.0),),
    "silu": (_root(-1.278, 3e-16, width=1.2),),
    "sinc": (
        Allowance(order=1, low=-inf, high=-1e150, absolute=1e-150, reason="1/u² underflows"),
        Allowance(order=1, low=1e150, high=inf, absolute=1e-150, reason="1/u² underflows"),
        Allowance(order=1, low=-1e3, high=1e3, absolute=3e-17, reason=ROOT),
    ),
    "smish": (_root(-1.396, 3e-16),),
    "snake": (_everywhere(1, 4e-16, "1 + sin(2αx) has double roots"),),
    "softshrink": (),
    "squareplus": (_everywhere(0, 1e-307, SUBNORMAL),),
    "swish": (_root(-1.278, 3e-16, width=1.2),),
    "tanhexp": (_root(-1.079, 3e-16, width=1.0),),
    "telu": (_root(-1.079, 3e-16, width=1.0),),
}
"""The exceptions by function, with its default parameters; all others meet the budgets everywhere."""
