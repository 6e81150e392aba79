"""The activations of a model in training, measured as the inspection measures them. Loads torch."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from math import log10
from typing import TYPE_CHECKING, Any

import torch

from nonlin.errors import InvalidInputError
from nonlin.experiments.objective import answers, losses
from nonlin.experiments.trial import Health
from nonlin.functions import function as named
from nonlin.functions.torch_modules import LearnableActivation
from nonlin.inspection.recording import CallSite
from nonlin.inspection.thresholds import Thresholds
from nonlin.inspection.torch.measurement import measure_call, unit_axis, watch_gradient
from nonlin.inspection.verdicts import describe

if TYPE_CHECKING:
    from nonlin.experiments.initial import Template
    from nonlin.inspection.result import Call

__all__ = ["health_of"]

SAMPLES = 256


@dataclass(slots=True)
class _Seen:
    name: str
    module: Any
    pre: torch.Tensor
    output: torch.Tensor
    squares: list[torch.Tensor] = field(default_factory=list)


def health_of(
    template: Template, state: dict[str, Any], x: torch.Tensor, y: torch.Tensor, *, step: int
) -> Health:
    """Return the dead share and the gradient's decay of a model's exchanged calls.

    Args:
        template: gets the state's weights.
        state: by name.
        x: inputs, shape (samples, …); the first 256 count.
        y: their targets.
        step: of the training.
    """
    template.model.load_state_dict(state)
    calls = _calls(template, x[:SAMPLES], y[:SAMPLES])
    units = sum(call.units for call in calls)
    gradients = [call.gradient for call in calls]
    first, last = gradients[0], gradients[-1]
    between = len(gradients) - 1
    decay = log10(first / last) / between if first and last and between else None
    return Health(step=step, dead=sum(call.dead or 0 for call in calls) / units, decay=decay)


def _calls(template: Template, x: torch.Tensor, y: torch.Tensor) -> list[Call]:
    seen: list[_Seen] = []
    model = template.model.eval()
    with ExitStack() as hooks, torch.enable_grad():
        for name, module in template.calls:
            hooks.callback(module.register_forward_hook(_noting(name, seen)).remove)
        loss = losses(answers(model(x), y)[None], y[None]).sum()
        for one in seen:
            one.squares = watch_gradient(one.output)
        loss.backward()
    model.zero_grad()
    return [_described(one, template.function, len(x)) for one in seen]


def _noting(name: str, seen: list[_Seen]) -> Any:
    def note(module: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        seen.append(_Seen(name=name, module=module, pre=inputs[0].detach().clone(), output=output))

    return note


def _described(one: _Seen, function: Any, size: int) -> Call:
    site = CallSite(
        name=one.name, function=_as_learned(one.module, function), unit_axis=unit_axis(one.pre, None)
    )
    gathering = measure_call(site, one.pre, one.output.detach(), size=size)
    gathering.add_gradient(sum(float(norm) ** 2 for norm in one.squares), size)
    return describe(gathering.finish(), Thresholds())


def _as_learned(module: Any, function: Any) -> Any:
    """Return the function with the parameters as they are by now; as they began where they have left their range."""
    if not isinstance(module, LearnableActivation) or function.entry is None:
        return function
    learned = {name: float(value.detach()) for name, value in module.named_parameters()}

    try:
        return named(function.name, **{**function.parameters, **learned})
    except InvalidInputError:
        return function
