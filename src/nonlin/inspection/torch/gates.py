"""The gates of recurrent layers, gathered over the time steps: one call each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from nonlin.functions import Function, function
from nonlin.inspection.recording import CallSite, Role
from nonlin.inspection.torch.measurement import Calls, Squares, measure_call
from nonlin.inspection.torch.unrolling import GATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.inspection.torch.places import Places
    from nonlin.inspection.torch.unrolling import Unrolled

__all__ = ["Gate", "GateRecorder"]


@dataclass(slots=True, kw_only=True)
class Gate:
    """A gate of a layer in one direction.

    Args:
        label: the path of the layer, and which gate it is.
        function: of the gate.
        layer: the path of the layer.
        step: where in the forward pass.
        squares: where its gradient comes.
        pres: its pre-activations at the steps that the model makes itself, shape (batch, units) each.
        outputs: the same shape.
    """

    label: str
    function: Function
    layer: str
    step: int
    squares: Squares = field(default_factory=list)
    pres: list[torch.Tensor] = field(default_factory=list)
    outputs: list[torch.Tensor] = field(default_factory=list)


class GateRecorder:
    """Notes the gates of each layer; those of a cell that the model steps itself, over the whole forward pass."""

    def __init__(self, calls: Calls, places: Places) -> None:
        """Report to `calls`.

        `owner` is the path of the recurrent layer that runs, `entries` what its first weights made of its input.
        """
        self._calls = calls
        self._places = places
        self._cells: dict[str, Gate] = {}
        self.owner = ""
        self.entries: list[torch.Tensor] = []

    def restart(self) -> None:
        """Begin a forward pass."""
        self._cells.clear()

    def open(self, kind: str, prefix: str = "", *, cell: bool = False) -> list[Gate]:
        """Return the gates of the recurrent layer that runs.

        Args:
            kind: of the layer.
            prefix: what their names begin with.
            cell: whether the model makes the steps itself.
        """
        return [self._gate(prefix + name, activation, cell=cell) for name, activation in GATES[kind].items()]

    def report(self, gates: Sequence[Gate], run: Unrolled) -> None:
        """Report the gates of a layer over all its steps."""
        steps, most = len(run.sizes), max(run.sizes)
        ragged = min(run.sizes) < most
        for gate, pre, output in zip(gates, run.pres, run.outputs, strict=True):
            values = pre, output
            if not ragged:
                values = tuple(value.unflatten(0, (steps, most)).transpose(0, 1) for value in values)
            # sequences of several lengths: as many samples as the longest batch of a step
            self._measure(gate, *values, samples=most)

    def keep(self, gates: Sequence[Gate], run: Unrolled) -> None:
        """Keep the gates of one step of a cell."""
        for gate, pre, output in zip(gates, run.pres, run.outputs, strict=True):
            gate.pres.append(pre)
            gate.outputs.append(output)

    def finish(self) -> None:
        """Report the gates of the cells, at the end of the forward pass."""
        for gate in self._cells.values():
            ragged = any(pre.shape != gate.pres[0].shape for pre in gate.pres)
            join = torch.cat if ragged else _over_time
            self._measure(
                gate, join(gate.pres), join(gate.outputs), samples=max(len(pre) for pre in gate.pres)
            )
        self._cells.clear()

    def _gate(self, name: str, activation: str, *, cell: bool) -> Gate:
        label = f"{self.owner}.{name}" if self.owner else name
        if label in self._cells:
            return self._cells[label]
        gate = Gate(
            label=label,
            function=function(activation),
            layer=self.owner or "recurrent",
            step=self._places.here.step,
        )
        if cell:
            self._cells[label] = gate
        return gate

    def _measure(self, gate: Gate, pre: torch.Tensor, output: torch.Tensor, *, samples: int) -> None:
        role: Role = "gate" if gate.function.name == "sigmoid" else "hidden"
        site = CallSite(name="", function=gate.function, unit_axis=pre.dim() - 1, layer=gate.layer, role=role)
        gathering = measure_call(site, pre, output, size=len(pre))
        if gathering.statistics is not None:
            gathering.statistics = replace(gathering.statistics, samples=samples)
        self._calls.add((gate.label, gate.step), gathering, gate.squares)


def _over_time(steps: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(steps, dim=1)
