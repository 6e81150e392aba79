"""`nonlin bench`."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from nonlin.cli.formula import FormulaCommand
from nonlin.cli.output import progress, screen
from nonlin.errors import InvalidInputError
from nonlin.files import check_writable, write_whole
from nonlin.functions.choice import as_function
from nonlin.functions.cost import LARGE, Cost, measure

__all__ = ["bench"]

_DEFAULT = ("relu", "elu", "sigmoid", "tanh", "silu", "gelu", "mish", "softplus")


@click.command(cls=FormulaCommand)
@click.argument("functions", nargs=-1, metavar="[NAME...]")
@click.option(
    "--elements", type=int, default=100_000, show_default=True, help="How many are computed at once."
)
@click.option(
    "--large",
    type=int,
    default=LARGE,
    show_default=True,
    help="The same for an array that fits in no cache; 0 leaves it out.",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Draw into this file (.png, .svg, .pdf)."
)
@click.option(
    "--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True, help="How."
)
def bench(functions: tuple[str, ...], elements: int, large: int, output: Path | None, form: str) -> None:
    """Measure what activation functions cost on this machine: alone, and inside a training step of an MLP.

    float32, one thread. Without NAME, eight common functions are measured, which takes about half a minute.
    NAME is a function of the catalogue or a formula in x.
    """
    if output is not None:
        if output.suffix not in (".png", ".svg", ".pdf"):
            raise InvalidInputError(
                f"expected --output to end in .png, .svg or .pdf, got {output}; rename it"
            )
        check_writable(output)
    wanted = [as_function(name) for name in functions or _DEFAULT]
    with progress("measuring", "functions") as report:
        found = measure(wanted, elements=elements, large=large, report=report)
    if form == "json":
        click.echo(json.dumps([asdict(cost) for cost in found], indent=2))
    else:
        _print(found)
    if output is not None:
        _draw(found, output)
        click.echo(f"wrote {output}", err=True)


_COLUMNS = (
    ("cache\naccurate", "accurate", ".1f"),
    ("\nfast", "fast", ".1f"),
    ("memory\naccurate", "large", ".1f"),
    ("\nfast", "large_fast", ".1f"),
    ("backward\naccurate", "backward", ".2f"),
    ("\nfast", "backward_fast", ".2f"),
    ("training\nstep", "step", ".2f"),
)
"""The headers of the table, what stands below them, and its digits."""


def _print(found: tuple[Cost, ...]) -> None:
    shown = [column for column in _COLUMNS if any(getattr(cost, column[1]) is not None for cost in found)]
    table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    table.add_column("\nfunction", overflow="fold")
    for header in (*(column[0] for column in shown), "rounds\nspread"):
        table.add_column(header, justify="right")
    for cost in found:
        values = [(getattr(cost, name), digits) for _, name, digits in shown]
        table.add_row(
            Text(cost.name),
            *("–" if value is None else f"{value:{digits}}" for value, digits in values),
            f"{cost.spread:.0%}",
        )
    console = screen()
    console.print(table)
    for line in _legend(found, {name for _, name, _ in shown}):
        console.print(line, style="dim")


def _legend(found: tuple[Cost, ...], shown: set[str]) -> list[str]:
    lines = [f"cache: in copies of {found[0].elements:,} float32 ({found[0].copy:.2g} ns an element)"]
    if "large" in shown:
        lines.append("memory: in copies of an array that fits in no cache")
    if "backward" in shown:
        from nonlin.functions.torch_extension import extension

        here = "C++" if extension() is not None else "Python; `nonlin extension` builds faster ones"
        lines.append("backward: forward and backward with PyTorch, its own function = 1")
        lines.append(f"          with nodes in {here}")
    if "step" in shown:
        lines.append("training step: of an MLP 3 × 256, batch 256, the identity = 1")
    lines.append("each from the shortest round; spread: between quartiles, of the worst column")
    return lines


def _draw(found: tuple[Cost, ...], output: Path) -> None:
    from nonlin.pictures.cost import costs  # it loads matplotlib
    from nonlin.report.figures import image

    write_whole(output, image(costs(found), output.suffix[1:]))
