"""The gates of a recurrent layer at some time steps, from its inputs and outputs alone: nothing runs step by step.

Every gate at time t depends on the input at t and the output at t - 1, and PyTorch's operator returns all of its last
layer's outputs. So those of a layer on its own are one matrix product away. Of layers on top of each other PyTorch runs
those below once more, on a few of the sequences.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch.nn.functional import linear

from nonlin.inspection.torch.operands import operands_of
from nonlin.inspection.torch.recurrence import CELLS, LAYERS, Stack, Weights
from nonlin.inspection.torch.unrolling import GATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nonlin.inspection.torch.operands import Operands

__all__ = ["FUNCTIONS", "Gates", "gates_at_times"]

Layers: TypeAlias = "Iterable[tuple[Operands, torch.Tensor]]"

FUNCTIONS = {gate: kind for gates in GATES.values() for gate, kind in gates.items()}
"""The function of each gate."""

_DISTANCE = 32  # of the time steps looked at: the product is then about a hundredth of the layer's own work
_SEQUENCES = 32  # of so many, one goes through the layers below another, and there at every step


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """The pre-activations of some gates.

    Args:
        pres: by the name that an inspection gives the gate, shape (steps looked at times sequences, units).
        share: of the sequences that they are of.
    """

    pres: Mapping[str, torch.Tensor] = field(default_factory=dict)
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steps:
    """How the time steps lie in the tensors of a recurrent operator.

    Args:
        count: how many there are.
        axis: of the time; None in a packed batch.
        offsets: where each step begins in a packed batch, and the end; empty in any other.
    """

    count: int
    axis: int | None
    offsets: tuple[int, ...] = ()

    def rows(self, tensor: torch.Tensor, time: int) -> torch.Tensor:
        """Return one step, shape (sequences, entries); in a packed batch, of those that are long enough."""
        if self.axis is None:
            return tensor[self.offsets[time] : self.offsets[time + 1]]
        return tensor.select(self.axis, time).reshape(-1, tensor.shape[-1])

    def before(
        self, outputs: torch.Tensor, time: int, *, reverse: bool, initial: torch.Tensor
    ) -> torch.Tensor:
        """Return the output from which each sequence went into a step, in the order of its rows."""
        count, other = len(self.rows(outputs, time)), time + 1 if reverse else time - 1
        first = initial.reshape(-1, initial.shape[-1])[:count]
        if not 0 <= other < self.count:
            return first
        known = self.rows(outputs, other)[:count]
        # the longest come first: in reverse, those that end with this step begin here
        return known if len(known) == count else torch.cat([known, first[len(known) :]])


def gates_at_times(name: str, arguments: tuple[Any, ...], result: Any) -> Gates:
    """Return the pre-activations of the gates at some time steps, the same on every call.

    Of a layer on its own these are the middle of every 32 steps, of all sequences; of layers on top of each other
    all steps of one sequence in 32, those that come first, which in a packed batch are the longest.

    Args:
        name: of PyTorch's operator.
        arguments: as it gets them.
        result: what it returned.

    Returns:
        Of a packed batch, the sequences that are long enough; of a cell, those of its step. None of layers with dropout
        between them. A layer's cell state is that of the outputs, so it is left out where they are projected.
    """
    if name in CELLS:
        with torch.no_grad():
            return Gates(pres=_of_cell(CELLS[name], arguments, result))
    if name not in LAYERS:
        return Gates()
    given, outputs = operands_of(arguments), result[0]
    with torch.no_grad():
        if given.layers == 1:
            layers: Layers = [(given, outputs)]
            return Gates(pres=dict(_at_times(Stack.of_operator(name, given), layers, _DISTANCE)))
        sequences = given.initial[0].shape[1]
        if given.dropout or not sequences:
            return Gates()
        few = -(-sequences // _SEQUENCES)
        given, outputs = given.first(few, outputs)
        layers = _layer_by_layer(name, given, outputs)
        return Gates(pres=dict(_at_times(Stack.of_operator(name, given), layers, 1)), share=few / sequences)


def _of_cell(kind: str, arguments: tuple[Any, ...], result: Any) -> dict[str, torch.Tensor]:
    x, initial, *tensors = arguments
    if kind != "lstm":
        return _gates(Weights.of_cell(kind, tensors), x, (initial, result))
    output, cell = result
    return {**_gates(Weights.of_cell(kind, tensors), x, (initial[0], output)), "cell_output": cell}


def _layer_by_layer(name: str, given: Operands, outputs: torch.Tensor) -> Layers:
    """Yield what each layer gets and what it makes; the last one's outputs are known."""
    data = given.data
    for index in range(given.layers):
        layer = given.layer(index, data)
        data = layer.run(name) if index < given.layers - 1 else outputs
        yield layer, data


def _at_times(stack: Stack, layers: Layers, distance: int) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the gates of layers, with their names, at the middle of so many time steps each."""
    for index, (layer, made) in enumerate(layers):
        steps = _steps_of(layer)
        times = range(min(steps.count, distance) // 2, steps.count, distance)
        inputs = torch.cat([steps.rows(layer.data, t) for t in times])
        for i, output in enumerate(made.chunk(stack.directions, -1)):
            initial = layer.initial[0][i]
            before = torch.cat([steps.before(output, t, reverse=i == 1, initial=initial) for t in times])
            now, number = torch.cat([steps.rows(output, t) for t in times]), index * stack.directions + i
            for gate, pre in _gates(stack.of(number), inputs, (before, now)).items():
                yield stack.prefix(number) + gate, pre


def _steps_of(given: Operands) -> _Steps:
    if given.sizes is not None:
        ends = given.sizes.cumsum(0).tolist()
        return _Steps(count=len(ends), axis=None, offsets=(0, *ends))
    axis = 1 if given.batch_first and given.data.dim() == 3 else 0
    return _Steps(count=given.data.shape[axis], axis=axis)


def _gates(
    weights: Weights, inputs: torch.Tensor, outputs: tuple[torch.Tensor, torch.Tensor]
) -> dict[str, torch.Tensor]:
    before, now = outputs
    x = linear(inputs, weights.input, weights.input_bias)
    hidden = linear(before, weights.hidden, weights.hidden_bias)
    if weights.kind == "lstm":
        gates = dict(
            zip(
                ("input_gate", "forget_gate", "cell_gate", "output_gate"),
                (x + hidden).chunk(4, -1),
                strict=True,
            )
        )
        if weights.projection is None:
            gates["cell_output"] = _cell(now, gates["output_gate"])
        return gates
    if weights.kind == "gru":
        (xr, xz, xn), (hr, hz, hn) = x.chunk(3, -1), hidden.chunk(3, -1)
        return {
            "reset_gate": xr + hr,
            "update_gate": xz + hz,
            "new_gate": xn + torch.sigmoid(xr + hr) * hn,
        }
    return {weights.kind: x + hidden}


def _cell(output: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
    # the output is sigmoid(gate) tanh(cell); beyond the last tanh below 1 the cell is at least that far out
    numbers = torch.finfo(output.dtype)
    share = output / torch.sigmoid(gate).clamp(min=numbers.tiny)
    return torch.atanh(share.clamp(numbers.eps / 2 - 1, 1 - numbers.eps / 2))
