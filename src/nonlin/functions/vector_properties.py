"""What is proved or sampled about the functions of a whole vector, for vectors of two elements and more."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from nonlin.functions.property import Property, numeric, proved, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VectorProperties", "vector_properties"]

SUM = "a quotient by its own sum, or a projection onto the simplex"
MIDRANGE = "vᵀJv is a variance, at most (max v − min v)²/4 ≤ ‖v‖²/2; equal for two equal elements"


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorProperties:
    """The properties of a function of a vector.

    Args:
        range: infimum and supremum of an element of the result.
        attained: whether the infimum and the supremum are values of an element, for finite arguments.
        bounded: whether the range is.
        sums_to_one: whether the result is a probability distribution.
        order: of the elements: "kept", "reversed", "kept weakly" (unequal ones may become equal) or "none".
        shift_invariant: whether a constant added to every element changes nothing.
        lipschitz: the smallest Lipschitz constant in the Euclidean norm, for vectors of any length; inf where there is
            none.
        piecewise_linear: whether it is made of finitely many affine pieces.
    """

    range: Property[tuple[float, float]]
    attained: Property[tuple[bool, bool]]
    bounded: Property[bool]
    sums_to_one: Property[bool]
    order: Property[str]
    shift_invariant: Property[bool]
    lipschitz: Property[float]
    piecewise_linear: Property[bool]


def vector_properties(name: str, parameters: Mapping[str, float]) -> VectorProperties:
    """Return the properties of a vector function of the catalogue.

    >>> vector_properties("softmax", {}).lipschitz.value
    0.5
    """
    alpha = {"softmax": 1.0, "softmin": 1.0, "sparsemax": 2.0}.get(name, parameters.get("alpha"))
    simplex = alpha is not None or name == "hardmax"
    span = proved((0.0, 1.0) if simplex else _range(name), _why_range(name, simplex=simplex))
    return VectorProperties(
        range=span,
        attained=proved(*_attained(name, alpha)),
        bounded=proved(simplex, "its range"),
        sums_to_one=proved(simplex, SUM if simplex else "its range"),
        order=proved(_order(name, alpha), "an increasing function of each element beside a common number"),
        shift_invariant=proved(simplex or name == "log_softmax", "only differences of elements enter"),
        lipschitz=_lipschitz(name, alpha),
        piecewise_linear=_piecewise_linear(name, alpha),
    )


def _range(name: str) -> tuple[float, float]:
    return {"log_softmax": (-inf, 0.0), "crelu": (0.0, inf)}.get(name, (-inf, inf))


def _why_range(name: str, *, simplex: bool) -> str:
    if simplex:
        return "a probability; 0 and 1 are reached or approached by one element far above the others"
    if name == "log_softmax":
        return "the logarithm of a probability"
    return (
        "relu of one element" if name == "crelu" else "one element passes through, times a gate that is not 0"
    )


def _attained(name: str, alpha: float | None) -> tuple[tuple[bool, bool], str]:
    if alpha == 1.0 or name == "log_softmax":
        return (False, False), "every exponential of the sum is above 0"
    if alpha is not None or name == "hardmax":
        return (True, True), "one element far above the others gets 1, and they get 0"
    if name == "crelu":
        return (True, False), "relu of a number that is not positive is 0"
    return (False, False), "both ends are infinite"


def _order(name: str, alpha: float | None) -> str:
    if name == "softmin":
        return "reversed"
    if alpha == 1.0 or name == "log_softmax":
        return "kept"
    return "kept weakly" if alpha is not None or name == "hardmax" else "none"


def _lipschitz(name: str, alpha: float | None) -> Property[float]:
    if name == "hardmax":
        return proved(inf, "it jumps where the largest elements are equal")
    if name == "log_softmax":
        return proved(inf, "I − 1·pᵀ has the norm √n·‖p‖, up to √n for n elements")
    if name == "crelu":
        return proved(1.0, "relu(x)² + relu(−x)² = x², and each part is an orthogonal selection")
    if name == "maxout":
        return proved(1.0, "the largest of a run changes by no more than its elements do")
    if alpha is None:
        return proved(
            inf, "the slope by one half is the other's gate, which is unbounded or multiplied by it"
        )
    if alpha == 1.0:
        return proved(0.5, MIDRANGE)
    if alpha == 2.0:
        return proved(1.0, "a projection onto a convex set")
    if alpha < 2.0:
        reason = (
            "of two equal elements; 1 is proved, as the entropy is strongly concave, and no search found more"
        )
        return numeric(2.0 ** (alpha - 2.0), reason, error=1.0 - 2.0 ** (alpha - 2.0))
    return unknown("for alpha above 2 the Jacobian is unbounded entry by entry where the support begins")


def _piecewise_linear(name: str, alpha: float | None) -> Property[bool]:
    if alpha == 2.0 or name in ("crelu", "maxout", "hardmax"):
        return proved(True, "affine on each support, or a choice between elements")
    if name == "reglu":
        return proved(False, "a product of both halves where the gate is open")
    return proved(False, "its Jacobian is not constant on any open set of full support")
