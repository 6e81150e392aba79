"""Operators that bend: calls of activation functions, products, softmax; and what nonlin does not understand."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.functions import Function, function
from nonlin.networks.array import Array, matched, unbroadcast
from nonlin.networks.recurrent import Recurrence

__all__ = [
    "Activation",
    "Divide",
    "MatrixProduct",
    "Multiply",
    "Opaque",
    "ParametricRelu",
    "Select",
    "Softmax",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Activation:
    """A scalar function, entry by entry.

    Args:
        function: which.
        called: whether this is a call of an activation; False for a step of something else, such as the root in a
            norm.
    """

    function: Function
    called: bool = True

    @property
    def kind(self) -> str:
        """Return "piecewise linear" or "nonlinear"."""
        return "nonlinear" if self.function.pieces is None else "piecewise linear"

    def apply(self, x: Array) -> Array:
        """Return f(x)."""
        return np.asarray(self.function(x))

    def slope(self, x: Array) -> Array:
        """Return f'(x)."""
        return np.asarray(self.function.slope(x))

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Return f'(x) times the cotangent."""
        return (cotangent * self.slope(x),)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParametricRelu:
    """PReLU with a learned slope for each unit.

    Args:
        slopes: broadcast against the pre-activation as NumPy does.
    """

    kind: ClassVar[str] = "piecewise linear"
    slopes: Array

    @property
    def function(self) -> Function:
        """The catalogue's PReLU, with the mean of the learned slopes."""
        return function("prelu", weight=float(np.mean(self.slopes)))

    def apply(self, x: Array) -> Array:
        """Return x where it is positive, else slope · x."""
        return np.where(x > 0, x, matched(self.slopes, x) * x)

    def slope(self, x: Array) -> Array:
        """Return 1 where x is positive, else the learned slope."""
        return np.where(x > 0, x.dtype.type(1), matched(self.slopes, x))

    def relative_slope(self, x: Array) -> Array:
        """Return the slope relative to the steeper of the unit's two pieces."""
        return self.slope(x) / np.maximum(np.abs(matched(self.slopes, x)), 1)

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Return the slope times the cotangent."""
        return (cotangent * self.slope(x),)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Softmax:
    """Softmax or its logarithm along an axis."""

    kind: ClassVar[str] = "nonlinear"
    axis: int
    logarithm: bool = False

    @property
    def function(self) -> Function:
        """The catalogue's entry."""
        return function("log_softmax" if self.logarithm else "softmax")

    def apply(self, x: Array) -> Array:
        """Return the softmax, shifted by the largest entry so that nothing overflows."""
        shifted = x - x.max(axis=self.axis, keepdims=True)
        weights = np.exp(shifted)
        total = weights.sum(axis=self.axis, keepdims=True)
        return np.asarray(shifted - np.log(total) if self.logarithm else weights / total)

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Return the transposed Jacobian times the cotangent."""
        share = np.exp(self.apply(x)) if self.logarithm else self.apply(x)
        if self.logarithm:
            return (cotangent - share * cotangent.sum(axis=self.axis, keepdims=True),)
        return (share * (cotangent - (share * cotangent).sum(axis=self.axis, keepdims=True)),)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Multiply:
    """The product of two tensors, both computed (gates, squeeze-and-excitation)."""

    kind: ClassVar[str] = "product"

    def apply(self, a: Array, b: Array) -> Array:
        """Return a · b."""
        return np.asarray(a * b)

    def pullback(self, cotangent: Array, a: Array, b: Array) -> tuple[Array, Array]:
        """Return b · cotangent and a · cotangent."""
        return unbroadcast(cotangent * b, a.shape), unbroadcast(cotangent * a, b.shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Divide:
    """The quotient of two tensors, both computed (a norm written out)."""

    kind: ClassVar[str] = "product"

    def apply(self, a: Array, b: Array) -> Array:
        """Return a / b."""
        return np.asarray(a / b)

    def pullback(self, cotangent: Array, a: Array, b: Array) -> tuple[Array, Array]:
        """Return cotangent / b and −a · cotangent / b²."""
        each = cotangent / b
        return unbroadcast(each, a.shape), unbroadcast(-each * (a / b), b.shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatrixProduct:
    """The matrix product of two tensors, both computed (attention)."""

    kind: ClassVar[str] = "product"

    def apply(self, a: Array, b: Array) -> Array:
        """Return a @ b."""
        return np.asarray(a @ b)

    def pullback(self, cotangent: Array, a: Array, b: Array) -> tuple[Array, Array]:
        """Return cotangent @ bᵀ and aᵀ @ cotangent."""
        return (
            unbroadcast(cotangent @ b.swapaxes(-1, -2), a.shape),
            unbroadcast(a.swapaxes(-1, -2) @ cotangent, b.shape),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Select:
    """One of two values, by where a third lies: ONNX Where with a comparison, a part of Softplus and of Threshold.

    Args:
        threshold: with what u is compared.
        equal: whether the threshold itself counts as above.
        above, below: the values on either side, numbers; or None, then they are computed and follow u as inputs.
    """

    kind: ClassVar[str] = "nonlinear"
    threshold: float
    equal: bool
    above: float | None = None
    below: float | None = None

    def _is_above(self, u: Array) -> Array:
        return np.asarray(u >= self.threshold if self.equal else u > self.threshold)

    def apply(self, u: Array, *values: Array) -> Array:
        """Return the value above where u is above the threshold, else the one below; NaN where u is NaN."""
        given = iter(values)
        above, below = (next(given) if v is None else u.dtype.type(v) for v in (self.above, self.below))
        return np.where(np.isnan(u), u, np.where(self._is_above(u), above, below))

    def pullback(self, cotangent: Array, u: Array, *values: Array) -> tuple[Array, ...]:
        """Return nothing for u, and the cotangent for the value that was taken."""
        above = self._is_above(u)
        taken = [t for t, v in ((above, self.above), (~above, self.below)) if v is None]
        parts = (unbroadcast(cotangent * t, x.shape) for t, x in zip(taken, values, strict=True))
        return np.zeros(u.shape, cotangent.dtype), *parts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opaque:
    """An operator that nonlin cannot take apart; ONNX Runtime can still evaluate it.

    Args:
        operator: its ONNX name, with the domain where it is not the standard one.
        node: the node's name, for the message.
        recurrence: for an LSTM, GRU or RNN, what its gates compute; None where that is not understood.
    """

    kind: ClassVar[str] = "opaque"
    operator: str
    node: str
    recurrence: Recurrence | None = None

    def apply(self, *_inputs: Array) -> Array:
        """Refuse, by name."""
        raise UnsupportedModelError(
            f"node '{self.node}' uses the operator {self.operator}, which nonlin does not evaluate by itself; "
            "install ONNX Runtime to run such a network: pip install 'nonlin[onnxruntime]'"
        )

    def pullback(self, _cotangent: Array, *_inputs: Array) -> tuple[Array, ...]:
        """Refuse, by name."""
        raise UnsupportedModelError(
            f"node '{self.node}' uses the operator {self.operator}, through which nonlin takes no gradient"
        )
