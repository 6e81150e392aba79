"""The template of a function's models, and the weights with which each seed begins. Loads torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.experiments.exchange import exchange_
from nonlin.functions.initialization import initialize_

if TYPE_CHECKING:
    from nonlin.experiments.candidates import Candidate
    from nonlin.experiments.plan import Plan
    from nonlin.experiments.problem import Problem

__all__ = ["Template", "initial_state", "template_of"]

State = dict[str, Any]

_EXAMPLES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A model whose activations are exchanged.

    Args:
        model: the module; its weights are nobody's.
        calls: the name and the module of every exchanged call.
        function: what stands there.
        traced: passes of stacks of the problem's models, whatever the function.
    """

    model: Any
    calls: tuple[tuple[str, Any], ...]
    function: Any
    traced: dict[Any, Any]


def template_of(problem: Problem, candidate: Candidate) -> Template:
    """Return a model that calls the candidate where it called its own function."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = problem.make_model()
    if any(not parameter.device.type == "cpu" for parameter in model.parameters()):
        raise UnsupportedModelError(
            "expected a model on the processor, got one elsewhere; move it with .cpu()"
        )
    example = torch.from_numpy(problem.data.x_train[:_EXAMPLES])
    calls = exchange_(model, candidate.function, example, sites=problem.sites)
    return Template(model=model, calls=tuple(calls), function=candidate.function, traced=problem.traced)


def initial_state(problem: Problem, template: Template, seed: int, *, plan: Plan) -> State:
    """Return the weights and buffers of a seed, by name: the same random numbers for every function.

    Args:
        problem: makes the model.
        template: names what it has once its function is exchanged.
        seed: of all random numbers.
        plan: whether weights are drawn with the function's gain, or are the model's own.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = problem.make_model()
        if plan.initialization == "gain":
            try:
                initialize_(model, template.function, generator=torch.Generator().manual_seed(seed))
            except InvalidInputError as error:
                raise InvalidInputError(
                    f'{template.function.label}: {error}; or keep the model\'s own weights: initialization="model"'
                ) from error
    own = model.state_dict()
    fresh = template.model.state_dict()
    kept = {
        name: own[name] if name in own and not _ours(template, name) else value
        for name, value in fresh.items()
    }
    return {name: value.detach().clone() for name, value in kept.items()}


def _ours(template: Template, name: str) -> bool:
    """Return whether a parameter belongs to the new activation, such as the slope of a PReLU."""
    owner = template.model.get_submodule(name.rpartition(".")[0])
    return any(owner is module for _, module in template.calls)
