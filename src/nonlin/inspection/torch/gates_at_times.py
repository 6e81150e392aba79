"""The gates of a recurrent layer at some time steps, from its inputs and outputs alone: nothing runs step by step.

Every gate at time t depends on the input at t and the output at t - 1, and PyTorch's operator returns all of its last
layer's outputs. So those of a layer on its own are one matrix product away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import linear

from nonlin.inspection.torch.recurrence import LAYERS, Stack
from nonlin.inspection.torch.unrolling import GATES

if TYPE_CHECKING:
    from nonlin.inspection.torch.recurrence import Weights

__all__ = ["FUNCTIONS", "gates_at_times"]

FUNCTIONS = {gate: kind for gates in GATES.values() for gate, kind in gates.items()}
"""The function of each gate."""

_DISTANCE = 32  # of the time steps looked at: the product is then about a hundredth of the layer's own work


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


def gates_at_times(name: str, arguments: tuple[Any, ...], result: Any) -> dict[str, torch.Tensor]:
    """Return the pre-activations of the gates at the middle of every 32 time steps, of all sequences.

    Args:
        name: of PyTorch's operator.
        arguments: as it gets them.
        result: what it returned.

    Returns:
        For each gate, under the name that an inspection gives it, shape (steps looked at times sequences, units); of a
        packed batch, the sequences that are long enough. Empty for layers on top of each other, whose outputs between
        are not known. The cell state is that of the outputs, so it is left out where they are projected.
    """
    if name not in LAYERS:
        return {}
    if isinstance(arguments[3], (list, tuple)):
        data, sizes, initial, weights, biases, layers, _, _, both = arguments
        steps = _Steps(count=len(sizes), axis=None, offsets=(0, *sizes.cumsum(0).tolist()))
    else:
        data, initial, weights, biases, layers, _, _, both, batch_first = arguments
        axis = 1 if batch_first and data.dim() == 3 else 0
        steps = _Steps(count=data.shape[axis], axis=axis)
    if layers != 1:
        return {}
    stack = Stack(kind=LAYERS[name], weights=weights, biases=biases, layers=layers, directions=1 + both)
    first = initial[0] if isinstance(initial, (list, tuple)) else initial
    times = range(min(steps.count, _DISTANCE) // 2, steps.count, _DISTANCE)
    found = {}
    with torch.no_grad():
        inputs = torch.cat([steps.rows(data, t) for t in times])
        for i, output in enumerate(result[0].chunk(stack.directions, -1)):
            states = torch.cat([steps.before(output, t, reverse=i == 1, initial=first[i]) for t in times])
            now = torch.cat([steps.rows(output, t) for t in times])
            gates = _gates(stack.of(i), inputs, (states, now))
            found.update({stack.prefix(i) + gate: pre for gate, pre in gates.items()})
    return found


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
