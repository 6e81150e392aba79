"""Where cells are looked for: a window of a plane, a box or the whole space, in coordinates of its own."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq

from nonlin.errors import InvalidInputError
from nonlin.networks.array import Array

__all__ = ["Domain", "Root", "box_domain", "fraction", "nearest", "plane_domain"]

MOST_DIMENSIONS = 6


def fraction(number: Any) -> Any:
    """Return a number as the exact fraction of flint that it is."""
    if isinstance(number, float):
        return fmpq(*number.as_integer_ratio())
    exact = number if isinstance(number, Fraction) else Fraction(number)
    return fmpq(exact.numerator, exact.denominator)


def nearest(number: Any) -> float:
    """Return the float64 nearest to a fraction of flint: Python rounds the quotient of two whole numbers once.

    Raises:
        OverflowError: if it is beyond float64.
    """
    return int(number.p) / int(number.q)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Root:
    """A simple polyhedron from which the cells are cut.

    Args:
        vertices: exact homogeneous coordinates, rows of fractions of flint; 0 at the end for a direction.
        masks: the facets that each lies on, numbered as the domain's functionals.
        known: sides of folds of the first stage that bends, by unit and kink, on which the whole of it lies, with these
            folds among its facets.
    """

    vertices: list[list[Any]]
    masks: list[int]
    known: dict[tuple[int, int], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Domain:
    """A slice of the input space.

    Args:
        dimensions: how many coordinates it has.
        start: the input on it, rows of fractions: the coefficient of each coordinate, then the constant.
        facets: float64 functionals that are 0 on the facets of the roots, and hold to the last bit.
        roots: what to cut; together the whole slice, without overlap.
        volume: of the slice in its coordinates, exact; None for the whole space.
    """

    dimensions: int
    start: list[list[Any]]
    facets: Array
    roots: tuple[Root, ...]
    volume: Fraction | None = None

    @property
    def floats(self) -> tuple[Array, float]:
        """The input on the slice in float64, and how far a row can be off as the sum of its coefficients' errors."""
        try:
            values = [[nearest(q) for q in row] for row in self.start]
        except OverflowError as error:
            raise InvalidInputError(
                "expected a slice whose coordinates float64 holds, got an overflow; choose a smaller one, or weights "
                "nearer to 1"
            ) from error
        pairs = zip(values, self.start, strict=True)
        exact = all(fraction(x) == q for row, others in pairs for x, q in zip(row, others, strict=True))
        rows = np.array(values)
        return rows, 0.0 if exact else float(np.abs(rows).sum(axis=1).max()) * 2.0**-52


def _orthotope(low: Sequence[float], high: Sequence[float]) -> tuple[Array, Root]:
    n = len(low)
    facets = np.zeros((2 * n, n + 1))
    for i in range(n):
        facets[2 * i, i], facets[2 * i, n] = 1.0, -low[i]
        facets[2 * i + 1, i], facets[2 * i + 1, n] = -1.0, high[i]
    corners = list(itertools.product((0, 1), repeat=n))
    ends = (low, high)
    return facets, Root(
        vertices=[[*(fraction(float(ends[b][i])) for i, b in enumerate(c)), fmpq(1)] for c in corners],
        masks=[sum(1 << (2 * i + b) for i, b in enumerate(c)) for c in corners],
    )


def box_domain(low: Array, high: Array) -> Domain:
    """Return a box; where both ends are the same, that coordinate is fixed.

    Args:
        low: the lower ends, float64, shape (inputs,).
        high: the upper ends.

    Raises:
        InvalidInputError: if it has no extent, or more dimensions than can be enumerated.
    """
    free = np.flatnonzero(low < high)
    if not 1 <= len(free) <= MOST_DIMENSIONS:
        raise InvalidInputError(
            f"expected a box in 1 to {MOST_DIMENSIONS} dimensions, got {len(free)} in which its ends differ; "
            "fix the other inputs, or take a plane"
        )
    start = [[fmpq(0)] * len(free) + [fraction(float(x))] for x in low]
    for k, i in enumerate(free):
        start[i] = [fmpq(int(k == m)) for m in range(len(free))] + [fmpq(0)]
    facets, root = _orthotope(low[free].tolist(), high[free].tolist())
    sides = [Fraction(float(high[i])) - Fraction(float(low[i])) for i in free]
    return Domain(dimensions=len(free), start=start, facets=facets, roots=(root,), volume=_product(sides))


def plane_domain(p: Array, q: Array, r: Array, *, window: tuple[float, float, float, float]) -> Domain:
    """Return a window of the plane x = p + s (q − p) + t (r − p); coordinates s and t.

    Raises:
        InvalidInputError: if the window is empty.
    """
    ends = np.asarray(window, np.float64)
    if ends.shape != (4,) or not np.all(np.isfinite(ends)) or np.any(ends[::2] >= ends[1::2]):
        raise InvalidInputError(
            f"expected a window (low, high, low, high) of s and t with room in it, got {tuple(window)}; change it"
        )
    left, right, bottom, top = ends.tolist()
    start = []
    for a, b, c in zip(p.ravel(), q.ravel(), r.ravel(), strict=True):
        origin = fraction(float(a))
        start.append([fraction(float(b)) - origin, fraction(float(c)) - origin, origin])
    facets, root = _orthotope([left, bottom], [right, top])
    area = (Fraction(right) - Fraction(left)) * (Fraction(top) - Fraction(bottom))
    return Domain(dimensions=2, start=start, facets=facets, roots=(root,), volume=area)


def _product(numbers: Sequence[Fraction]) -> Fraction:
    product = Fraction(1)
    for number in numbers:
        product *= number
    return product
