"""`nonlin inspect`."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from nonlin import demonstration
from nonlin.cli.loading import load
from nonlin.cli.output import paper, progress, screen
from nonlin.errors import InvalidInputError
from nonlin.inspection import SEVERITIES, Inspection, changes, read_report
from nonlin.inspection import inspect as run
from nonlin.inspection.presets import PRESETS
from nonlin.report import check_writable, page, print_changes, print_inspection, sarif, write_whole

__all__ = ["inspect"]

_FORMATS = ("text", "html", "json", "sarif")


@click.command()
@click.argument("model", required=False)
@click.option("--data", metavar="DATA", help="An .npy, .npz or .csv file, or package.module:function.")
@click.option(
    "--labels", metavar="LABELS", help="Class numbers, one a sample: an .npy, .npz or .csv file; see --loss."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Write the report into this file (.html, .json, .sarif, .txt).",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="How to report; by default as --output ends, else text.",
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    metavar="OLD.json",
    help="Say what changed since an older report in JSON.",
)
@click.option(
    "--box",
    nargs=2,
    type=float,
    metavar="LOW HIGH",
    help="Also prove which units are dead or linear on every input whose entries are between LOW and HIGH.",
)
@click.option(
    "--predict",
    is_flag=True,
    help="Put what the weights alone predict beside what is measured: lengths and gradients.",
)
@click.option(
    "--loss",
    type=click.Choice(("cross_entropy", "mse")),
    default="cross_entropy",
    show_default=True,
    help="What the labels are for; for mse they are targets of the outputs' shape.",
)
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=64, show_default=True, help="Samples run at once."
)
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="Judge by the rules of another tool, instead of nonlin's own.",
)
@click.option(
    "--fail-on",
    type=click.Choice([*SEVERITIES, "never"]),
    default="warning",
    show_default=True,
    help="Leave with exit code 1 from which findings on.",
)
def inspect(model: str | None, data: str | None, labels: str | None, **options: Any) -> int:
    """Learn what the activations of a trained network do on data.

    MODEL is an ONNX file, a .pt2 program, or package.module:function that returns a torch.nn.Module. Without MODEL,
    the demonstration is inspected: a classifier of handwritten digits whose training went somewhat wrong.

    \b
    Exit code: 0 healthy, 1 findings at or above --fail-on, 2 wrong use or wrong input.
    """  # noqa: D301 - \b is click's sign for "do not wrap"
    form = _form(options["form"], options["output"])
    if options["output"] is not None:
        check_writable(options["output"])
    before = None if options["compare"] is None else read_report(options["compare"])
    with (
        redirect_stdout(sys.stderr),
        progress() as report,
    ):  # what the user's code prints is no part of the report
        subject, samples = _subject(model, data)
        answers = None if labels is None else load(labels, what="labels")
        inspection = run(
            subject,
            samples,
            answers,
            batch_size=options["batch_size"],
            box=options["box"],
            loss=options["loss"],
            thresholds=options["preset"],
            predicted=options["predict"],
            progress=report,
        )
    if options["output"] is not None:
        write_whole(options["output"], _text(inspection, form))
        click.echo(f"wrote {options['output']}", err=True)
    elif form == "text":
        print_inspection(inspection, screen())
        if model is None:
            click.echo(
                "\nThis was the demonstration. Yours: nonlin inspect MODEL --data DATA (nonlin inspect --help)"
            )
    else:
        click.echo(_text(inspection, form))
    if before is not None:
        print_changes(changes(before, inspection), screen(), since=str(options["compare"]))
    least = options["fail_on"]
    return int(least != "never" and bool(inspection.at_or_above(least)))


def _form(form: str | None, output: Path | None) -> str:
    ending = {".html": "html", ".htm": "html", ".json": "json", ".sarif": "sarif", ".txt": "text"}
    if form is None and output is not None and output.suffix not in ending:
        raise InvalidInputError(
            f"expected --output to end in .html, .json, .sarif or .txt, got {output}; or give --format"
        )
    return form or ("text" if output is None else ending[output.suffix])


def _subject(model: str | None, data: str | None) -> tuple[Any, Any]:
    if model is None:
        if data is not None:
            raise InvalidInputError(
                "expected a model to run the data through, got --data alone; name the model first"
            )
        return demonstration.model_path(), demonstration.data_path()
    if data is None:
        raise InvalidInputError(f"expected some data to run {model} on, got none; add --data file.npy")
    return load(model, what="model"), load(data, what="data")


def _text(inspection: Inspection, form: str) -> str:
    if form == "json":
        return inspection.to_json() + "\n"
    if form == "html":
        return page(inspection)
    if form == "sarif":
        return sarif(inspection) + "\n"
    plain = paper()
    print_inspection(inspection, plain)
    return plain.file.getvalue()  # type: ignore[attr-defined, no-any-return] # paper's file is a StringIO
