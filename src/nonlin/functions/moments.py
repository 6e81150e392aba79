"""Moments of a function of a normal pre-activation, and what mean-field theory makes of them.

Source: Poole, Lahiri, Raghu, Sohl-Dickstein and Ganguli 2016, Exponential expressivity in deep neural
networks through transient chaos, equations 3 to 8; Schoenholz, Gilmer, Ganguli and Sohl-Dickstein 2017, Deep
information propagation, equations 3 to 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf, isfinite, isnan, log, nan, sqrt
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError
from nonlin.functions.differentiation import differentiate
from nonlin.functions.gaussian_quadrature import expectation
from nonlin.functions.kinks import breakpoints, jumps
from nonlin.functions.steep import steep_places
from nonlin.functions.tails import evaluate_everywhere

if TYPE_CHECKING:
    from nonlin.functions.expression import Expression

__all__ = ["Moments", "as_variance", "depth_of", "moments", "splits_of"]

Array: TypeAlias = NDArray[np.float64]

UNSETTLED = 1e-3  # an integral that halving again would move by more, relative to its size, is taken for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Moments of f(u) for a normal pre-activation u of mean 0; NaN where an integral is not seen to converge.

    Args:
        variance: q, of the pre-activation.
        mean: E[f(u)].
        second: E[f(u)²].
        slope_second: E[f'(u)²]; inf where f jumps.
        gain: 1/√E[f(u)²], the standard deviation of the weights (times √fan-in) that turns the second moment
            into 1.
        weight_variance: σ_w², as given, or the one that keeps the variance q: (q − σ_b²)/E[f²].
        bias_variance: σ_b².
        chi1: χ₁ = σ_w²·E[f'²], by which a layer multiplies the squared gradient.
        length: Q(q) = σ_w²·E[f²] + σ_b², the variance after a layer.
        length_slope: dQ/dq; below 1 a wrong variance heals, above 1 it grows.
        depth: 1/abs(log χ₁), the number of layers over which the squared gradient changes by a factor of e;
            inf at χ₁ = 1, 0 where χ₁ is 0 or infinite.
        error: an estimate of the largest relative error of mean (to √second), second and slope_second; NaN where
            none of them is known.
    """

    variance: float
    mean: float
    second: float
    slope_second: float
    gain: float
    weight_variance: float
    bias_variance: float
    chi1: float
    length: float
    length_slope: float
    depth: float
    error: float


@lru_cache(maxsize=1024)
def moments(
    expression: Expression,
    *,
    variance: float = 1.0,
    weight_variance: float | None = None,
    bias_variance: float = 0.0,
) -> Moments:
    """Integrate a function, its square and its slope's square against N(0, variance).

    Args:
        expression: has no parameters left.
        variance: q > 0, as `as_variance` returns it; so are the others.
        weight_variance: σ_w² ≥ 0; None for the one that keeps the variance.
        bias_variance: σ_b² ≥ 0.
    """
    values, error = _integrals(expression, variance)
    mean, second, slope_second, moved = values
    if jumps(expression):
        slope_second = inf
    kept = (variance - bias_variance) / second if second > 0 else nan
    sigma = kept if weight_variance is None else weight_variance
    chi1 = sigma * slope_second
    return Moments(
        variance=variance,
        mean=mean,
        second=second,
        slope_second=slope_second,
        gain=nan if isnan(second) else 1 / sqrt(second) if second > 0 else inf,
        weight_variance=sigma,
        bias_variance=bias_variance,
        chi1=chi1,
        length=sigma * second + bias_variance,
        length_slope=sigma * moved / (2 * variance),
        depth=depth_of(chi1, error=error),
        error=error,
    )


def as_variance(name: str, value: Any, *, positive: bool = False) -> float:
    """Return a variance as a float64, above 0 where it has to be positive.

    Raises:
        InvalidInputError: it is no finite number, or too small.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(f"expected a number for {name}, got {value!r}; give one") from error
    if not isfinite(number) or number < 0 or (positive and number == 0):
        least = "above 0" if positive else "of at least 0"
        raise InvalidInputError(f"expected a finite {name} {least}, got {number}; change it")
    return number


def _integrals(expression: Expression, variance: float) -> tuple[list[float], float]:
    """Return E f, E f², E f'², E[f²·(z² − 1)] = 2q·dE[f²]/dq, and a relative error."""
    scale = sqrt(variance)
    slope = differentiate(expression)

    def functions(z: Array) -> Array:
        value = evaluate_everywhere(expression, scale * z)
        square = value * value
        return np.array([value, square, evaluate_everywhere(slope, scale * z) ** 2, square * (z * z - 1)])

    found, nodes = expectation(functions, splits=splits_of(expression, scale))
    sizes = np.array([sqrt(max(found[1], 0.0)), found[1], found[2], found[1]])
    with np.errstate(all="ignore"):
        relative = nodes.error / np.where(sizes > 0, sizes, 1.0)
    # at a pole such as that of 1/x the panels are halved without end
    settled = np.where(relative > UNSETTLED, nan, found)
    settled[0] = nan if isnan(settled[1]) else settled[0]
    known = relative[np.isfinite(relative) & (relative <= UNSETTLED)]
    error = float(known.max()) + float(np.finfo(np.float64).eps) if known.size else nan
    return [float(value) for value in settled], error


def splits_of(expression: Expression, scale: float) -> list[float]:
    """Return where to split an integral of f(scale·z) over z: at 0, and where f may bend or change fast."""
    # a breakpoint of f'' only is harmless, but costs nothing either
    places = (*breakpoints(expression), *steep_places(expression, scale))
    return [0.0, *(place / scale for place in places)]


def depth_of(slope: float, *, error: float = 0.0) -> float:
    """Return 1/abs(log slope), the steps in which a geometric sequence changes by a factor of e.

    Args:
        slope: of the map that makes the sequence.
        error: of the slope, relative; a slope within four of it of 1 counts as 1.
    """
    if not isfinite(slope) or slope <= error:
        return nan if isnan(slope) else 0.0
    return inf if abs(slope - 1) <= 4 * error else 1 / abs(log(slope))
