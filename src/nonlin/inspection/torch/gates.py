"""The gates of recurrent layers, gathered over the time steps: one call each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from nonlin.functions import Function, function
from nonlin.inspection.recording import CallSite, Role
from nonlin.inspection.torch.measurement import Calls, Squares, measure_call, watch_gradient

if TYPE_CHECKING:
    from nonlin.inspection.torch.places import Places

__all__ = ["GateRecorder"]


@dataclass(slots=True, kw_only=True)
class _Gate:
    function: Function
    layer: str
    step: int
    squares: Squares = field(default_factory=list)
    pres: list[torch.Tensor] = field(default_factory=list)
    outputs: list[torch.Tensor] = field(default_factory=list)


class GateRecorder:
    """Notes the gates of each layer; those of a cell that the model steps itself, over the whole forward pass."""

    def __init__(self, calls: Calls, places: Places) -> None:
        """Report to `calls`; `owner` is the path of the recurrent layer that runs."""
        self._calls = calls
        self._places = places
        self._open: dict[str, _Gate] = {}
        self._cells: dict[str, _Gate] = {}
        self._size = 0
        self.owner = ""

    def restart(self, size: int) -> None:
        """Begin a forward pass of so many samples."""
        self._size = size
        self._open.clear()
        self._cells.clear()

    def apply(self, name: str, pre: torch.Tensor, label: str, *, cell: bool = False) -> torch.Tensor:
        """Apply "sigmoid", "tanh" or "relu" at one time step, and note it.

        Args:
            name: of the function, the same in the catalogue and in PyTorch.
            pre: shape (batch, units).
            label: which gate it is.
            cell: whether the model makes the steps itself.
        """
        output: torch.Tensor = getattr(torch, name)(pre)
        gates = self._cells if cell else self._open
        full = f"{self.owner}.{label}" if self.owner else label
        if full not in gates:
            step = self._places.here.step
            gates[full] = _Gate(function=function(name), layer=self.owner or "recurrent", step=step)
        gate = gates[full]
        gate.pres.append(pre.detach())
        gate.outputs.append(output.detach())
        watch_gradient(output, gate.squares)
        return output

    def end_layer(self) -> None:
        """Report the gates of a layer whose steps are all done."""
        self._report(self._open)

    def finish(self) -> None:
        """Report the gates of the cells, at the end of the forward pass."""
        self._report(self._cells)

    def _report(self, gates: dict[str, _Gate]) -> None:
        for label, gate in gates.items():
            ragged = any(pre.shape != gate.pres[0].shape for pre in gate.pres)
            join = torch.cat if ragged or gate.pres[0].dim() == 1 else _over_time
            pre, output = join(gate.pres), join(gate.outputs)
            role: Role = "gate" if gate.function.name == "sigmoid" else "hidden"
            site = CallSite(
                name="", function=gate.function, unit_axis=pre.dim() - 1, layer=gate.layer, role=role
            )
            gathering = measure_call(site, pre, output, size=len(pre))
            if ragged and gathering.statistics is not None:
                # sequences of several lengths: as many samples as the longest batch of a step
                gathering.statistics = replace(gathering.statistics, samples=max(len(p) for p in gate.pres))
            self._calls.add((label, gate.step), gathering, gate.squares)
        gates.clear()


def _over_time(steps: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(steps, dim=1)
