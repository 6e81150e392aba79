"""Curves over the training: the mean over a function's runs, and their spread; a pure function of the trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nonlin.experiments.trial import FINAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.experiments.trial import Trial

__all__ = ["Curve", "curve", "health_curve"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """A figure along the training, over the runs that are still trained at each step.

    Args:
        steps: shape (looks,).
        mean: over the runs, shape (looks,); NaN where none has a number.
        spread: the standard deviation over them, the same shape; 0 for one run.
    """

    steps: Array
    mean: Array
    spread: Array


def curve(trials: Sequence[Trial], function: str, name: str) -> Curve:
    """Return a curve of a function's runs in the last stage.

    Args:
        trials: of the study.
        function: its name.
        name: train_loss, train_score, validation_loss, validation_score, test_loss or test_score.
    """
    runs = _runs(trials, function)
    return _curve([(run.curves["step"], run.curves[name]) for run in runs])


def health_curve(trials: Sequence[Trial], function: str, name: str) -> Curve:
    """Return the dead share ("dead") or the gradient's decay ("decay") along the training."""
    runs = [run for run in _runs(trials, function) if run.health]
    return _curve(
        [([one.step for one in run.health], [getattr(one, name) for one in run.health]) for run in runs]
    )


def _runs(trials: Sequence[Trial], function: str) -> list[Trial]:
    return [trial for trial in trials if trial.function == function and trial.stage == FINAL]


def _curve(runs: Sequence[tuple[Sequence[Any], Sequence[Any]]]) -> Curve:
    by_step: dict[float, list[float]] = {}
    for steps, values in runs:
        for step, value in zip(steps, values, strict=True):
            known = by_step.setdefault(step, [])
            if value is not None and np.isfinite(value):
                known.append(value)
    steps = sorted(by_step)
    mean = [np.mean(by_step[step]) if by_step[step] else np.nan for step in steps]
    spread = [np.std(by_step[step]) if by_step[step] else np.nan for step in steps]
    return Curve(steps=np.array(steps), mean=np.array(mean), spread=np.array(spread))
