"""`nonlin function`."""

import json
from pathlib import Path
from typing import Any

import click

from nonlin.cli.formula import FormulaCommand
from nonlin.cli.output import paper, screen
from nonlin.errors import InvalidInputError
from nonlin.files import check_writable, write_whole
from nonlin.functions import Function
from nonlin.functions.choice import as_function
from nonlin.functions.curve import held
from nonlin.functions.description import Description, describe
from nonlin.report.function import function_page, print_function

__all__ = ["function"]

_ENDINGS = {
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".txt": "text",
    ".svg": "svg",
    ".png": "png",
    ".pdf": "pdf",
}
_IMAGES = ("png", "svg", "pdf")
_BINARY = ("png", "pdf")
_WIDTH = 6.4
"""Of the picture of a function of a vector, in inches."""


@click.command(cls=FormulaCommand)
@click.argument("functions", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--parameter", "-p", multiple=True, metavar="NAME=VALUE", help="A parameter's value; may be repeated."
)
@click.option(
    "--at",
    multiple=True,
    type=float,
    metavar="X",
    help="A point for the table of values, or the next element of a vector; may be repeated.",
)
@click.option(
    "--variance", type=float, default=1.0, show_default=True, help="Of the pre-activation, for the moments."
)
@click.option("--interval", nargs=2, type=float, metavar="LOW HIGH", help="What the picture shows.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Write a picture (.png, .svg, .pdf) or a report (.html, .json, .txt) into this file.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "html", "svg", "png", "pdf")),
    help="How to report; by default as --output ends, else text.",
)
def function(functions: tuple[str, ...], **options: Any) -> None:
    """Show activation functions: value, derivatives, properties with their proofs, moments, and a picture.

    NAME is a function of the catalogue, or a formula such as "x * sigmoid(beta * x)" with -p beta=1.7. Several
    functions come on one picture.
    """
    form = _form(options["form"], options["output"])
    if options["output"] is not None:
        check_writable(options["output"])
    parameters = dict(_parameter(text) for text in options["parameter"])
    described = [
        describe(
            f,
            at=options["at"] or None,
            variance=options["variance"],
            interval=options["interval"] or None,
        )
        for f in _functions(functions, parameters)
    ]
    if options["output"] is None:
        _show(described, form)
    else:
        write_whole(options["output"], _content(described, form))
        click.echo(f"wrote {options['output']}", err=True)


def _form(form: str | None, output: Path | None) -> str:
    if form is None and output is not None and output.suffix not in _ENDINGS:
        raise InvalidInputError(
            f"expected --output to end in {', '.join(_ENDINGS)}, got {output}; or give --format"
        )
    if form in _BINARY and output is None:
        raise InvalidInputError(
            f"expected --output for a {form.upper()}, got none; add --output picture.{form}"
        )
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
        click.echo(_content(described, form), nl=False)
        return
    for i, description in enumerate(described):
        if i:
            click.echo()
        print_function(description, screen())


def _content(described: list[Description], form: str) -> str | bytes:
    if form == "json":
        data = [description.to_dict() for description in described]
        return json.dumps(data[0] if len(data) == 1 else data, indent=2, ensure_ascii=False) + "\n"
    if form == "html":
        return function_page(described, _svg(described))
    if form in _IMAGES:
        from nonlin.report.figures import image

        return image(_figure(described), form)
    plain = paper()
    for i, description in enumerate(described):
        if i:
            plain.print()
        print_function(description, plain)
    return plain.file.getvalue()  # type: ignore[attr-defined, no-any-return] # paper's file is a StringIO


def _figure(described: list[Description]) -> Any:
    from nonlin import pictures  # it loads matplotlib

    outputs = [description.outputs for description in described if description.outputs]
    if len(described) == len(outputs) == 1:
        f = described[0].function
        elements = ", ".join([*(f"{x:g}" for x in held(f)), "x"])
        return pictures.outputs(outputs[0], width=_WIDTH, moving=f"x of {f.label}({elements})")
    if outputs:
        names = ", ".join(description.function.label for description in described)
        raise InvalidInputError(
            f"expected functions of one number for one picture, or one function of a vector alone, got {names}; "
            "name them one by one"
        )
    return pictures.functions([description.curve for description in described if description.curve])


def _svg(described: list[Description]) -> str:
    """Return the picture of those functions that go together on one, for a page."""
    from nonlin.report.figures import embed

    drawn = described if len(described) == 1 else [d for d in described if d.curve is not None]
    if not drawn:
        return ""
    names = ", ".join(description.function.label for description in drawn)
    seen = "Outputs" if drawn[0].outputs else "Value, slope and curvature"
    return str(embed(_figure(drawn), "function", f"{seen} of {names}"))
