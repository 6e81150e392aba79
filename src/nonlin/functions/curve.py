"""A function sampled for a picture: values and derivatives, broken where they jump."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError
from nonlin.functions.kinks import breakpoints
from nonlin.functions.steep import steep_places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.functions.function import Function

__all__ = ["Curve", "held", "sample", "sample_vector"]

Array: TypeAlias = NDArray[np.float64]

POINTS = 801
ROOM = 1.5  # how much further a picture goes than the outermost kink


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What a picture of a function needs.

    Args:
        label: the function's name with its parameters.
        x: shape (n,), increasing; each side of a breakpoint is a point of its own.
        value: shape (n,), NaN between the two sides of a jump.
        slope: as value.
        curvature: as value.
        kinks: those inside the interval.
        kink_values: f at the kinks.
    """

    label: str
    x: Array
    value: Array
    slope: Array
    curvature: Array
    kinks: tuple[float, ...]
    kink_values: tuple[float, ...]


def sample(f: Function, low: float | None = None, high: float | None = None) -> Curve:
    """Sample a function of one number on an interval.

    Args:
        f: the function.
        low: the left end; None for −4, or as far out as the kinks ask for.
        high: the right end; None for 4 or more.

    Raises:
        InvalidInputError: the ends are not finite or not in order; or f is of a whole vector.
    """
    kinks = f.kinks
    reach = min(max([4.0, *(abs(kink) * ROOM for kink in kinks)]), 1e6)
    left, right = _ordered(-reach if low is None else low, reach if high is None else high)
    scale = (right - left) / POINTS
    places = (
        (breakpoints(f.expression), steep_places(f.expression, scale))
        if f.expression is not None
        else ((), ())
    )
    cuts, steep = ([p for p in part if left < p < right] for part in places)
    sides = [side for p in cuts for side in (np.nextafter(p, -inf), np.nextafter(p, inf))]
    x = np.unique(np.concatenate([np.linspace(left, right, POINTS), sides, steep]))
    x = x[~np.isin(x, cuts)]
    rows = [_broken(x, np.asarray(g(x), np.float64), cuts) for g in (f, f.slope, f.curvature)]
    inside = tuple(kink for kink in kinks if left <= kink <= right)
    return Curve(
        label=f.label,
        x=np.insert(x, np.searchsorted(x, cuts), cuts),
        value=rows[0],
        slope=rows[1],
        curvature=rows[2],
        kinks=inside,
        kink_values=tuple(float(f(kink)) for kink in inside),
    )


def held(f: Function) -> tuple[float, ...]:
    """Return the elements beside the moving one in the picture of a function of a whole vector.

    >>> from nonlin.functions import function
    >>> held(function("softmax")), held(function("glu"))
    ((0.0, 1.0), (1.0,))
    """
    if f.name == "maxout":
        return (0.0,) * (int(f.parameters["pieces"]) - 1)
    return {"crelu": (), "glu": (1.0,), "reglu": (1.0,), "geglu": (1.0,), "swiglu": (1.0,)}.get(
        f.name, (0.0, 1.0)
    )


def sample_vector(
    f: Function, at: Sequence[float], low: float = -4.0, high: float = 4.0
) -> tuple[Curve, ...]:
    """Sample every output of a function of a whole vector while the last element of its input moves.

    Args:
        f: the function.
        at: the elements of the input but the last.
        low: the left end of the last one.
        high: its right end.

    Returns:
        A curve an output, without slopes (NaN).

    Raises:
        InvalidInputError: the ends are not finite or not in order.
    """
    x = np.linspace(*_ordered(low, high), POINTS)
    rows = np.concatenate(
        [np.broadcast_to(np.asarray(at, np.float64), (POINTS, len(at))), x[:, None]], axis=1
    )
    values = np.asarray(f(rows), np.float64)
    unknown = np.full(POINTS, np.nan)
    return tuple(
        Curve(
            label=f"element {i + 1}",
            x=x,
            value=value,
            slope=unknown,
            curvature=unknown,
            kinks=(),
            kink_values=(),
        )
        for i, value in enumerate(values.T)
    )


def _ordered(low: float, high: float) -> tuple[float, float]:
    if not (isfinite(low) and isfinite(high) and low < high):
        raise InvalidInputError(f"expected an interval with low < high, got [{low:g}, {high:g}]; change it")
    return float(low), float(high)


def _broken(x: Array, y: Array, cuts: list[float]) -> Array:
    """Put a point between the sides of each cut: their mean, or NaN where they differ."""
    places = np.searchsorted(x, cuts)
    left, right = y[places - 1], y[np.minimum(places, len(y) - 1)]
    size = np.maximum(1.0, np.maximum(np.abs(left), np.abs(right)))
    with np.errstate(invalid="ignore"):  # of a slope that is infinite on both sides
        return np.insert(y, places, np.where(np.abs(left - right) > 1e-9 * size, np.nan, (left + right) / 2))
