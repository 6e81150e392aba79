"""What a call of an activation makes of a signal and of a gradient."""

from dataclasses import dataclass

import numpy as np

from nonlin.inspection.prediction.normal import Curve, curve_of, nodes_of, products
from nonlin.inspection.prediction.signal import Gradient, Signal
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.array import Array

__all__ = ["Bent", "bend", "through"]

_AT_ONCE = 4096
_DIGITS = 7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bent:
    """A call between its input and its output.

    Args:
        output: the signal after it.
        slope_second: E[f'(u)²] of each entry, in the signal's shape.
        slope_products: E[f'(uᵢ) f'(uⱼ)], shape (entries, entries); None where there is no covariance.
    """

    output: Signal
    slope_second: Array
    slope_products: Array | None


def bend(operator: Activation | ParametricRelu, signal: Signal) -> Bent:
    """Apply an activation to a normal pre-activation."""
    if signal.covariance is not None:
        return _with_covariance(operator, signal, signal.covariance)
    shape = signal.mean.shape
    per_unit = isinstance(operator, ParametricRelu) and operator.slopes.size > 1
    pairs = np.stack([signal.mean.ravel(), signal.variance.ravel()], axis=1)
    back: Array | slice = slice(None)
    if not per_unit:
        # most entries of a convolution's channel are the same; rounding lets them be found
        pairs, back = np.unique(_rounded(pairs), axis=0, return_inverse=True)
    curve = curve_of(operator, shape)
    found = np.concatenate([_moments(curve, part) for part in _parts(pairs, whole=per_unit)])[back]
    mean, second, slope_second = (found[:, i].reshape(shape) for i in range(3))
    output = Signal(mean=mean, variance=np.maximum(second - mean**2, 0.0))
    return Bent(output=output, slope_second=slope_second, slope_products=None)


def through(bent: Bent, gradient: Gradient) -> Gradient:
    """Pull a gradient back through a call, from whose signal it counts as independent."""
    if bent.slope_products is None or gradient.covariance is None:
        return Gradient(second=gradient.second * bent.slope_second)
    covariance = gradient.covariance * bent.slope_products
    return Gradient(second=np.diag(covariance).reshape(gradient.second.shape), covariance=covariance)


def _with_covariance(operator: Activation | ParametricRelu, signal: Signal, covariance: Array) -> Bent:
    shape = signal.mean.shape
    curve = curve_of(operator, shape)
    variance = signal.variance.ravel()
    nodes = nodes_of(signal.mean.ravel(), variance, curve.kinks)
    deviation = np.sqrt(np.maximum(variance, 0.0))
    scale = np.outer(deviation, deviation)
    # the correlation of a constant is 0
    correlation = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0).clip(-1, 1)
    values, slopes = curve.value(nodes.u), curve.slope(nodes.u)
    coefficients = nodes.hermite(values)
    made = products(coefficients, nodes.expect(values**2), correlation)
    mean = coefficients[0]
    made -= np.outer(mean, mean)
    slope_second = nodes.expect(slopes**2)
    output = Signal(
        mean=mean.reshape(shape), variance=np.maximum(np.diag(made), 0.0).reshape(shape), covariance=made
    )
    return Bent(
        output=output,
        slope_second=slope_second.reshape(shape),
        slope_products=products(nodes.hermite(slopes), slope_second, correlation),
    )


def _moments(curve: Curve, pairs: Array) -> Array:
    nodes = nodes_of(pairs[:, 0], pairs[:, 1], curve.kinks)
    values = curve.value(nodes.u)
    columns = (values, values**2, curve.slope(nodes.u) ** 2)
    return np.stack([nodes.expect(column) for column in columns], axis=1)


def _parts(pairs: Array, *, whole: bool) -> list[Array]:
    if whole:
        return [pairs]
    return [pairs[i : i + _AT_ONCE] for i in range(0, max(len(pairs), 1), _AT_ONCE)]


def _rounded(x: Array) -> Array:
    size = 10.0 ** (np.floor(np.log10(np.where(x == 0, 1.0, np.abs(x)))) - _DIGITS)
    return np.asarray(np.rint(x / size) * size)
