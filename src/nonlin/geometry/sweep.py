"""Takes a line through a network, node by node."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.geometry.arithmetic import Arithmetic, Bounded, Shares
from nonlin.geometry.bending import bend
from nonlin.geometry.drift import drifted, settled
from nonlin.geometry.pooling import pool
from nonlin.geometry.rounding import LARGE_LAYER
from nonlin.geometry.rows import Rows
from nonlin.networks import Network, Node
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.affine import Dense
from nonlin.networks.array import Array
from nonlin.networks.network import Operator
from nonlin.networks.window import Convolution, MaxPool

__all__ = ["Swept", "sweep"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Swept:
    """A line that is through the network.

    Args:
        rows: the breakpoints.
        outputs: the network's first output at them.
        undecided: how many decisions were smaller than the bound on their error.
        work: how many multiplications a row costs, those of dense layers at an eighth.
    """

    rows: Rows
    outputs: Bounded
    undecided: int
    work: int


def sweep(
    arithmetic: Arithmetic,
    network: Network,
    ends: Array,
    *,
    low: float = 0.0,
    high: float = 1.0,
    progress: Callable[[float], None] | None = None,
) -> Swept:
    """Take a line, or a stretch of it, through a network.

    Args:
        arithmetic: in which numbers.
        network: of affine operators and of activations made of affine pieces, the samples along its first axis.
        ends: the two ends, float64, shape (2, …).
        low: where the stretch begins.
        high: where it ends.
        progress: called with the share of the nodes that it is through.

    Raises:
        TooManyFoldsError: if the breakpoints do not fit in a usual memory.
        UnsupportedModelError: if an operator has no folds; its node is named.
        InvalidInputError: if a value overflows.
    """
    rows = Rows(
        positions=arithmetic.numbers(np.array([low, high])),
        gaps=np.zeros(1, bool),
        makers=("", ""),
        units=np.array([-1, -1]),
        live={network.inputs[0].name: _stretch(arithmetic, arithmetic.numbers(ends), low, high)},
    )
    left = Counter(name for node in network.nodes for name in node.inputs)
    left.update(tensor.name for tensor in network.outputs)
    undecided = work = 0
    for number, node in enumerate(network.nodes, 1):
        rows, unsure = _step(arithmetic, rows, node)
        _check_finite(rows.live[node.output], node)
        undecided += unsure
        work += _work(node, rows.live[node.output])
        left.subtract(node.inputs)
        rows = replace(rows, live={name: x for name, x in rows.live.items() if left[name] > 0})
        if progress is not None:
            progress(number / len(network.nodes))
    name = network.outputs[0].name
    return Swept(rows=rows, outputs=rows.live[name], undecided=undecided, work=work)


def _stretch(arithmetic: Arithmetic, ends: Bounded, low: float, high: float) -> Bounded:
    if (low, high) == (0.0, 1.0):
        return ends
    shares = arithmetic.numbers(np.array([low, high]))
    first, last = np.zeros(2, np.intp), np.ones(2, np.intp)
    return arithmetic.between(ends[first], ends[last], Shares(value=shares.value, doubt=shares.error))


def _step(arithmetic: Arithmetic, rows: Rows, node: Node) -> tuple[Rows, int]:
    if isinstance(node.operator, Activation | ParametricRelu):
        return bend(arithmetic, rows, node)
    if isinstance(node.operator, MaxPool):
        return pool(arithmetic, rows, node)
    inputs = [rows.live[name] for name in node.inputs]
    if _together(node.operator, inputs, rows):
        made = drifted(rows, arithmetic.affine(node.operator, [settled(rows, inputs[0])]))
    else:
        made = arithmetic.affine(node.operator, [replace(x, norm=None) for x in inputs])
    return replace(rows, live={**rows.live, node.output: made}), 0


def _together(operator: Operator, inputs: list[Bounded], rows: Rows) -> bool:
    """Return whether the errors are bounded together: in float64, for a large layer, where nothing jumps."""
    large = isinstance(operator, Dense) and operator.weight.size >= LARGE_LAYER
    return large and inputs[0].value.ndim == 2 and inputs[0].value.dtype != object and not rows.gaps.any()


def _check_finite(x: Bounded, node: Node) -> None:
    if x.value.dtype != object and not np.all(np.isfinite(x.value)):
        raise InvalidInputError(
            f"expected finite values along the line, got an overflow of float64 at node '{node.name}'; "
            "choose points nearer to the data"
        )


def _work(node: Node, made: Bounded) -> int:
    size = int(np.prod(made.value.shape[1:]))
    if isinstance(node.operator, Dense):
        return size * int(node.operator.weight.shape[1]) // 8
    if isinstance(node.operator, Convolution):
        return size * int(np.prod(node.operator.weight.shape[1:]))
    return size
