"""Float64 with a proven bound on the error of every value."""

from fractions import Fraction

import numpy as np

from nonlin.geometry.arithmetic import LIKELY, Bounded, Shares
from nonlin.geometry.bends import Slope
from nonlin.geometry.rounding import UNIT_ROUNDOFF, affine, in_cache, row_norms
from nonlin.networks.array import Array
from nonlin.networks.network import Operator

__all__ = ["Floating"]

_OUTWARD = 1 + 2.0**-48
"""A bound is itself computed in float64, by a few operations on positive numbers; this covers their rounding."""

_TINY = 2.0**-1020
"""Times the unit roundoff it is the smallest float64: what a product loses that underflows."""


class Floating:
    """The arithmetic of a first sweep. Every `error` is an upper bound, whatever the rounding did."""

    def numbers(self, exact: Array) -> Bounded:
        """Return stored float64 numbers, which are exact."""
        value = np.asarray(exact, np.float64)
        return Bounded(value=value, error=np.zeros(value.shape))

    def number(self, exact: Fraction) -> Bounded:
        """Return the nearest float64 and its distance."""
        value = float(exact)
        off = float(abs(Fraction(value) - exact)) * _OUTWARD
        return Bounded(value=np.asarray(value), error=np.asarray(off))

    def affine(self, operator: Operator, inputs: list[Bounded]) -> Bounded:
        """Apply an affine operator in float64 and bound the error of the result."""
        return affine(operator, inputs)

    def sides(self, x: Bounded, kink: Bounded) -> tuple[Array, Array]:
        """Return the side only where the distance is larger than its error."""
        sides, unsure = np.empty(x.value.shape, np.int8), np.empty(x.value.shape, bool)
        for part in in_cache(x.value):
            # the subtraction keeps the sign and, within a part in 2⁵³, the size; a bound that is NaN decides nothing
            distance, doubt = x.value[part] - kink.value, (x.error[part] + kink.error) * _OUTWARD
            above, below = distance > doubt, distance < -doubt
            np.subtract(above, below, out=sides[part], dtype=np.int8)
            unsure[part] = ~(above | below) & (doubt != 0)
        return sides, unsure

    def likely_sides(self, x: Bounded, kink: Bounded) -> Array:
        """Return the sign of the computed distance, but 0 for an unsure one of the size of common rounding."""
        sides, unsure = self.sides(x, kink)
        distance = x.value - kink.value
        small = np.abs(distance) <= LIKELY * np.max(np.abs(x.value), initial=0.0)
        return np.where(unsure & ~small, np.sign(distance).astype(np.int8), sides)

    def minus(self, x: Bounded, y: Bounded) -> Bounded:
        """Return x − y with the sum of the errors and one rounding."""
        value = x.value - y.value
        return Bounded(value=value, error=(x.error + y.error + UNIT_ROUNDOFF * np.abs(value)) * _OUTWARD)

    def shares(self, left: Bounded, right: Bounded) -> Shares:
        """Return l / (l + r) of the sizes, with the largest change that their errors can make."""
        l, r = np.abs(left.value), np.abs(right.value)
        share = l / (l + r)
        most = (l + left.error) / (l + left.error + np.maximum(r - right.error, 0.0))
        least = np.maximum(l - left.error, 0.0) / (np.maximum(l - left.error, 0.0) + r + right.error)
        doubt = np.maximum(most - share, share - least) + 8 * UNIT_ROUNDOFF * np.maximum(share, most)
        return Shares(value=share, doubt=doubt * _OUTWARD)

    def between(self, low: Bounded, high: Bounded, shares: Shares) -> Bounded:
        """Interpolate; what is the same on both sides stays exactly that."""
        trailing = (-1, *[1] * (low.value.ndim - 1))
        share, doubt = shares.value.reshape(trailing), shares.doubt.reshape(trailing)
        step = high.value - low.value
        size = (np.maximum(np.abs(low.value), np.abs(high.value)) + _TINY) * (step != 0)
        fresh = 8 * UNIT_ROUNDOFF * size
        norm = None
        if low.norm is not None and high.norm is not None:
            norm = (np.maximum(low.norm, high.norm) + row_norms(fresh)) * _OUTWARD
        error = (np.maximum(low.error, high.error) + doubt * np.abs(step) + fresh) * _OUTWARD
        return Bounded(value=low.value + share * step, error=error, norm=norm)

    def along(self, x: Bounded, slope: Slope, intercept: Fraction) -> Bounded:
        """Apply one affine piece; slopes 0 and ±1 without an intercept do not round."""
        if isinstance(slope, Fraction) and slope == 0:
            constant = self.number(intercept)
            shape = x.value.shape
            return Bounded(
                value=np.broadcast_to(constant.value, shape), error=np.broadcast_to(constant.error, shape)
            )
        if isinstance(slope, Fraction) and slope == 1 and intercept == 0:
            return x
        factor = self.number(slope) if isinstance(slope, Fraction) else self.numbers(slope)
        shift = self.number(intercept)
        product = factor.value * x.value
        size = np.abs(product) + np.abs(shift.value) + _TINY * (x.value != 0)
        off = np.abs(factor.value) * x.error + factor.error * (np.abs(x.value) + x.error) + shift.error
        return Bounded(value=product + shift.value, error=(off + 4 * UNIT_ROUNDOFF * size) * _OUTWARD)

    def largest(self, x: Bounded, leave_out: Array) -> Array:
        """Compare the least that each can be with the most that the others can."""
        reach = x.error * _OUTWARD + 2 * UNIT_ROUNDOFF * np.abs(x.value) * (x.error > 0)
        least = np.where(leave_out, -np.inf, x.value - reach)
        most = np.where(leave_out, -np.inf, x.value + reach)
        first = most.argmax(axis=2)[..., None]
        highest = np.take_along_axis(most, first, axis=2)
        np.put_along_axis(most, first, -np.inf, axis=2)
        others = np.where(np.arange(most.shape[2]) == first, most.max(axis=2, keepdims=True), highest)
        return np.asarray((least >= others) & ~leave_out)

    def floats(self, x: Array) -> Array:
        """Return x."""
        return x
