"""Intervals that hold the gradient of an output all over a box, for many boxes at once, rounded outwards.

Where a unit's piece is known, its slope is a number; where it is open, an interval. These go backwards through the
network as intervals do. A gradient is that of a linear region: what holds in a box holds for every region that meets
its interior.

Source: Jordan and Dimakis 2020, Exactly computing the local Lipschitz constant of ReLU networks, section 5 (bounds by
intervals of Jacobians); Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1.
"""

from dataclasses import dataclass

import numpy as np

from nonlin.geometry.rounding import OUTWARD, TINY, UNIT_ROUNDOFF, gamma
from nonlin.geometry.verification.layers import Layer
from nonlin.geometry.verification.relaxation import Relaxation
from nonlin.networks.array import Array

__all__ = ["Gradients", "Passed", "gradients", "pieces_at"]

_OPEN = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gradients:
    """The gradients of one output over boxes.

    Args:
        low, high: of each entry, shape (boxes, inputs).
        units: how much of their width rests on each open decision, shape (boxes, decisions).
        inputs: how much that moves along each input, shape (boxes, inputs).
    """

    low: Array
    high: Array
    units: Array
    inputs: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passed:
    """What went backwards through the bends of a layer, shape (boxes, units) each.

    Args:
        low, high: of the gradient with respect to what the layer makes.
        least, most: of the slopes by which it is multiplied.
    """

    low: Array
    high: Array
    least: Array
    most: Array


@dataclass(slots=True, kw_only=True, eq=False)
class _Backward:
    """Gradients on the way back: their ends, and the weight of the open decisions behind; shape (boxes, numbers)."""

    low: Array
    high: Array
    moved: Array


def gradients(
    relaxation: Relaxation, pieces: Array, output: int, *, path: list[Passed] | None = None
) -> Gradients:
    """Bound the gradients of an output.

    Args:
        relaxation: of the network.
        pieces: of every decision in every box, −1 where it is open; shape (boxes, decisions).
        output: index into the flattened output.
        path: where given, what goes through each layer is appended, last layer first; nothing for those that pool.
    """
    layers = relaxation.layers
    width = _made(layers[-1]) if layers else len(relaxation.size)
    start = np.zeros((len(pieces), width))
    if relaxation.outputs[output] >= 0:
        start[:, relaxation.outputs[output]] = 1.0
    way = _Backward(low=start, high=start, moved=np.zeros(start.shape))
    scores = []
    for k in reversed(range(len(layers))):
        known = pieces[:, relaxation.part(k)]
        scores.append(
            _unpooled(layers[k], known, way)
            if len(layers[k].windows)
            else _unbent(layers[k], known, way, path)
        )
        _unweighted(layers[k], way)
    none = [np.zeros((len(pieces), 0))]
    units = np.concatenate(none + scores[::-1], axis=1)
    return Gradients(low=way.low, high=way.high, units=units, inputs=way.moved)


def pieces_at(relaxation: Relaxation, points: Array) -> Array:
    """Return the pieces that points are on, as float64 has them; shape (points, decisions)."""
    found, made = [np.zeros((len(points), 0), np.int32)], points
    for layer in relaxation.layers:
        z = layer.before(made)
        if len(layer.windows):
            found.append(layer.windows[np.arange(len(layer.windows)), z[:, layer.windows].argmax(axis=2)])
        else:
            found.append(layer.piece(z))
        made = layer.after(z)
    return np.concatenate(found, axis=1).astype(np.int32)


def _made(layer: Layer) -> int:
    return layer.kept + len(layer.windows) if len(layer.windows) else layer.units


def _unbent(layer: Layer, pieces: Array, way: _Backward, path: list[Passed] | None) -> Array:
    """Take gradients with respect to what a layer makes to those with respect to its pre-activations."""
    units, between = np.arange(layer.units), layer.slopes[:, : layer.kinks_low.shape[1] + 1]
    known = np.where(layer.bent, np.maximum(pieces, 0), 0)
    slope, open_units = layer.slopes[units, known], (pieces == _OPEN) & layer.bent
    least = np.where(open_units, between.min(axis=1), slope)
    most = np.where(open_units, between.max(axis=1), slope)
    if path is not None:
        path.append(Passed(low=way.low, high=way.high, least=least, most=most))
    score = np.maximum(np.abs(way.low), np.abs(way.high)) * (most - least)
    products = np.stack([s * end for s in (least, most) for end in (way.low, way.high)])
    # slopes are rounded, and so is each product; slopes 0 and ±1 lose nothing
    lost = 4 * UNIT_ROUNDOFF * np.abs(products).max(axis=0) + TINY
    way.low, way.high = products.min(axis=0) - lost, products.max(axis=0) + lost
    way.moved = way.moved * np.maximum(np.abs(least), np.abs(most)) + score
    return np.where(open_units, score, 0.0)


def _unpooled(layer: Layer, pieces: Array, way: _Backward) -> Array:
    """Of an open window, each entry may have the whole gradient or nothing of it."""
    kept, size = layer.kept, layer.windows.shape[1]
    ends = way.low[:, kept:], way.high[:, kept:]
    made = [np.zeros((len(pieces), layer.units)) for _ in range(3)]
    for part, held in zip(made, (way.low, way.high, way.moved), strict=True):
        part[:, layer.passing] = held[:, :kept]
    boxes = np.arange(len(pieces))[:, None]
    for place in range(size):
        entry = layer.windows[:, place]
        first = np.ones(len(entry), bool) if not place else entry != layer.windows[:, 0]
        chosen, possible = (pieces == entry) & first, (pieces == _OPEN) & first
        for part, end, hull in zip(made, ends, (np.minimum, np.maximum), strict=False):
            np.add.at(part, (boxes, entry), np.where(chosen, end, np.where(possible, hull(end, 0.0), 0.0)))
        np.add.at(made[2], (boxes, entry), np.where(chosen | possible, way.moved[:, kept:], 0.0))
    # windows that overlap add up at an entry
    sizes = np.maximum(np.abs(ends[0]), np.abs(ends[1])).sum(axis=1, keepdims=True)
    lost = gamma(len(layer.windows) + 2) * sizes * OUTWARD
    way.low, way.high, way.moved = made[0] - lost, made[1] + lost, made[2]
    return np.where(pieces == _OPEN, np.maximum(np.abs(ends[0]), np.abs(ends[1])), 0.0)


def _unweighted(layer: Layer, way: _Backward) -> None:
    """Take gradients with respect to pre-activations to those with respect to what the layer reads."""
    middle = (way.low + way.high) / 2
    radius = np.maximum(way.high - middle, middle - way.low) * OUTWARD
    size = np.maximum(np.abs(way.low), np.abs(way.high))
    relative = gamma(layer.units + 8)
    value = layer.back(middle)
    edge = _back(layer, radius + relative * size) * OUTWARD + TINY
    edge += 4 * UNIT_ROUNDOFF * (np.abs(value) + edge)
    way.low, way.high, way.moved = value - edge, value + edge, _back(layer, way.moved)


def _back(layer: Layer, weights: Array) -> Array:
    return np.asarray(weights @ layer.absolute)
