"""Bounds of tensors by linear functions of the input, substituted backwards through the network.

A combination of a tensor's entries is bounded from above by one of the tensor before it, and so on to the input, where
a box has a corner that is the worst. What float64 loses in a step is at most γₙ Σ abs(a)·t, where t bounds the sums
of absolute products behind every entry over the whole box; it is added.

Source: Zhang, Weng, Chen, Hsieh and Daniel 2018, Efficient neural network robustness certification with general
activation functions; Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nonlin.geometry.relaxation import Lines
from nonlin.geometry.rounding import OUTWARD, TINY, UNIT_ROUNDOFF, absolute, gamma
from nonlin.networks import Node
from nonlin.networks.array import Array

__all__ = ["Box", "Step", "largest", "moved"]

_ENTRIES_AT_ONCE = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Box:
    """Bounds of every entry of a tensor, shape (1, …)."""

    low: Array
    high: Array

    @property
    def size(self) -> Array:
        """The largest absolute value of each entry."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """A node on the way back.

    Args:
        node: the node.
        lines: of an activation; None for an affine operator, and where a tensor is only known to be in its box.
        shift: what an affine operator adds, in its output's shape; None where it is none.
        reach: of an affine operator, a bound on the sum of absolute products behind each entry.
    """

    node: Node
    lines: Lines | None = None
    shift: Array | None = None
    reach: Array | None = None


def moved(node: Node, inputs: Sequence[Box]) -> tuple[Box, Step]:
    """Take boxes through an affine operator, outwards."""
    operator = node.operator
    middles = [(x.low + x.high) / 2 for x in inputs]
    # the distances are rounded up, since the middle is rounded
    around = [np.maximum(x.high - m, m - x.low) * OUTWARD for x, m in zip(inputs, middles, strict=True)]
    value = operator.apply(*middles)
    positive = absolute(operator)
    shift = operator.apply(*(np.zeros_like(m) for m in middles))
    reach = (positive.apply(*(x.size for x in inputs)) + np.abs(shift)) * OUTWARD + TINY
    terms = sum(x.low.size for x in inputs) + 16
    radius = (positive.apply(*around) + gamma(terms) * reach) * OUTWARD + TINY
    # the last subtraction rounds once more
    edge = radius + 4 * UNIT_ROUNDOFF * (np.abs(value) + radius)
    return Box(low=value - edge, high=value + edge), Step(node=node, shift=shift, reach=reach)


def largest(
    steps: Sequence[Step], boxes: Mapping[str, Box], name: str, rows: Sequence[tuple[int, int]]
) -> Array:
    """Return upper bounds of plus or minus single entries of a tensor.

    Args:
        steps: the nodes up to the one that makes the tensor, in order.
        boxes: of every tensor so far.
        name: the tensor.
        rows: the entry's flat index and 1 or −1, for each bound.

    Returns:
        Shape (rows,).
    """
    shape = boxes[name].low.shape[1:]
    widest = max(box.low.size for box in boxes.values())
    at_once = max(1, _ENTRIES_AT_ONCE // widest)
    found = []
    for start in range(0, len(rows), at_once):
        part = rows[start : start + at_once]
        first = np.zeros((len(part), int(np.prod(shape))))
        for i, (entry, sign) in enumerate(part):
            first[i, entry] = sign
        found.append(_largest(steps, boxes, name, first.reshape(len(part), *shape)))
    return np.concatenate(found) if found else np.zeros(0)


def _largest(steps: Sequence[Step], boxes: Mapping[str, Box], name: str, first: Array) -> Array:
    total = _Total(rows=len(first))
    pending = {name: first}
    for step in reversed(steps):
        weights = pending.pop(step.node.output, None)
        if weights is None:
            continue
        for source, part in _back(step, boxes, weights, total):
            if source in pending:
                part = pending[source] + part  # noqa: PLW2901 - the sum stands for the part
                total.doubt += 2 * UNIT_ROUNDOFF * _sum(np.abs(part) * boxes[source].size)
            pending[source] = part
    for source, weights in pending.items():
        total.close(weights, boxes[source])
    return total.upper


@dataclass(slots=True, kw_only=True)
class _Total:
    """The constant part of the bounds, and what rounding can have lost of everything so far; shape (rows,)."""

    rows: int
    value: Array = None  # type: ignore[assignment] # made below
    doubt: Array = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.value, self.doubt = np.zeros(self.rows), np.zeros(self.rows)

    @property
    def upper(self) -> Array:
        """The bounds themselves."""
        return np.asarray(np.nextafter(self.value + (self.doubt * OUTWARD + TINY), np.inf))

    def add(self, terms: Array, *, count: int) -> None:
        """Add the sums of some products."""
        self.value = self.value + _sum(terms)
        self.doubt += gamma(count + 16) * _sum(np.abs(terms)) + 2 * UNIT_ROUNDOFF * np.abs(self.value)

    def close(self, weights: Array, box: Box) -> None:
        """Put in the worst corner of a box."""
        self.add(np.where(weights > 0, weights * box.high, weights * box.low), count=box.low.size)


def _back(step: Step, boxes: Mapping[str, Box], weights: Array, total: _Total) -> Iterator[tuple[str, Array]]:
    """Yield the weights of each input, and add what is constant to the total."""
    operator, inputs = step.node.operator, step.node.inputs
    size = weights[0].size
    if step.lines is not None:
        yield inputs[0], _through(step.lines, boxes[inputs[0]], weights, total)
    elif step.shift is None or step.reach is None:
        total.close(weights, boxes[step.node.output])
    else:
        total.add(weights * step.shift, count=size)
        terms = size + sum(boxes[name].low.size for name in inputs) + 16
        total.doubt += gamma(terms) * _sum(np.abs(weights) * step.reach)
        shapes = [np.zeros((len(weights), *boxes[name].low.shape[1:])) for name in inputs]
        yield from zip(inputs, operator.pullback(weights, *shapes), strict=True)


def _through(lines: Lines, box: Box, weights: Array, total: _Total) -> Array:
    up, down = np.maximum(weights, 0.0), np.minimum(weights, 0.0)
    total.add(up * lines.upper_shift + down * lines.lower_shift, count=2 * box.low.size)
    made = up * lines.upper_slope + down * lines.lower_slope
    # one of the two products is 0, so that each weight is rounded once
    total.doubt += 4 * UNIT_ROUNDOFF * _sum(np.abs(made) * box.size)
    return np.asarray(made)


def _sum(x: Array) -> Array:
    return np.asarray(x.reshape(len(x), -1).sum(axis=1))
