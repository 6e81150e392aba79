"""The plan of a study: all that its trials depend on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from nonlin.errors import InvalidInputError
from nonlin.experiments.trial import FINAL, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.experiments.candidates import Candidate
    from nonlin.experiments.trial import Trial

__all__ = [
    "ADAM_RATES",
    "SGD_RATES",
    "TUNING_SEEDS",
    "Plan",
    "chosen_rate",
    "next_units",
    "plan_key",
    "rungs",
    "steps_within",
    "work",
]

ADAM_RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
SGD_RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
TUNING_SEEDS = (1_000_000, 1_000_001)
"""The seeds of the search; those of the last stage are others, so that no rate is chosen by luck with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How every function is trained; nothing here differs between them.

    Args:
        problem: what is trained, in words, and a hash of the data.
        functions: what defines each.
        seeds: of the last stage.
        rates: the learning rates that are tried; one alone is not searched.
        steps: of a whole training; None as long as it follows from `budget`.
        budget: what the user asked for: seconds of the whole study, or None.
        batch: samples a step.
        optimizer: "adam" (0.9, 0.999, 1e-8) or "sgd" with momentum 0.9.
        initialization: "gain", weights from the function's gain; or "model", the model's own.
        checkpoints: how often the losses are looked at.
        patience: after how many looks without a lower validation loss a run stops.
        warmup: the share of the steps over which the rate rises; it falls along a cosine afterwards.
        stack: how many trials are trained together at most; 1 for the plain loop, 0 until it is measured.
        inspected: of how many seeds the activations are looked at.
    """

    problem: str
    functions: tuple[str, ...]
    seeds: tuple[int, ...]
    rates: tuple[float, ...] = ADAM_RATES
    steps: int | None = None
    budget: float | None = None
    batch: int = 32
    optimizer: Literal["adam", "sgd"] = "adam"
    initialization: Literal["gain", "model"] = "gain"
    checkpoints: int = 20
    patience: int = 8
    warmup: float = 0.05
    stack: int = 0
    inspected: int = 3

    def __post_init__(self) -> None:
        """Refuse what no study can be made of."""
        if len(set(self.seeds)) != len(self.seeds) or len(self.seeds) < 2 or min(self.seeds) < 0:
            raise InvalidInputError(
                f"expected two seeds or more, each once and from 0, got {list(self.seeds)}"
            )
        if not self.rates or not all(rate > 0 for rate in self.rates):
            raise InvalidInputError(f"expected learning rates above 0, got {list(self.rates)}; change them")
        if self.steps is not None and self.steps < 1:
            raise InvalidInputError(f"expected one step or more, got {self.steps}; give more")
        for name, known in (("optimizer", ("adam", "sgd")), ("initialization", ("gain", "model"))):
            if getattr(self, name) not in known:
                raise InvalidInputError(
                    f"expected the {name} {' or '.join(known)}, got {getattr(self, name)!r}"
                )

    def to_json(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Return the plan that was written."""
        values: dict[str, Any] = json.loads(text)
        for name in ("functions", "seeds", "rates"):
            values[name] = tuple(values[name])
        return cls(**values)


def plan_key(plan: Plan) -> str:
    """Return a name for what was asked for, whatever was measured since."""
    asked = replace(plan, steps=None) if plan.budget is not None else plan
    return hashlib.sha256(replace(asked, stack=0).to_json().encode()).hexdigest()[:16]


def rungs(plan: Plan) -> list[tuple[int, int]]:
    """Return how many rates are tried for how many steps, stage by stage: half the rates, twice the steps.

    Source: Jamieson and Talwalkar 2016, Non-stochastic best arm identification and hyperparameter optimization.
    """
    counts = [len(plan.rates)]
    while counts[-1] > 2:
        counts.append(-(-counts[-1] // 2))
    if counts[-1] == 1:
        return []
    steps = plan.steps or 0
    return [(count, max(1, steps >> (len(counts) - 1 - i))) for i, count in enumerate(counts)]


def work(plan: Plan) -> int:
    """Return the steps of all trials of one function together."""
    search = sum(count * steps for count, steps in rungs(plan)) * len(TUNING_SEEDS)
    return search + (plan.steps or 0) * len(plan.seeds)


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


def next_units(plan: Plan, candidate: Candidate, done: Sequence[Trial]) -> list[Unit]:
    """Return what of a function can be trained now: what is left of the first stage that is not done.

    Args:
        plan: of the study.
        candidate: the function.
        done: its finished trials.
    """
    rates = list(plan.rates)
    for number, (count, steps) in enumerate(rungs(plan), 1):
        stage = f"search {number}"
        members = [(seed, rate) for rate in rates[:count] for seed in TUNING_SEEDS]
        of_stage = [trial for trial in done if trial.stage == stage]
        units = _units(plan, candidate.name, stage, (steps, members))
        left = _left(units, of_stage)
        if left:
            return left
        rates = _ranked(of_stage)
    members = [(seed, rates[0]) for seed in plan.seeds]
    units = _units(plan, candidate.name, FINAL, (plan.steps or 0, members))
    return _left(units, [trial for trial in done if trial.stage == FINAL])


def chosen_rate(plan: Plan, done: Sequence[Trial]) -> float:
    """Return the learning rate that the search of a function chose, of its finished trials."""
    last = f"search {len(rungs(plan))}"
    ranked = _ranked([trial for trial in done if trial.stage == last])
    return ranked[0] if ranked else plan.rates[0]


def _ranked(trials: Sequence[Trial]) -> list[float]:
    """Return the rates from the least mean validation loss to the largest; the smaller rate first where equal."""
    losses: dict[float, list[float]] = {}
    for trial in trials:
        loss = trial.validation_loss
        losses.setdefault(trial.rate, []).append(float("inf") if loss is None else loss)
    return sorted(losses, key=lambda rate: (sum(losses[rate]) / len(losses[rate]), rate))


def _units(plan: Plan, name: str, stage: str, given: tuple[int, list[tuple[int, float]]]) -> list[Unit]:
    steps, members = given
    size = max(plan.stack, 1)
    return [
        Unit(function=name, stage=stage, steps=steps, members=tuple(members[i : i + size]))
        for i in range(0, len(members), size)
    ]


def _left(units: Sequence[Unit], done: Sequence[Trial]) -> list[Unit]:
    finished = {(trial.seed, trial.rate) for trial in done}
    return [unit for unit in units if not finished.issuperset(unit.members)]
