"""The rows of an affine operator: for every number that it makes, which numbers it reads and with what weights."""

from dataclasses import dataclass

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.geometry.cells.chain import Entries
from nonlin.networks import Node
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.array import Array
from nonlin.networks.shape import Cast, Concatenate, Identity, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import AveragePool, Convolution

__all__ = ["MOVES", "Rows", "check_entries", "rows_of"]

_MOST_ENTRIES = 50_000_000
"""Weights that a stage may hold: more would not fit beside the rest in a usual memory."""

MOVES = (Cast, Concatenate, Identity, Reshape, Slice, Take, Transpose)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What an operator makes: (W x + b) / d.

    Args:
        shape: of its output, the batch axis of length 1 in front.
        bias, divisor: shape (units,).
        sparse: the entries of W; None where it is dense.
        dense: a dense W on some columns, each once; None where it is sparse.
        columns: of the dense W.
    """

    shape: tuple[int, ...]
    bias: Array
    divisor: Array
    sparse: Entries | None = None
    dense: Array | None = None
    columns: Array | None = None

    def entries(self) -> Entries:
        """Return the entries of W, whichever way it is stored."""
        if self.sparse is not None:
            return self.sparse
        assert self.dense is not None  # noqa: S101 - one of the two is given
        assert self.columns is not None  # noqa: S101 - with its columns
        rows, columns = np.nonzero(self.dense)
        return Entries(rows=rows, columns=self.columns[columns], values=self.dense[rows, columns])


def rows_of(node: Node, inputs: list[Array]) -> Rows:
    """Return the rows of an affine operator.

    Args:
        node: with an operator that computes; one that only moves has none.
        inputs: the places of the numbers that it reads, −1 for a constant 0; shape (1, …).

    Raises:
        UnsupportedModelError: if the operator is not known.
    """
    operator, x = node.operator, inputs[0]
    if isinstance(operator, Dense):
        return _dense(operator, x)
    if isinstance(operator, Convolution):
        return _convolution(operator, x)
    if isinstance(operator, Elementwise):
        return _elementwise(operator, x)
    if isinstance(operator, Sum):
        return _sum(operator, inputs)
    if isinstance(operator, AveragePool):
        return _average(operator, x)
    if isinstance(operator, Reduce):
        return _reduce(operator, x)
    if isinstance(operator, Pad):
        return _pad(operator, x)
    raise UnsupportedModelError(
        f"expected an affine operator, got {type(operator).__name__} at node '{node.name}'; its folds are not known"
    )


def check_entries(count: int) -> None:
    """Refuse a layer that is too large to be written out."""
    if count > _MOST_ENTRIES:
        raise UnsupportedModelError(
            f"expected layers of at most {_MOST_ENTRIES:,} weights written out, got {count:,}; "
            "fold a smaller network, or along a line"
        )


def _made(
    shape: tuple[int, ...], places: Array, values: Array, bias: Array, divisor: Array | int = 1
) -> Rows:
    """Put rows together; places and values have shape (units, entries of each)."""
    units = int(np.prod(shape))
    places, values = np.broadcast_arrays(places.reshape(units, -1), values)
    rows, entries = np.nonzero((places >= 0) & (values != 0))
    return Rows(
        shape=shape,
        bias=np.array(np.broadcast_to(bias, (units,)), np.float64),
        divisor=np.array(np.broadcast_to(divisor, (units,)), np.int64),
        sparse=Entries(
            rows=rows, columns=places[rows, entries], values=np.asarray(values[rows, entries], np.float64)
        ),
    )


def _dense(operator: Dense, x: Array) -> Rows:
    weight = np.asarray(operator.weight, np.float64)
    units, inputs = weight.shape
    bias = np.zeros(units) if operator.bias is None else np.asarray(operator.bias, np.float64)
    flat = x.reshape(-1, inputs)
    if len(flat) == 1 and np.all(x >= 0) and np.unique(x).size == inputs:
        ones = np.ones(units, np.int64)
        return Rows(shape=(*x.shape[:-1], units), bias=bias, divisor=ones, dense=weight, columns=flat[0])
    places = np.repeat(flat, units, axis=0)
    return _made((*x.shape[:-1], units), places, np.tile(weight, (len(flat), 1)), np.tile(bias, len(flat)))


def _convolution(operator: Convolution, x: Array) -> Rows:
    window, groups = operator.window, operator.groups
    weight = np.asarray(operator.weight, np.float64)
    views = window.views(window.padded(x, -1))
    taps, channels = len(window.size), weight.shape[0]
    positions = views.shape[2 : views.ndim - taps]
    check_entries(int(np.prod(positions)) * weight.size)
    each_in, each_out = weight.shape[1], channels // groups
    grouped = views[0].reshape(groups, each_in, int(np.prod(positions)), -1)
    places = np.repeat(
        grouped.transpose(0, 2, 1, 3).reshape(groups, 1, len(grouped[0, 0]), -1), each_out, axis=1
    )
    shape = (1, channels, *positions)
    values = np.repeat(weight.reshape(channels, 1, -1), places.shape[2], axis=1)
    bias = np.zeros(channels) if operator.bias is None else np.asarray(operator.bias, np.float64)
    units = int(np.prod(shape))
    return _made(shape, places, values.reshape(units, -1), np.repeat(bias, places.shape[2]))


def _elementwise(operator: Elementwise, x: Array) -> Rows:
    scale, shift = np.asarray(operator.scale, np.float64), np.asarray(operator.shift, np.float64)
    shape = np.broadcast_shapes(x.shape, scale.shape, shift.shape)
    places = np.broadcast_to(x, shape)
    values = np.broadcast_to(scale, shape).reshape(-1, 1)
    return _made(shape, places, values, np.broadcast_to(shift, shape).ravel())


def _sum(operator: Sum, inputs: list[Array]) -> Rows:
    together = np.stack(np.broadcast_arrays(*inputs), axis=-1)
    return _made(together.shape[:-1], together, np.array(operator.signs, np.float64), np.zeros(()))


def _average(operator: AveragePool, x: Array) -> Rows:
    window = operator.window
    taps = len(window.size)
    views = window.views(window.padded(x + 1, 0)) - 1
    inside = window.views(window.padded(np.ones(x.shape, np.int64), int(operator.count_padding)))
    shape = views.shape[: views.ndim - taps]
    counts = inside.reshape(int(np.prod(shape)), -1).sum(axis=1)
    return _made(shape, views, np.ones(1), np.zeros(()), counts)


def _reduce(operator: Reduce, x: Array) -> Rows:
    axes = tuple(axis % x.ndim for axis in operator.axes)
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    shape = tuple(
        (1 if i in axes else n) for i, n in enumerate(x.shape) if operator.keepdims or i not in axes
    )
    count = int(np.prod([x.shape[axis] for axis in axes])) if operator.mean else 1
    return _made(shape, x.transpose(*kept, *axes), np.ones(1), np.zeros(()), count)


def _pad(operator: Pad, x: Array) -> Rows:
    padded = Pad(widths=operator.widths, value=0).apply(x + 2)
    padding = padded == 0
    places = np.where(padding, -1, padded - 2)
    return _made(places.shape, places, np.ones(1), np.where(padding, operator.value, 0.0).ravel())
