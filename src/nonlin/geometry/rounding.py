"""How far a float64 evaluation of an affine operator can be from the exact one.

The bound is the standard one (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1): a sum of n
products is off by at most γₙ times the sum of their absolute values, γₙ = n u / (1 − n u), in whatever order it is
summed. It leaves out underflow; where a product could be that small, there is no bound at all.
"""

from dataclasses import replace

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.geometry.arithmetic import Bounded
from nonlin.geometry.spectral import frobenius_bound, spectral_bound
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.array import Array
from nonlin.networks.network import Operator
from nonlin.networks.shape import Cast, Concatenate, Identity, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import AveragePool, Convolution

__all__ = [
    "LARGE_LAYER",
    "OUTWARD",
    "TINY",
    "UNIT_ROUNDOFF",
    "absolute",
    "affine",
    "gamma",
    "in_cache",
    "row_norms",
]

UNIT_ROUNDOFF = 2.0**-53
OUTWARD = 1 + 2.0**-20
"""A bound on rounding is itself computed in float64, from positive numbers; this covers that by far.
Among cells also that a ray is only nearly of size 1."""
TINY = 2.0**-900
"""What all products that underflow lose together."""
_SAFE = 2.0**-900
_CACHED = 1 << 15
_MOVES = (Cast, Concatenate, Identity, Reshape, Slice, Take, Transpose)
_ROUNDS = (AveragePool, Convolution, Dense, Elementwise, Reduce, Sum)
LARGE_LAYER = 1 << 16
"""Weights from which on the bound is taken by Cauchy and Schwarz, which costs no matrix product of its own."""


def affine(operator: Operator, inputs: list[Bounded]) -> Bounded:
    """Apply an affine operator in float64 and bound the error of the result.

    Raises:
        UnsupportedModelError: if the operator is none of those whose bound is known.
    """
    if isinstance(operator, Pad):
        moved = replace(operator, value=0.0)
        return Bounded(value=operator.apply(inputs[0].value), error=moved.apply(inputs[0].error))
    if isinstance(operator, _MOVES):
        return Bounded(
            value=operator.apply(*(x.value for x in inputs)), error=operator.apply(*(x.error for x in inputs))
        )
    if not isinstance(operator, _ROUNDS):
        raise UnsupportedModelError(
            f"expected an affine operator, got {type(operator).__name__}; its folds are not known"
        )
    if isinstance(operator, Dense) and inputs[0].norm is not None:
        return _together(operator, inputs[0], inputs[0].norm)
    value = operator.apply(*(x.value for x in inputs))
    terms = _terms(operator, inputs[0].value.shape)
    relative = gamma(terms)
    spread = [relative * np.abs(x.value) + x.error for x in inputs]
    error = _spread(operator, spread, value) + relative * np.abs(_shift(operator, value))
    return Bounded(value=value, error=(error + _underflow(operator, inputs)) * (1 + 4 * relative))


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
        return int(np.prod([shape[axis] for axis in operator.axes])) + 2
    return 3


def _spread(operator: Operator, spread: list[Array], value: Array) -> Array:
    """Return the sum of abs(weight) · spread for every entry of the output, or more."""
    if isinstance(operator, Dense) and operator.weight.size >= LARGE_LAYER:
        return np.asarray(row_norms(spread[0])[..., None] * row_norms(operator.weight))
    return np.broadcast_to(absolute(operator).apply(*spread), value.shape)


def _together(layer: Dense, x: Bounded, passed: Array) -> Bounded:
    """Bound the errors along the line by norms: of all at once, and by Cauchy and Schwarz of each."""
    value = layer.apply(x.value)
    relative = gamma(_terms(layer, x.value.shape))
    fresh = relative * row_norms(x.value)
    each = row_norms(layer.weight)
    whole = frobenius_bound(each)
    # where few rows go through the layer, its singular values would cost more than they do
    stretch = spectral_bound(layer) if 4 * len(value) >= min(layer.weight.shape) else whole
    shift = np.zeros(1) if layer.bias is None else relative * np.abs(np.asarray(layer.bias, np.float64))
    outward, lost = 1 + 4 * relative, _underflow(layer, [x])
    error = ((passed + fresh) * outward)[:, None] * each
    error += (shift + lost) * outward
    return Bounded(
        value=value,
        error=error,
        norm=(stretch * passed + whole * fresh + (row_norms(shift[None]) + lost)) * outward,
    )


def in_cache(x: Array) -> list[slice]:
    """Return slices of rows, together all of them, that an elementwise calculation takes one at a time.

    What it keeps on the way stays in the processor's cache then: four times as fast as whole large arrays.
    """
    step = max(1, _CACHED // max(1, x[:1].size))
    return [slice(start, start + step) for start in range(0, len(x), step)]


def row_norms(x: Array) -> Array:
    """Return an upper bound on the 2-norm along the last axis; 0 for zeros."""
    wide = np.asarray(x, np.float64)
    terms = wide.shape[-1]
    squares = np.einsum("...j,...j->...", wide, wide)
    norms = np.asarray(np.sqrt(squares) * (1 + (terms + 8) * UNIT_ROUNDOFF))
    small = squares < _SAFE
    if np.any(small):  # squares may have underflowed
        norms[small] = 2 * np.sqrt(terms) * np.abs(wide[small]).max(axis=-1, initial=0.0)
    return norms


def gamma(terms: int) -> float:
    """Return γₙ = n u / (1 − n u), a bound on the relative rounding of a sum of n products."""
    return terms * UNIT_ROUNDOFF / (1 - terms * UNIT_ROUNDOFF)


def absolute(operator: Operator) -> Operator:
    """Return an affine operator with the absolute values of its weights, without its shift."""
    if isinstance(operator, Dense | Convolution):
        return replace(operator, weight=np.abs(operator.weight), bias=None)
    if isinstance(operator, Elementwise):
        return replace(operator, scale=np.abs(operator.scale), shift=np.zeros_like(operator.shift))
    if isinstance(operator, Sum):
        return Sum(signs=(1,) * len(operator.signs))
    return replace(operator, value=0.0) if isinstance(operator, Pad) else operator


def _shift(operator: Operator, value: Array) -> Array:
    """Return what the operator adds, in a shape that broadcasts against its output."""
    if isinstance(operator, Elementwise):
        return np.asarray(operator.shift, np.float64)
    if isinstance(operator, Dense | Convolution) and operator.bias is not None:
        trailing = 0 if isinstance(operator, Dense) else value.ndim - 2
        return np.asarray(operator.bias, np.float64).reshape(-1, *[1] * trailing)
    return np.zeros(())


def _underflow(operator: Operator, inputs: list[Bounded]) -> float:
    """Return infinity, which decides nothing, where a product may be so small that its rounding is not relative."""
    weight = operator.scale if isinstance(operator, Elementwise) else getattr(operator, "weight", None)
    least = min(_smallest(x.value) for x in inputs)
    return np.inf if min(least, least * (1.0 if weight is None else _smallest(weight))) < _SAFE else 0.0


def _smallest(x: Array) -> float:
    """Return the smallest size of a number other than 0, or less."""
    if x.dtype.kind == "f" and x.dtype.itemsize <= 4:
        return 2.0**-149  # float32 has none smaller, so that the weights need not be searched
    size = np.abs(x, dtype=np.float64)
    size += size == 0  # eight times as fast as to leave the zeros out
    return float(np.min(size, initial=1.0))
