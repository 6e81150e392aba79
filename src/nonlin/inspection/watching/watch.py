"""`nonlin.watch`, without loading PyTorch before there is a model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from nonlin.errors import InvalidInputError
from nonlin.inspection.watching.trackers import trackers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nonlin.inspection.thresholds import Thresholds
    from nonlin.inspection.torch.watching import Log

__all__ = ["watch"]


def watch(
    model: Any,
    *,
    every: int = 25,
    path: str | Path | None = None,
    first_step: int = 0,
    thresholds: Thresholds | None = None,
    writers: Sequence[Any] = (),
) -> Log:
    """Watch the activations of a model while it trains.

    A step is a forward pass of the model in training mode with gradients on. On every so many of them each call of an
    activation is measured, and its gradient in the backward pass that follows; on the others nothing is done.

    Args:
        model: a `torch.nn.Module`, which is trained as usual inside the `with`, and left as it was found.
        every: measure one step in so many, from 1.
        path: to which every watched step is added as it is done: a folder of Parquet files where it ends in .parquet,
            else a file with one JSON object a line. `read_log` reads both, also after a crash.
        first_step: the number of the first step, where a run goes on.
        thresholds: from which figure on something is a finding.
        writers: your own `torch.utils.tensorboard.SummaryWriter` or run of Weights & Biases, to be told of every
            watched step.

    Returns:
        The log, a context manager: inside, `log.history` and `log.findings()` show what was measured so far.

    Raises:
        InvalidInputError: not a module, `every` under 1, or another kind of writer.
        UnsupportedModelError: a compiled or scripted model, or one in DataParallel; the remedy is named.
        MissingInputError: the folder of `path` does not exist.
        MissingDependencyError: Parquet without pyarrow.

    Examples:
        with nonlin.watch(model, every=25) as log:
            for inputs, labels in loader:
                ...
        print(log.findings())
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        raise InvalidInputError(
            f"expected a torch.nn.Module to watch, got {type(model).__name__}; hand over the model that is trained"
        )
    if not isinstance(every, int) or every < 1:
        raise InvalidInputError(
            f"expected to measure on each 1st, 2nd, ... step, got every={every!r}; give 1 or more"
        )
    from nonlin.inspection.torch.watching import Log

    return Log(
        model,
        every=every,
        first_step=first_step,
        thresholds=thresholds,
        destinations=(path, trackers(writers)),
    )
