"""Moments of an activation under a normal pre-activation with a mean and variance of its own for every entry."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.array import Array

__all__ = ["Curve", "Nodes", "curve_of", "nodes_of", "products"]

_EDGE = 8.5
"""In standard deviations; beyond it lies less than 2e-17 of a normal distribution."""

_BENDS = (0.0, 1.0, -1.0, 2.0, -2.0, 4.0, -4.0, 8.0, -8.0, 16.0, -16.0)
"""Where functions of the catalogue bend, so that a wide pre-activation does not step over it."""

_ORDER = 8
_TERMS = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """The function of each entry.

    Args:
        value, slope: of pre-activations of shape (entries, nodes).
        kinks: where the slope or the value jumps.
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    kinks: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nodes:
    """A rule of integration for each entry; arrays of shape (entries, nodes).

    Args:
        z: standard normal numbers.
        weight: with the density.
        u: the pre-activations there, mean + deviation · z.
    """

    z: Array
    weight: Array
    u: Array

    def expect(self, values: Array) -> Array:
        """Return the expectation for each entry, shape (entries,)."""
        return np.asarray((values * self.weight).sum(axis=1))

    def hermite(self, values: Array) -> Array:
        """Return the first coefficients in normalised Hermite polynomials of z, shape (terms, entries)."""
        before, current = np.zeros_like(self.z), np.ones_like(self.z)
        found = []
        for k in range(_TERMS):
            found.append(self.expect(values * current))
            before, current = current, (self.z * current - np.sqrt(k) * before) / np.sqrt(k + 1)
        return np.array(found)


def curve_of(operator: Activation | ParametricRelu, shape: tuple[int, ...]) -> Curve:
    """Return the function of each entry of a pre-activation of this shape, the batch axis in front."""
    if isinstance(operator, ParametricRelu):
        slopes = np.broadcast_to(operator.slopes, shape).reshape(-1, 1).astype(np.float64)
        return Curve(
            value=lambda u: np.where(u > 0, u, slopes * u),
            slope=lambda u: np.where(u > 0, 1.0, slopes),
            kinks=(0.0,),
        )
    return Curve(value=operator.apply, slope=operator.slope, kinks=operator.function.kinks)


def nodes_of(mean: Array, variance: Array, kinks: tuple[float, ...]) -> Nodes:
    """Return Gauss and Legendre's nodes in panels that end at every kink.

    Args:
        mean: of each entry, shape (entries,).
        variance: likewise.
        kinks: of the function.
    """
    deviation = np.sqrt(np.maximum(variance, 0.0))
    splits = np.array([*dict.fromkeys((*_BENDS, *kinks))])
    with np.errstate(all="ignore"):
        places = (splits - mean[:, None]) / deviation[:, None]
    fixed = np.broadcast_to(np.linspace(-_EDGE, _EDGE, 18), (len(mean), 18))
    inner = np.clip(np.nan_to_num(places, nan=0.0), -_EDGE, _EDGE)
    ends = np.sort(np.concatenate([fixed, inner], axis=1), axis=1)
    middle, half = (ends[:, 1:] + ends[:, :-1]) / 2, (ends[:, 1:] - ends[:, :-1]) / 2
    points, weights = _legendre()
    z = (middle[..., None] + half[..., None] * points).reshape(len(mean), -1)
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    weight = (half[..., None] * weights).reshape(len(mean), -1) * density
    return Nodes(z=z, weight=weight, u=mean[:, None] + deviation[:, None] * z)


def products(coefficients: Array, second: Array, correlation: Array) -> Array:
    """Return E[g(uᵢ) g(uⱼ)] of jointly normal pre-activations, shape (entries, entries), by Mehler's formula.

    Args:
        coefficients: of g for each entry, shape (terms, entries); the terms that are left out weigh correlationᵏ.
        second: E[g²], put on the diagonal.
        correlation: of the pre-activations, shape (entries, entries).
    """
    power = np.ones_like(correlation)
    total = np.zeros_like(correlation)
    for row in coefficients:
        total += np.outer(row, row) * power
        power *= correlation
    np.fill_diagonal(total, second)
    return total


@cache
def _legendre() -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(_ORDER)
