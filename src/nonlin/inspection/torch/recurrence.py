"""Recurrent layers taken apart, so that their gates are calls with gradients like any other.

The equations are those of torch.nn.LSTM, GRU and RNN, with projections, dropout and packed sequences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from nonlin.inspection.torch.operands import operands_of
from nonlin.inspection.torch.unrolling import GATES, Unrolled, unroll

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.inspection.torch.gates import GateRecorder
    from nonlin.inspection.torch.operands import Operands

__all__ = ["CELLS", "LAYERS", "RECURRENT", "Stack", "Weights", "run_recurrent"]

State = tuple[Tensor, ...]

LAYERS = {"lstm": "lstm", "gru": "gru", "rnn_tanh": "tanh", "rnn_relu": "relu"}
"""The operators that are a whole layer, and what it is made of."""

CELLS = {"lstm_cell": "lstm", "gru_cell": "gru", "rnn_tanh_cell": "tanh", "rnn_relu_cell": "relu"}
"""The operators that are one step of a layer, and what it is made of."""

RECURRENT = frozenset({*LAYERS, *CELLS})
"""Operations that are a recurrent layer or one step of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Of one layer in one direction."""

    kind: str
    input: Tensor
    hidden: Tensor
    input_bias: Tensor | None = None
    hidden_bias: Tensor | None = None
    projection: Tensor | None = None

    @classmethod
    def of_cell(cls, kind: str, tensors: Sequence[Tensor]) -> Weights:
        """Return the weights of a cell from what its operator gets behind the states."""
        weight, hidden, *biases = tensors
        first, second = (*biases, None, None)[:2]
        return cls(kind=kind, input=weight, hidden=hidden, input_bias=first, hidden_bias=second)

    @property
    def gates(self) -> int:
        """How many gates have weights of their own; what an LSTM makes of its cell has none."""
        return 4 if self.kind == "lstm" else len(GATES[self.kind])

    @property
    def gated_bias(self) -> bool:
        """Whether the state's bias is inside a gate: a GRU's new gate takes a part of it."""
        return self.kind == "gru"

    @property
    def of_the_state(self) -> tuple[Tensor | None, ...]:
        """The weights that every step needs, as `unroll` takes them."""
        return self.hidden, self.hidden_bias if self.gated_bias else None, self.projection


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A recurrent layer as PyTorch's operator gets it."""

    kind: str
    weights: Sequence[Tensor]
    biases: bool
    layers: int
    directions: int

    @classmethod
    def of_operator(cls, name: str, given: Operands) -> Stack:
        """Return the layers of an operator from what it gets."""
        return cls(
            kind=LAYERS[name],
            weights=given.weights,
            biases=given.biases,
            layers=given.layers,
            directions=1 + given.both,
        )

    def of(self, index: int) -> Weights:
        """Return the weights of a layer and direction, counted through."""
        size = len(self.weights) // (self.layers * self.directions)
        part = list(self.weights[index * size : (index + 1) * size])
        biases = part[2:4] if self.biases else [None, None]
        projection = part[-1] if size in (3, 5) else None
        return Weights(
            kind=self.kind,
            input=part[0],
            hidden=part[1],
            input_bias=biases[0],
            hidden_bias=biases[1],
            projection=projection,
        )

    def prefix(self, index: int) -> str:
        """Return what the names of its gates begin with."""
        layer, reverse = divmod(index, self.directions)
        if self.layers * self.directions == 1:
            return ""
        return f"l{layer}_reverse." if reverse else f"l{layer}."


def run_recurrent(name: str, arguments: tuple[Any, ...], gates: GateRecorder) -> Any:
    """Run a recurrent operator step by step.

    Args:
        name: one of `RECURRENT`.
        arguments: as PyTorch's operator gets them.
        gates: notes every gate.

    Returns:
        What the operator returns, equal up to the order of its sums; see `unroll` for its gradient.
    """
    if name in CELLS:
        return _run_cell(CELLS[name], arguments, gates)
    given = operands_of(arguments)
    data, time_axis = given.data, None
    if given.sizes is not None:
        sizes = given.sizes.tolist()
    else:
        time_axis = 1 if given.batch_first else 0
        data = data.movedim(time_axis, 0)
        sizes = [data.shape[1]] * data.shape[0]
    rows = data if time_axis is None else data.flatten(0, 1)
    stack = Stack.of_operator(name, given)
    rows, final = _run_stack(stack, (rows, sizes), given.initial, gates, dropout=given.dropout)
    if time_axis is not None:
        rows = rows.unflatten(0, data.shape[:2]).movedim(0, time_axis)
    return (rows, *final)


def _run_stack(
    stack: Stack,
    steps: tuple[Tensor, Sequence[int]],
    states: State,
    gates: GateRecorder,
    *,
    dropout: float,
) -> tuple[Tensor, State]:
    rows, sizes = steps
    finals: list[State] = []
    for layer in range(stack.layers):
        if layer and dropout:
            rows = torch.dropout(rows, dropout, True)
        outputs = []
        for direction in range(stack.directions):
            index = layer * stack.directions + direction
            weights = stack.of(index)
            noted = gates.open(weights.kind, stack.prefix(index))
            run = Unrolled(
                kind=weights.kind,
                sizes=sizes,
                reverse=direction == 1,
                squares=[gate.squares for gate in noted],
            )
            projected = _projected(rows, weights)
            if not layer and projected.requires_grad:
                gates.entries.append(projected)
            start = tuple(state[index] for state in states)
            output, *final = unroll(run, projected, weights.of_the_state, start)
            gates.report(noted, run)
            outputs.append(output)
            finals.append(tuple(final))
        rows = torch.cat(outputs, dim=-1) if len(outputs) > 1 else outputs[0]
    return rows, tuple(torch.stack(parts) for parts in zip(*finals, strict=True))


def _projected(rows: Tensor, weights: Weights) -> Tensor:
    # one large product a gate instead of one a step
    bias = weights.input_bias
    if bias is not None and weights.hidden_bias is not None and not weights.gated_bias:
        bias = bias + weights.hidden_bias
    by_gate = weights.input.unflatten(0, (weights.gates, -1)).mT
    rows = rows.expand(weights.gates, *rows.shape)
    if bias is None:
        return torch.bmm(rows, by_gate)
    return torch.baddbmm(bias.reshape(weights.gates, 1, -1), rows, by_gate)


def _run_cell(kind: str, arguments: tuple[Any, ...], gates: GateRecorder) -> Any:
    x, initial, *tensors = arguments
    weights = Weights.of_cell(kind, tensors)
    states = tuple(initial) if isinstance(initial, (list, tuple)) else (initial,)
    noted = gates.open(kind, cell=True)
    run = Unrolled(kind=kind, sizes=[len(x)], reverse=False, squares=[gate.squares for gate in noted])
    _, *final = unroll(run, _projected(x, weights), weights.of_the_state, states)
    gates.keep(noted, run)
    return tuple(final) if kind == "lstm" else final[0]
