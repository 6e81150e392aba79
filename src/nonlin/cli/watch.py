"""`nonlin watch`."""

import io
import time
from pathlib import Path
from typing import Any

import click

from nonlin.cli.output import screen
from nonlin.errors import InvalidInputError
from nonlin.inspection.thresholds import Thresholds
from nonlin.inspection.watching import History, read_log
from nonlin.inspection.watching.findings import findings_of
from nonlin.inspection.watching.grid import GRID_FIGURES, grid
from nonlin.report import check_writable, write_whole
from nonlin.report.history import history_page, print_history

__all__ = ["watch"]

_ENDINGS = (".html", ".png", ".svg", ".pdf")


@click.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.option(
    "--figure",
    type=click.Choice(list(GRID_FIGURES)),
    default="dead",
    show_default=True,
    help="What to show of every call.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Draw it into this file (.png, .svg, .pdf; .html with every figure).",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--follow", is_flag=True, help="Show it again whenever it changes, until you press Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.05),
    default=2.0,
    show_default=True,
    help="Seconds between looks.",
)
def watch(log: Path, **options: Any) -> None:
    """Show the log of a watched run: depth against time, and what is wrong at its last step.

    LOG is what nonlin.watch(..., path=LOG) writes, also while it is written.
    """
    if options["output"] is not None:
        _check(options["output"])
    seen: dict[str, Any] = {}
    while True:
        history = read_log(log)
        found = history.to_dict()  # of as many records, too: another run may have begun in the same file
        if found != seen:
            seen = found
            _show(log, history, options)
        if not options["follow"]:
            return
        time.sleep(options["interval"])


def _check(output: Path) -> None:
    if output.suffix not in _ENDINGS:
        raise InvalidInputError(f"expected --output to end in {', '.join(_ENDINGS)}, got {output}")
    check_writable(output)


def _show(log: Path, history: History, options: dict[str, Any]) -> None:
    if not len(history) and options["follow"]:
        return
    if not len(history):
        raise InvalidInputError(
            f"expected a log with at least one watched step, got none in {log}; wait for the first one"
        )
    if options["output"] is not None:
        _draw(history, options["output"], options["figure"])
        click.echo(f"wrote {options['output']}", err=True)
    elif options["form"] == "json":
        click.echo(history.to_json())
    else:
        print_history(history, findings_of(history, Thresholds()), screen(), figure=options["figure"])


def _draw(history: History, output: Path, figure: str) -> None:
    from nonlin import pictures
    from nonlin.report.figures import image

    if output.suffix != ".html":
        write_whole(output, image(pictures.history(history, figure=figure), output.suffix[1:]))
        return
    drawn = []
    for name in GRID_FIGURES:
        try:
            grid(history, name)
        except InvalidInputError:
            continue  # no call has it
        file = io.StringIO()
        pictures.history(history, figure=name).savefig(file, format="svg")
        drawn.append(file.getvalue())
    write_whole(output, history_page(history, findings_of(history, Thresholds()), drawn))
