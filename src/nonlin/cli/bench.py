"""`nonlin bench`."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from nonlin.cli.output import screen
from nonlin.errors import InvalidInputError
from nonlin.functions.choice import as_function
from nonlin.functions.cost import Cost, measure

__all__ = ["bench"]

_DEFAULT = ("relu", "elu", "sigmoid", "tanh", "silu", "gelu", "mish", "softplus")


@click.command()
@click.argument("functions", nargs=-1, metavar="[NAME...]")
@click.option(
    "--elements", type=int, default=100_000, show_default=True, help="How many are computed at once."
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Draw into this file (.png, .svg, .pdf)."
)
@click.option(
    "--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True, help="How."
)
def bench(functions: tuple[str, ...], elements: int, output: Path | None, form: str) -> None:
    """Measure what activation functions cost on this machine: alone, and inside a training step of an MLP.

    float32, one thread. Without NAME, eight common functions are measured.
    """
    if output is not None and output.suffix not in (".png", ".svg", ".pdf"):
        raise InvalidInputError(f"expected --output to end in .png, .svg or .pdf, got {output}; rename it")
    found = measure([as_function(name) for name in functions or _DEFAULT], elements=elements)
    if form == "json":
        click.echo(json.dumps([asdict(cost) for cost in found], indent=2))
    else:
        _print(found)
    if output is not None:
        _draw(found, output)
        click.echo(f"wrote {output}", err=True)


def _print(found: tuple[Cost, ...]) -> None:
    table = Table(box=None, padding=(0, 2), header_style="bold", pad_edge=False)
    for name in ("function", "accurate", "fast", "training step"):
        table.add_column(name, justify="left" if name == "function" else "right")
    for cost in found:
        step = "–" if cost.step is None else f"{cost.step:.2f}"
        table.add_row(cost.name, f"{cost.accurate:.1f}", f"{cost.fast:.1f}", step)
    console = screen()
    console.print(table)
    console.print(
        f"accurate, fast: in copies of {found[0].elements:,} float32 ({found[0].copy:.2g} ns an element); "
        "training step: of an MLP 3 × 256, batch 256, relative to the identity",
        style="dim",
    )


def _draw(found: tuple[Cost, ...], output: Path) -> None:
    from nonlin.pictures.cost import costs  # it loads matplotlib

    try:
        costs(found).savefig(output, dpi=200, facecolor="white")
    except OSError as error:
        raise InvalidInputError(
            f"{output} cannot be written: {error.strerror}; choose another place"
        ) from error
