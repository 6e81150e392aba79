"""The gates of a recurrent layer at some time steps, from its inputs and outputs alone: nothing runs step by step.

Every gate at time t depends on the input at t and the output at t - 1, and PyTorch's operator returns all of its last
layer's outputs. So those of a layer on its own are one matrix product away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import linear

from nonlin.inspection.torch.recurrence import LAYERS, Stack

if TYPE_CHECKING:
    from nonlin.inspection.torch.recurrence import Weights

__all__ = ["FUNCTIONS", "gates_at_times"]

FUNCTIONS = {
    "input_gate": "sigmoid",
    "forget_gate": "sigmoid",
    "cell_gate": "tanh",
    "output_gate": "sigmoid",
    "cell_output": "tanh",
    "reset_gate": "sigmoid",
    "update_gate": "sigmoid",
    "new_gate": "tanh",
    "tanh": "tanh",
    "relu": "relu",
}
"""The function of each gate."""

_DISTANCE = 32  # of the time steps looked at: the product is then about a hundredth of the layer's own work


def gates_at_times(name: str, arguments: tuple[Any, ...], result: Any) -> dict[str, torch.Tensor]:
    """Return the pre-activations of the gates at the middle of every 32 time steps, of all sequences.

    Args:
        name: of PyTorch's operator.
        arguments: as it gets them.
        result: what it returned.

    Returns:
        For each gate, under the name that an inspection gives it, shape (steps looked at times sequences, units). Empty
        for layers on top of each other, whose outputs between are not known, and for packed sequences. The cell state
        is that of the outputs, so it is left out where they are projected.
    """
    if name not in LAYERS or isinstance(arguments[3], (list, tuple)) or arguments[4] != 1:
        return {}
    data, initial, weights, biases, layers, _, _, both, batch_first = arguments
    stack = Stack(kind=LAYERS[name], weights=weights, biases=biases, layers=layers, directions=1 + both)
    first = initial[0] if isinstance(initial, (list, tuple)) else initial
    by_time = 1 if batch_first and data.dim() == 3 else 0
    found = {}
    with torch.no_grad():
        outputs = result[0].movedim(by_time, 0).chunk(stack.directions, -1)
        for i, output in enumerate(outputs):
            times = range(min(len(output), _DISTANCE) // 2, len(output), _DISTANCE)
            before = [t + 1 if i else t - 1 for t in times]
            known = [output[t] if 0 <= t < len(output) else first[i] for t in before]
            inputs = torch.cat([data.select(by_time, t).reshape(-1, data.shape[-1]) for t in times])
            states = torch.cat([state.reshape(-1, state.shape[-1]) for state in known])
            now = torch.cat([output[t].reshape(-1, output.shape[-1]) for t in times])
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
