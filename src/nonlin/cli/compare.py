"""`nonlin compare`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nonlin.cli.output import check_output_file, progress, screen
from nonlin.errors import InvalidInputError
from nonlin.experiments import TASKS
from nonlin.experiments import compare as run
from nonlin.report import write_whole
from nonlin.report.study import print_study, study_page, study_text, write_study

if TYPE_CHECKING:
    from nonlin.experiments import Study

__all__ = ["compare"]

_ENDINGS = (".html", ".json", ".txt", ".csv", ".parquet")
_STORE = "nonlin-compare.sqlite"


@click.command()
@click.option(
    "--functions",
    default="relu,gelu,silu,tanh",
    show_default=True,
    metavar="LIST",
    help="Names and formulas; leaky_relu(0.01,0.1) is one for each value, twin=relu gives a name.",
)
@click.option("--model", metavar="MODULE:FUNCTION", help="Makes the network; else the task's own.")
@click.option(
    "--data", metavar="DATA", help="MODULE:FUNCTION that makes the data, or an .npz file; else the task's."
)
@click.option(
    "--task", type=click.Choice(list(TASKS)), default="digits", show_default=True, help="A built-in task."
)
@click.option(
    "--seeds", type=click.IntRange(min=2), default=10, show_default=True, help="Runs of each function."
)
@click.option(
    "--budget", metavar="TIME", help="20m (s, m, h) for the whole study, or '500 steps' for each training."
)
@click.option("--rates", metavar="LIST", help="Learning rates to search; one alone is used as it is.")
@click.option("--sites", metavar="LIST", help="Calls to exchange, as nonlin inspect names them.")
@click.option(
    "--initialization",
    type=click.Choice(["gain", "model"]),
    default="gain",
    show_default=True,
    help="Weights drawn with each function's gain, or the model's own.",
)
@click.option("--optimizer", type=click.Choice(["adam", "sgd"]), default="adam", show_default=True)
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Samples a step."
)
@click.option("--target", type=float, help="Validation score to which the time is measured.")
@click.option(
    "--store",
    default=_STORE,
    show_default=True,
    metavar="PLACE",
    help="SQLite file or postgresql://… of all trials.",
)
@click.option("--resume", is_flag=True, help="Go on with what the store has begun, or join who trains it.")
@click.option("--on", metavar="ADDRESS", help="Dask scheduler, such as tcp://scheduler:8786.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes on this machine.  [default: one a core]")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Report (.html, .json, .txt) or trials (.csv, .parquet)."
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "html"]), default="text", help="How to report."
)
def compare(**options: Any) -> None:
    """Compare activation functions in one network, on one task, with the same budget for each.

    Every function gets initial weights of its own gain and a learning rate found by the same search; every seed trains
    every function on the same batches. A difference is claimed only where paired tests find one.
    """
    output, form = options.pop("output"), options.pop("form")
    check_output_file(output, _ENDINGS)
    options["rates"] = _rates(options["rates"])
    options["sites"] = [site.strip() for site in options["sites"].split(",")] if options["sites"] else None
    # what the user's code prints is no part of the report
    with redirect_stdout(sys.stderr), progress("comparing", "steps") as report:
        study = run(progress=report, **options)
    if output is not None:
        _write(study, output)
        click.echo(f"wrote {output}", err=True)
    elif form == "text":
        print_study(study, screen())
    else:
        click.echo(study.to_json() if form == "json" else study_page(study))


def _rates(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(word) for word in text.split(",")]
    except ValueError as error:
        raise InvalidInputError(
            f"expected --rates as numbers with commas, got {text!r}; as 0.001,0.01"
        ) from error


def _write(study: Study, output: Path) -> None:
    if output.suffix == ".csv":
        study.to_csv(output)
    elif output.suffix == ".parquet":
        study.to_parquet(output)
    elif output.suffix == ".html":
        write_study(study, output)
    else:
        write_whole(output, (study.to_json() if output.suffix == ".json" else study_text(study)) + "\n")
