"""`nonlin fold`."""

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from nonlin import demonstration
from nonlin.cli.folding import Asked, Kind, fold_asked
from nonlin.cli.output import paper, progress, screen
from nonlin.errors import InvalidInputError
from nonlin.geometry import write_cells
from nonlin.report import check_writable, write_whole
from nonlin.report.fold import Folded, fold_json, fold_page, print_fold

__all__ = ["fold"]

_ENDINGS = {
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".txt": "text",
    ".parquet": "parquet",
    ".png": "picture",
    ".svg": "picture",
    ".pdf": "picture",
}
_PICTURES = ("creases", "map", "output", "active", "surface")
_INTERRUPTED = 130


@click.command()
@click.argument("model", required=False)
@click.option(
    "--data", metavar="DATA", help="Samples: an .npy, .npz or .csv file, or package.module:function."
)
@click.option(
    "--line", nargs=2, metavar="A B", help="Along the line from A to B: numbers of samples, or .npy files."
)
@click.option(
    "--plane",
    nargs=3,
    metavar="A B C",
    help="On the plane A + s (B − A) + t (C − A): numbers, or .npy files.",
)
@click.option(
    "--box", nargs=2, type=float, metavar="LOW HIGH", help="In the box of all inputs between LOW and HIGH."
)
@click.option(
    "--region",
    metavar="A",
    help="The region that A is in, its map and the nearest folds: a number, or an .npy file.",
)
@click.option("--space", is_flag=True, help="In the whole space of inputs.")
@click.option(
    "--window",
    nargs=4,
    type=float,
    metavar="S0 S1 T0 T1",
    default=(0.0, 1.0, 0.0, 1.0),
    show_default=True,
    help="Which part of the plane: s from S0 to S1, t from T0 to T1.",
)
@click.option(
    "--of",
    "output_number",
    type=click.IntRange(min=0),
    help="Which output to show; by default the answer at A.",
)
@click.option(
    "--picture",
    type=click.Choice(_PICTURES),
    default="creases",
    show_default=True,
    help="What to draw of a plane: its folds by call; its regions by map, output or active units; its surface.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="In how many processes."
)
@click.option("--on", metavar="tcp://…", help="Count a box on the workers of a Dask scheduler.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Write a picture (.png, .svg, .pdf), the report (.html, .json, .txt), or every region (.parquet).",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    show_default=True,
    help="How to report where there is no --output.",
)
def fold(model: str | None, data: str | None, **options: Any) -> int:
    """Count and draw the exact folds and linear regions of a piecewise linear network.

    MODEL is an ONNX file, a .pt2 program, or package.module:function that returns a torch.nn.Module. Without MODEL,
    the demonstration is folded on the plane through its first three samples.

    \b
    Exit code: 0 fine, 2 wrong use or wrong input, 130 stopped by Ctrl-C: what was found until then is shown.
    """  # noqa: D301 - \b is click's sign for "do not wrap"
    output: Path | None = options["output"]
    form = _form(options["form"], output)
    asked = _asked(model, data, options)
    if output is not None:
        _check(output, form, asked)
    unit = "% of the line" if asked.kind == "line" else "regions"
    with redirect_stdout(sys.stderr), progress("folding", unit) as report:
        folded = fold_asked(
            asked, pictured=form in ("html", "picture"), listed=form != "parquet", progress=report
        )
        if form == "parquet" and folded.cells is not None:
            folded = _written(folded, output, report)
    if form == "picture":
        _draw(folded, options["picture"], output)
    elif form != "parquet":
        _show(folded, form, output)
    if output is not None:
        click.echo(f"wrote {output}", err=True)
    if form in ("picture", "parquet"):
        print_fold(folded, screen())
    if model is None and output is None and form == "text":
        click.echo(
            "\nThis was the demonstration. Yours: nonlin fold MODEL --data DATA --plane 0 1 2 (nonlin fold --help)"
        )
    return _INTERRUPTED if any("stopped" in note for note in folded.notes) or _stopped(folded) else 0


def _stopped(folded: Folded) -> bool:
    return folded.cells is not None and not folded.cells.certified


def _form(form: str, output: Path | None) -> str:
    if output is None:
        return form
    if output.suffix not in _ENDINGS:
        raise InvalidInputError(
            f"expected --output to end in {', '.join(_ENDINGS)}, got {output}; name such a file"
        )
    return _ENDINGS[output.suffix]


