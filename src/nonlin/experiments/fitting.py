"""A training from first step to last, the same whether models are trained together or one by one. Loads torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from math import cos, inf, isfinite, pi
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from nonlin.experiments.objective import losses, scores
from nonlin.experiments.trial import FINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nonlin.experiments.data import Data
    from nonlin.experiments.plan import Plan
    from nonlin.experiments.trial import Unit

__all__ = ["LOOKED_AT", "Models", "Run", "batch_of", "factor", "fit", "marks", "order"]

_BLOWN_UP = 100.0
"""A validation loss this many times that of the first weights is a run that diverged, as one that is not finite."""

LOOKED_AT = 500
"""Samples of the training part on which its loss is looked at."""


class Models(Protocol):
    """Models in training: one, or several."""

    def step(self, x: Any, y: Any, factor: float) -> Any:
        """Take a step."""

    def evaluate(self, x: Any, y: Any) -> Any:
        """Return the answers of all models."""

    def keep(self, better: Any) -> None:
        """Keep the weights of some models."""

    def restore(self) -> None:
        """Go back to what was kept."""

    def state(self, member: int) -> dict[str, Any]:
        """Return the weights of one model."""

    def gradient(self, member: int) -> Any:
        """Return the gradient of the last step of one model."""


@dataclass(slots=True)
class Run:
    """What is known of one member of a unit while it is trained."""

    status: str = "finished"
    best_step: int = 0
    last_step: int = 0
    best_loss: float = inf
    active: bool = True
    waiting: int = 0
    curves: dict[str, list[float]] = field(default_factory=dict)


def fit(models: Models, data: Data, unit: Unit, *, plan: Plan, look: Callable[[int], None]) -> list[Run]:
    """Train models to the end of their budget.

    Args:
        models: one for each member of the unit; at the end they have the weights that did best on the validation part.
        data: of three parts.
        unit: what is trained.
        plan: how.
        look: called with the step at every look, while any member is still trained.

    Returns:
        What happened, by member.
    """
    orders = np.stack([order(seed, len(data.x_train), unit.steps, plan.batch) for seed, _ in unit.members], 1)
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    seen = _seen(data, test=unit.stage == FINAL)  # nothing is decided by the test part
    runs = [Run() for _ in unit.members]
    bad = np.zeros(len(runs), bool)
    looks = set(marks(unit.steps, plan.checkpoints))
    for step in range(unit.steps + 1):
        if step in looks:
            _look(models, seen, runs, (step, bad), plan)
            look(step)
        if step == unit.steps or not any(run.active for run in runs):
            break
        rows = torch.from_numpy(orders[step])
        loss = models.step(batch_of(x, rows), batch_of(y, rows), factor(step, unit.steps, plan.warmup))
        bad |= ~np.isfinite(loss.numpy())
    models.restore()
    return runs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The data on which losses are looked at: all parts behind one another, so that they are answered in one go."""

    x: Any
    y: Any
    parts: Mapping[str, slice]


def _seen(data: Data, *, test: bool) -> _Seen:
    names = ("train", "validation", "test") if test else ("train", "validation")
    most = {"train": LOOKED_AT}
    xs = [torch.from_numpy(getattr(data, f"x_{name}")[: most.get(name)]) for name in names]
    ys = [torch.from_numpy(getattr(data, f"y_{name}")[: most.get(name)]) for name in names]
    ends = list(accumulate(map(len, xs), initial=0))
    parts = {name: slice(*bounds) for name, bounds in zip(names, pairwise(ends), strict=True)}
    return _Seen(x=torch.cat(xs), y=torch.cat(ys), parts=parts)


def batch_of(array: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return samples, shape (models, samples, …), of an array of all; `rows` has the shape (models, samples)."""
    return array.index_select(0, rows.reshape(-1)).reshape(*rows.shape, *array.shape[1:])


def marks(steps: int, checkpoints: int) -> list[int]:
    """Return the steps at which losses are looked at, the first and the last among them."""
    return [int(step) for step in np.unique(np.linspace(0, steps, checkpoints + 1).round())]


def order(seed: int, samples: int, steps: int, batch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return which samples each step takes, shape (steps, batch): epoch after epoch, each in an order of its own.

    An order of a longer training begins with that of a shorter one, whatever the function.
    """
    rng = np.random.default_rng([seed, 1])
    epochs = -(-steps * batch // samples)
    stream = np.concatenate([rng.permutation(samples) for _ in range(epochs)])
    return stream[: steps * batch].reshape(steps, batch)


def factor(step: int, steps: int, warmup: float) -> float:
    """Return the share of the learning rate at a step: a line up, then half a cosine down.

    Source: Loshchilov and Hutter 2017, SGDR, equation 5, without restarts.
    """
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + cos(pi * (step - rising) / max(steps - rising, 1)))


def _look(models: Models, seen: _Seen, runs: list[Run], at: tuple[int, Any], plan: Plan) -> None:
    step, bad = at
    out = models.evaluate(seen.x, seen.y)
    y = seen.y.expand(len(runs), *seen.y.shape)
    figures = {
        f"{name}_{what}": measure(out[:, part], y[:, part]).double().tolist()
        for name, part in seen.parts.items()
        for what, measure in (("loss", losses), ("score", scores))
    }
    better = torch.zeros(len(runs), dtype=torch.bool)
    for i, run in enumerate(runs):
        if not run.active:
            continue
        run.last_step = step
        for name, values in figures.items():
            run.curves.setdefault(name, []).append(values[i])
        run.curves.setdefault("step", []).append(step)
        better[i] = _judge(run, figures["validation_loss"][i], bad=bool(bad[i]), plan=plan)
    models.keep(better)


def _judge(run: Run, loss: float, *, bad: bool, plan: Plan) -> bool:
    """Decide whether a run goes on; return whether it has never been better."""
    first = run.curves["validation_loss"][0]
    if bad or not isfinite(loss) or loss > _BLOWN_UP * (first + 1):
        run.status, run.active = "diverged", False
        return False
    if loss < run.best_loss:
        run.best_loss, run.best_step, run.waiting = loss, run.last_step, 0
        return True
    run.waiting += 1
    if run.waiting >= plan.patience:
        run.status, run.active = "stopped early", False
    return False
