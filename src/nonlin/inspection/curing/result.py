"""The result of trying cures, as plain values."""

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from nonlin.inspection.curing.change import Change
from nonlin.inspection.result import Inspection
from nonlin.results import Result, columns_of, plain

__all__ = ["Cure", "Trial", "Untried"]

Key = tuple[str, str]
"""A finding's kind and call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A change that was made on a copy, and what came of it.

    Args:
        name: what was changed, in words.
        cause: the cause that it is for; empty for the copy that was not changed.
        for_findings: the findings that it is for, by kind and call.
        changes: as data.
        before, after: the warnings and errors of the unchanged network, and of the copy: after its training where there
            was one.
        changed: those of the copy before its training; the same as `after` without training.
        loss_before, loss_after: the mean loss over the data, in evaluation mode, of the copy before and after its
            training; None without a loss.
        accuracy_before, accuracy_after: the share of right answers of the original and of the copy; None without
            labels.
        outputs_changed: the norm of the change of the outputs over the norm of the outputs, before any training.
        helps: whether what it is for is gone, nothing new is found and the loss is no worse than that of the
            unchanged copy after the same training.
        reason: why it does not help; empty where it does.
    """

    name: str
    cause: str
    for_findings: tuple[Key, ...]
    changes: tuple[Change, ...]
    before: tuple[Key, ...]
    changed: tuple[Key, ...]
    after: tuple[Key, ...]
    loss_before: float | None
    loss_after: float | None
    accuracy_before: float | None
    accuracy_after: float | None
    outputs_changed: float | None
    helps: bool
    reason: str
    _model: Any = field(repr=False, compare=False, default=None)

    @property
    def model(self) -> Any:
        """The changed copy: a `torch.nn.Module`, or an `onnx.ModelProto`."""
        return self._model

    @property
    def cured(self) -> bool:
        """Whether everything that it is for is gone."""
        return not set(self.for_findings) & set(self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untried:
    """A change that could not be made here, and why."""

    name: str
    cause: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure(Result):
    """What each change did.

    Args:
        model_name: of what was to be cured.
        inspection: of the unchanged network.
        unchanged: the copy that was not changed, trained for the same steps; None without a loss.
        trials: in the order in which they were proposed, the likeliest cause first.
        untried: what could not be tried, with the reason.
        steps: of training; 0 without a loss.
    """

    model_name: str
    inspection: Inspection
    unchanged: Trial | None
    trials: tuple[Trial, ...]
    untried: tuple[Untried, ...]
    steps: int

    @property
    def best(self) -> Trial | None:
        """The trial that helps and leaves the least behind; None where none helps."""
        helping = [trial for trial in self.trials if trial.helps]
        return min(helping, key=_rank) if helping else None

    @property
    def model(self) -> Any:
        """The changed copy of the best trial, a `torch.nn.Module` or an `onnx.ModelProto`; None where none helps."""
        return None if self.best is None else self.best.model

    def to_dict(self) -> dict[str, Any]:
        """Return the result as values that JSON has; NaN and infinite numbers become None."""
        best = self.best
        return {
            "schema": 1,
            "model": self.model_name,
            "steps": self.steps,
            "findings": plain(self.inspection.findings),
            "unchanged": None if self.unchanged is None else _data(self.unchanged),
            "trials": [_data(trial) for trial in self.trials],
            "untried": plain(self.untried),
            "best": None if best is None else self.trials.index(best),
        }

    def columns(self) -> dict[str, list[Any]]:
        """Return one list a figure, one entry a trial, as data frames take it."""
        return columns_of(Trial, self.trials)

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained HTML page.

        Raises:
            MissingInputError: if the folder does not exist.
        """
        return Path(_report().write_cure(self, Path(path)))

    def __str__(self) -> str:
        return str(_report().cure_text(self)).rstrip()

    def _repr_html_(self) -> str:
        return str(_report().cure_fragment(self))


def _rank(trial: Trial) -> tuple[int, float, float]:
    loss = trial.loss_after if trial.loss_after is not None else 0.0
    return len(trial.after), loss, round(trial.outputs_changed or 0.0, 3)


def _data(trial: Trial) -> dict[str, Any]:
    return {**plain(trial), "cured": trial.cured}


def _report() -> Any:
    """Return the room that draws results; it stands above this one, and is looked up only when a picture is wanted."""
    return import_module("nonlin.report")
