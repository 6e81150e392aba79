"""How the squared lengths of samples spread around the mean, and what that does to the gradient.

In a layer of finite width samples that start with one length do not keep one. Where the length map is unstable
the spread grows from layer to layer, and the gradient of the longest samples comes to rule the mean. Followed here
are the lengths of a few thousand samples relative to their mean, from a fixed seed, in the recursion for wide
layers with the fluctuation that the width gives to each layer.

Source: Hanin and Rolnick 2018, How to start training: the effect of initialization and architecture, section 3;
Poole et al. 2016, equation 3, for the length map.
"""

from dataclasses import dataclass

import numpy as np

from nonlin.inspection.prediction.normal import Curve, nodes_of
from nonlin.inspection.prediction.signal import Signal
from nonlin.networks.array import Array

__all__ = ["Lengths", "bent_lengths", "mixed", "shifted", "start", "widened"]

SAMPLES = 4096
_GRID = np.exp(np.linspace(-6.0, 6.0, 49))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lengths:
    """The squared length of samples at a tensor, relative to the mean.

    Args:
        relative: shape (samples,).
        kurtosis: E[x⁴] / E[x²]² of the tensor's entries.
        stretch: by how much a relative error of the input's squared length has been multiplied.
    """

    relative: Array
    kurtosis: float
    stretch: float


def start() -> Lengths:
    """Return the lengths of normal inputs before their entries are counted."""
    return Lengths(relative=np.ones(SAMPLES), kurtosis=3.0, stretch=1.0)


def widened(lengths: Lengths, before: Signal, after: Signal, noise: np.random.Generator) -> Lengths:
    """Take lengths through a layer of weights, without its bias.

    Args:
        lengths: before it.
        before: the signal that the layer reads.
        after: the signal that it makes.
        noise: draws the fluctuation.
    """
    varied = 1 - before.common**2
    spread = np.sqrt(varied * ((lengths.kurtosis - 1) / before.mean.size + 2 / after.mean.size))
    drawn = np.exp(spread * noise.standard_normal(SAMPLES) - spread**2 / 2)
    return Lengths(relative=lengths.relative * drawn, kurtosis=3.0, stretch=lengths.stretch)


def shifted(lengths: Lengths, shift: Array, after: Signal) -> Lengths:
    """Take lengths through the addition of a constant, such as a bias.

    Args:
        lengths: before it.
        shift: the constant, in the signal's shape.
        after: the signal after it.
    """
    before = after.mean - shift
    # of E(√s·x + shift)² = s·E x² + 2√s·E x·shift + shift², the derivative at s = 1
    moved = float(np.mean(before * after.mean + after.variance))
    own = moved / after.second if after.second else 1.0
    relative = np.maximum(1 + own * (lengths.relative - 1), 0.0)
    return Lengths(relative=relative, kurtosis=lengths.kurtosis, stretch=lengths.stretch * abs(own))


def mixed(parts: list[tuple[Lengths, float]]) -> Lengths:
    """Add tensors that are not correlated, each with its second moment."""
    total = sum(second for _, second in parts) or 1.0
    return Lengths(
        relative=np.asarray(sum(x.relative * second for x, second in parts) / total),
        kurtosis=sum(x.kurtosis * second for x, second in parts) / total,
        stretch=sum(x.stretch * second for x, second in parts) / total,
    )


def bent_lengths(lengths: Lengths, curve: Curve, length: float, slope: float) -> tuple[Lengths, Array]:
    """Take lengths through a call.

    Args:
        lengths: before it.
        curve: of one entry.
        length: the mean second moment of the pre-activation, above 0.
        slope: of the length map there, relative: d log E[f²] / d log q.

    Returns:
        The lengths after it, and E[f'²] of each sample relative to the mean length's.
    """
    nodes = nodes_of(np.zeros(len(_GRID)), length * _GRID, curve.kinks)
    values = curve.value(nodes.u)
    second, slope_second = nodes.expect(values**2), nodes.expect(curve.slope(nodes.u) ** 2)
    middle = len(_GRID) // 2
    if not second[middle] > 0:
        return lengths, np.ones(SAMPLES)
    place = np.log(np.maximum(lengths.relative, _GRID[0]))
    after, slopes = (np.interp(place, np.log(_GRID), x / (x[middle] or 1.0)) for x in (second, slope_second))
    kurtosis = float(nodes.expect(values**4)[middle] / second[middle] ** 2)
    return Lengths(relative=after, kurtosis=kurtosis, stretch=lengths.stretch * slope), slopes
