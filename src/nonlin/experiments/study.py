"""What a comparison found: a ranked table, all trials, and a conclusion that says no more than they do."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nonlin.experiments.export import write_csv, write_parquet
from nonlin.experiments.trial import trial_to_dict
from nonlin.results import Result, columns_of, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nonlin.experiments.plan import Plan
    from nonlin.experiments.statistics import Pair
    from nonlin.experiments.trial import Trial

__all__ = ["Row", "Study"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A function's line of the table.

    Args:
        rank: 1 for all from which the best was not found to differ; else 1 and how many were found better.
        function: its name.
        rate: the learning rate that its search chose.
        test, low, high: the mean test score over the seeds, and its 95 % interval.
        spread: the standard deviation of the test score over the seeds: the variance of what is learned.
        train: the mean train score: what is missing to 1 was not even learned on the data itself: bias.
        gap: train minus test, the mean.
        seeds: how many.
        diverged, stopped: how many runs diverged, and how many stopped early.
        reached: of how many runs the validation score reached the target.
        target_steps: their median number of steps up to it; None where fewer than half reached it.
        target_seconds: that times the cost of a step.
        step_seconds: the median time of a training step of one model alone.
        dead: the mean share of dead units at the end; None where it was not measured.
        decay: the mean decades that the gradient changes from a call to the one before it, at the end.
        verdict: in words.
    """

    rank: int
    function: str
    rate: float
    test: float
    low: float
    high: float
    spread: float
    train: float
    gap: float
    seeds: int
    diverged: int
    stopped: int
    reached: int
    target_steps: float | None
    target_seconds: float | None
    step_seconds: float | None
    dead: float | None
    decay: float | None
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Study(Result):
    """A finished comparison.

    Args:
        problem: what was trained, in words.
        score: what is compared: accuracy or R².
        plan: how.
        target: the validation score to which the time is measured.
        table: a row a function, the highest mean test score first.
        pairs: every pair of functions.
        trials: all of them, those of the search too.
        conclusion: in words.
        environment: versions and machine, of the process that began.
    """

    problem: str
    score: str
    plan: Plan
    target: float
    table: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    trials: tuple[Trial, ...]
    conclusion: str
    environment: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON has; what is not finite becomes None."""
        trials = [trial_to_dict(trial) for trial in self.trials]
        return {"schema": 1, **plain(self), "trials": trials}

    def columns(self) -> dict[str, list[Any]]:
        """Return the rows of the table as one list a column; those of the trials are `to_csv` and `to_parquet`."""
        return columns_of(Row, self.table)

    def to_csv(self, path: str | Path) -> Path:
        """Write all trials, a line each, without their curves."""
        return write_csv(self.trials, Path(path))

    def to_parquet(self, path: str | Path) -> Path:
        """Write all trials, a row each, with their curves as lists.

        Raises:
            MissingDependencyError: pyarrow is not installed.
        """
        return write_parquet(self.trials, Path(path))

    def to_html(self, path: str | Path) -> Path:
        """Write one page that needs nothing else.

        Raises:
            MissingInputError: if the folder does not exist.
        """
        return Path(_report().write_study(self, Path(path)))

    def __str__(self) -> str:
        return str(_report().study_text(self)).rstrip()

    def _repr_html_(self) -> str:
        return str(_report().study_fragment(self))


def _report() -> Any:
    """Return the room that draws results; it stands above this one, and is looked up only when it is wanted."""
    return import_module("nonlin.report.study")
