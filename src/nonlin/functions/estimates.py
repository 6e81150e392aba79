"""Properties from samples, where nothing was proved: values on a grid of magnitudes up to 1e8."""

from __future__ import annotations

from math import inf, isinf, isnan, nan
from typing import TypeAlias

import numpy as np
from flint import arb
from numpy.typing import NDArray

from nonlin.functions.construction import rebuild
from nonlin.functions.differentiation import differentiate
from nonlin.functions.evaluation import evaluate
from nonlin.functions.expression import Constant, Expression, Piecewise, children, nodes
from nonlin.functions.kinks import breakpoints, jumps, jumps_at
from nonlin.functions.proofs import jets
from nonlin.functions.proofs.algebra import one_function
from nonlin.functions.slope_bound import grows, largest_slope, samples
from nonlin.functions.tails import evaluate_everywhere, limit

__all__ = ["holes", "sampled_convexity", "sampled_linearity", "sampled_lipschitz", "sampled_monotonicity"]
__all__ += ["sampled_range", "sampled_smoothness"]

Array: TypeAlias = NDArray[np.float64]

POLE = 1e7  # so large a value, one floating-point number beside a hole, is taken for a pole
ROUNDING = 1e-15  # a step so small beside the values is rounding
BESIDE = 1e-7  # so far beside a breakpoint, relative to it, the pieces are asked for
PLACE = 2.0**-50  # how far, relative to it, a breakpoint may be from the number that a search found
NOISE = 1e-12  # a slope of the wrong sign, but smaller than this beside the largest one, is rounding


def sampled_range(expression: Expression) -> tuple[float, float]:
    """Return the smallest and the largest value seen, ±inf where the function grows without end."""
    grid = samples(expression)
    values = evaluate_everywhere(expression, grid)
    unbounded = [grows(grid, side * values) for side in (-1, 1)]
    points = np.array(holes(expression))
    beside = evaluate_everywhere(expression, np.concatenate([np.nextafter(points, s * inf) for s in (-1, 1)]))
    values = np.concatenate([values, np.where(np.abs(beside) > POLE, np.copysign(inf, beside), beside)])
    ends = [end for side in (-1, 1) if not isnan(end := limit(expression, side))]
    if np.isnan(values).all():
        return nan, nan
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    low = -inf if unbounded[0] or any(isinf(end) and end < 0 for end in ends) else min([low, *ends])
    high = inf if unbounded[1] or any(isinf(end) and end > 0 for end in ends) else max([high, *ends])
    return low, high


def holes(expression: Expression) -> tuple[float, ...]:
    """Return the samples at which alone the function is not finite: its poles, and where it is 0/0."""
    points = samples(expression)
    lost = ~np.isfinite(evaluate_everywhere(expression, points))
    alone = lost[1:-1] & ~lost[:-2] & ~lost[2:]
    return tuple(points[1:-1][alone].tolist())


def sampled_linearity(expression: Expression) -> str:
    """Return "linear", "affine" or "nonlinear", from what is left beside the line through two samples."""
    points = samples(expression)
    values = evaluate_everywhere(expression, points)
    points, values = points[np.isfinite(values)], values[np.isfinite(values)]
    if points.size < 3:
        return "nonlinear"
    slope = float((values[-1] - values[0]) / (points[-1] - points[0]))
    shift = float(np.median(values - slope * points))
    rest = np.abs(values - slope * points - shift)
    # where terms of the usual size cancel, their rounding is left
    if bool((rest > NOISE * (np.abs(values) + np.abs(slope * points) + np.median(np.abs(values)))).any()):
        return "nonlinear"
    return "linear" if shift == 0 else "affine"


def sampled_monotonicity(expression: Expression) -> str:
    """Return "increasing", "decreasing", "constant" or "no", from differences of neighbouring samples."""
    values = evaluate_everywhere(expression, samples(expression))
    return _verdict(values, ("increasing", "decreasing", "constant"))


def sampled_convexity(expression: Expression) -> str:
    """Return "convex", "concave", "affine" or "no", from differences of the slope at neighbouring samples."""
    if _jumps(expression):
        return "no"
    points = samples(expression)
    values, slopes = (
        evaluate_everywhere(expression, points),
        evaluate_everywhere(differentiate(expression), points),
    )
    # log has no value left of 0, where 1/x has one
    return _verdict(slopes[~np.isnan(values)], ("convex", "concave", "affine"))


def sampled_lipschitz(expression: Expression) -> float:
    """Return the largest slope seen, inf where the value jumps or the slopes grow without end."""
    return inf if _jumps(expression) else largest_slope(expression)


def _jumps(expression: Expression) -> bool:
    return any(jumps_at(expression, point) for point in (*breakpoints(expression), *holes(expression)))


def sampled_smoothness(expression: Expression) -> float | None:
    """Return the k of Cᵏ, by the Taylor series beside each breakpoint; None where no derivative was found to jump.

    A kink beside which there is no series, as a root's, is one in the slope.
    """
    first, agreeing = jets.TERMS, jets.TERMS
    points = breakpoints(expression)
    if jumps(expression):
        return -1.0
    slope = differentiate(expression)
    # √(x·x) is one formula on both sides of 0, too
    points = tuple(x for x in points if not _one_piece(expression, x) or jumps_at(slope, x))
    for x in points:
        series = [jets.balls(part, arb(x, abs(x) * PLACE), terms=first) for part in _beside(expression, x)]
        pairs = list(zip(series[0] or (), series[1] or (), strict=False))
        jumping = next((k for k, (a, b) in enumerate(pairs) if a < b or a > b), None)
        if not pairs and jumps_at(slope, x):
            jumping = 1
        if jumping is None:
            agreeing = min(agreeing, len(pairs))
        else:
            first = jumping
    if first == jets.TERMS:
        return None if points else inf
    return float(first - 1) if agreeing >= first else None


def _one_piece(expression: Expression, x: float) -> bool:
    left, right = _beside(expression, x)
    return left == right or one_function(left, right)


def _beside(expression: Expression, x: float) -> tuple[Expression, Expression]:
    step = BESIDE * max(1.0, abs(x))
    return _chosen(expression, x - step), _chosen(expression, x + step)


def _chosen(expression: Expression, x: float) -> Expression:
    """Return the expression with every choice made as samples say at x."""
    done: dict[Expression, Expression] = {}
    for node in nodes(expression):
        new = rebuild(node, done) if children(node) else node
        if isinstance(new, Piecewise):
            u = evaluate(new.argument, np.array([x]))[0]
            points = [point.value for point in new.points if isinstance(point, Constant)]
            new = new.pieces[int(np.searchsorted(points, u))]
        done[node] = new
    return done[expression]


def _verdict(values: Array, names: tuple[str, str, str]) -> str:
    # a step over a pole counts
    values = values[np.isfinite(values)]
    steps, sizes = np.diff(values), np.abs(values)
    noise = NOISE * np.abs(steps).max(initial=0.0) + ROUNDING * (sizes[1:] + sizes[:-1])
    rises, falls = bool((steps > noise).any()), bool((steps < -noise).any())
    if rises and falls:
        return "no"
    return names[0] if rises else names[1] if falls else names[2]
