"""Linear functions of the input that bound what a network computes, over many boxes at once.

The lines of a layer follow from bounds of its pre-activations, which follow from substituting the lines of the layers
before it backwards, so that every box has lines of its own. Rounding is bounded by sums of absolute values over the
first box, in which all others lie.

Source: Zhang, Weng, Chen, Hsieh and Daniel 2018, Efficient neural network robustness certification with general
activation functions; Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nonlin.geometry.rounding import OUTWARD, TINY, UNIT_ROUNDOFF, gamma
from nonlin.geometry.verification.kernels import through, through_windows
from nonlin.geometry.verification.layers import Layer
from nonlin.networks.array import Array

__all__ = ["Bent", "Planes", "Relaxation", "Rows", "substituted"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relaxation:
    """A network over a box, ready to be bounded on parts of it.

    Args:
        layers: of the network.
        size: of every input, the largest absolute value in the box.
        spread: for each layer, what a unit of weight on each pre-activation loses by rounding.
        offsets: where the decisions of each layer begin among all; one more than layers.
        outputs: which of the last numbers are the network's output, −1 for a constant 0.
    """

    layers: tuple[Layer, ...]
    size: Array
    spread: tuple[Array, ...]
    offsets: tuple[int, ...]
    outputs: Array

    @property
    def choices(self) -> int:
        """How many decisions there are in all."""
        return self.offsets[-1]

    def part(self, layer: int) -> slice:
        """Return where the decisions of a layer are."""
        return slice(self.offsets[layer], self.offsets[layer + 1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bent:
    """What stands for the bends of one layer in every box.

    Args:
        lines: upper slope, upper shift, lower slope, lower shift, shape (4, boxes, units).
        gap: the distance of the two lines, shape (boxes, choices); 0 where the piece is known.
        upper, highest, lower: of windows, as in `kernels.through_windows`; None without.
    """

    lines: Array
    gap: Array
    upper: Array | None = None
    highest: Array | None = None
    lower: Array | None = None

    def __getitem__(self, boxes: "slice | Array") -> "Bent":
        """Return what stands for the bends in some boxes."""
        upper, highest, lower = (
            None if x is None else x[boxes] for x in (self.upper, self.highest, self.lower)
        )
        return Bent(
            lines=self.lines[:, boxes], gap=self.gap[boxes], upper=upper, highest=highest, lower=lower
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Weights on the pre-activations of a layer, to be bounded from above.

    Args:
        layer: which; the number of layers stands for what the last one makes.
        weights: shape (boxes, rows, units); overwritten.
        inputs: weights on the inputs themselves, which are added, shape (rows, inputs); or None.
        path: where given, the weights on what each layer makes are appended, last layer first.
    """

    layer: int
    weights: Array
    inputs: Array | None = None
    path: list[Array] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planes:
    """Linear functions that are above some rows in every box: row(x) ≤ slope · x + constant.

    Args:
        slope: shape (boxes, rows, inputs).
        constant: rounded up, shape (boxes, rows).
        highest: upper bounds over the boxes, rounded up, shape (boxes, rows).
    """

    slope: Array
    constant: Array
    highest: Array


def substituted(
    relaxation: Relaxation, bents: Sequence[Bent], rows: Rows, box: tuple[Array, Array]
) -> Planes:
    """Substitute rows backwards to the input.

    Args:
        relaxation: of the network.
        bents: of the layers before the rows' own, and of all where they are over what the last one makes.
        rows: what to bound.
        box: low and high, shape (boxes, inputs).
    """
    sums = np.zeros((3, *rows.weights.shape[:2]))
    weights, terms = rows.weights, 64
    if rows.layer < len(relaxation.layers):
        weights = _affine(relaxation, rows.layer, weights, sums)
        terms += 2 * weights.shape[-1]
    for k in reversed(range(min(rows.layer, len(relaxation.layers)))):
        if rows.path is not None:
            rows.path.append(weights.copy())
        weights = _through(relaxation, k, bents[k], weights, sums)
        weights = relaxation.layers[k].back(weights)
        terms += 2 * (relaxation.layers[k].units + relaxation.layers[k].choices)
    if rows.inputs is not None:
        weights = weights + rows.inputs
        sums[2] += 2 * UNIT_ROUNDOFF * (np.abs(weights) @ relaxation.size)
    return _closed(relaxation, weights, sums, box, gamma(terms + 2 * weights.shape[-1]))


def _closed(
    relaxation: Relaxation, weights: Array, sums: Array, box: tuple[Array, Array], relative: float
) -> Planes:
    value, size, loss = sums
    constant = np.nextafter(value + ((loss + relative * size) * OUTWARD + TINY), np.inf)
    corner = np.where(weights > 0, box[1][:, None], box[0][:, None])
    reached = np.einsum("bri,bri->br", weights, corner)
    extent = size + np.abs(weights) @ relaxation.size
    highest = np.nextafter(value + reached + ((loss + 2 * relative * extent) * OUTWARD + TINY), np.inf)
    return Planes(slope=weights, constant=constant, highest=highest)


def _affine(relaxation: Relaxation, k: int, weights: Array, sums: Array) -> Array:
    """Take weights on pre-activations to what they are made of."""
    layer = relaxation.layers[k]
    sums[0] += weights @ layer.bias
    sums[1] += np.abs(weights) @ np.abs(layer.bias)
    sums[2] += np.abs(weights) @ relaxation.spread[k]
    return layer.back(weights)


def _through(relaxation: Relaxation, k: int, bent: Bent, weights: Array, sums: Array) -> Array:
    layer = relaxation.layers[k]
    weights = np.ascontiguousarray(weights)
    if bent.upper is None:
        through(weights, bent.lines, layer.bias, relaxation.spread[k], sums)
        return weights
    made = np.zeros((*weights.shape[:2], layer.units))
    made[:, :, layer.passing] = weights[:, :, : layer.kept]
    pooled = np.ascontiguousarray(weights[:, :, layer.kept :])
    through_windows(pooled, bent.upper, bent.highest, bent.lower, made, sums)
    # an entry's windows were added up; its size is at most its spread divided by 4 u
    largest = relaxation.spread[k].max() / (4 * UNIT_ROUNDOFF)
    sums[2] += gamma(len(layer.windows) + 2) * largest * np.abs(pooled).sum(axis=2)
    through(made, bent.lines, layer.bias, relaxation.spread[k], sums)
    return made
