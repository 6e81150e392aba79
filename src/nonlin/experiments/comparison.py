"""The comparison of activation functions, from what the user asks for to the study."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import TYPE_CHECKING, Any

from nonlin.errors import InvalidInputError, MissingDependencyError
from nonlin.experiments.analysis import analyse
from nonlin.experiments.candidates import Candidate, candidates
from nonlin.experiments.engines import Job, measured, processes, trained, working
from nonlin.experiments.plan import ADAM_RATES, SGD_RATES, Plan, next_units, plan_key, steps_within, work
from nonlin.experiments.problem import Problem, Source, open_problem
from nonlin.experiments.store import open_store
from nonlin.experiments.tasks import TASKS

if TYPE_CHECKING:
    from pathlib import Path

    from nonlin.experiments.engines import Engine
    from nonlin.experiments.store import Store
    from nonlin.experiments.study import Study
    from nonlin.functions import Function

__all__ = ["compare"]

Progress = Callable[[int, int | None], None]

_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|steps?)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}

_POLL = 0.2
"""Seconds between looks at a store whose work is all in the hands of others."""


def compare(  # noqa: PLR0913 - the public face, whose options are all by keyword
    functions: str | Iterable[str | Function] | Mapping[str, str | Function] = "relu,gelu,silu,tanh",
    *,
    model: Any = None,
    data: Any = None,
    task: str = "digits",
    seeds: int | Sequence[int] = 10,
    budget: str | int | None = None,
    rates: Sequence[float] | None = None,
    sites: Sequence[str] | None = None,
    initialization: str = "gain",
    optimizer: str = "adam",
    batch_size: int = 32,
    target: float | None = None,
    store: str | Path | None = None,
    resume: bool = False,
    on: str | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Study:
    """Compare activation functions in one network, on one task, with the same budget for each.

    Each function gets weights drawn with its own gain, and a learning rate found by the same search (successive halving
    over the same rates and seeds); then every seed trains every function, with the same batches in the same order. The
    weights that did best on the validation part are tested, once.

    Args:
        functions: names, formulas, functions, as a list, a text with commas, or a mapping from names of your own;
            `leaky_relu(0.01, 0.1)` is one function for each value.
        model: a function that makes a `torch.nn.Module`, "module:function", or a module; its activations are exchanged
            where they are called. Of a built-in task where None.
        data: (x, y), (x_train, y_train, x_test, y_test), a function or "module:function" that returns them, or the path
            of an .npz file; integer targets are classes, others a regression's. Of a built-in task where None.
        task: digits, narrow, spirals, cancer, diabetes, mnist or fashion-mnist.
        seeds: how many, or which.
        budget: "20m" (s, m, h): of the whole study on this machine; "500 steps" or a number: of each training.
        rates: the learning rates to search; one alone is used as it is. Seven from 1e-4 to 0.1 for Adam.
        sites: the names of the calls to exchange; None for every call of the function that the model calls most.
        initialization: "gain", or "model" for the weights that the model draws itself.
        optimizer: "adam", or "sgd" with momentum 0.9.
        batch_size: samples a step.
        target: the validation score to which the time is measured.
        store: an SQLite file, or postgresql://…, for every trial as soon as it ends; None for memory.
        resume: go on with a study that the store has begun, or join the process that trains it.
        on: the address of a Dask scheduler.
        jobs: processes on this machine; None for one a core.
        progress: called with the steps done, and of all.

    Returns:
        The study: `.table`, `.trials`, `.conclusion`; it prints itself, and writes itself as HTML, JSON, CSV, Parquet.

    Raises:
        InvalidInputError, MissingInputError, UnknownFunctionError, UnsupportedModelError, MissingDependencyError: in
            one line, what was expected, what was got and what to do.

    >>> study = compare("relu,tanh", task="spirals", seeds=2, budget=5, rates=[0.01], jobs=1)
    >>> sorted(row.function for row in study.table)
    ['relu', 'tanh']
    """
    _needs_torch()
    named = candidates(functions)
    whole = model is not None and data is not None
    source = Source(
        task=None if whole else task, model=model, data=data, sites=None if sites is None else tuple(sites)
    )
    problem = open_problem(source)
    seconds, steps = _budget(budget)
    if steps is None and seconds is None:
        steps = _default_steps(source, problem, batch_size)
    plan = Plan(
        problem=f"{source.name} [{problem.data.digest}] {_model_identity(problem)} {source.sites or ''}".rstrip(),
        functions=tuple(one.identity for one in named),
        seeds=tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds),
        rates=tuple(rates) if rates is not None else SGD_RATES if optimizer == "sgd" else ADAM_RATES,
        steps=steps,
        budget=seconds,
        batch=_batch(batch_size, problem),
        optimizer=optimizer,  # type: ignore[arg-type]  # checked there
        initialization=initialization,  # type: ignore[arg-type]  # checked there
    )
    with open_store(store) as opened:
        known = _known(opened, plan, named, resume=resume)
        if known is None or _missing(known, named, opened.trials(plan_key(plan))):
            with working(on, jobs) as (engine, count):
                known = known or _begun(opened, engine, (source, plan, named), count)
                _work(opened, engine, (source, known, named), progress)
        plan = known
        trials = opened.trials(plan_key(plan))
        environment = _environment_of(opened, plan)
    return analyse(
        plan,
        [one.name for one in named],
        trials,
        problem=source.name,
        score=problem.data.score,
        environment=environment,
        target=target,
    )


def _known(store: Store, plan: Plan, named: Sequence[Candidate], *, resume: bool) -> Plan | None:
    """Return the plan that the store has of what is asked for."""
    key = plan_key(plan)
    written = store.plan(key)
    if written is None:
        return None
    found, done = Plan.from_json(written[0]), store.trials(key)
    if not resume and _missing(found, named, done):
        raise InvalidInputError(
            f"the store began this study ({len(done)} trials are finished); add --resume (resume=True) to go on, "
            "or name another store"
        )
    return found


def _begun(store: Store, engine: Engine, what: tuple[Source, Plan, Sequence[Candidate]], count: int) -> Plan:
    """Write the plan down with what is measured where it will be trained, and return it; or another process's."""
    source, plan, named = what
    speeds = list(engine(measured, [(source, plan, named[0])] * count))  # all at once, as they will train
    stack, seconds = min(one.stack for one in speeds), median(one.seconds for one in speeds)
    steps = plan.steps
    if steps is None and plan.budget is not None:
        steps = steps_within(plan, len(named), seconds=seconds, units=count, budget=plan.budget)
    made = replace(plan, stack=stack, steps=steps)
    return Plan.from_json(store.begin(plan_key(plan), made.to_json(), json.dumps(_environment())))


