"""The primitives and the rule by which each is differentiated, in a form that cancels nowhere.

The slope of a primitive is again made of primitives that are stable by construction: that of the sigmoid is
sigmoid(u)·sigmoid(−u), never y·(1 − y), which has lost every digit from u = 17 on in float32.
"""

from __future__ import annotations

from math import factorial, pi, prod, sqrt
from typing import TYPE_CHECKING

from nonlin.errors import InvalidInputError
from nonlin.functions.construction import call, minimum, piecewise
from nonlin.functions.expression import Constant

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.functions.expression import Expression

__all__ = ["ALIASES", "EVEN", "ODD", "SLOPES", "apply"]

NEAR = 3.0  # within it the recurrence of the Bessel functions cancels, and their series does not
TERMS = 16


def _slope_of_sinc3(u: Expression) -> Expression:
    """Return −u·sinc₄(u): beyond 3 by u²·sinc₄ = 7·sinc₃ − sinc₂, within by the series of sinc₄."""
    series: Expression = Constant(0.0)
    for k in reversed(range(TERMS)):
        coefficient = (-0.5) ** k / (factorial(k) * prod(range(1, 2 * k + 10, 2)))
        series = series * (u * u) + coefficient
    near = -u * series
    far = (apply("sinc2", u) - 7 * apply("sinc3", u)) / u
    return piecewise(u, (Constant(-NEAR), Constant(NEAR)), (far, near, far), (near, near))


SLOPES: dict[str, Callable[[Expression], Expression]] = {
    "exp": lambda u: apply("exp", u),
    "expm1": lambda u: apply("exp", u),
    "log": lambda u: 1 / u,
    "log1p": lambda u: 1 / (1 + u),
    "sqrt": lambda u: 0.5 / apply("sqrt", u),
    "sigmoid": lambda u: apply("sigmoid", u) * apply("sigmoid", -u),
    "softplus": lambda u: apply("sigmoid", u),
    "tanh": lambda u: apply("sech2", u),
    "sech2": lambda u: -2 * apply("tanh", u) * apply("sech2", u),
    "tanh_softplus": lambda u: apply("tanh_softplus_slope", u),
    "tanh_softplus_slope": lambda u: (
        apply("sech2", apply("softplus", u))
        * apply("sigmoid", u)
        * (apply("sigmoid", -u) - 2 * apply("tanh_softplus", u) * apply("sigmoid", u))
    ),
    "tanh_exp": lambda u: apply("tanh_exp_slope", u),
    # the slope is 0 to the last bit long before 40, and exp(u) must not overflow beside it
    "tanh_exp_slope": lambda u: (
        apply("tanh_exp_slope", u) * (1 - 2 * apply("exp", minimum(u, 40.0)) * apply("tanh_exp", u))
    ),
    "tanhshrink": lambda u: apply("tanh", u) ** 2,
    "erf": lambda u: (2 / sqrt(pi)) * apply("gaussian", u),
    "gaussian": lambda u: -2 * u * apply("gaussian", u),
    "normal_cdf": lambda u: apply("normal_density", u),
    "normal_density": lambda u: -u * apply("normal_density", u),
    "sin": lambda u: apply("cos", u),
    "cos": lambda u: -apply("sin", u),
    "atan": lambda u: 1 / (1 + u * u),
    # sinc_n(u) is the spherical Bessel function j_n(u) / uⁿ, and its slope is −u·sinc_{n+1}(u)
    "sinc": lambda u: -u * apply("sinc1", u),
    "sinc1": lambda u: -u * apply("sinc2", u),
    "sinc2": lambda u: -u * apply("sinc3", u),
    "sinc3": _slope_of_sinc3,
    # the three of the hyperbola √(1 + u²): its value, u over it, and 1 over it
    "hypot1": lambda u: apply("isru", u),
    "isru": lambda u: apply("inverse_hypot", u) / (1 + u * u),
    "inverse_hypot": lambda u: -u * (apply("inverse_hypot", u) / (1 + u * u)),
}
"""The slope of every primitive of one operand, at that operand."""

ODD = frozenset({"tanh", "tanhshrink", "erf", "sin", "atan", "isru"})
EVEN = frozenset({"sech2", "gaussian", "normal_density", "cos", "hypot1", "inverse_hypot"})
EVEN |= {"sinc", "sinc1", "sinc2", "sinc3"}

ALIASES = {"logistic": "sigmoid", "Phi": "normal_cdf", "arctan": "atan", "ln": "log"}
"""Other names that a formula may use."""


def apply(name: str, *operands: Expression) -> Expression:
    """Apply a primitive by name.

    Raises:
        InvalidInputError: there is no primitive of that name.
    """
    name = ALIASES.get(name, name)
    if name not in SLOPES:
        raise InvalidInputError(
            f"expected one of the primitives {', '.join(SLOPES)}, got {name!r}; use one of those"
        )
    if len(operands) != 1:
        raise InvalidInputError(f"expected one operand for {name}, got {len(operands)}; give one")
    return call(name, *operands)