def _asked(model: str | None, data: str | None, options: Mapping[str, Any]) -> Asked:
    kinds: dict[Kind, Any] = {
        "line": options["line"],
        "plane": options["plane"],
        "box": options["box"],
        "space": options["space"] or None,
        "region": None if options["region"] is None else (options["region"],),
    }
    given: list[Kind] = [kind for kind, value in kinds.items() if value]
    if model is None:
        if data is not None:
            raise InvalidInputError("expected a model for the data, got --data alone; name the model first")
        model, data = str(demonstration.model_path()), str(demonstration.data_path())
        if not given:
            given, kinds["plane"] = ["plane"], ("0", "1", "2")
    if len(given) != 1:
        got = " and ".join(f"--{kind}" for kind in given) or "none"
        raise InvalidInputError(
            f"expected one of --line A B, --plane A B C, --box LOW HIGH, --space and --region A, got {got}; "
            "say where to fold"
        )
    if options["on"] and given[0] != "box":
        raise InvalidInputError(
            f"expected --on with --box, got it with --{given[0]}; leave it out, or give --jobs"
        )
    return Asked(
        model=model,
        data=data,
        kind=given[0],
        ends=() if given[0] == "space" else tuple(kinds[given[0]]),
        window=options["window"],
        jobs=options["jobs"],
        on=options["on"],
        output=options["output_number"],
    )


def _check(output: Path, form: str, asked: Asked) -> None:
    called = {"line": "a line", "space": "the whole space", "region": "the region of one sample"}
    if form == "parquet" and asked.kind in ("line", "region"):
        raise InvalidInputError(
            f"expected a plane, a box or the space for a Parquet file, got {called[asked.kind]}; write .json"
        )
    if form == "picture" and asked.kind in ("space", "region"):
        raise InvalidInputError(
            f"expected a line, a plane or a box to draw, got {called[asked.kind]}; choose one of those"
        )
    check_writable(output)


def _written(folded: Folded, output: Path | None, report: Any) -> Folded:
    assert folded.cells is not None  # noqa: S101 - the caller has looked
    assert output is not None  # noqa: S101 - there is no Parquet without a file
    total = folded.cells.count
    written = write_cells(folded.cells, output, progress=lambda n: report(n, total))
    if written == total:
        return folded
    note = f"The file was stopped after {written:,} of {total:,} regions."
    return replace(folded, notes=(*folded.notes, note))


def _show(folded: Folded, form: str, output: Path | None) -> None:
    if form == "text" and output is None:
        print_fold(folded, screen())
        return
    if form == "html":
        text = fold_page(folded, _embedded(folded))
    elif form == "json":
        text = fold_json(folded) + "\n"
    else:
        plain = paper()
        print_fold(folded, plain)
        text = plain.file.getvalue()  # type: ignore[attr-defined] # paper's file is a StringIO
    if output is None:
        click.echo(text, nl=False)
    else:
        write_whole(output, text)


def _figure(folded: Folded, name: str) -> Any:
    from nonlin import pictures  # it loads matplotlib

    if folded.line is not None:
        order = [node.name for node in folded.line.network.nodes]
        return pictures.line(folded.line, highlight=(folded.output,), order=order)
    if folded.made is None:
        raise InvalidInputError(
            "expected a plane, or a box in which two inputs vary, to draw, got another; take --plane"
        )
    if name == "creases":
        return pictures.crease_pattern(folded.made, marks=folded.marks, labels=folded.labels)
    if name == "surface":
        return pictures.surface(folded.made, output=folded.output)
    colour: Any = name
    return pictures.regions(
        folded.made, colour=colour, output=folded.output, marks=folded.marks, labels=folded.labels
    )


def _draw(folded: Folded, name: str, output: Path | None) -> None:
    from nonlin.report.figures import image

    assert output is not None  # noqa: S101 - there is no picture without a file
    write_whole(output, image(_figure(folded, name), output.suffix[1:]))


def _embedded(folded: Folded) -> dict[str, Any]:
    """Return the pictures of the page, by their captions."""
    from nonlin.report.figures import embed

    if folded.line is not None:
        caption = "Above, the outputs along the line; below, a mark for every fold, in the row of its call."
        return {caption: embed(_figure(folded, "line"), "line", caption)}
    if folded.made is None:
        return {}
    captions = {
        "creases": "The crease pattern: every fold, coloured by its call, and where the decision changes.",
        "map": f"The linear regions, coloured by where output {folded.output} grows: one map, one colour.",
        "active": "The same regions, coloured by how many units are active in each.",
        "output": f"The same regions, coloured by output {folded.output}.",
        "surface": f"Output {folded.output} over the plane: a flat facet for every region.",
    }
    return {caption: embed(_figure(folded, name), name, caption) for name, caption in captions.items()}
