"""The gain of any activation function, and weights drawn with it."""

from __future__ import annotations

from math import inf, isfinite, prod, sqrt
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError, MissingDependencyError
from nonlin.functions.callables import values_of
from nonlin.functions.choice import as_function
from nonlin.functions.gaussian_quadrature import expectation
from nonlin.functions.moments import as_variance

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.functions.function import Function

__all__ = ["gain", "initialize_"]

Array: TypeAlias = NDArray[np.float64]


def gain(f: Function | str | Callable[[Any], Any], *, variance: float = 1.0) -> float:
    """Return 1/√E[f(u)²] for u ~ N(0, variance), the factor that keeps signals at their size from layer to layer.

    Weights drawn with standard deviation gain/√fan_in turn activations of unit pre-activations into unit
    pre-activations again. For ReLU it is √2 (He 2015); unlike PyTorch's `calculate_gain` it is defined for
    every function, and for tanh it is 1.5925, where PyTorch has 5/3 by hand.

    Args:
        f: a function, its name, a formula, or a callable of arrays, of PyTorch's tensors (a module) or of numbers.
        variance: of the pre-activation, above 0.

    Raises:
        InvalidInputError: f is 0 almost everywhere, or not square integrable, or of a whole vector.

    Source: Poole et al. 2016, Exponential expressivity in deep neural networks, equation 3.

    >>> round(gain("relu"), 6), round(gain("gelu"), 6)
    (1.414214, 1.53353)
    """
    known = as_function(f)
    found = known.moments(variance=variance).gain if known is not None else _gain(f, variance)
    if not isfinite(found) or found == 0:
        raise InvalidInputError(f"expected a function with 0 < E[f²] < ∞, got a gain of {found}; use another")
    return found


def initialize_(
    module: Any,
    f: Function | str | Callable[[Any], Any],
    *,
    distribution: Literal["normal", "uniform"] = "normal",
    generator: Any = None,
) -> Any:
    """Draw the weights of every linear and convolutional layer for an activation function, in place.

    A weight has mean 0 and variance gain(f)²/fan_in; a bias becomes 0.

    Args:
        module: a `torch.nn.Module`.
        f: what stands between its layers, as for `gain`.
        distribution: "normal", or "uniform" with the same variance.
        generator: a `torch.Generator`.

    Returns:
        The module.

    Raises:
        InvalidInputError: no such layer in it, or one without a shape yet.
        MissingDependencyError: PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError("initialize_ needs PyTorch: pip install 'nonlin[torch]'") from error
    if not isinstance(module, torch.nn.Module):
        raise InvalidInputError(f"expected a torch.nn.Module, got {type(module).__name__}; hand in the model")
    if distribution not in ("normal", "uniform"):
        raise InvalidInputError(f"expected the distribution normal or uniform, got {distribution!r}; use one")
    factor = gain(f)
    layers = [m for m in module.modules() if isinstance(m, torch.nn.Linear | torch.nn.modules.conv._ConvNd)]  # noqa: SLF001 - torch's only common base of its convolutions
    if not layers:
        raise InvalidInputError(
            "expected a module with a linear or convolutional layer, got one without; add one"
        )
    with torch.no_grad():
        for layer in layers:
            deviation = factor / sqrt(_fan_in(layer, torch))
            if distribution == "normal":
                layer.weight.normal_(0.0, deviation, generator=generator)
            else:
                layer.weight.uniform_(-sqrt(3.0) * deviation, sqrt(3.0) * deviation, generator=generator)
            if layer.bias is not None:
                layer.bias.zero_()
    return module


def _fan_in(layer: Any, torch: Any) -> float:
    """Return how many inputs one output sums over."""
    weight = layer.weight
    if isinstance(weight, torch.nn.UninitializedParameter):
        raise InvalidInputError("expected layers with a shape, got a lazy one; run the module once first")
    if isinstance(layer, torch.nn.modules.conv._ConvTransposeNd):  # noqa: SLF001 - as above
        taps = prod(layer.kernel_size) / prod(layer.stride)
        return float(max(weight.shape[0] // layer.groups * taps, 1.0))
    return float(max(weight[0].numel(), 1))


def _gain(f: Any, variance: float) -> float:
    """Integrate a callable, whose kinks are not known: the panels around them are halved until they do not matter."""
    scale = sqrt(as_variance("variance", variance, positive=True))

    def square(z: Array) -> Array:
        value = values_of(f, scale * z)
        return np.asarray((value * value)[None, :])

    second = float(expectation(square, splits=[0.0])[0][0])
    return 1 / sqrt(second) if second > 0 else inf
