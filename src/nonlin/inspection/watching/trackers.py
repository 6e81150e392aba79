"""The user's own TensorBoard writer or Weights & Biases run, told of every watched step; neither is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from nonlin.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nonlin.inspection.watching.history import Record

__all__ = ["FIGURES", "Destination", "trackers"]

FIGURES = (
    "dead",
    "dead_lasting",
    "saturated",
    "linear",
    "slope_mean",
    "mean",
    "rms",
    "gradient_rms",
)
"""What of a record is drawn."""


class Destination(Protocol):
    """Where watched steps go."""

    def write(self, records: Iterable[Record]) -> None:
        """Add the records of one step."""

    def close(self) -> None:
        """End; nothing that belongs to the user is closed."""


def trackers(writers: Sequence[Any]) -> list[Destination]:
    """Return a destination for each of the user's writers, known by what they can do.

    Raises:
        InvalidInputError: one that is neither TensorBoard's nor of Weights & Biases.
    """
    return [_tracker(writer) for writer in writers]


def _tracker(writer: Any) -> Destination:
    if callable(getattr(writer, "add_scalar", None)):
        return _TensorBoard(writer)
    if callable(getattr(writer, "define_metric", None)) and callable(getattr(writer, "log", None)):
        return _Run(writer)
    raise InvalidInputError(
        f"expected a torch.utils.tensorboard.SummaryWriter or the run that wandb.init() gave, got "
        f"{type(writer).__name__}; hand over one of these in writers=[...]"
    )


def _figures(records: Iterable[Record]) -> Iterator[tuple[str, float]]:
    for record in records:
        for figure in FIGURES:
            value = getattr(record, figure)
            if value is not None:
                yield f"nonlin.{figure}/{record.call}", value


class _TensorBoard:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, records: Iterable[Record]) -> None:
        records = list(records)
        for tag, value in _figures(records):
            self._writer.add_scalar(tag, value, records[0].step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.flush()


class _Run:
    """A row a watched step, without a number of its own: so the user may number the rows, at most one a step."""

    def __init__(self, run: Any) -> None:
        self._run = run
        run.define_metric("nonlin.step")
        for figure in FIGURES:
            # synchronised, a row that the user also writes to got the step of the row before
            run.define_metric(f"nonlin.{figure}/*", step_metric="nonlin.step", step_sync=False)

    def write(self, records: Iterable[Record]) -> None:
        records = list(records)
        if records:
            self._run.log({"nonlin.step": records[0].step, **dict(_figures(records))})

    def close(self) -> None:
        """Leave the run open, for it is the user's."""
