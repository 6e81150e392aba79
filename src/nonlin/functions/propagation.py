"""How deep a signal reaches in a wide network at its start: fixed points of the mean-field maps.

Two inputs of equal length and correlation c become, after a layer, two of correlation C(c). With Hermite
coefficients a_k of u ↦ f(√q·u), E[f(u₁)f(u₂)] = Σ a_k²·cᵏ (Mehler's formula), so that C is a power series
with coefficients of one sign: increasing and convex.

Source: Poole et al. 2016, equations 3 to 6; Schoenholz et al. 2017, equations 7 to 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, nan, sqrt
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.functions.gaussian_quadrature import expectation
from nonlin.functions.moments import Moments, depth_of, moments, splits_of
from nonlin.functions.tails import evaluate_everywhere

if TYPE_CHECKING:
    from nonlin.functions.expression import Expression

__all__ = ["Propagation", "propagate"]

Array: TypeAlias = NDArray[np.float64]

HERMITE = 400  # coefficients; the rest is bounded by what is missing of E[f²]
STEPS = 2000
SETTLED = 1e-13
VANISHED, EXPLODED = 1e-150, 1e150


@dataclass(frozen=True, slots=True, kw_only=True)
class Propagation:
    """What becomes of signals and gradients in a deep, wide network with these weights.

    Args:
        weight_variance: σ_w².
        bias_variance: σ_b².
        variance: q*, the variance of the pre-activations that layer after layer tends to, from 1; 0 where
            signals vanish, inf where they explode.
        correlation: c*, the correlation that two different inputs tend to; 1 in the ordered phase.
        chi1: χ₁ at q*: below 1 ordered (gradients vanish), above 1 chaotic (they explode).
        length_depth: ξ_q, the layers over which the distance to q* falls by a factor of e.
        correlation_depth: ξ_c, the layers over which the distance to c* falls by e: how deep inputs can still
            be told apart.
        gradient_depth: the layers over which the squared gradient changes by e.
        error: of c*, from the Hermite coefficients left out.
    """

    weight_variance: float
    bias_variance: float
    variance: float
    correlation: float
    chi1: float
    length_depth: float
    correlation_depth: float
    gradient_depth: float
    error: float


def propagate(expression: Expression, *, weight_variance: float, bias_variance: float = 0.0) -> Propagation:
    """Iterate the length map from q = 1, then find the stable fixed point of the correlation map.

    Args:
        expression: has no parameters left.
        weight_variance: σ_w² ≥ 0, as `as_variance` returns it.
        bias_variance: σ_b² ≥ 0, likewise.
    """
    at = _fixed_length(expression, weight_variance, bias_variance)
    if isinstance(at, float):
        return Propagation(
            weight_variance=weight_variance,
            bias_variance=bias_variance,
            variance=at,
            correlation=nan,
            chi1=nan,
            length_depth=nan,
            correlation_depth=nan,
            gradient_depth=nan,
            error=0.0,
        )
    correlation, slope, error = _fixed_correlation(expression, at)
    return Propagation(
        weight_variance=weight_variance,
        bias_variance=bias_variance,
        variance=at.variance,
        correlation=correlation,
        chi1=at.chi1,
        length_depth=depth_of(at.length_slope, error=at.error),
        correlation_depth=depth_of(slope, error=at.error),
        gradient_depth=at.depth,
        error=error,
    )


def _fixed_length(expression: Expression, weight: float, bias: float) -> Moments | float:
    """Return the moments at q*, or 0 or inf where there is none."""
    q = 1.0
    for _ in range(STEPS):
        found = moments.__wrapped__(expression, variance=q, weight_variance=weight, bias_variance=bias)
        after = found.length
        if not isfinite(after) or after > EXPLODED:
            return inf
        if after < VANISHED:
            return 0.0
        if abs(after - q) <= SETTLED * q:
            return found
        q = _accelerated(q, after, found.length_slope)
    return found


def _accelerated(q: float, after: float, slope: float) -> float:
    """Return Newton's step for Q(q) = q where the map contracts, else the map's own step."""
    if 0 <= slope < 0.99:
        newton = q + (after - q) / (1 - slope)
        if 0.5 * q < newton < 2 * q:
            return newton
    return after


def _fixed_correlation(expression: Expression, at: Moments) -> tuple[float, float, float]:
    """Return c*, the map's slope there, and an error."""
    if at.chi1 <= 1 + SETTLED:
        # C is convex with C(1) = 1, so that it stays above the diagonal
        return 1.0, at.chi1, 0.0
    powers = np.arange(HERMITE)
    squares, missing = _hermite_squares(expression, at)
    squares *= at.weight_variance / at.variance
    missing *= at.weight_variance / at.variance
    constant = at.bias_variance / at.variance

    def gap(c: float) -> float:
        return float(squares @ c**powers) + constant - c

    low, high = 0.0, 1.0
    if gap(0.0) <= SETTLED:
        high = 0.0
    while high - low > 1e-15:
        middle = (low + high) / 2
        low, high = (middle, high) if gap(middle) > 0 else (low, middle)
    c = (low + high) / 2
    slope = float((squares[1:] * powers[1:]) @ c ** powers[:-1])
    rest = missing * c**HERMITE / max(1 - slope, 1e-300)
    return c, slope, rest


def _hermite_squares(expression: Expression, at: Moments) -> tuple[Array, float]:
    """Return a_k² for k < HERMITE and the sum of the rest."""
    scale = sqrt(at.variance)

    def value(z: Array) -> Array:
        return np.asarray(evaluate_everywhere(expression, scale * z)[None, :])

    _, nodes = expectation(value, splits=splits_of(expression, scale))
    weighted = value(nodes.z)[0] * nodes.weight
    before, current = np.zeros_like(nodes.z), np.ones_like(nodes.z)
    squares = np.empty(HERMITE)
    for k in range(HERMITE):
        squares[k] = float(weighted @ current) ** 2
        # normalised Hermite polynomials: √(k+1)·h_{k+1} = z·h_k − √k·h_{k−1}
        before, current = current, (nodes.z * current - sqrt(k) * before) / sqrt(k + 1)
    return squares, max(at.second - float(squares.sum()), 0.0)
