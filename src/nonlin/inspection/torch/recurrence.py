"""Recurrent layers step by step in Python, so that their gates are calls with gradients like any other.

The equations are those of torch.nn.LSTM, GRU and RNN, with projections and packed sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import linear

if TYPE_CHECKING:
    from nonlin.inspection.torch.gates import GateRecorder

__all__ = ["LAYERS", "RECURRENT", "Stack", "Weights", "run_recurrent"]

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], State]

LAYERS = {"lstm": "lstm", "gru": "gru", "rnn_tanh": "tanh", "rnn_relu": "relu"}
"""The operators that are a whole layer, and what it is made of."""

_CELLS = {"lstm_cell": "lstm", "gru_cell": "gru", "rnn_tanh_cell": "tanh", "rnn_relu_cell": "relu"}

RECURRENT = frozenset({*LAYERS, *_CELLS})
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A recurrent layer as PyTorch's operator gets it."""

    kind: str
    weights: Sequence[Tensor]
    biases: bool
    layers: int
    directions: int

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
        What the operator returns, equal up to the order of its sums; None where it must run itself, because it
        draws dropout.
    """
    if name in _CELLS:
        return _run_cell(_CELLS[name], arguments, gates)
    if isinstance(arguments[3], (list, tuple)):
        data, sizes, initial, weights, biases, layers, dropout, training, both = arguments
        steps, time_axis = list(torch.split(data, sizes.tolist())), None
    else:
        data, initial, weights, biases, layers, dropout, training, both, batch_first = arguments
        time_axis = 1 if batch_first and data.dim() == 3 else 0
        steps = list(data.unbind(time_axis))
    if training and dropout:
        return None
    stack = Stack(kind=LAYERS[name], weights=weights, biases=biases, layers=layers, directions=1 + both)
    states = tuple(initial) if isinstance(initial, (list, tuple)) else (initial,)
    steps, final = _run_stack(stack, steps, states, gates)
    output = torch.cat(steps) if time_axis is None else torch.stack(steps, time_axis)
    return (output, *final)


def _run_stack(
    stack: Stack, steps: list[Tensor], states: State, gates: GateRecorder
) -> tuple[list[Tensor], State]:
    finals: list[State] = []
    for layer in range(stack.layers):
        directions = []
        for direction in range(stack.directions):
            index = layer * stack.directions + direction
            weights = stack.of(index)
            step = _step(weights, stack.prefix(index), gates)
            start = tuple(state[index] for state in states)
            outputs, final = _scan(step, _projected(weights, steps), start, reverse=direction == 1)
            gates.end_layer()
            directions.append(outputs)
            finals.append(final)
        steps = [torch.cat(parts, dim=-1) for parts in zip(*directions, strict=True)]
    return steps, tuple(torch.stack(parts) for parts in zip(*finals, strict=True))


def _projected(weights: Weights, steps: list[Tensor]) -> list[Tensor]:
    # one large product instead of one a step
    joined = linear(torch.cat(steps), weights.input, weights.input_bias)
    return list(torch.split(joined, [len(step) for step in steps]))


def _scan(step: Step, inputs: list[Tensor], initial: State, *, reverse: bool) -> tuple[list[Tensor], State]:
    """Run over time; a batch of sequences sorted by length gets narrower, or wider in reverse."""
    outputs: list[Tensor] = []
    ended: list[State] = []
    state = tuple(s[: len(inputs[-1 if reverse else 0])] for s in initial)
    for x in reversed(inputs) if reverse else inputs:
        now, new = len(state[0]), len(x)
        if new > now:
            state = tuple(torch.cat([s, first[now:new]]) for s, first in zip(state, initial, strict=True))
        elif new < now:
            ended.append(tuple(s[new:] for s in state))
            state = tuple(s[:new] for s in state)
        state = step(x, state)
        outputs.append(state[0])
    parts = [state, *reversed(ended)]
    return outputs[::-1] if reverse else outputs, tuple(torch.cat(part) for part in zip(*parts, strict=True))


def _step(weights: Weights, prefix: str, gates: GateRecorder, *, cell: bool = False) -> Step:
    def gate(name: str, pre: Tensor, label: str) -> Tensor:
        return gates.apply(name, pre, prefix + label, cell=cell)

    def hidden(state: Tensor) -> Tensor:
        return linear(state, weights.hidden, weights.hidden_bias)

    def lstm(x: Tensor, state: State) -> State:
        i, f, g, o = (x + hidden(state[0])).chunk(4, -1)
        i, f = gate("sigmoid", i, "input_gate"), gate("sigmoid", f, "forget_gate")
        g, o = gate("tanh", g, "cell_gate"), gate("sigmoid", o, "output_gate")
        c = f * state[1] + i * g
        h = o * gate("tanh", c, "cell_output")
        return (h if weights.projection is None else linear(h, weights.projection)), c

    def gru(x: Tensor, state: State) -> State:
        (xr, xz, xn), (hr, hz, hn) = x.chunk(3, -1), hidden(state[0]).chunk(3, -1)
        r, z = gate("sigmoid", xr + hr, "reset_gate"), gate("sigmoid", xz + hz, "update_gate")
        n = gate("tanh", xn + r * hn, "new_gate")
        return (n + z * (state[0] - n),)

    def plain(x: Tensor, state: State) -> State:
        return (gate(weights.kind, x + hidden(state[0]), weights.kind),)

    return {"lstm": lstm, "gru": gru}.get(weights.kind, plain)


def _run_cell(kind: str, arguments: tuple[Any, ...], gates: GateRecorder) -> Any:
    x, initial, *tensors = arguments
    biases = [*tensors[2:], None, None]
    weights = Weights(
        kind=kind,
        input=tensors[0],
        hidden=tensors[1],
        input_bias=biases[0],
        hidden_bias=biases[1],
    )
    state = tuple(initial) if isinstance(initial, (list, tuple)) else (initial,)
    result = _step(weights, "", gates, cell=True)(linear(x, weights.input, weights.input_bias), state)
    return result if kind == "lstm" else result[0]
