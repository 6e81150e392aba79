"""Affine operators on whole tensors: dense layers, scales and shifts, sums, means.

Every operator applies itself to a batch and pulls a cotangent back; the pullback of an affine operator needs
the shapes of its inputs only.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nonlin.networks.array import Array, matched, unbroadcast

__all__ = ["Dense", "Elementwise", "Reduce", "Sum"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Dense:
    """A dense layer on the last axis, y = W x + b.

    Args:
        weight: shape (units, inputs).
        bias: shape (units,), or None.
    """

    kind: ClassVar[str] = "affine"
    weight: Array
    bias: Array | None = None

    @property
    def parameters(self) -> int:
        """The number of weights and biases."""
        return self.weight.size + (0 if self.bias is None else self.bias.size)

    def apply(self, x: Array) -> Array:
        """Return W x + b over the last axis of x."""
        y = x @ matched(self.weight, x).T
        if self.bias is not None:
            y += matched(self.bias, x)
        return y

    def pullback(self, cotangent: Array, _x: Array) -> tuple[Array]:
        """Return Wᵀ times the cotangent."""
        return (cotangent @ matched(self.weight, cotangent),)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Elementwise:
    """A scale and a shift of every entry, y = scale · x + shift, broadcast as NumPy does.

    BatchNorm at inference, added or multiplied constants, and divisions by them are all of this form.
    """

    kind: ClassVar[str] = "affine"
    scale: Array
    shift: Array

    @property
    def parameters(self) -> int:
        """The number of stored scales and shifts that are not the neutral 1 and 0."""
        return int(np.any(self.scale != 1) * self.scale.size + np.any(self.shift != 0) * self.shift.size)

    def apply(self, x: Array) -> Array:
        """Return scale · x + shift; an infinite x times a zero scale is NaN, as in IEEE arithmetic."""
        return x * matched(self.scale, x) + matched(self.shift, x)

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Return scale · cotangent, summed over broadcast axes."""
        return (unbroadcast(cotangent * matched(self.scale, cotangent), x.shape),)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sum:
    """A sum of tensors with signs, as at the end of a residual branch."""

    kind: ClassVar[str] = "affine"
    signs: tuple[int, ...]

    def apply(self, *inputs: Array) -> Array:
        """Return the signed sum."""
        total = inputs[0] if self.signs[0] > 0 else -inputs[0]
        for sign, x in zip(self.signs[1:], inputs[1:], strict=True):
            total = total + x if sign > 0 else total - x
        return total

    def pullback(self, cotangent: Array, *inputs: Array) -> tuple[Array, ...]:
        """Return the signed cotangent for each input."""
        return tuple(
            unbroadcast(cotangent if sign > 0 else -cotangent, x.shape)
            for sign, x in zip(self.signs, inputs, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduce:
    """A mean or a sum over axes (ReduceMean, ReduceSum, global average pooling)."""

    kind: ClassVar[str] = "affine"
    axes: tuple[int, ...]
    mean: bool
    keepdims: bool

    def apply(self, x: Array) -> Array:
        """Return the mean or sum over the axes."""
        reduce = np.mean if self.mean else np.sum
        return np.asarray(reduce(x, axis=self.axes, keepdims=self.keepdims))

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Spread the cotangent evenly over what was reduced."""
        if not self.keepdims:
            cotangent = np.expand_dims(cotangent, tuple(axis % x.ndim for axis in self.axes))
        count = np.prod([x.shape[axis] for axis in self.axes]) if self.mean else 1
        return (np.broadcast_to(cotangent / cotangent.dtype.type(count), x.shape),)
