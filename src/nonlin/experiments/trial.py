"""One training run, and what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from nonlin.results import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FINAL", "Health", "Trial", "Unit", "trial_from_json", "trial_to_dict", "trial_to_json"]

FINAL = "final"
"""The stage after the search of the learning rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Trials of one function that are trained together; the smallest piece of work that is given away.

    Args:
        function: its name in the study.
        stage: "search 1", "search 2", … or "final".
        steps: of training.
        members: seed and learning rate of each trial.
    """

    function: str
    stage: str
    steps: int
    members: tuple[tuple[int, float], ...]

    @property
    def key(self) -> str:
        """A name that no other unit of the study has."""
        members = ";".join(f"{seed},{rate!r}" for seed, rate in self.members)
        return f"{self.function}|{self.stage}|{self.steps}|{members}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The activations at one moment, as the inspection measures them.

    Args:
        step: when.
        dead: the share of units without a gradient on any sample.
        decay: log10 of the gradient at the first call over that at the last, per call between; None where one is 0.
    """

    step: int
    dead: float
    decay: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of one run; the scores are those of the weights that did best on the validation part.

    Args:
        function: its name in the study.
        stage: of the study.
        seed: of the initial weights and the order of the samples.
        rate: the learning rate.
        steps: the budget.
        status: "finished", "stopped early", or "diverged".
        best_step: when the validation loss was least.
        last_step: when the run ended.
        validation_loss, validation_score, train_score: of those weights; a loss of None was never finite.
        test_score: None before the last stage.
        curves: by name, one number at each of `curves["step"]`; None where not finite.
        health: along the training, of some seeds.
        seconds: what it took, as its share of what was trained together.
        step_seconds: of one step of one model alone, median; of one trial a function.
    """

    function: str
    stage: str
    seed: int
    rate: float
    steps: int
    status: str
    best_step: int
    last_step: int
    validation_loss: float | None
    validation_score: float
    train_score: float
    test_score: float | None
    curves: Mapping[str, tuple[float | None, ...]] = field(repr=False)
    health: tuple[Health, ...] = field(default=(), repr=False)
    seconds: float = 0.0
    step_seconds: float | None = None

    @property
    def key(self) -> tuple[str, str, int, float]:
        """What it is a function of, within a study."""
        return self.function, self.stage, self.seed, self.rate


def trial_to_json(trial: Trial) -> str:
    """Return a trial as JSON; what is not finite becomes null."""
    return json.dumps(trial_to_dict(trial), ensure_ascii=False, separators=(",", ":"))


def trial_to_dict(trial: Trial) -> dict[str, Any]:
    """Return a trial as values that JSON has, with its curves, which it does not print."""
    return {field.name: plain(getattr(trial, field.name)) for field in fields(trial)}


def trial_from_json(text: str) -> Trial:
    """Return the trial that was written."""
    values: dict[str, Any] = json.loads(text)
    values["curves"] = {name: tuple(curve) for name, curve in values["curves"].items()}
    values["health"] = tuple(Health(**one) for one in values["health"])
    return Trial(**values)
