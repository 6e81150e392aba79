"""`nonlin approximate`."""

from pathlib import Path
from typing import Any

import click

from nonlin.cli.formula import FormulaCommand
from nonlin.cli.output import check_output_file
from nonlin.files import write_whole
from nonlin.functions.choice import as_function
from nonlin.geometry.approximation import Approximation
from nonlin.geometry.approximation import approximate as run
from nonlin.networks.write import write

__all__ = ["approximate"]

_NETWORKS = (".onnx", ".pt2")
_PICTURES = (".png", ".svg", ".pdf")
_ENDINGS = (*_NETWORKS, *_PICTURES, ".json")


@click.command(cls=FormulaCommand)
@click.argument("function", metavar="NAME")
@click.argument("interval", nargs=2, type=float, metavar="LOW HIGH")
@click.option("--pieces", type=int, help="With so many affine pieces, as near as they allow.")
@click.option("--tolerance", type=float, help="As near as this, with as few pieces as it allows.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Write the network (.onnx, .pt2), a picture (.png, .svg, .pdf) or the figures (.json).",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to report.")
def approximate(function: str, interval: tuple[float, float], **options: Any) -> None:
    """Build the smallest ReLU network with one hidden layer for a function between LOW and HIGH.

    NAME is a function of the catalogue, or a formula such as "x * sin(x)".
    """
    output: Path | None = options["output"]
    check_output_file(output, _ENDINGS)
    f = as_function(function)
    found = run(f, interval, pieces=options["pieces"], tolerance=options["tolerance"])
    if options["form"] == "json":
        click.echo(found.to_json())
    else:
        click.echo(f"{f.label}: {found}")
    if output is not None:
        _write(found, f, output)
        click.echo(f"wrote {output}", err=True)


def _write(found: Approximation, f: Any, output: Path) -> None:
    if output.suffix in _NETWORKS:
        write(found.network, output)
    elif output.suffix == ".json":
        write_whole(output, found.to_json() + "\n")
    else:
        from nonlin import pictures
        from nonlin.functions.curve import sample
        from nonlin.report.figures import image

        figure = pictures.approximation(found, sample(f, found.low, found.high))
        write_whole(output, image(figure, output.suffix[1:]))
