"""`nonlin function`."""

import io
import json
from pathlib import Path
from typing import Any

import click

from nonlin.cli.output import paper, screen
from nonlin.errors import InvalidInputError
from nonlin.functions import Function
from nonlin.functions.choice import as_function
from nonlin.functions.description import POINTS, Description, describe, to_data
from nonlin.report import write_whole
from nonlin.report.function import function_page, print_function

__all__ = ["function"]

_ENDINGS = {".html": "html", ".htm": "html", ".json": "json", ".txt": "text", ".svg": "svg", ".png": "png"}


@click.command()
@click.argument("functions", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--parameter", "-p", multiple=True, metavar="NAME=VALUE", help="A parameter's value; may be repeated."
)
@click.option(
    "--at", multiple=True, type=float, metavar="X", help="A point for the table of values; may be repeated."
)
@click.option(
    "--variance", type=float, default=1.0, show_default=True, help="Of the pre-activation, for the moments."
)
@click.option("--interval", nargs=2, type=float, metavar="LOW HIGH", help="What the picture shows.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Write a picture (.png, .svg) or a report (.html, .json, .txt) into this file.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "html", "svg", "png")),
    help="How to report; by default as --output ends, else text.",
)
def function(functions: tuple[str, ...], **options: Any) -> None:
    """Show activation functions: value, derivatives, properties with their proofs, moments, and a picture.

    NAME is a function of the catalogue, or a formula such as "x * sigmoid(beta * x)" with -p beta=1.7. Several
    functions come on one picture.
    """
    form = _form(options["form"], options["output"])
    parameters = dict(_parameter(text) for text in options["parameter"])
    described = [
        describe(
            f,
            at=options["at"] or POINTS,
            variance=options["variance"],
            interval=options["interval"] or None,
        )
        for f in _functions(functions, parameters)
    ]
    if options["output"] is None:
        _show(described, form)
    elif form == "png":
        _write_png(described, options["output"])
    else:
        write_whole(options["output"], _text(described, form))
    if options["output"] is not None:
        click.echo(f"wrote {options['output']}", err=True)


def _form(form: str | None, output: Path | None) -> str:
    if form is None and output is not None and output.suffix not in _ENDINGS:
        raise InvalidInputError(
            f"expected --output to end in {', '.join(_ENDINGS)}, got {output}; or give --format"
        )
    if form == "png" and output is None:
        raise InvalidInputError("expected --output for a PNG, got none; add --output picture.png")
    return form or ("text" if output is None else _ENDINGS[output.suffix])


def _functions(names: tuple[str, ...], parameters: dict[str, float]) -> list[Function]:
    """Return the functions, each with the parameters if it takes them; at least one must."""
    found, refused = [], None
    for name in names:
        try:
            found.append(as_function(name, **parameters))
        except InvalidInputError as error:
            if not parameters:
                raise
            refused = error
            found.append(as_function(name))
    if refused is not None and all(f == as_function(name) for f, name in zip(found, names, strict=True)):
        raise refused
    return found


def _parameter(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise InvalidInputError(
            f"expected --parameter NAME=VALUE, got {text!r}; write such as beta=1.7"
        ) from error


def _show(described: list[Description], form: str) -> None:
    if form != "text":
        click.echo(_text(described, form), nl=False)
        return
    for i, description in enumerate(described):
        if i:
            click.echo()
        print_function(description, screen())


def _text(described: list[Description], form: str) -> str:
    if form == "json":
        data = [to_data(description) for description in described]
        return json.dumps(data[0] if len(data) == 1 else data, indent=2, ensure_ascii=False) + "\n"
    if form == "html":
        return function_page(described, _svg(described) if any(d.curve for d in described) else "")
    if form == "svg":
        return _standalone_svg(described)
    plain = paper()
    for description in described:
        print_function(description, plain)
    return plain.file.getvalue()  # type: ignore[attr-defined, no-any-return] # paper's file is a StringIO


def _figure(described: list[Description]) -> Any:
    from nonlin import pictures  # it loads matplotlib

    curves = [description.curve for description in described if description.curve is not None]
    if not curves:
        names = ", ".join(description.function.label for description in described)
        raise InvalidInputError(
            f"expected a function of one number to draw, got {names}; leave out -o or name another"
        )
    return pictures.functions(curves)


def _svg(described: list[Description]) -> str:
    from nonlin.report.figures import embed

    names = ", ".join(description.function.label for description in described)
    return str(embed(_figure(described), "function", f"Value, slope and curvature of {names}"))


def _standalone_svg(described: list[Description]) -> str:
    text = io.StringIO()
    _figure(described).savefig(text, format="svg", facecolor="white", metadata={"Date": None})
    return text.getvalue()


def _write_png(described: list[Description], output: Path) -> None:
    figure = _figure(described)
    try:
        figure.savefig(output, format="png", dpi=200, facecolor="white")
    except OSError as error:
        raise InvalidInputError(
            f"{output} cannot be written: {error.strerror}; choose another place"
        ) from error
