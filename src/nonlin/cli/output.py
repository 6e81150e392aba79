"""Where results go: standard output for people and pipes, progress on standard error."""

import io
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from errno import EPIPE
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nonlin.errors import InvalidInputError
from nonlin.files import check_writable
from nonlin.inspection import Progress as Report

__all__ = ["check_output_file", "paper", "progress", "screen"]

_PLAIN_WIDTH = 160


class _Screen(Console):
    """A console that leaves a closed pipe to the program, as `click.echo` does."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(EPIPE, "the pipe is closed")


def screen() -> Console:
    """Return a console on standard output, coloured only on a terminal, and not cut to 80 columns in a pipe."""
    if sys.stdout.isatty():
        return _Screen(highlight=False)
    return _Screen(highlight=False, width=_PLAIN_WIDTH, no_color=True)


def paper() -> Console:
    """Return a console that prints into memory, without colour."""
    return Console(file=io.StringIO(), highlight=False, width=_PLAIN_WIDTH, no_color=True)


def check_output_file(output: Path | None, endings: Collection[str]) -> None:
    """Refuse, before any work is done, a file of another ending than these, or that cannot be written."""
    if output is None:
        return
    if output.suffix not in endings:
        raise InvalidInputError(
            f"expected --output to end in {', '.join(endings)}, got {output}; name such a file"
        )
    check_writable(output)


@contextmanager
def progress(doing: str = "inspecting", unit: str = "samples") -> Iterator[Report]:
    """Show a bar on standard error while something long runs, on a terminal only.

    Yields:
        A function to call with the number of units done, and of all where that is known.
    """
    columns = (
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    errors = Console(stderr=True)
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(doing, total=None)

        def report(done: int, known: int | None) -> None:
            bar.update(task, completed=done, total=known)

        yield report
