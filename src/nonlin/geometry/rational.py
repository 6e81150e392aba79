"""Exact rational numbers, for what float64 does not decide."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat

from nonlin.geometry.arithmetic import Bounded, Shares
from nonlin.geometry.bends import Slope
from nonlin.networks.affine import Dense, Elementwise
from nonlin.networks.array import Array
from nonlin.networks.network import Operator
from nonlin.networks.shape import Pad
from nonlin.networks.window import Convolution

__all__ = ["Rational"]


def _fraction(number: float) -> Any:
    return fmpq(*float(number).as_integer_ratio())


_fractions = np.frompyfunc(_fraction, 1, 1)
_floats = np.frompyfunc(lambda q: float(Fraction(int(q.p), int(q.q))), 1, 1)


class Rational:
    """The arithmetic of a second sweep, over arrays of fractions; there is no error, and nothing is unsure."""

    def numbers(self, exact: Array) -> Bounded:
        """Return stored float64 numbers as the fractions that they are."""
        return _exact(_objects(np.asarray(exact)))

    def number(self, exact: Fraction) -> Bounded:
        """Return the fraction."""
        value = np.empty((), object)
        value[()] = fmpq(exact.numerator, exact.denominator)
        return _exact(value)

    def affine(self, operator: Operator, inputs: list[Bounded]) -> Bounded:
        """Apply an affine operator exactly."""
        values = [x.value for x in inputs]
        return _exact(
            _dense(operator, values[0]) if isinstance(operator, Dense) else _stored(operator).apply(*values)
        )

    def sides(self, x: Bounded, kink: Bounded) -> tuple[Array, Array]:
        """Return the exact side."""
        above, below = x.value > kink.value, x.value < kink.value
        side = above.astype(np.int8) - below.astype(np.int8)
        return side, np.zeros(side.shape, bool)

    def likely_sides(self, x: Bounded, kink: Bounded) -> Array:
        """Return the exact side."""
        return self.sides(x, kink)[0]

    def minus(self, x: Bounded, y: Bounded) -> Bounded:
        """Return x − y."""
        return _exact(x.value - y.value)

    def shares(self, left: Bounded, right: Bounded) -> Shares:
        """Return l / (l − r)."""
        share = np.asarray(left.value / (left.value - right.value), object)
        return Shares(value=share, doubt=np.zeros(share.shape, object))

    def between(self, low: Bounded, high: Bounded, shares: Shares) -> Bounded:
        """Interpolate."""
        share = shares.value.reshape(-1, *[1] * (low.value.ndim - 1))
        return _exact(low.value + share * (high.value - low.value))

    def along(self, x: Bounded, slope: Slope, intercept: Fraction) -> Bounded:
        """Apply one affine piece."""
        factor = self.number(slope) if isinstance(slope, Fraction) else self.numbers(slope)
        return _exact(np.asarray(x.value * factor.value + self.number(intercept).value, object))

    def largest(self, x: Bounded, leave_out: Array) -> Array:
        """Return where the maximum is."""
        return np.asarray((x.value == x.value.max(axis=2, keepdims=True)) & ~leave_out, bool)

    def floats(self, x: Array) -> Array:
        """Return the nearest float64 of every value."""
        return np.asarray(_floats(x), np.float64)


def _exact(value: Array) -> Bounded:
    return Bounded(value=value, error=np.broadcast_to(np.zeros((), object), value.shape))


def _objects(x: Array) -> Array:
    return np.asarray(_fractions(x), object)


def _dense(layer: Dense, x: Array) -> Array:
    """Apply a dense layer by FLINT's matrix product, which is many times faster than one of single fractions."""
    units, inputs = layer.weight.shape
    rows = x.size // inputs if inputs else 0
    weight = fmpq_mat(inputs, units, list(_objects(np.asarray(layer.weight).T).ravel()))
    product = (fmpq_mat(rows, inputs, list(x.ravel())) * weight).entries()
    out = np.empty(rows * units, object)
    out[:] = product
    out = out.reshape(*x.shape[:-1], units)
    return out if layer.bias is None else out + _objects(np.asarray(layer.bias))


def _stored(operator: Operator) -> Operator:
    """Return the operator with its stored numbers as fractions."""
    if isinstance(operator, Convolution):
        bias = None if operator.bias is None else _objects(operator.bias)
        return replace(operator, weight=_objects(operator.weight), bias=bias)
    if isinstance(operator, Elementwise):
        return replace(operator, scale=_objects(operator.scale), shift=_objects(operator.shift))
    if isinstance(operator, Pad):
        return replace(operator, value=_fraction(operator.value))
    return operator
