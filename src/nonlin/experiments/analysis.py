"""From trials to a study: the table and what it rests on; a pure function of the plan and the trials."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from nonlin.experiments.conclusion import conclusion
from nonlin.experiments.statistics import interval, pairs
from nonlin.experiments.study import Row, Study
from nonlin.experiments.trial import FINAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nonlin.experiments.plan import Plan
    from nonlin.experiments.statistics import Pair
    from nonlin.experiments.trial import Health, Trial

__all__ = ["analyse"]

_TARGET_SHARE = 0.95
"""Where no target is given: this share of the way from the first validation score to the best function's last."""


def analyse(  # noqa: PLR0913 - what a study consists of
    plan: Plan,
    names: Sequence[str],
    trials: Sequence[Trial],
    *,
    problem: str,
    score: str,
    environment: Mapping[str, str],
    target: float | None = None,
) -> Study:
    """Return the study of finished trials.

    Args:
        plan: of the study.
        names: of the functions.
        trials: all of them.
        problem: in words.
        score: what is compared.
        environment: versions and machine.
        target: the validation score to which the time is measured; None for 95 % of the best function's way.
    """
    final = {name: _final(name, plan, trials) for name in names}
    scores = {name: np.array([trial.test_score for trial in final[name]], float) for name in names}
    found = pairs(scores)
    aim = _target(final) if target is None else target
    best = max(names, key=lambda name: scores[name].mean())
    rows = sorted(
        (_row(name, final[name], aim, _standing(name, best, found)) for name in names),
        key=lambda row: -row.test,
    )
    return Study(
        problem=problem,
        score=score,
        plan=plan,
        target=aim,
        table=tuple(rows),
        pairs=found,
        trials=tuple(trials),
        conclusion=conclusion(plan, tuple(rows), found, problem=problem, score=score),
        environment=environment,
    )


def _final(name: str, plan: Plan, trials: Sequence[Trial]) -> list[Trial]:
    of_name = [trial for trial in trials if trial.function == name and trial.stage == FINAL]
    return sorted(of_name, key=lambda trial: plan.seeds.index(trial.seed))


def _target(final: Mapping[str, Sequence[Trial]]) -> float:
    """Return a score that the best function reaches on validation data, which the test part has no say in."""
    best = max(final.values(), key=lambda runs: sum(run.validation_score for run in runs))
    ends = float(np.mean([run.validation_score for run in best]))
    starts = [run.curves["validation_score"][0] for run in best]
    begins = float(np.mean([start for start in starts if start is not None] or [0.0]))
    return begins + _TARGET_SHARE * (ends - begins)


def _standing(name: str, best: str, found: Sequence[Pair]) -> tuple[int, str]:
    """Return the rank and the verdict in words."""
    better = 0
    verdict = "highest mean" if name == best else f"no difference from {best} found"
    for pair in found:
        if name not in (pair.first, pair.second) or not pair.different:
            continue
        sign = 1 if pair.first == name else -1
        better += sign * pair.difference < 0
        if best in (pair.first, pair.second) and name != best:
            low, high = sorted((sign * pair.low, sign * pair.high))
            verdict = f"differs from {best}: {sign * pair.difference:+.4f} [{low:+.4f}, {high:+.4f}]"
    return better + 1, verdict


def _row(name: str, runs: Sequence[Trial], target: float, standing: tuple[int, str]) -> Row:
    test = np.array([run.test_score for run in runs], float)
    train = float(np.mean([run.train_score for run in runs]))
    low, high = interval(test)
    reached = [step for run in runs if (step := _steps_to(run, target)) is not None]
    steps = float(median(reached)) if 2 * len(reached) >= len(runs) else None
    cost = next((run.step_seconds for run in runs if run.step_seconds is not None), None)
    last = [run.health[-1] for run in runs if run.health]
    return Row(
        rank=standing[0],
        function=name,
        rate=runs[0].rate,
        test=float(test.mean()),
        low=low,
        high=high,
        spread=float(test.std(ddof=1)),
        train=train,
        gap=train - float(test.mean()),
        seeds=len(runs),
        diverged=sum(run.status == "diverged" for run in runs),
        stopped=sum(run.status == "stopped early" for run in runs),
        reached=len(reached),
        target_steps=steps,
        target_seconds=None if steps is None or cost is None else steps * cost,
        step_seconds=cost,
        dead=float(np.mean([one.dead for one in last])) if last else None,
        decay=_mean_decay(last),
        verdict=standing[1],
    )


def _steps_to(run: Trial, target: float) -> float | None:
    for step, score in zip(run.curves["step"], run.curves["validation_score"], strict=True):
        if score is not None and score >= target:
            return step
    return None


def _mean_decay(looks: Sequence[Health]) -> float | None:
    known = [one.decay for one in looks if one.decay is not None]
    return float(np.mean(known)) if known else None
