"""What a piecewise linear network computes on a piece, and integrals over many."""

from dataclasses import dataclass

import numpy as np

from nonlin.networks import Network
from nonlin.networks.array import Array
from nonlin.networks.evaluation import pullback, trace

__all__ = ["AffineMap", "affine_map_at", "integrated_gradients", "level_crossings"]

_BATCH = 256
"""Points that are pulled back at once; each holds every tensor of the network."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AffineMap:
    """The map x ↦ weight · x + bias of a linear region, computed in float64.

    Args:
        weight: shape (outputs, *input), the outputs flattened.
        bias: shape (outputs,).
    """

    weight: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        """Return the map's value at one input, shape (outputs,)."""
        return np.asarray(self.weight.reshape(len(self.weight), -1) @ np.ravel(x) + self.bias)


def affine_map_at(network: Network, x: Array) -> AffineMap:
    """Return the affine map of the region that a point is in.

    Args:
        network: piecewise linear, with one input.
        x: one input without the batch axis. On a fold, a unit has the slope that its function declares for its kink.
    """
    name, last = network.inputs[0].name, network.outputs[0].name
    values = trace(network, {name: np.asarray(x, np.float64)[None]})
    size = values[last].size
    repeated = {key: np.repeat(value, size, axis=0) for key, value in values.items()}
    weight = _gradients(network, repeated, np.eye(size).reshape(size, *values[last].shape[1:]))
    bias = values[last].ravel() - weight.reshape(size, -1) @ np.ravel(np.asarray(x, np.float64))
    return AffineMap(weight=weight, bias=bias)


def integrated_gradients(network: Network, ends: Array, breakpoints: Array, output: int) -> Array:
    """Integrate the gradient of an output along a line, times the way; shape of an input."""
    cuts = np.concatenate([[0.0], breakpoints, [1.0]])
    middles, lengths = (cuts[:-1] + cuts[1:]) / 2, np.diff(cuts)
    way = ends[1] - ends[0]
    total = np.zeros(way.shape)
    name, last = network.inputs[0].name, network.outputs[0].name
    for start in range(0, len(middles), _BATCH):
        part = slice(start, start + _BATCH)
        t = middles[part].reshape(-1, *[1] * way.ndim)
        values = trace(network, {name: ends[0] + t * way})
        cotangent = np.zeros(values[last].shape)
        cotangent.reshape(len(cotangent), -1)[:, output] = lengths[part]
        total += _gradients(network, values, cotangent).sum(axis=0)
    return np.asarray(total * way)


def _gradients(network: Network, values: dict[str, Array], cotangent: Array) -> Array:
    name, found = network.inputs[0].name, []

    def visit(tensor: str, gradient: Array) -> None:
        if tensor == name:
            found.append(gradient)

    pullback(network, values, {network.outputs[0].name: cotangent}, visit)
    return np.asarray(found[-1]) if found else np.zeros((len(cotangent), *values[name].shape[1:]))


def level_crossings(positions: Array, jumps: Array, height: Array) -> Array:
    """Return where a function that is affine between rows is 0, sorted, each place once.

    Args:
        positions: of the rows, shape (rows,).
        jumps: whether a stretch is a jump, shape (rows − 1,); a jump over 0 counts at its place.
        height: the function at the rows, shape (rows,).
    """
    low, high = height[:-1], height[1:]
    through = (np.sign(low) * np.sign(high) < 0) & ~jumps
    share = low[through] / (low[through] - high[through])
    inside = positions[:-1][through] + share * np.diff(positions)[through]
    over = positions[:-1][jumps & (np.sign(low) * np.sign(high) < 0)]
    return np.unique(np.concatenate([inside, over, positions[height == 0]]))
