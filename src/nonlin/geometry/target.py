"""A continuous function on an interval, as the tunnel of an approximation sees it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError
from nonlin.functions.choice import as_function
from nonlin.functions.kinks import breakpoints, jumps_at
from nonlin.geometry.tunnel import Line, Tunnel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nonlin.functions.function import Function
    from nonlin.functions.proofs.deviation import Piece
    from nonlin.functions.property import Status

__all__ = ["FINEST", "Target", "exact_pieces", "target_of"]

Array: TypeAlias = NDArray[np.float64]

PLACES = 1025  # where the tunnel is asked for at first; more are added where an approximation leaves it
FINEST = 1e-11  # relative to the size of the function; below it, rounding decides
PLACES_A_PIECE = 192  # the function bends by 5e-5 of the error between them
AROUND = 32
MOST_PLACES = 1 << 18
WORST = 64
DENSE = 64  # samples a piece, for a callable
BITS = 128


@dataclass(slots=True, kw_only=True)
class Target:
    """A function on [low, high] and the places where it is asked for.

    Args:
        known: the function as an expression; None for a callable.
        values_of: float64 values at an array of points.
        x: increasing places.
        y: values there.
        low, high, size: the interval, and the extent of the values.
    """

    known: Function | None
    values_of: Callable[[Array], Array]
    x: Array
    y: Array
    low: float
    high: float
    size: float
    base: float

    def tunnel(self, error: float) -> Tunnel:
        """Return bounds at a distance of `error`, scaled to the unit square."""
        x = (self.x - self.low) / (self.high - self.low)
        y, room = (self.y - self.base) / self.size, error / self.size
        return Tunnel(x=x, low=y - room, high=y + room)

    def unscaled_x(self, x: Array) -> Array:
        """Return places in the unit interval as those of the function."""
        result = self.low + x * (self.high - self.low)
        return np.where(x == 0, self.low, np.where(x == 1, self.high, result))

    def unscaled_y(self, y: Array) -> Array:
        """Return scaled values as those of the function."""
        return self.base + y * self.size

    def refine(self, knots: Sequence[float] | Array, worst: Sequence[tuple[float, float]]) -> None:
        """Ask in as many places on every piece, so that what happens between them is small beside the error."""
        each = max(2, min(PLACES_A_PIECE, MOST_PLACES // max(len(knots) - 1, 1)))
        shares = np.linspace(0.0, 1.0, each + 1)
        fine = np.asarray(knots)[:-1, None] + np.diff(knots)[:, None] * shares
        # a knot lies in a gap between places, wherever it wants: narrow gaps there
        gap = (self.high - self.low) / (each * (len(knots) - 1))
        near = (np.asarray(knots)[:, None] + gap * np.linspace(-1.0, 1.0, AROUND)).ravel()
        near = near[(near > self.low) & (near < self.high)]
        left = [x for x, _ in sorted(worst, key=lambda pair: -pair[1])[:WORST] if self.low < x < self.high]
        self.x = np.unique(np.concatenate([self.x, left, near, fine.ravel()]))
        self.y = self.values_of(self.x)

    def deviations(self, pieces: Sequence[Piece]) -> tuple[list[tuple[float, float]], Status]:
        """Return places where abs(f − line) may be largest with bounds on it; proved, or else sampled."""
        if self.known is not None and self.known.expression is not None:
            proved = self._proved(pieces)
            if proved is not None:
                return proved, "proved"
        found = []
        for piece in pieces:
            x = np.linspace(float(piece.low), float(piece.high), DENSE + 1)
            gaps = np.abs(self.values_of(x) - (float(piece.slope) * x + float(piece.intercept)))
            found += list(zip(x.tolist(), gaps.tolist(), strict=True))
        return found, "numeric"

    def _proved(self, pieces: Sequence[Piece]) -> list[tuple[float, float]] | None:
        from flint import ctx

        from nonlin.functions.proofs.deviation import deviations
        from nonlin.functions.proofs.joints import defined_everywhere

        expression = self.known.expression if self.known is not None else None
        if expression is None:
            return None
        found = []
        with ctx.workprec(BITS):
            if not defined_everywhere(expression, low=self.low, high=self.high):
                return None
            for deviation in deviations(expression, pieces):
                if deviation is None:
                    return None
                low, high = deviation.value
                bound = high.max(-low)
                if not bound.is_finite():
                    return None
                # rounded up to a float64
                upper = 0.0 if bound.is_zero() else float(np.nextafter(float(bound), np.inf))
                found.append((deviation.x, upper))
        return found


def target_of(f: Function | str | Callable[[float], float], interval: tuple[float, float]) -> Target:
    """Return the target of a function, a name, a formula or a callable on an interval.

    Raises:
        InvalidInputError: the interval is empty, or the function jumps or is not finite on it.
    """
    low, high = _ends(interval)
    known = as_function(f)
    if known is None:
        values_of: Callable[[Array], Array] = _each(f)
        inner: list[float] = []
    else:
        if known.expression is None:
            raise InvalidInputError(f"expected a function of one number, got {known.name}; name another")
        values_of = known
        inner = [p for p in breakpoints(known.expression) if low < p < high]
        _refuse_jumps(known, low, high)
    x = np.unique([*np.linspace(low, high, PLACES), *inner])
    y = np.asarray(values_of(x), np.float64)
    if not np.isfinite(y).all():
        bad = float(x[~np.isfinite(y)][0])
        raise InvalidInputError(
            f"expected finite values on the interval, got {values_of(np.array([bad]))[0]} at {bad:g}"
        )
    base, size = float(y.min() + y.max()) / 2, float(y.max() - y.min())
    return Target(known=known, values_of=values_of, x=x, y=y, low=low, high=high, size=size or 1.0, base=base)


def _refuse_jumps(known: Function, low: float, high: float) -> None:
    """Refuse a function that leaves its value at a breakpoint, the ends included, on a side within the interval."""
    if known.expression is None:
        return
    for place in breakpoints(known.expression):
        sides = [side for side, end in ((-1, low), (1, high)) if side * place < side * end]
        if low <= place <= high and jumps_at(known.expression, place, sides=sides):
            raise InvalidInputError(
                f"expected a continuous function, but {known.label} jumps at {place:g}; choose an interval beside it"
            )


def exact_pieces(target: Target) -> list[Line] | None:
    """Return the lines of a piecewise linear function itself, scaled; None for any other."""
    if target.known is None or target.known.pieces is None:
        return None
    width = target.high - target.low
    lines = []
    for piece in target.known.pieces:
        if piece.high <= target.low or piece.low >= target.high:
            continue
        start = max(piece.low, target.low)
        height = piece.slope * start + piece.intercept
        lines.append(
            Line(
                (start - target.low) / width,
                piece.slope * width / target.size,
                (height - target.base) / target.size,
            )
        )
    return lines


def _ends(interval: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in interval)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"expected an interval (low, high), got {interval!r}; give two numbers"
        ) from error
    if not (isfinite(high - low) and low < high):
        raise InvalidInputError(
            f"expected finite low < high, less than 1.8e308 apart, got ({low:g}, {high:g}); change the interval"
        )
    return low, high


def _each(f: Any) -> Callable[[Array], Array]:
    def values(x: Array) -> Array:
        try:
            return np.array([float(f(float(element))) for element in x])
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                f"expected a callable that takes a number and returns one, got {type(error).__name__}: {error}"
            ) from error

    return values
