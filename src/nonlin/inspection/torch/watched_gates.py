"""What is measured of a recurrent layer in a training step: its outputs, and its gates at some time steps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from nonlin.functions import function
from nonlin.inspection.torch.gates_at_times import FUNCTIONS
from nonlin.inspection.torch.lean import (
    LeanCall,
    Watched,
    measure_output,
    measure_pre_activation,
    watched_call,
)

if TYPE_CHECKING:
    from nonlin.inspection.torch.gates_at_times import Gates

__all__ = ["measure_gate", "recurrent_calls"]


def recurrent_calls(name: str, gates: Gates, result: Any, *, constant_slope: float) -> dict[str, LeanCall]:
    """Return the calls of a recurrent operator: its outputs under "", and its gates.

    Args:
        name: of PyTorch's operator.
        gates: of it.
        result: what the operator returned.
        constant_slope: how far the relative slope may vary where it counts as constant.
    """
    # the outputs are no function of one number; only what holds for any tensor is measured of them
    whole = Watched(name="", function=function("tanh"), label=f"{name} outputs", zones=None, flat=None)
    calls = {"": measure_gate(whole, "", gates, result)}
    for gate in gates.pres:
        kind = function(FUNCTIONS[gate.rpartition(".")[2]])
        watched = watched_call("", kind, constant_slope, is_prelu=False)
        calls[gate] = measure_gate(watched, gate, gates, result)
    return calls


def measure_gate(watched: Watched, gate: str, gates: Gates, result: Any) -> LeanCall:
    """Measure one gate from its pre-activations; under "" the operator's outputs."""
    if not gate:
        return measure_output(watched, result if isinstance(result, torch.Tensor) else result[0], None)
    pre = gates.pres[gate]
    extremes = measure_pre_activation(watched, pre, 1)
    if extremes is not None:
        extremes = replace(extremes, share=extremes.share * gates.share)
    output = getattr(torch, watched.function.name)(pre)
    return measure_output(watched, output, extremes)
