"""A network as a plain chain of dense layers with piecewise linear calls between them, where it is one."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense, Elementwise, Reduce
from nonlin.networks.shape import Cast, Identity, Reshape, Transpose

if TYPE_CHECKING:
    from nonlin.functions import Function
    from nonlin.networks import Network, Node
    from nonlin.networks.array import Array

__all__ = ["Layer", "Pieces", "chain", "pieces_of"]

_AFFINE = (Dense, Elementwise, Reduce, Cast, Identity, Reshape, Transpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A piecewise linear function.

    Args:
        cuts: where the pieces meet, increasing.
        lines: slope and intercept of each, one more than cuts.
    """

    cuts: list[float]
    lines: list[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """A dense layer and the call behind it.

    Args:
        weight: float64, shape (units, inputs).
        bias: float64, shape (units,).
        pieces: None where no call follows.
    """

    weight: Array
    bias: Array
    pieces: Pieces | None


def chain(network: Network, shape: tuple[int, ...], *, most: int) -> list[Layer] | None:
    """Return the layers of a network without branches, or None where it is not one or is larger.

    A run of affine operators becomes one matrix: a single dense layer its own to the last bit, several by what they
    make of the unit vectors.

    Args:
        network: with one input.
        shape: of one sample.
        most: weights that the layers may have together.
    """
    groups = _groups(network)
    if groups is None:
        return None
    layers: list[Layer] = []
    for affine, call in groups:
        inputs = prod(shape)
        if inputs * inputs > 4 * most:
            return None
        weight, bias, shape = _matrix(affine, shape)
        layers.append(Layer(weight=weight, bias=bias, pieces=None if call is None else pieces_of(call)))
        if sum(layer.weight.size for layer in layers) > most:
            return None
    return layers


def pieces_of(function: Function) -> Pieces | None:
    """Return a function's affine pieces; None where it has none, or is one line."""
    if function.pieces is None or len(function.pieces) < 2:
        return None
    lines = [(piece.slope, piece.intercept) for piece in function.pieces]
    return Pieces(cuts=[piece.low for piece in function.pieces[1:]], lines=lines)


def _groups(network: Network) -> list[tuple[list[Node], Function | None]] | None:
    """Return the affine nodes before each call, with its function; a last group without a call."""
    groups: list[tuple[list[Node], Function | None]] = []
    run: list[Node] = []
    last = network.inputs[0].name if len(network.inputs) == 1 else ""
    for node in network.nodes:
        if node.inputs != (last,):
            return None
        last = node.output
        if isinstance(node.operator, _AFFINE):
            run.append(node)
        elif isinstance(node.operator, Activation) and node.operator.function.pieces is not None:
            groups.append((run, node.operator.function))
            run = []
        else:
            return None
    if run or not groups:
        groups.append((run, None))
    return groups if network.outputs[0].name == last else None


def _matrix(nodes: list[Node], shape: tuple[int, ...]) -> tuple[Array, Array, tuple[int, ...]]:
    dense = [node.operator for node in nodes if isinstance(node.operator, Dense)]
    size = prod(shape)
    batch = np.concatenate([np.zeros((1, size)), np.eye(size)]).reshape(-1, *shape)
    for node in nodes:
        batch = node.operator.apply(batch)  # type: ignore[call-arg] # every one of them takes one array
    made = batch.reshape(size + 1, -1)
    # what the unit vectors give loses digits where the bias is larger than the weights
    plain = len(dense) == 1 and all(isinstance(n.operator, Dense | Cast | Identity | Reshape) for n in nodes)
    if plain and dense[0].weight.shape == (made.shape[1], size):
        bias = np.zeros(made.shape[1]) if dense[0].bias is None else np.asarray(dense[0].bias, np.float64)
        return np.asarray(dense[0].weight, np.float64), bias, batch.shape[1:]
    return (made[1:] - made[0]).T.copy(), made[0].copy(), batch.shape[1:]
