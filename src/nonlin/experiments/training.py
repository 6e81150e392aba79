"""Trains a unit: a pure function of problem, plan, function, seeds, rates and steps. Loads torch."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

import torch

from nonlin.experiments.fitting import LOOKED_AT, Run, batch_of, factor, fit, marks, order
from nonlin.experiments.health import health_of
from nonlin.experiments.initial import initial_state, template_of
from nonlin.experiments.plain import PlainModels
from nonlin.experiments.stacked import IMPOSSIBLE, StackedModels
from nonlin.experiments.trial import FINAL, Health, Trial, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nonlin.experiments.candidates import Candidate
    from nonlin.experiments.data import Data
    from nonlin.experiments.initial import Template
    from nonlin.experiments.plan import Plan
    from nonlin.experiments.problem import Problem

__all__ = ["one_thread", "train_unit"]

_LOOKS = 5
"""How often the activations are measured along a training."""

_TIMED = 15


def train_unit(problem: Problem, plan: Plan, candidate: Candidate, unit: Unit) -> tuple[Trial, ...]:
    """Train the members of a unit, together where the plan stacks them; one thread, so that every sum is the same."""
    with one_thread(), torch.random.fork_rng(devices=[]):
        template = template_of(problem, candidate)
        if plan.stack > 1:
            try:
                return _train(problem, template, unit, plan)
            except IMPOSSIBLE:  # a function that draws at random, say, where the one that was tried does not
                plan = replace(plan, stack=1)
        alone = [replace(unit, members=(member,)) for member in unit.members]
        return tuple(trial for one in alone for trial in _train(problem, template, one, plan))


def _train(problem: Problem, template: Template, unit: Unit, plan: Plan) -> tuple[Trial, ...]:
    states = [initial_state(problem, template, seed, plan=plan) for seed, _ in unit.members]
    torch.manual_seed(unit.members[0][0])
    kind = PlainModels if plan.stack <= 1 else StackedModels
    models = kind(template, states, [rate for _, rate in unit.members], plan)
    healths: list[list[Health]] = [[] for _ in unit.members]
    looks = set(_moments(unit, plan)) if unit.stage == FINAL else set()
    began = time.perf_counter()

    def look(step: int) -> None:
        for i, (seed, _) in enumerate(unit.members):
            if step in looks and seed in plan.seeds[: plan.inspected]:
                healths[i].append(_health(template, models.state(i), problem.data, step))

    runs = fit(models, problem.data, unit, plan=plan, look=look)
    seconds = (time.perf_counter() - began) / len(runs)
    timed = unit.stage == FINAL and unit.members[0][0] == plan.seeds[0]
    cost = _step_seconds(template, states[0], problem, plan) if timed else None
    return tuple(
        _trial(unit, i, run, problem.data, (seconds, cost if i == 0 else None, healths[i]))
        for i, run in enumerate(runs)
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, as many as there are processes being its business, and let it have its own back."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _moments(unit: Unit, plan: Plan) -> list[int]:
    looks = marks(unit.steps, plan.checkpoints)
    return [looks[round(i * (len(looks) - 1) / (_LOOKS - 1))] for i in range(_LOOKS)]


def _health(template: Template, state: dict[str, Any], data: Data, step: int) -> Health:
    x, y = torch.from_numpy(data.x_train[:LOOKED_AT]), torch.from_numpy(data.y_train[:LOOKED_AT])
    return health_of(template, state, x, y, step=step)


def _step_seconds(template: Template, state: dict[str, Any], problem: Problem, plan: Plan) -> float:
    """Return the median time of a training step of one model alone."""
    models = PlainModels(template, [state], [1e-4], plan)
    x, y = torch.from_numpy(problem.data.x_train), torch.from_numpy(problem.data.y_train)
    rows = torch.from_numpy(order(0, len(problem.data.x_train), _TIMED, plan.batch))
    times = []
    for i, row in enumerate(rows):
        began = time.perf_counter()
        models.step(batch_of(x, row[None]), batch_of(y, row[None]), factor(i, _TIMED, 0))
        times.append(time.perf_counter() - began)
    return median(times)


def _trial(
    unit: Unit, member: int, run: Run, data: Data, measured: tuple[float, float | None, list[Health]]
) -> Trial:
    seconds, cost, health = measured
    seed, rate = unit.members[member]
    at = run.curves["step"].index(run.best_step)
    learned = run.best_loss < float("inf")

    def score(part: str) -> float:
        return run.curves[f"{part}_score"][at] if learned else data.chance

    return Trial(
        function=unit.function,
        stage=unit.stage,
        seed=seed,
        rate=rate,
        steps=unit.steps,
        status=run.status,
        best_step=run.best_step,
        last_step=run.last_step,
        validation_loss=run.best_loss if learned else None,
        validation_score=score("validation"),
        train_score=score("train"),
        test_score=score("test") if unit.stage == FINAL else None,
        curves={name: tuple(curve) for name, curve in run.curves.items()},
        health=tuple(one for one in health if one.step <= run.last_step),
        seconds=seconds,
        step_seconds=cost,
    )
