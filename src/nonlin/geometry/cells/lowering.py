"""From a graph of operators to a chain of stages: every tensor is an array of places among the numbers alive."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.geometry.bends import Bends, bends_of
from nonlin.geometry.cells.chain import Chain, Entries, Stage
from nonlin.geometry.cells.rows import MOVES, Rows, check_entries, rows_of
from nonlin.networks import Network, Node
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.array import Array
from nonlin.networks.samples import keeps_samples
from nonlin.networks.shape import Identity
from nonlin.networks.window import MaxPool

__all__ = ["lower"]


@dataclass(slots=True, kw_only=True)
class _State:
    """Places of all live tensors, shape (1, …), −1 for a constant 0; and the stages so far."""

    width: int
    tensors: dict[str, Array]
    left: Counter[str]
    stages: list[Stage] = field(default_factory=list)

    def live(self, besides: str = "") -> dict[str, Array]:
        return {n: x for n, x in self.tensors.items() if self.left[n] > 0 and n != besides}


def lower(network: Network, shape: tuple[int, ...]) -> Chain:
    """Return a network as a chain.

    Args:
        network: piecewise linear, with one input.
        shape: of one sample.

    Raises:
        UnsupportedModelError: if an operator has no folds, or mixes the samples of a batch; its node is named.
    """
    inputs = int(np.prod(shape))
    left = Counter(name for node in network.nodes for name in node.inputs)
    left.update(tensor.name for tensor in network.outputs)
    state = _State(
        width=inputs, tensors={network.inputs[0].name: np.arange(inputs).reshape(1, *shape)}, left=left
    )
    for node in network.nodes:
        _check_inputs(node, state)
        state.left.subtract(node.inputs)
        if state.left[node.output] > 0:
            _take(node, state)
    last = network.outputs[0].name
    if state.stages and state.stages[-1].folds:  # a cell holds the map of the last stage before it bends
        _append(
            state, _identity(state.tensors[last]), Node(name="", operator=Identity(), inputs=(), output=last)
        )
    outputs = state.tensors[last]
    return Chain(inputs=inputs, stages=tuple(state.stages), outputs=outputs.ravel())


def _check_inputs(node: Node, state: _State) -> None:
    missing = [name for name in node.inputs if name not in state.tensors]
    if missing:
        raise UnsupportedModelError(
            f"expected node '{node.name}' to read what the network computes from its input, got '{missing[0]}', "
            "which it does not; export the network again"
        )


def _take(node: Node, state: _State) -> None:
    operator = node.operator
    x = [state.tensors[name] for name in node.inputs]
    if isinstance(operator, Activation | ParametricRelu):
        _bend(node, state)
    elif isinstance(operator, MaxPool):
        _pool(node, operator, state)
    elif isinstance(operator, MOVES):
        # a place is moved as the number would be
        made = operator.apply(*(places + 1 for places in x)) - 1
        _check_samples(node, x, made)
        state.tensors[node.output] = np.asarray(made, np.intp)
    else:
        rows = rows_of(node, x)
        _check_samples(node, x, np.empty(rows.shape))
        _append(state, rows, node)


def _check_samples(node: Node, inputs: list[Array], made: Array) -> None:
    if not keeps_samples(node.operator, [x.shape for x in inputs], made.shape):
        raise UnsupportedModelError(
            f"expected a network with a batch axis in front, but node '{node.name}' mixes or drops it; "
            "export the network with a batch axis of any length"
        )


def _append(state: _State, rows: Rows, node: Node) -> None:
    """Add a stage that makes new numbers and passes on those that are still read."""
    _check_finite(rows, node)
    live = state.live(node.output)
    passed = np.unique(np.concatenate([np.zeros(0, np.intp), *(x.ravel() for x in live.values())]))
    passed = passed[passed >= 0]
    made = rows.bias.size
    place = np.full(state.width + 1, -1, np.intp)
    place[passed] = made + np.arange(passed.size)
    stage = Stage(
        inputs=state.width,
        units=made + passed.size,
        matrix=_matrix(rows, passed, state.width),
        bias=np.concatenate([rows.bias, np.zeros(passed.size)]),
        divisor=np.concatenate([rows.divisor, np.ones(passed.size, np.int64)]),
        bend=np.full(made + passed.size, -1, np.intp),
        call=node.name,
    )
    state.stages.append(stage)
    state.width = stage.units
    state.tensors = {name: place[x] for name, x in live.items()}
    state.tensors[node.output] = np.arange(made).reshape(rows.shape)


def _check_finite(rows: Rows, node: Node) -> None:
    weights = rows.entries().values if rows.dense is None else rows.dense
    if not (np.all(np.isfinite(weights)) and np.all(np.isfinite(rows.bias))):
        raise UnsupportedModelError(
            f"expected finite weights, but those of node '{node.name}' have NaN or ±inf; take a network "
            "trained without them"
        )


def _matrix(rows: Rows, passed: Array, width: int) -> "Array | Entries":
    if rows.dense is not None and not passed.size:
        dense = np.zeros((rows.bias.size, width))
        dense[:, rows.columns] = rows.dense
        return dense
    entries = rows.entries()
    check_entries(len(entries.values) + passed.size)
    return Entries(
        rows=np.concatenate([entries.rows, rows.bias.size + np.arange(passed.size)]),
        columns=np.concatenate([entries.columns, passed]),
        values=np.concatenate([entries.values, np.ones(passed.size)]),
    )


def _bend(node: Node, state: _State) -> None:
    name = node.inputs[0]
    x = state.tensors[name]
    if not _fresh(state, name, x):
        _append(state, _identity(x), node)
        x = state.tensors[node.output]
    bends = bends_of(node, x.shape[1:])
    stage = state.stages[-1]
    tables, which = _tables(bends, x.size)
    bend = stage.bend.copy()
    bend[x.ravel()] = which + len(stage.bends)
    bent_by = (*stage.bent_by, (node.name, x.ravel()))
    state.stages[-1] = replace(
        stage, bends=(*stage.bends, *tables), bend=bend, call=node.name, bent_by=bent_by
    )
    state.tensors = {**state.live(node.output), node.output: x}


def _fresh(state: _State, name: str, x: Array) -> bool:
    """Return whether a tensor stands in the last stage, does not bend there yet, and is read by nobody else."""
    if not state.stages or state.left[name] > 0 or np.any(x < 0) or np.unique(x).size < x.size:
        return False
    others = [y.ravel() for y in state.live(name).values()]
    shared = np.isin(x, np.concatenate(others)).any() if others else False
    stage = state.stages[-1]
    return not shared and not stage.windows and bool(np.all(stage.bend[x] < 0))


def _identity(x: Array) -> Rows:
    number = np.flatnonzero(x.ravel() >= 0)
    entries = Entries(rows=number, columns=x.ravel()[number], values=np.ones(number.size))
    return Rows(shape=x.shape, bias=np.zeros(x.size), divisor=np.ones(x.size, np.int64), sparse=entries)


def _tables(bends: Bends, units: int) -> tuple[tuple[Bends, ...], Array]:
    """Return bends whose slopes are numbers, and which of them each unit has."""
    slopes = [s for s in bends.slopes if isinstance(s, np.ndarray)]
    if not slopes:
        return (bends,), np.zeros(units, np.intp)
    from fractions import Fraction

    different, which = np.unique(slopes[0], return_inverse=True)

    def one(value: Any) -> Bends:
        exact = Fraction(float(value))
        if exact == 1:  # both pieces are the same
            return Bends(kinks=(), slopes=(Fraction(1),), intercepts=(Fraction(0),), values=())
        return replace(bends, slopes=(exact, *bends.slopes[1:]), bent=None)

    return tuple(one(value) for value in different), np.asarray(which, np.intp).ravel()


def _pool(node: Node, operator: MaxPool, state: _State) -> None:
    x = state.tensors[node.inputs[0]]
    _append(state, _identity(x), node)
    stage = state.stages[-1]
    inside = state.tensors[node.output]
    views = operator.window.views(operator.window.padded(inside, -1))
    dimensions = len(operator.window.size)
    shape = views.shape[: views.ndim - dimensions]
    windows = [np.unique(w[w >= 0]) for w in views.reshape(int(np.prod(shape)), -1)]
    if any(w.size == 0 for w in windows):
        raise UnsupportedModelError(
            f"expected pooling windows that reach the input, but one of node '{node.name}' lies in the padding alone; "
            "its maximum is −∞"
        )
    kept = stage.units - x.size
    # what only passes stands behind the pooled numbers; it moves to the front of what goes on
    state.stages[-1] = replace(stage, windows=tuple(windows), kept=kept)
    state.width = kept + len(windows)
    state.tensors = {n: np.where(y >= 0, y - x.size, -1) for n, y in state.live(node.output).items()}
    state.tensors[node.output] = kept + np.arange(len(windows)).reshape(shape)
