"""What is known of a tensor before any data is seen, and what affine operators make of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from nonlin.networks import Operator
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.array import Array
from nonlin.networks.shape import Cast, Concatenate, Identity, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import AveragePool, Convolution

__all__ = ["AFFINE", "WIDEST", "Gradient", "Signal", "forward", "with_gradient"]

WIDEST = 1024
"""Units up to which the covariance of every two is followed; wider layers are followed entry by entry."""

AFFINE = (
    *(AveragePool, Cast, Concatenate, Convolution, Dense, Elementwise, Identity, Pad, Reduce, Reshape),
    *(Slice, Sum, Take, Transpose),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signal:
    """A tensor, over inputs of a normal distribution.

    Args:
        mean, variance: of each entry, shape (1, …), the batch axis in front.
        covariance: of every two entries, shape (entries, entries), for tensors of shape (1, entries) of a moderate
            width; else None, and the entries count as uncorrelated.
    """

    mean: Array
    variance: Array
    covariance: Array | None = None

    @property
    def second(self) -> float:
        """The mean over entries of the second moment."""
        return float(np.mean(self.mean**2 + self.variance))

    @property
    def common(self) -> float:
        """The part of the second moment that all inputs share: their mean correlation c."""
        return float(np.mean(self.mean**2)) / self.second if self.second else 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gradient:
    """A gradient with respect to a tensor, of mean 0.

    Args:
        second: E[g²] of each entry, shape (1, …).
        covariance: E[gᵢ gⱼ], as for a signal.
    """

    second: Array
    covariance: Array | None = None

    @property
    def size(self) -> float:
        """E[‖g‖²]."""
        return float(self.second.sum())

    def __add__(self, other: "Gradient") -> "Gradient":
        """Return the sum of two that are not correlated."""
        both = self.covariance is not None and other.covariance is not None
        return Gradient(
            second=self.second + other.second,
            covariance=self.covariance + other.covariance if both else None,  # type: ignore[operator] # both are there
        )


def forward(operator: Operator, inputs: Sequence[Signal]) -> Signal:
    """Apply an affine operator to signals that are not correlated with each other."""
    mean = operator.apply(*(x.mean for x in inputs))
    covariance = _covariance(operator, inputs, mean.shape)
    if covariance is not None:
        variance = np.diag(covariance).reshape(mean.shape)
    else:
        variance = _squared(operator).apply(*(x.variance for x in inputs))
    return Signal(mean=mean, variance=variance, covariance=covariance)


def with_gradient(operator: Operator, gradient: Gradient, inputs: Sequence[Signal]) -> tuple[Gradient, ...]:
    """Return the gradient with respect to each input of an affine operator."""
    shapes = [np.zeros_like(x.mean) for x in inputs]
    made = gradient.covariance
    squared = _squared(operator)
    if made is None or isinstance(operator, Concatenate):
        return tuple(Gradient(second=part) for part in squared.pullback(gradient.second, *shapes))
    if isinstance(operator, Sum | Cast | Identity) or _flat(operator, inputs):
        covariances = [made for _ in inputs]
    elif isinstance(operator, Dense) and inputs[0].mean.ndim == 2:
        weight = operator.weight.astype(np.float64)
        covariances = [weight.T @ made @ weight]
    elif isinstance(operator, Elementwise) and inputs[0].mean.shape == gradient.second.shape:
        scale = np.broadcast_to(operator.scale, gradient.second.shape).ravel().astype(np.float64)
        covariances = [made * np.outer(scale, scale)]
    else:
        return tuple(Gradient(second=part) for part in squared.pullback(gradient.second, *shapes))
    seconds = [np.diag(c).reshape(x.mean.shape) for c, x in zip(covariances, inputs, strict=True)]
    return tuple(Gradient(second=s, covariance=c) for s, c in zip(seconds, covariances, strict=True))


def _covariance(operator: Operator, inputs: Sequence[Signal], shape: tuple[int, ...]) -> Array | None:
    covariances = [x.covariance for x in inputs if x.covariance is not None]
    if len(shape) != 2 or shape[1] > WIDEST:
        return None
    if isinstance(operator, Dense):
        weight = operator.weight.astype(np.float64)
        inner = covariances[0] if covariances else None
        return weight @ inner @ weight.T if inner is not None else (weight * inputs[0].variance) @ weight.T
    if len(covariances) < len(inputs):
        return None
    if isinstance(operator, Sum) and all(x.mean.shape == shape for x in inputs):
        return np.asarray(sum(covariances))
    if isinstance(operator, Cast | Identity) or _flat(operator, inputs):
        return covariances[0]
    if isinstance(operator, Elementwise) and inputs[0].mean.shape == shape:
        scale = np.broadcast_to(operator.scale, shape).ravel().astype(np.float64)
        return np.asarray(covariances[0] * np.outer(scale, scale))
    return None


def _flat(operator: Operator, inputs: Sequence[Signal]) -> bool:
    """Whether a reshape leaves a vector as it is."""
    return isinstance(operator, Reshape) and operator.apply(inputs[0].mean).shape == inputs[0].mean.shape


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Averaging:
    """What a mean makes of variances: it divides by the number of entries once more."""

    operator: AveragePool | Reduce

    def _counts(self, x: Array) -> Array:
        if isinstance(self.operator, Reduce):
            return np.asarray(prod(x.shape[axis] for axis in self.operator.axes) if self.operator.mean else 1)
        size = prod(self.operator.window.size)
        if self.operator.count_padding:
            return np.asarray(size)
        inside = replace(self.operator, count_padding=True).apply(np.ones((1, 1, *x.shape[2:])))
        return np.asarray(np.rint(size * inside))

    def apply(self, x: Array) -> Array:
        return self.operator.apply(x) / self._counts(x)

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        return self.operator.pullback(cotangent / self._counts(x), x)


def _squared(operator: Operator) -> Operator | _Averaging:
    """Return the operator with the squares of its weights, without its shift: what it makes of variances."""
    if isinstance(operator, Dense | Convolution):
        return replace(operator, weight=operator.weight.astype(np.float64) ** 2, bias=None)
    if isinstance(operator, Elementwise):
        return replace(
            operator, scale=operator.scale.astype(np.float64) ** 2, shift=np.zeros_like(operator.shift)
        )
    if isinstance(operator, Sum):
        return Sum(signs=(1,) * len(operator.signs))
    if isinstance(operator, Pad):
        return replace(operator, value=0.0)
    return _Averaging(operator=operator) if isinstance(operator, AveragePool | Reduce) else operator
