"""Properties from samples, where nothing was proved: values on a grid of magnitudes up to 1e8."""

from __future__ import annotations

from math import inf, isinf, isnan
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.functions.differentiation import differentiate
from nonlin.functions.kinks import breakpoints
from nonlin.functions.tails import evaluate_everywhere, limit

if TYPE_CHECKING:
    from nonlin.functions.expression import Expression

__all__ = ["sampled_convexity", "sampled_monotonicity", "sampled_range"]

Array: TypeAlias = NDArray[np.float64]

MAGNITUDES = np.logspace(-8, 8, 1601)
NOISE = 1e-12  # a slope of the wrong sign, but smaller than this beside the largest one, is rounding


def sampled_range(expression: Expression) -> tuple[float, float]:
    """Return the smallest and the largest value seen, ±inf where the function grows without end."""
    values = evaluate_everywhere(expression, _grid(expression))
    ends = [end for side in (-1, 1) if not isnan(end := limit(expression, side))]
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    low = -inf if any(isinf(end) and end < 0 for end in ends) else min([low, *ends])
    high = inf if any(isinf(end) and end > 0 for end in ends) else max([high, *ends])
    return low, high


def sampled_monotonicity(expression: Expression) -> str:
    """Return "increasing", "decreasing", "constant" or "no", from differences of neighbouring samples."""
    values = evaluate_everywhere(expression, _grid(expression))
    return _verdict(np.diff(values), ("increasing", "decreasing", "constant"))


def sampled_convexity(expression: Expression) -> str:
    """Return "convex", "concave", "affine" or "no", from differences of the slope at neighbouring samples."""
    slopes = evaluate_everywhere(differentiate(expression), _grid(expression))
    return _verdict(np.diff(slopes), ("convex", "concave", "affine"))


def _verdict(steps: Array, names: tuple[str, str, str]) -> str:
    steps = steps[np.isfinite(steps)]
    size = float(np.abs(steps).max(initial=0.0))
    rises, falls = bool((steps > NOISE * size).any()), bool((steps < -NOISE * size).any())
    if rises and falls:
        return "no"
    return names[0] if rises else names[1] if falls else names[2]


def _grid(expression: Expression) -> Array:
    points = np.array(breakpoints(expression))
    near = [np.nextafter(points, -inf), points, np.nextafter(points, inf)] if len(points) else []
    return np.unique(np.concatenate([-MAGNITUDES, [0.0], MAGNITUDES, np.linspace(-40, 40, 16001), *near]))
