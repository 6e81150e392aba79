"""`nonlin vanishing`."""

import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from nonlin.cli.output import check_output_file, screen
from nonlin.files import write_whole
from nonlin.functions.choice import as_function
from nonlin.functions.function import Function
from nonlin.functions.layers import Layers

__all__ = ["vanishing"]

_PICTURES = (".png", ".svg", ".pdf")
_ENDINGS = (*_PICTURES, ".json")
_VARIANCES = {"he": 2.0, "xavier": 1.0, "gain": None}
_COLUMNS = ("function", "σ²w", "χ₁", "q", "first / last", "decades")


@click.command()
@click.argument("functions", nargs=-1, required=True, metavar="NAME...")
@click.option("--depth", type=int, default=20, show_default=True, help="The number of layers.")
@click.option(
    "--initialisation",
    "-i",
    type=click.Choice(tuple(_VARIANCES)),
    default="gain",
    show_default=True,
    help="He: variance 2/width; Xavier: 1/width; each function's own gain: 1/(E[f²]·width).",
)
@click.option("--weight-variance", type=float, help="Times the width; instead of --initialisation.")
@click.option("--bias-variance", type=float, default=0.0, show_default=True)
@click.option("--width", type=int, help="Try a random network of this width, too.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random network.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Write a picture (.png, .svg, .pdf) or .json."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to report.")
def vanishing(functions: tuple[str, ...], output: Path | None, form: str, **options: Any) -> None:
    """Predict what deep layers with these functions make of a gradient, and try it.

    NAME is a function of the catalogue, or a formula such as "x * tanh(x)".
    """
    check_output_file(output, _ENDINGS)
    pairs = [_layers(as_function(name), options) for name in functions]
    data = json.dumps(
        [{"predicted": p.to_dict(), "tried": t and t.to_dict()} for p, t in pairs],
        indent=2,
        ensure_ascii=False,
        allow_nan=False,
    )
    if form == "json":
        click.echo(data)
    else:
        screen().print(_table(pairs))
    if output is not None:
        _write(output, pairs, data)
        click.echo(f"wrote {output}", err=True)


def _layers(f: Function, options: dict[str, Any]) -> tuple[Layers, Layers | None]:
    given = options["weight_variance"]
    common = {
        "weight_variance": _VARIANCES[options["initialisation"]] if given is None else given,
        "bias_variance": options["bias_variance"],
    }
    predicted = f.layers(options["depth"], **common)
    if options["width"] is None:
        return predicted, None
    return predicted, f.layers(options["depth"], **common, width=options["width"], seed=options["seed"])


def _table(pairs: list[tuple[Layers, Layers | None]]) -> Table:
    tried = any(t is not None for _, t in pairs)
    table = Table(box=None, pad_edge=False)
    for i, name in enumerate((*_COLUMNS, "tried")[: len(_COLUMNS) + tried]):
        table.add_column(name, justify="right" if i else "left")
    for predicted, one in pairs:
        row = [
            predicted.label,
            f"{predicted.weight_variance:.4g}",
            f"{predicted.chi1[-1]:.4g}",
            f"{predicted.variance[-1]:.3g}",
            f"{predicted.gradient[0]:.2e}",
            _rounded(predicted.decades),
        ]
        table.add_row(*row, *([_rounded(one.decades)] if one is not None else []))
    return table


def _rounded(decades: float) -> str:
    return f"{round(decades, 2) + 0.0:.2f}"  # no -0.00


def _write(output: Path, pairs: list[tuple[Layers, Layers | None]], data: str) -> None:
    if output.suffix == ".json":
        write_whole(output, data + "\n")
        return
    from nonlin import pictures  # it loads matplotlib
    from nonlin.report.figures import image

    figure = pictures.vanishing([p for p, _ in pairs], [t for _, t in pairs if t is not None])
    write_whole(output, image(figure, output.suffix[1:]))
