"""Integrals against the standard normal density, split at kinks and refined until they settle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Nodes", "expectation"]

Array: TypeAlias = NDArray[np.float64]

EDGE = 38.5  # beyond it the density is below the smallest float64
PANELS = (-EDGE, -27.0, -19.0, -14.0, -11.0, *np.arange(-9.0, 9.5, 0.75), 11.0, 14.0, 19.0, 27.0, EDGE)
ORDER = 20
ROUNDS = 60
MOST_PANELS = 4096
TOLERANCE = 4e-16  # of the integral of the absolute value, a panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """A rule for integrals against the standard normal density.

    Args:
        z: shape (n,).
        weight: shape (n,), the density included.
        error: shape (functions,), an estimate of the error of each integral that it was refined for.
    """

    z: Array
    weight: Array
    error: Array

    def mean(self, values: Array) -> Array:
        """Return the expectations of values at the nodes, shape (..., n)."""
        return np.asarray(values @ self.weight)


def expectation(functions: Callable[[Array], Array], *, splits: Sequence[float] = ()) -> tuple[Array, Nodes]:
    """Return E[functions(z)] for z ~ N(0, 1), and the rule that gave it.

    Args:
        functions: takes shape (n,), returns shape (functions, n); smooth between the splits.
        splits: where a function has a kink or a jump.

    Returns:
        Shape (functions,), in float64, with about 1e-15 of relative error where the estimate says nothing
        larger; ±inf or NaN where the integral overflows or a function is NaN.
    """
    inner = [split for split in splits if -EDGE < split < EDGE]
    ends = np.unique(np.concatenate([PANELS, inner]))
    low, high = ends[:-1], ends[1:]
    kept: list[tuple[Array, Array, Array]] = []
    total = _integrals(functions, low, high)[1].sum(axis=1, keepdims=True)
    for round_ in range(ROUNDS):
        middle = (low + high) / 2
        whole = _integrals(functions, low, high)[0]
        halves = _integrals(functions, low, middle)[0] + _integrals(functions, middle, high)[0]
        with np.errstate(invalid="ignore"):  # of an integral that overflows
            error = np.abs(whole - halves)
        rough = ((error > TOLERANCE * total) & np.isfinite(total)).any(axis=0) & (high - low > 1e-12)
        last = round_ == ROUNDS - 1 or rough.sum() > MOST_PANELS
        done = np.ones_like(rough) if last else ~rough
        kept.append((low[done], high[done], error[:, done].sum(axis=1)))
        if done.all():
            break
        low, high = np.concatenate([low[rough], middle[rough]]), np.concatenate([middle[rough], high[rough]])
    return _collected(functions, kept)


def _collected(
    functions: Callable[[Array], Array], kept: list[tuple[Array, Array, Array]]
) -> tuple[Array, Nodes]:
    # every panel that settled is used in halves, as its error was measured
    low, high = (np.concatenate([part[i] for part in kept]) for i in (0, 1))
    middle = (low + high) / 2
    z, weight = _rule(np.concatenate([low, middle]), np.concatenate([middle, high]))
    nodes = Nodes(z=z.ravel(), weight=weight.ravel(), error=np.sum([part[2] for part in kept], axis=0))
    with np.errstate(all="ignore"):
        return nodes.mean(functions(nodes.z)), nodes


def _integrals(functions: Callable[[Array], Array], low: Array, high: Array) -> tuple[Array, Array]:
    """Return the integrals of each function and of its absolute value over each panel: (functions, panels)."""
    z, weight = _rule(low, high)
    with np.errstate(all="ignore"):
        values = functions(z.ravel()).reshape(-1, *z.shape) * weight
        return values.sum(axis=2), np.abs(values).sum(axis=2)


def _rule(low: Array, high: Array) -> tuple[Array, Array]:
    nodes, weights = _legendre()
    half = (high - low)[:, None] / 2
    z = (low + high)[:, None] / 2 + half * nodes
    return z, half * weights * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


@cache
def _legendre() -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(ORDER)
