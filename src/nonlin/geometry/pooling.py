"""Takes the rows along a line through max pooling: a window folds where another of its entries becomes the largest."""

from dataclasses import dataclass, replace

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.geometry.arithmetic import Arithmetic, Bounded, Shares
from nonlin.geometry.crossings import Crossings, merged
from nonlin.geometry.envelope import envelope
from nonlin.geometry.rows import Rows, inserted
from nonlin.networks import Node
from nonlin.networks.array import Array
from nonlin.networks.window import MaxPool

__all__ = ["pool"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Windows:
    """Which entries of a flattened sample are in each window.

    Args:
        entries: shape (windows, size); a place in the padding repeats another entry of the window.
        padding: which places these are.
        shape: of a pooled sample.
    """

    entries: Array
    padding: Array
    shape: tuple[int, ...]


def pool(arithmetic: Arithmetic, rows: Rows, node: Node) -> tuple[Rows, int]:
    """Put in a row wherever a window folds, and add the pooled tensor to the live ones; as `bend` does."""
    assert isinstance(node.operator, MaxPool)  # noqa: S101 - as the sweep has it
    windows = _windows(node, node.operator, rows.live[node.inputs[0]].value.shape)
    x = _gathered(rows.live[node.inputs[0]], windows)
    crossings, unsure = _crossings(arithmetic, x, windows, rows.gaps)
    if len(crossings.segment):
        together = merged(crossings)
        unsure += together.unsure
        rows = inserted(arithmetic, rows, together.points, maker=node.name)
        x = _gathered(rows.live[node.inputs[0]], windows)
    shape = (len(x.value), *windows.shape)
    made = Bounded(value=x.value.max(axis=2).reshape(shape), error=x.error.max(axis=2).reshape(shape))
    return replace(rows, live={**rows.live, node.output: made}), unsure


def _windows(node: Node, operator: MaxPool, shape: tuple[int, ...]) -> _Windows:
    numbers = np.arange(int(np.prod(shape[1:]))).reshape(1, *shape[1:])
    views = operator.window.views(operator.window.padded(numbers, -1))
    dimensions = len(operator.window.size)
    entries = views.reshape(-1, int(np.prod(operator.window.size)))
    if entries.size and entries.max(axis=1).min() < 0:
        raise UnsupportedModelError(
            f"expected pooling windows that reach the input, but one of node '{node.name}' lies in the padding alone; "
            "its maximum is −∞"
        )
    filled = np.where(entries < 0, entries.max(axis=1, keepdims=True), entries)
    return _Windows(
        entries=filled, padding=entries < 0, shape=tuple(views.shape[1 : views.ndim - dimensions])
    )


def _gathered(x: Bounded, windows: _Windows) -> Bounded:
    """Return the entries of every window, shape (rows, windows, size)."""
    rows = len(x.value)
    return Bounded(
        value=x.value.reshape(rows, -1)[:, windows.entries],
        error=x.error.reshape(rows, -1)[:, windows.entries],
    )


def _crossings(arithmetic: Arithmetic, x: Bounded, windows: _Windows, gaps: Array) -> tuple[Crossings, int]:
    """Return the folds of every window, each pair of entries once, and how many windows are not decided."""
    largest = arithmetic.largest(x, windows.padding)
    straight = np.any(largest[:-1] & largest[1:], axis=2) | gaps[:, None]
    found: dict[tuple[int, int, int], tuple[object, object]] = {}
    unsure = 0
    for segment, window in np.argwhere(~straight).tolist():
        entries, first = np.unique(windows.entries[window], return_index=True)
        low, high = (
            Bounded(value=x.value[row, window, first], error=x.error[row, window, first])
            for row in (segment, segment + 1)
        )
        folds, sure = envelope(arithmetic, low, high)
        unsure += not sure
        for fold in folds:
            pair = sorted((int(entries[fold.before]), int(entries[fold.after])))
            found[segment, pair[0], pair[1]] = (fold.share, fold.doubt)
    return _listed(found, exact=x.value.dtype == object), unsure


def _listed(found: dict[tuple[int, int, int], tuple[object, object]], *, exact: bool) -> Crossings:
    columns = np.empty((2, len(found)), object)
    for i, (share, doubt) in enumerate(found.values()):
        columns[0, i], columns[1, i] = share, doubt
    value, doubt = columns if exact else columns.astype(np.float64)
    return Crossings(
        segment=np.array([segment for segment, _, _ in found], np.intp),
        shares=Shares(value=value, doubt=doubt),
        unit=np.array([entry for _, entry, _ in found], np.intp),
    )
