"""Follows every channel of a network: where it goes, whether it is constant, and which others it is a multiple of.

A channel of one tensor is tied to one of another where an operator works on each channel by itself, so that both go or
both stay. Channels that something reads which is not understood are fixed.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from nonlin.networks import Node
from nonlin.networks.affine import Dense
from nonlin.networks.array import Array
from nonlin.networks.window import Convolution
from nonlin.simplification.editing import bias_of

__all__ = ["Channels", "Ties", "alone", "along", "each", "fresh_of", "layer_channels", "renamed", "tied"]


@dataclass(slots=True, kw_only=True)
class Ties:
    """Which channels stay together (union-find), and names for values that are the same."""

    parent: list[int] = field(default_factory=list)
    fixed: set[int] = field(default_factory=set)
    values: dict[Any, int] = field(default_factory=dict)

    def fresh(self, count: int) -> Array:
        """Return new channels, tied to nothing."""
        start = len(self.parent)
        self.parent.extend(range(start, start + count))
        return np.arange(start, start + count)

    def root(self, label: int) -> int:
        """Return the one that stands for all that a channel is tied to."""
        while self.parent[label] != label:
            self.parent[label] = self.parent[self.parent[label]]
            label = self.parent[label]
        return label

    def roots(self, labels: Array) -> Array:
        """Return the same for several."""
        return np.array([self.root(int(label)) for label in labels], np.int64)

    def tie(self, some: Array, others: Array) -> None:
        """Tie channels one by one."""
        for a, b in zip(some.tolist(), others.tolist(), strict=True):
            self.parent[self.root(a)] = self.root(b)

    def fix(self, labels: Array) -> None:
        """Keep channels for good."""
        self.fixed.update(labels.tolist())

    def value(self, key: Any) -> int:
        """Return a number for a value: the same for the same key."""
        return self.values.setdefault(key, len(self.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The channels of a tensor.

    Args:
        axis: along which they lie.
        labels: of each, in `Ties`.
        constant: the value of each that is the same everywhere for every input; NaN for the others.
        value, factor, offset: each channel is factor · value + offset; two of one value are multiples.
    """

    axis: int
    labels: Array
    constant: Array
    value: Array
    factor: Array
    offset: Array


def fresh_of(ties: Ties, axis: int, count: int, *, fixed: bool) -> Channels:
    """Return channels of which nothing is known."""
    labels = ties.fresh(count)
    if fixed:
        ties.fix(labels)
    return Channels(
        axis=axis,
        labels=labels,
        constant=np.full(count, np.nan),
        value=np.array([ties.value(("new", int(label))) for label in labels], np.int64),
        factor=np.ones(count),
        offset=np.zeros(count),
    )


def along(values: Array, axis: int, ndim: int) -> int | None:
    """Return the axis of stored numbers that lies along the channels; None where they are the same for all."""
    place = axis - (ndim - values.ndim)
    return place if place >= 0 and values.shape[place] > 1 else None


def each(values: Array, axis: int, shape: tuple[int, ...]) -> Array | None:
    """Return one stored number for each channel; None where they differ within one."""
    place = along(values, axis, len(shape))
    if values.size == 1:
        return np.full(shape[axis], float(np.asarray(values).item()))
    if place is None or values.size != values.shape[place] or values.size != shape[axis]:
        return None
    return np.asarray(values, np.float64).ravel()


def alone(node: Node, x: Channels, ties: Ties) -> dict[str, Any]:
    """Return the values of channels of which none is known to be a multiple of another."""
    value = np.array([ties.value((node.output, "alone", i)) for i in range(len(x.labels))], np.int64)
    return {"value": value, "factor": np.ones(len(value)), "offset": np.zeros(len(value))}


def renamed(node: Node, x: Channels, ties: Ties) -> Array:
    """Return names for what an operator makes of each value by itself."""
    return np.array([ties.value((node.output, v)) for v in x.value.tolist()], np.int64)


def tied(inputs: list[Channels], ties: Ties) -> bool:
    """Tie the channels of several tensors one by one; return whether they fit."""
    first = inputs[0]
    if any(x.axis != first.axis or len(x.labels) != len(first.labels) for x in inputs):
        return False
    for x in inputs[1:]:
        ties.tie(x.labels, first.labels)
    return True


def layer_channels(node: Node, given: Channels, ties: Ties, ndim: int) -> Channels:
    """Return the channels that a dense layer or an ungrouped convolution makes."""
    layer = node.operator
    assert isinstance(layer, Dense | Convolution)  # noqa: S101 - as the caller has it
    units = len(layer.weight)
    weight = np.asarray(layer.weight, np.float64).reshape(units, layer.weight.shape[1], -1)
    bias = bias_of(layer)
    rows = weight.reshape(units, -1)
    value, factor = _multiples(rows, ties, node.output)
    leaders = {v: k for k, v in reversed(list(enumerate(value.tolist())))}
    leader = np.array([leaders[v] for v in value.tolist()], np.intp)
    offset = bias - factor * bias[leader]
    # what is left of a subtraction of equals is rounding
    offset[np.abs(offset) <= 4 * np.finfo(float).eps * (np.abs(bias) + np.abs(factor * bias[leader]))] = 0.0
    padded = isinstance(layer, Convolution) and any(map(any, layer.window.padding))
    known = given.constant == 0 if padded else ~np.isnan(given.constant)
    still = ~np.any(np.any(weight != 0, axis=2) & ~known, axis=1)
    constant = np.full(units, np.nan)
    with np.errstate(invalid="ignore"):  # an infinite weight on what is not constant
        sums = weight.sum(axis=2) @ np.where(known, np.nan_to_num(given.constant), 0.0) + bias
    constant[still] = sums[still]
    return Channels(
        axis=1 if isinstance(layer, Convolution) else ndim - 1,
        labels=ties.fresh(units),
        constant=constant,
        value=value,
        factor=factor,
        offset=offset,
    )


def _multiples(rows: Array, ties: Ties, name: str) -> tuple[Array, Array]:
    """Return which rows are multiples of one another: a number for each line through 0, and the factor on it."""
    units = len(rows)
    value = np.array([ties.value((name, k)) for k in range(units)], np.int64)
    factor = np.ones(units)
    if rows.shape[1] == 0:
        return value, factor
    first = np.argmax(rows != 0, axis=1)
    pivot = rows[np.arange(units), first]
    alive = np.flatnonzero(pivot)
    unit = rows[alive] / pivot[alive, None]
    mixed = unit @ np.random.default_rng(0).standard_normal(rows.shape[1])
    order = np.argsort(mixed, kind="stable")
    for a, b in pairwise(order.tolist()):
        if np.all(np.abs(unit[a] - unit[b]) <= 4 * np.finfo(float).eps * np.abs(unit[a])):
            j, k = alive[a], alive[b]
            value[k] = value[j]
    for k in range(units):
        leader = int(np.flatnonzero(value == value[k])[0])
        if leader != k:
            factor[k] = pivot[k] / pivot[leader]
    return value, factor
