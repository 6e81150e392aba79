"""The recurrent operators of ONNX: their gates, step by step.

The equations are those of the ONNX specification of LSTM, GRU and RNN (opset 1 to 22).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from nonlin.functions import Function, function
from nonlin.networks.array import Array, matched

__all__ = ["Gate", "Recurrence", "recurrence_of"]

_BLOCKS = {"LSTM": 4, "GRU": 3, "RNN": 1}
_USUAL = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh"), "RNN": ("tanh",)}
_DIRECTIONS = {"forward": ("",), "reverse": ("reverse_",), "bidirectional": ("", "reverse_")}

_Step = Iterator[tuple[str, Array, Array]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gate:
    """One gate of a recurrent layer, over all time steps.

    Args:
        name: "input_gate", "cell_gate", …, with "reverse_" in front in the backward direction.
        function: its activation.
        pre_activation, output: shape (batch, time, units).
    """

    name: str
    function: Function
    pre_activation: Array
    output: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recurrence:
    """An LSTM, GRU or RNN operator with constant weights.

    Args:
        kind: "LSTM", "GRU" or "RNN".
        inputs: the names of the sequence, the initial hidden and the initial cell state; "" where there is none.
        stored: the value of an initial state that is a constant, by name.
        weight, recurrent, bias: W, R and B of the specification, one row a direction.
        functions: the activations f, g, h of each direction, one after the other.
        directions: the prefix of each direction's names.
        reset_after: GRU's linear_before_reset.
        batch_first: ONNX's layout.
    """

    kind: str
    inputs: tuple[str, str, str]
    stored: Mapping[str, Array]
    weight: Array
    recurrent: Array
    bias: Array
    functions: tuple[Function, ...]
    directions: tuple[str, ...]
    reset_after: bool
    batch_first: bool

    def gates(self, values: Mapping[str, Array]) -> tuple[list[Gate], Array]:
        """Run the layer.

        Args:
            values: the tensors of its inputs by name.

        Returns:
            Its gates, and the hidden states as ONNX's output Y, shape (time, directions, batch, units), or (batch,
            time, directions, units) where the layout is batch first.
        """
        x = values[self.inputs[0]]
        x = x.swapaxes(0, 1) if self.batch_first else x
        gates, states = [], []
        for index, prefix in enumerate(self.directions):
            order = range(len(x))[::-1] if prefix else range(len(x))
            seen: dict[str, tuple[list[Array], list[Array]]] = {}
            state = [self._initial(values, name, index, x) for name in self.inputs[1:]]
            hidden: list[Array] = [state[0]] * len(x)
            for time in order:
                for name, before, after in self._step(x[time], state, index):
                    lists = seen.setdefault(name, ([], []))
                    lists[0].append(before)
                    lists[1].append(after)
                hidden[time] = state[0]
            gates += [
                Gate(
                    name=prefix + name,
                    function=self._function(index, name),
                    pre_activation=np.stack(before, axis=1),
                    output=np.stack(after, axis=1),
                )
                for name, (before, after) in seen.items()
            ]
            states.append(np.stack(hidden))
        y = np.stack(states, axis=1)
        return gates, y.transpose(2, 0, 1, 3) if self.batch_first else y

    def _initial(self, values: Mapping[str, Array], name: str, index: int, x: Array) -> Array:
        if not name:
            return np.zeros((x.shape[1], self.recurrent.shape[-1]), x.dtype)
        state = self.stored[name] if name in self.stored else values[name]
        return state[:, index] if self.batch_first else state[index]

    def _function(self, index: int, name: str) -> Function:
        each = len(_USUAL[self.kind])
        place = {"cell_gate": 1, "new_gate": 1, "cell_output": 2}.get(name, 0)
        return self.functions[index * each + place]

    def _step(self, x: Array, state: list[Array], index: int) -> _Step:
        """Yield each gate's name, pre-activation and output, and put the next state into `state`."""
        weight, recurrent = matched(self.weight[index], x), matched(self.recurrent[index], x)
        bias = matched(self.bias[index], x)
        half = len(bias) // 2
        driven = np.split(x @ weight.T + bias[:half], _BLOCKS[self.kind], axis=1)
        h, own = state[0], bias[half:]
        if self.kind == "GRU":
            yield from self._gru(driven, state, (recurrent, own), index)
            return
        fed = np.split(h @ recurrent.T + own, _BLOCKS[self.kind], axis=1)
        if self.kind == "RNN":
            state[0] = np.asarray(self._function(index, "hidden")(driven[0] + fed[0]))
            yield "hidden", driven[0] + fed[0], state[0]
            return
        out = {}
        for name, a, b in zip(
            ("input_gate", "output_gate", "forget_gate", "cell_gate"), driven, fed, strict=True
        ):
            out[name] = np.asarray(self._function(index, name)(a + b))
            yield name, a + b, out[name]
        state[1] = out["forget_gate"] * state[1] + out["input_gate"] * out["cell_gate"]
        squashed = np.asarray(self._function(index, "cell_output")(state[1]))
        yield "cell_output", state[1], squashed
        state[0] = out["output_gate"] * squashed

    def _gru(
        self, driven: list[Array], state: list[Array], weights: tuple[Array, Array], index: int
    ) -> _Step:
        recurrent, own = weights
        (rz, rr, rh), (bz, br, bh), h = np.split(recurrent, 3), np.split(own, 3), state[0]
        update_in, reset_in = driven[0] + h @ rz.T + bz, driven[1] + h @ rr.T + br
        gate = self._function(index, "update_gate")
        update, reset = np.asarray(gate(update_in)), np.asarray(gate(reset_in))
        yield "update_gate", update_in, update
        yield "reset_gate", reset_in, reset
        new_in = driven[2] + (reset * (h @ rh.T + bh) if self.reset_after else (reset * h) @ rh.T + bh)
        new = np.asarray(self._function(index, "new_gate")(new_in))
        yield "new_gate", new_in, new
        state[0] = (1 - update) * new + update * h


def recurrence_of(
    node: onnx.NodeProto, attributes: Mapping[str, Any], constants: Mapping[str, Array]
) -> Recurrence | None:
    """Return a node's recurrence; None where it is no such node, or uses a part that is not understood.

    Not understood are computed weights, sequences of several lengths, peepholes, clipping, coupled gates, and
    activations with parameters of their own.
    """
    names = [*node.input, *[""] * 8][:8]
    weight, recurrent = constants.get(names[1]), constants.get(names[2])
    odd = any(attributes.get(key) for key in ("clip", "input_forget", "activation_alpha", "activation_beta"))
    if node.op_type not in _BLOCKS or weight is None or recurrent is None or odd or names[4] or names[7]:
        return None
    bias = constants.get(names[3]) if names[3] else np.zeros((len(weight), 2 * weight.shape[1]), weight.dtype)
    directions = _DIRECTIONS[attributes.get("direction", b"forward").decode()]
    called = [a.decode().lower() for a in attributes.get("activations", ())] or _USUAL[node.op_type] * len(
        directions
    )
    if bias is None or any(name not in ("sigmoid", "tanh", "relu") for name in called):
        return None
    return Recurrence(
        kind=node.op_type,
        inputs=(names[0], names[5], names[6]),
        stored={name: constants[name] for name in names[5:7] if name in constants},
        weight=weight,
        recurrent=recurrent,
        bias=bias,
        functions=tuple(function(name) for name in called),
        directions=directions,
        reset_after=bool(attributes.get("linear_before_reset", 0)),
        batch_first=bool(attributes.get("layout", 0)),
    )
