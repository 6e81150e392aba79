"""`nonlin cure`."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from nonlin.cli.loading import load
from nonlin.cli.output import progress, screen
from nonlin.errors import InvalidInputError
from nonlin.inspection.curing.cure import cure as run
from nonlin.inspection.curing.result import Cure
from nonlin.report import check_writable, cure_page, cure_text, print_cure, write_whole

__all__ = ["cure"]

_LOSSES = ("cross_entropy", "mse", "l1")


@click.command()
@click.argument("model")
@click.argument("data")
@click.option(
    "--labels", metavar="LABELS", help="Class numbers, or targets of the loss: an .npy, .npz or .csv file."
)
@click.option(
    "--loss", type=click.Choice(_LOSSES), help="Train each copy, and an unchanged one, with this loss."
)
@click.option("--steps", type=click.IntRange(min=1), default=20, show_default=True, help="Steps of training.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    default=1e-3,
    show_default=True,
    help="Learning rate of the training, by Adam.",
)
@click.option(
    "--trials", type=click.IntRange(min=1), default=12, show_default=True, help="Changes to try at most."
)
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=64, show_default=True, help="Samples run at once."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Write the best copy of an ONNX model (.onnx), or the report (.html, .json, .txt).",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "html"]), default="text", help="How to report."
)
def cure(model: str, data: str, **options: Any) -> int:
    """Try changes for what is wrong with a network's activations, each on a copy, and show before and after.

    MODEL and DATA are as for `nonlin inspect`; the file of the model is left as it is.

    \b
    Exit code: 0 healthy or something helps, 1 nothing helps, 2 wrong use or wrong input.
    """  # noqa: D301 - \b is click's sign for "do not wrap"
    output = options["output"]
    if output is not None:
        _check(output, model)
    with (
        redirect_stdout(sys.stderr),
        progress() as report,
    ):  # what the user's code prints is no part of the report
        subject, samples = load(model, what="model"), load(data, what="data")
        labels = None if options["labels"] is None else load(options["labels"], what="labels")
        result = run(
            subject,
            samples,
            labels,
            loss=options["loss"],
            optimizer=_adam(options["rate"]) if options["loss"] else None,
            steps=options["steps"],
            trials=options["trials"],
            batch_size=options["batch_size"],
            progress=report,
        )
    if output is None or output.suffix == ".onnx":
        _show(result, options["form"])
    if output is not None:
        _write(result, output)
    return int(not result.inspection.healthy and result.best is None)


def _adam(rate: float) -> Any:
    def make(parameters: Any) -> Any:
        import torch

        return torch.optim.Adam(parameters, lr=rate)

    return make


def _check(output: Path, model: str) -> None:
    if output.suffix not in (".onnx", ".html", ".json", ".txt"):
        raise InvalidInputError(
            f"expected --output to end in .onnx, .html, .json or .txt, got {output}; name such a file"
        )
    if output.suffix == ".onnx" and not model.endswith(".onnx"):
        raise InvalidInputError(
            f"expected an ONNX model to write {output}, got {model}; from Python, nonlin.cure(...).model is the module"
        )
    check_writable(output)


def _show(result: Cure, form: str) -> None:
    if form == "text":
        print_cure(result, screen())
    else:
        click.echo(result.to_json() if form == "json" else cure_page(result))


def _write(result: Cure, output: Path) -> None:
    if output.suffix == ".onnx":
        if result.model is None:
            click.echo(f"nothing helps, so that {output} was not written", err=True)
            return
        write_whole(output, result.model.SerializeToString())
    else:
        kinds = {".json": lambda: result.to_json() + "\n", ".html": lambda: cure_page(result)}
        write_whole(output, kinds.get(output.suffix, lambda: cure_text(result) + "\n")())
    click.echo(f"wrote {output}", err=True)
