"""What deep layers make of a signal and of its gradient, layer by layer: predicted, or tried on one random network.

Source: Poole et al. 2016, Exponential expressivity in deep neural networks through transient chaos, equation 3;
Schoenholz et al. 2017, Deep information propagation, equation 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError
from nonlin.results import Result, plain

if TYPE_CHECKING:
    from nonlin.functions.function import Function

__all__ = ["Layers", "predicted_layers", "random_layers"]

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layers(Result):
    """Layers of dense weights of variance σ_w²/width and biases of variance σ_b², each followed by one function.

    All arrays are float64 of shape (depth,), first layer first. NaN stands where a variance has left the range of
    float64, and chi1 is inf for a function that jumps.

    Args:
        label: of the function.
        width: the units of each layer of the random network; None for the prediction, of infinite width.
        weight_variance: σ_w².
        bias_variance: σ_b².
        variance: q, of the pre-activations; the inputs have mean square 1.
        chi1: χ₁ = σ_w²·E[f'(u)²].
        gradient: root mean square of the gradient with respect to the pre-activations, over the last layer's.
    """

    label: str
    width: int | None
    weight_variance: float
    bias_variance: float
    variance: Array
    chi1: Array
    gradient: Array

    @property
    def decades(self) -> float:
        """The powers of ten by which the gradient changes from the last layer to the first."""
        with np.errstate(divide="ignore"):
            return float(np.log10(self.gradient[0]))

    def to_dict(self) -> dict[str, Any]:
        """Return the layers as values that JSON has."""
        found: dict[str, Any] = plain(self)
        return found | {"decades": plain(self.decades)}

    def columns(self) -> dict[str, list[Any]]:
        """Return a row a layer, as data frames take them."""
        rows = {name: getattr(self, name).tolist() for name in ("variance", "chi1", "gradient")}
        return {"layer": list(range(1, len(self.variance) + 1)), **rows}


def predicted_layers(f: Function, depth: int, weight_variance: float, bias_variance: float) -> Layers:
    """Return what mean-field theory predicts for wide layers.

    Args:
        f: of one number.
        depth: at least 1.
        weight_variance: σ_w² > 0.
        bias_variance: σ_b² ≥ 0.

    Raises:
        InvalidInputError: a value out of its range.
    """
    _check(depth, weight_variance, bias_variance)
    variance, chi1 = np.full(depth, np.nan), np.full(depth, np.nan)
    q = weight_variance + bias_variance
    for k in range(depth):
        if not (q > 0 and isfinite(q)):
            break
        at = f.moments(q, weight_variance=weight_variance, bias_variance=bias_variance)
        variance[k], chi1[k], q = q, at.chi1, at.length
    # the last layer's own χ₁ lies behind its pre-activations
    with np.errstate(over="ignore"):
        gradient = np.sqrt(np.cumprod(np.append(1.0, chi1[-2::-1]))[::-1])
    return Layers(
        label=f.label,
        width=None,
        weight_variance=weight_variance,
        bias_variance=bias_variance,
        variance=variance,
        chi1=chi1,
        gradient=gradient,
    )


def random_layers(predicted: Layers, f: Function, *, width: int, seed: int = 0) -> Layers:
    """Return what one network with random normal weights, input and loss does.

    Args:
        predicted: whose depth and variances it has.
        f: the same function.
        width: units of each layer, at least 1.
        seed: of its weights.

    Raises:
        InvalidInputError: a width below 1.
    """
    if width < 1:
        raise InvalidInputError(f"expected a width of at least 1, got {width}; give another")
    rng = np.random.default_rng(seed)
    depth, h = len(predicted.variance), rng.normal(size=width)
    weights, slopes, variance = [], [], np.empty(depth)
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(depth):
            weights.append(rng.normal(size=(width, width)) * np.sqrt(predicted.weight_variance / width))
            u = weights[k] @ h + np.sqrt(predicted.bias_variance) * rng.normal(size=width)
            slopes.append(f.slope(u))
            variance[k], h = np.mean(u * u), f(u)
        gradient = _gradients(weights, slopes, rng.normal(size=width))
    return Layers(
        label=predicted.label,
        width=width,
        weight_variance=predicted.weight_variance,
        bias_variance=predicted.bias_variance,
        variance=variance,
        chi1=predicted.weight_variance * np.mean(np.square(slopes), axis=1),
        gradient=gradient,
    )


def _gradients(weights: list[Array], slopes: list[Array], last: Array) -> Array:
    """Return the root mean square of the gradient at every layer, over the last one's."""
    found, g = [last], last
    for weight, slope in zip(weights[:0:-1], slopes[-2::-1], strict=True):
        g = (weight.T @ g) * slope
        found.append(g)
    sizes = np.sqrt(np.mean(np.square(found), axis=1))[::-1]
    return np.asarray(sizes / sizes[-1])


def _check(depth: int, weight_variance: float, bias_variance: float) -> None:
    if depth < 1 or not 0 < weight_variance < np.inf or not 0 <= bias_variance < np.inf:
        raise InvalidInputError(
            f"expected a depth of at least 1, a weight variance above 0 and a bias variance of at least 0, "
            f"got {depth}, {weight_variance} and {bias_variance}; change them"
        )
