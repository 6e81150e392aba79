"""Sharper bounds of gradients, by linear functions: the way back through a network is bounded as the way forth is.

A gradient g that goes back through an open unit is multiplied by any slope from p to q. Over g from l to u the largest
product is convex and the least one concave, so that chords bound them; these are substituted from the input's end on.

Source: Shi, Wang, Zhang, Kolter and Hsieh 2022, Efficiently computing local Lipschitz constants of neural networks via
bound propagation, section 3.2.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from nonlin.geometry.rounding import OUTWARD, TINY, UNIT_ROUNDOFF, gamma
from nonlin.geometry.verification.gradients import Gradients, Passed
from nonlin.geometry.verification.layers import Layer
from nonlin.geometry.verification.relaxation import Bent, Relaxation, Rows, substituted
from nonlin.networks.array import Array

__all__ = ["Way", "sharpened", "way_back"]

Way = tuple[Relaxation, Array]
"""The way back as a network: from the products at its last bends on; and the rows that make a gradient of the last."""


def way_back(relaxation: Relaxation, path: list[Passed]) -> Way | None:
    """Return the way back through a network over a box; None where intervals are as sharp, or there is pooling.

    Args:
        relaxation: of the network.
        path: what goes through each layer in the whole box, last layer first, as `gradients` returns it.
    """
    layers = relaxation.layers
    if len(layers) < 3 or any(len(layer.windows) for layer in layers):
        return None
    made, spread = [], []
    for k in range(len(layers) - 2, 0, -1):
        made.append(_transposed(layers[k]))
        reach = _products(path[len(layers) - 1 - k])[2] @ layers[k].absolute
        spread.append((gamma(2 * layers[k].units + 16) * reach * OUTWARD + TINY)[0])
    relaxed = Relaxation(
        layers=tuple(made),
        size=_products(path[1])[2][0],
        spread=tuple(spread),
        offsets=(0,),
        outputs=np.zeros(0, np.intp),
    )
    first = layers[0].gather(np.arange(layers[0].units)).T
    return relaxed, np.concatenate([first, -first])


def sharpened(way: Way, path: list[Passed], found: Gradients) -> Gradients:
    """Return gradients that are bounded by chords as well.

    Args:
        way: of the network.
        path: what went through each layer in these boxes.
        found: by intervals.
    """
    relaxation, rows = way
    boxes, half = len(found.low), len(rows) // 2
    bents = [_chords(passed) for passed in path[2:]]
    weights = np.repeat(rows[None], boxes, axis=0)
    low, high, _ = _products(path[1])
    highest = substituted(
        relaxation, bents, Rows(layer=len(relaxation.layers), weights=weights), (low, high)
    ).highest
    return replace(
        found,
        low=np.maximum(found.low, -highest[:, half:]),
        high=np.minimum(found.high, highest[:, :half]),
    )


def _transposed(layer: Layer) -> Layer:
    turned: Any = layer.weight.T
    if not isinstance(turned, np.ndarray):
        turned = turned.tocsr()
    return replace(layer, weight=turned, bias=np.zeros(turned.shape[0]), windows=np.zeros((0, 0), np.intp))


def _products(passed: Passed) -> tuple[Array, Array, Array]:
    """Return the ends of the gradients behind the bends, and their largest size."""
    products = np.stack([s * end for s in (passed.least, passed.most) for end in (passed.low, passed.high)])
    lost = 4 * UNIT_ROUNDOFF * np.abs(products).max(axis=0) + TINY
    low, high = products.min(axis=0) - lost, products.max(axis=0) + lost
    return low, high, np.maximum(np.abs(low), np.abs(high))


def _chords(passed: Passed) -> Bent:
    low, high = passed.low, passed.high
    lines = []
    for steep, flat in ((passed.most, passed.least), (passed.least, passed.most)):
        # the product is steep · g above 0 and flat · g below
        with np.errstate(divide="ignore", invalid="ignore"):
            chord = (steep * high - flat * low) / (high - low)
        slope = np.where(low >= 0, steep, np.where(high <= 0, flat, chord))
        through = (low < 0) & (high > 0)
        lines += [slope, np.where(through, flat * low - slope * low, 0.0)]
    size = np.maximum(np.abs(low), np.abs(high)) * np.maximum(np.abs(passed.least), np.abs(passed.most))
    margin = 32 * UNIT_ROUNDOFF * size + TINY
    lines[1], lines[3] = lines[1] + margin, lines[3] - margin
    return Bent(lines=np.stack(lines), gap=np.zeros(low.shape))
