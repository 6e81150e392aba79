"""How far a float64 evaluation of an affine operator can be from the exact one.

The bound is the standard one (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1): a sum of n
products is off by at most γₙ times the sum of their absolute values, γₙ = n u / (1 − n u), in whatever order it is
summed.
"""

from dataclasses import dataclass, replace

import numpy as np

from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.array import Array
from nonlin.networks.network import Operator
from nonlin.networks.shape import Pad
from nonlin.networks.window import AveragePool, Convolution

__all__ = ["UNIT_ROUNDOFF", "Bounded", "apply_affine"]

UNIT_ROUNDOFF = 2.0**-53


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounded:
    """Values and how far each can be from the exact one; arrays of one shape, float64."""

    value: Array
    error: Array


def apply_affine(operator: Operator, inputs: list[Bounded]) -> Bounded:
    """Apply an affine operator in float64 and bound the error of the result."""
    value = operator.apply(*(x.value for x in inputs))
    size, carried = _absolute(operator, bias=True), _absolute(operator, bias=False)
    gamma = _gamma(_terms(operator, inputs[0].value.shape))
    rounding = gamma * size.apply(*(np.abs(x.value) for x in inputs))
    # the bound is itself computed in float64, with sums of positive terms only: a factor covers its own rounding
    error = (rounding + carried.apply(*(x.error for x in inputs))) * (1 + 4 * gamma)
    return Bounded(value=value, error=np.broadcast_to(error, value.shape))


def _gamma(terms: int) -> float:
    return terms * UNIT_ROUNDOFF / (1 - terms * UNIT_ROUNDOFF)


def _terms(operator: Operator, shape: tuple[int, ...]) -> int:
    """Return how many roundings one entry of the output goes through at most."""
    if isinstance(operator, Dense):
        return int(operator.weight.shape[1]) + 2
    if isinstance(operator, Convolution):
        return int(np.prod(operator.weight.shape[1:])) + 2
    if isinstance(operator, AveragePool):
        return int(np.prod(operator.window.size)) + 2
    if isinstance(operator, Sum):
        return len(operator.signs)
    if isinstance(operator, Reduce):
        return int(np.prod([shape[axis] for axis in operator.axes])) + 1
    return 3


def _absolute(operator: Operator, *, bias: bool) -> Operator:
    """Return the operator with the absolute values of its weights, and of its bias or without it."""
    if isinstance(operator, Dense | Convolution):
        shift = None if operator.bias is None or not bias else np.abs(operator.bias)
        return replace(operator, weight=np.abs(operator.weight), bias=shift)
    if isinstance(operator, Elementwise):
        shift = np.abs(operator.shift) if bias else np.zeros_like(operator.shift)
        return replace(operator, scale=np.abs(operator.scale), shift=shift)
    if isinstance(operator, Sum):
        return Sum(signs=(1,) * len(operator.signs))
    if isinstance(operator, Pad):
        return replace(operator, value=abs(operator.value) if bias else 0.0)
    return operator