def _work(
    store: Store,
    engine: Engine,
    what: tuple[Source, Plan, Sequence[Candidate]],
    progress: Progress | None,
) -> None:
    """Train what is not trained yet, with whoever else works on the same store, until nothing is left."""
    source, plan, named = what
    key, total = plan_key(plan), work(plan) * len(named)
    by_name = {one.name: one for one in named}
    while True:
        done = store.trials(key)
        finished = sum(trial.steps for trial in done)
        if progress is not None:
            progress(finished, total)
        ready = _missing(plan, named, done)
        if not ready:
            return
        mine = [unit for unit in ready if store.claim(key, unit.key)]
        if not mine:
            time.sleep(_POLL)
            continue
        jobs = [Job(source=source, plan=plan, candidate=by_name[unit.function], unit=unit) for unit in mine]
        for unit, trials in engine(trained, jobs):
            store.save(key, unit.key, trials)
            finished += sum(trial.steps for trial in trials)
            if progress is not None:
                progress(finished, total)


def _missing(plan: Plan, named: Sequence[Candidate], done: Sequence[Any]) -> list[Any]:
    """Return all units that can be trained now."""
    by_name: dict[str, list[Any]] = {one.name: [] for one in named}
    for trial in done:
        by_name[trial.function].append(trial)
    return [unit for one in named for unit in next_units(plan, one, by_name[one.name])]


def _budget(given: str | int | None) -> tuple[float | None, int | None]:
    """Return seconds of the study, or steps of a training."""
    if given is None:
        return None, None
    if isinstance(given, int) and not isinstance(given, bool) and given > 0:
        return None, given
    found = _BUDGET.fullmatch(given.strip()) if isinstance(given, str) else None
    if found is None or float(found[1]) <= 0:
        raise InvalidInputError(
            f'expected a budget such as "20m", "90s" or "500 steps", got {given!r}; write one'
        )
    if found[2].startswith("step"):
        return None, int(float(found[1]))
    return float(found[1]) * _SECONDS[found[2]], None


def _default_steps(source: Source, problem: Problem, batch: int) -> int:
    if source.task is not None and source.data is None:
        return TASKS[source.task].steps
    return max(100, 20 * len(problem.data.x_train) // batch)  # twenty epochs


def _batch(size: int, problem: Problem) -> int:
    if size < 1:
        raise InvalidInputError(f"expected a batch of one sample or more, got {size}; change it")
    return min(size, len(problem.data.x_train))


def _model_identity(problem: Problem) -> str:
    """Return what two runs of the same command have in common, and two models have not."""
    model = problem.make_model()
    shapes = [(name, tuple(p.shape)) for name, p in model.named_parameters()]
    return hashlib.sha256(f"{model}{shapes}".encode()).hexdigest()[:16]


def _environment() -> dict[str, str]:
    """Return what a reader needs to know to do it again."""
    found = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    for name in ("nonlin", "torch", "numpy", "scipy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found | {"cores": str(processes()), "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def _environment_of(store: Store, plan: Plan) -> dict[str, str]:
    known = store.plan(plan_key(plan))
    found: dict[str, str] = json.loads(known[1]) if known else {}
    return found


def _needs_torch() -> None:
    try:
        import torch  # noqa: F401 - whether it is there
    except ImportError as error:
        raise MissingDependencyError(
            "a comparison trains networks, which needs PyTorch: pip install 'nonlin[torch,compare]'"
        ) from error
