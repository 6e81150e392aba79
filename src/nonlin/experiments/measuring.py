"""How long a step takes, together and one by one: it decides the engine and the budget. Loads torch."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from nonlin.experiments.fitting import order, tensors
from nonlin.experiments.initial import initial_state, template_of
from nonlin.experiments.plain import PlainModels
from nonlin.experiments.plan import work
from nonlin.experiments.stacked import StackedModels
from nonlin.experiments.training import one_thread

if TYPE_CHECKING:
    from nonlin.experiments.candidates import Candidate
    from nonlin.experiments.plan import Plan
    from nonlin.experiments.problem import Problem

__all__ = ["STACK", "Speed", "measure_speed", "steps_within"]

STACK = 16
"""How many models are trained together at most."""

_MEMBERS = 4
_STEPS = 4
_CLOSE = 1e-4
"""Relative difference of losses after a few steps: single precision, summed in another order, gives about 1e-6."""


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
        alone = [
            _timed(PlainModels(template, [state], [1e-3], plan), problem, plan, 1) for state in states[:2]
        ]
        plain = min(seconds for seconds, _ in alone)
        try:
            models = StackedModels(template, states, [1e-3] * _MEMBERS, plan)
            together, losses = _timed(models, problem, plan, _MEMBERS)
        except (RuntimeError, TypeError, ValueError, NotImplementedError):  # as torch says that it cannot
            return Speed(stack=1, seconds=plain)
    expected = torch.cat([loss for _, loss in alone])
    same = torch.allclose(losses[:2], expected, rtol=_CLOSE, atol=_CLOSE)
    if same and together / _MEMBERS < plain:
        return Speed(stack=STACK, seconds=together / _MEMBERS)
    return Speed(stack=1, seconds=plain)


def _timed(
    models: PlainModels | StackedModels, problem: Problem, plan: Plan, count: int
) -> tuple[float, torch.Tensor]:
    """Return the least time of a step, and the losses of the last."""
    parts = tensors(problem.data)
    rows = torch.from_numpy(order(0, len(problem.data.x_train), _STEPS, plan.batch))
    times = []
    for row in rows:
        chosen = row.expand(count, -1)
        began = time.perf_counter()
        loss = models.step(parts["x_train"][chosen], parts["y_train"][chosen], 1.0)
        times.append(time.perf_counter() - began)
    return min(times), loss


def steps_within(plan: Plan, functions: int, *, seconds: float, units: int, budget: float) -> int:
    """Return how many steps of a whole training fit into a budget of the whole study, to two digits.

    Args:
        plan: of the study.
        functions: how many.
        seconds: a step of one model.
        units: trained at a time.
        budget: in seconds; a fifth of it is left for what is not training.
    """
    thousand = work(replace(plan, steps=1000)) * functions / 1000
    steps = max(1, int(0.8 * budget * units / (seconds * thousand)))
    digits: int = 10 ** max(0, len(str(steps)) - 2)
    return steps // digits * digits
