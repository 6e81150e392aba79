"""How long a step takes, together and one by one, and whether both learn the same. Loads torch."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from nonlin.experiments.fitting import batch_of, order
from nonlin.experiments.initial import initial_state, template_of
from nonlin.experiments.plain import PlainModels
from nonlin.experiments.stacked import IMPOSSIBLE, StackedModels
from nonlin.experiments.training import one_thread

if TYPE_CHECKING:
    from nonlin.experiments.candidates import Candidate
    from nonlin.experiments.fitting import Models
    from nonlin.experiments.plan import Plan
    from nonlin.experiments.problem import Problem

__all__ = ["STACK", "Speed", "measure_speed"]

STACK = 16
"""How many models are trained together at most."""

_MEMBERS = 4
_STEPS = 4
_CLOSE = 1e-4
"""Relative difference of gradients, and of losses after a few steps; single precision in another order gives 1e-6."""

_RATE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Seconds a step of one model, trained with others where that is faster; and how many are trained together."""

    stack: int
    seconds: float


def measure_speed(problem: Problem, plan: Plan, candidate: Candidate) -> Speed:
    """Train a few models for a few steps, one by one and together.

    They are trained together only where that gives the same losses, and is faster. A model with dropout, or with
    something else that a stack cannot do, is trained alone.
    """
    with one_thread(), torch.random.fork_rng(devices=[]):
        template = template_of(problem, candidate)
        states = [initial_state(problem, template, seed, plan=plan) for seed in range(_MEMBERS)]
        alone = [_tried(PlainModels(template, [s], [_RATE], plan), problem, plan, 1) for s in states[:2]]
        plain = min(one.seconds for one in alone)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # torch tells which operation is slow in a stack
                models = StackedModels(template, states, [_RATE] * _MEMBERS, plan)
                together = _tried(models, problem, plan, _MEMBERS)
        except IMPOSSIBLE:
            return Speed(stack=1, seconds=plain)
    same = all(_same(together, member, one) for member, one in enumerate(alone))
    if same and together.seconds / _MEMBERS < plain:
        return Speed(stack=STACK, seconds=together.seconds / _MEMBERS)
    return Speed(stack=1, seconds=plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """The least time of a step, the losses of all steps, and the gradients of the first, a row a model."""

    seconds: float
    losses: torch.Tensor
    gradients: torch.Tensor


def _tried(models: Models, problem: Problem, plan: Plan, count: int) -> _Tried:
    x, y = torch.from_numpy(problem.data.x_train), torch.from_numpy(problem.data.y_train)
    rows = torch.from_numpy(order(0, len(x), _STEPS, plan.batch))
    times, losses = [], []
    gradients: list[torch.Tensor] = []
    for row in rows:
        chosen = row.expand(count, -1)
        began = time.perf_counter()
        losses.append(models.step(batch_of(x, chosen), batch_of(y, chosen), 1.0))
        times.append(time.perf_counter() - began)
        gradients = gradients or [models.gradient(member).clone() for member in range(count)]
    return _Tried(seconds=min(times), losses=torch.stack(losses, 1), gradients=torch.stack(gradients))


def _same(together: _Tried, member: int, alone: _Tried) -> bool:
    """Return whether a model of a stack learns what it learns alone."""
    difference = (together.gradients[member] - alone.gradients[0]).norm()
    return bool(difference <= _CLOSE * alone.gradients[0].norm()) and torch.allclose(
        together.losses[member], alone.losses[0], rtol=_CLOSE, atol=_CLOSE
    )
