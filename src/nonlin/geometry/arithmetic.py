"""What the sweep along a line asks of the numbers that it computes with: floats with proven bounds, or fractions."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from nonlin.geometry.bends import Slope
from nonlin.networks.array import Array
from nonlin.networks.network import Operator

__all__ = ["LIKELY", "Arithmetic", "Bounded", "Shares"]

LIKELY = 2.0**-42
"""Relative differences up to here look like ties in float64 where no proof decides; nothing certified rests on it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounded:
    """Values and how far each can be from the exact one; arrays of one shape, the first axis along the line.

    A row stands for an exact breakpoint, and `error` is the distance from the exact values there, which includes that
    the computed breakpoint is a little beside it. `norm`, shape (rows,), where it is known, leaves that out: wherever
    on the line, the values interpolated between the computed breakpoints are in the 2-norm at most so far from the
    exact ones, with the norms interpolated too. Through many wide layers it grows with their largest singular values;
    the bounds of single entries, many times faster, with the norms of their rows.
    """

    value: Array
    error: Array
    norm: Array | None = None

    def __getitem__(self, rows: Array) -> "Bounded":
        """Return some of the rows."""
        norm = None if self.norm is None else self.norm[rows]
        return Bounded(value=self.value[rows], error=self.error[rows], norm=norm)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shares:
    """Where in its segment each crossing lies, between 0 and 1, and how far from there the exact one can be."""

    value: Array
    doubt: Array

    @property
    def likely_doubt(self) -> Array:
        """How far apart two crossings may be and still look like one: a bound can be much too wide, a tie cannot."""
        return np.asarray(np.minimum(self.doubt, LIKELY))


class Arithmetic(Protocol):
    """Numbers with which values along a line are computed and compared."""

    def numbers(self, exact: Array) -> Bounded:
        """Return stored float64 numbers."""

    def number(self, exact: Fraction) -> Bounded:
        """Return one rational number, shape ()."""

    def affine(self, operator: Operator, inputs: list[Bounded]) -> Bounded:
        """Apply an affine operator to every row."""

    def sides(self, x: Bounded, kink: Bounded) -> tuple[Array, Array]:
        """Return −1, 0 or 1 for below, on and above the kink, and where that is not sure (it is 0 there)."""

    def likely_sides(self, x: Bounded, kink: Bounded) -> Array:
        """Return `sides`, and where that is not sure, which side it most likely is; 0 where it looks like a tie."""

    def shares(self, left: Bounded, right: Bounded) -> Shares:
        """Return where numbers of opposite signs at the two ends of a segment are 0 in between."""

    def minus(self, x: Bounded, y: Bounded) -> Bounded:
        """Return x − y."""

    def between(self, low: Bounded, high: Bounded, shares: Shares) -> Bounded:
        """Return the rows at these shares of the way from the rows `low` to the rows `high`."""

    def along(self, x: Bounded, slope: Slope, intercept: Fraction) -> Bounded:
        """Return slope · x + intercept."""

    def largest(self, x: Bounded, leave_out: Array) -> Array:
        """Return which entries along the last axis are surely as large as every other one.

        Args:
            x: shape (rows, windows, size).
            leave_out: entries that do not count, since they repeat others; shape (windows, size).
        """

    def floats(self, x: Array) -> Array:
        """Return the nearest float64 of every value."""
