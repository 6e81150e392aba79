"""The figures that tell the causes of a finding apart, from the weights and what was measured behind them.

A pre-activation is u = w·x + b. Its mean over the data less b is what the layer's input adds, so that an offset is
known to come from the bias or from the input; its standard deviation over the norm of w is the size of the input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError
from nonlin.functions import Function
from nonlin.functions.initialization import gain
from nonlin.inspection.curing.layer_weights import LayerWeights
from nonlin.inspection.recording import RecordedCall

__all__ = ["InputScale", "Scales", "effective_rank", "function_gain", "input_scale", "scales"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputScale:
    """Mean and standard deviation of the network's inputs, over everything."""

    mean: float
    std: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """Medians over the units concerned; of what may have either sign, the median size, with the commoner sign.

    A unit whose pre-activation does not vary, as one without weights, has no ratio to its spread: it is left out where
    others vary.

    Args:
        weight: the norm of a unit's weights over the function's gain; 1 as initialised by its gain.
        bias: b over the standard deviation of u.
        offset: what the layer's input adds to the mean of u, over the standard deviation of u.
        incoming: the standard deviation of u over the norm of the weights: the size of the layer's input.
        spread: the standard deviation of u.
    """

    weight: float
    bias: float
    offset: float
    incoming: float
    spread: float


def input_scale(inputs: Sequence[Array]) -> InputScale | None:
    """Return the scale of some batches of the network's input; None for whole numbers, as of tokens."""
    floating = [np.asarray(x, np.float64).ravel() for x in inputs if x.dtype.kind == "f"]
    if not floating:
        return None
    everything = np.concatenate(floating)
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers next to float64's largest
        return InputScale(mean=float(everything.mean()), std=float(everything.std()))


def effective_rank(weight: Array) -> float:
    """Return (Σσ²)² / Σσ⁴ of a matrix's singular values σ: n for n equal ones, about half its size for a drawn one."""
    gram = weight @ weight.T if len(weight) <= weight.shape[1] else weight.T @ weight
    squares = float(np.sum(gram**2))
    return float(np.trace(gram)) ** 2 / squares if squares else 0.0


def function_gain(function: Function) -> float:
    """Return a function's gain, 1 where it has none."""
    if function.vector:
        return 1.0
    try:
        return float(gain(function))
    except InvalidInputError:
        return 1.0


def scales(recorded: RecordedCall, weights: LayerWeights, units: Sequence[int]) -> Scales | None:
    """Return the figures of some units of a call, of all where none are named; None where the shapes do not fit."""
    statistics = recorded.statistics
    if len(weights.weight) != statistics.units:
        return None
    chosen = np.asarray(units, int) if len(units) else np.arange(statistics.units)
    mean = np.asarray(statistics.pre_activation.mean, np.float64)[chosen]
    spread = np.sqrt(np.asarray(statistics.pre_activation.variance, np.float64)[chosen])
    norms = weights.norms[chosen]
    bias = np.zeros(len(chosen)) if weights.bias is None else weights.bias[chosen]
    tiny = np.finfo(np.float32).tiny
    if (varies := spread > tiny).any():
        mean, spread, norms, bias = mean[varies], spread[varies], norms[varies], bias[varies]
    spread, norms = np.maximum(spread, tiny), np.maximum(norms, tiny)
    with np.errstate(all="ignore"):
        return Scales(
            weight=_median(norms / function_gain(recorded.site.function)),
            bias=_middle(bias / spread),
            offset=_middle((mean - bias) / spread),
            incoming=_median(spread / norms),
            spread=_median(spread),
        )


def _middle(values: Array) -> float:
    """Return the median size with the sign of the median: shifts up and down do not cancel."""
    return float(np.copysign(_median(np.abs(values)), np.median(values)))


def _median(values: Array) -> float:
    found = float(np.median(values))
    return found if isfinite(found) else float(np.finfo(np.float64).max)
