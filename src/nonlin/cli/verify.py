"""`nonlin verify`."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import click
import numpy as np

from nonlin.cli.output import check_output_file, progress
from nonlin.errors import InvalidInputError
from nonlin.geometry import Lipschitz, OutputRange, lipschitz, output_range
from nonlin.geometry import verify as verify_property
from nonlin.inspection.data import read_data
from nonlin.networks import Network, read
from nonlin.report import write_whole
from nonlin.report.verified import Verified, verified_page, verified_text

__all__ = ["verify"]

_PARTS = 1000
_INTERRUPTED = 130
_ENDINGS = {
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".txt": "text",
    ".png": "picture",
    ".svg": "picture",
    ".pdf": "picture",
}
_NORMS = {"1": 1, "2": 2, "inf": np.inf}

Share = Callable[[float, float], None]


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("prop", metavar="[PROPERTY]", type=click.Path(path_type=Path), required=False)
@click.option(
    "--box",
    nargs=2,
    metavar="LOW HIGH",
    help="Instead of a property: the range and the steepest slope of an output for inputs from LOW to HIGH, numbers or "
    ".npy files.",
)
@click.option(
    "--of",
    "output",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="With --box: which output.",
)
@click.option(
    "--norm",
    type=click.Choice(tuple(_NORMS)),
    default="2",
    show_default=True,
    help="With --box: in which norm of the inputs the slope is meant.",
)
@click.option(
    "--timeout", type=float, default=60.0, show_default=True, help="Seconds; with --box for each figure."
)
@click.option(
    "--threads", type=int, default=None, help="How many work at once.  [default: one for each core]"
)
@click.option(
    "--output",
    "-o",
    "output_file",
    type=click.Path(path_type=Path),
    help="Of a property, write a page (.html), a picture (.png, .svg, .pdf), .json or .txt.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "html")),
    default="text",
    show_default=True,
    help="How to report where there is no --output; a page of a property only.",
)
def verify(model: Path, prop: Path | None, **options: Any) -> int:
    """Prove that no input of MODEL meets the conditions of PROPERTY, a VNN-LIB file, or find one that does.

    MODEL is a piecewise linear ONNX network or .pt2 program.

    \b
    Exit code 0: unsat, proven; with --box, every interval is closed.
              1: sat, with a counterexample, or unknown; with --box, some interval is open.
              2: wrong use or wrong input. 130: stopped by Ctrl-C; what is proven until then is shown.
    """  # noqa: D301 - \b is click's sign for "do not wrap"
    if (prop is None) == (options["box"] is None):
        got = "neither" if prop is None else "both"
        raise InvalidInputError(f"expected a property or --box LOW HIGH, got {got}; give one of them")
    _check_output_file(options, prop)
    network = read(model)
    with progress("proving", f"of {_PARTS} parts") as report:

        def told(share: float, _seconds: float) -> None:
            report(int(_PARTS * share), _PARTS)

        if prop is not None:
            return _verdict(network, _Asked(model=model, prop=prop, options=options), told)
        return _figures(network, options, told)


def _check_output_file(options: dict[str, Any], prop: Path | None) -> None:
    output: Path | None = options["output_file"]
    if prop is None and (output is not None or options["form"] == "html"):
        raise InvalidInputError("expected a property for a page or --output, got --box; take --format json")
    check_output_file(output, _ENDINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A property of a model, and the options."""

    model: Path
    prop: Path
    options: dict[str, Any]


def _verdict(network: Network, asked: _Asked, told: Share) -> int:
    started, trail, options = monotonic(), [(0.0, 0.0)], asked.options

    def noted(share: float, seconds: float) -> None:
        trail.append((monotonic() - started, share))
        told(share, seconds)

    verdict = verify_property(
        network,
        asked.prop,
        timeout=options["timeout"],
        threads=options["threads"],
        model=asked.model if asked.model.suffix == ".onnx" else None,
        progress=noted,
    )
    if verdict.status != "unknown":
        trail.append((verdict.seconds, 1.0))
    verified = Verified(model=asked.model.name, prop=asked.prop.name, verdict=verdict, trail=tuple(trail))
    _show(verified, options["form"], options["output_file"])
    if verdict.reason == "interrupted":
        return _INTERRUPTED
    return 0 if verdict.status == "unsat" else 1


def _show(verified: Verified, form: str, output: Path | None) -> None:
    form = form if output is None else _ENDINGS[output.suffix]
    if form == "picture":
        from nonlin import pictures  # it loads matplotlib
        from nonlin.report.figures import image

        assert output is not None  # noqa: S101 - there is no picture without a file
        drawn = pictures.verdict(verified.verdict, trail=verified.trail)
        write_whole(output, image(drawn, output.suffix[1:]))
    else:
        text = _written(verified, form) + "\n"
        if output is None:
            click.echo(text, nl=False)
            return
        write_whole(output, text)
    click.echo(f"wrote {output}", err=True)
    click.echo(str(verified.verdict))


def _written(verified: Verified, form: str) -> str:
    if form == "json":
        return verified.verdict.to_json()
    return _page(verified) if form == "html" else verified_text(verified.verdict)


def _page(verified: Verified) -> str:
    from nonlin import pictures
    from nonlin.report.figures import embed

    if verified.verdict.ranges is None:
        return verified_page(verified, {})
    drawn = pictures.verdict(verified.verdict, trail=verified.trail)
    caption = "What each output can be over the property's inputs, proven"
    caption += "; and how far the search came." if len(drawn.axes) > 1 else "."
    return verified_page(verified, {caption: embed(drawn, "verdict", caption)})


def _figures(network: Network, options: dict[str, Any], told: Share) -> int:
    ends = [_end(word) for word in options["box"]]
    shared: dict[str, Any] = {
        "output": options["output"],
        "timeout": options["timeout"],
        "threads": options["threads"],
        "progress": told,
    }
    values = output_range(network, *ends, **shared)
    slope = None
    if values.reason != "interrupted":
        slope = lipschitz(network, *ends, norm=_NORMS[options["norm"]], **shared)
    if options["form"] == "json":
        steepest = None if slope is None else slope.to_dict()
        made = {"output": options["output"], "range": values.to_dict(), "lipschitz": steepest}
        click.echo(json.dumps(made, indent=2, allow_nan=False))
    else:
        click.echo(_intervals(options["output"], values, slope))
    if slope is None or slope.reason == "interrupted":
        return _INTERRUPTED
    return 0 if values.closed and slope.closed else 1


def _end(word: str) -> Any:
    try:
        return float(word)
    except ValueError:
        return next(iter(read_data(Path(word)).values()))


def _intervals(output: int, values: OutputRange, slope: Lipschitz | None) -> str:
    lines = [f"output {output} in the box; each figure lies in its interval, proven"]
    rows: list[tuple[str, tuple[float, float]]] = [
        ("least value", values.minimum),
        ("largest value", values.maximum),
    ]
    if slope is not None:
        rows.append((f"steepest slope, L{slope.norm:g}", slope.constant))
    lines += [f"{name:<20} {low:>14.8g} {high:>14.8g}" for name, (low, high) in rows]
    reasons = {result.reason for result in (values, slope) if result is not None} - {""}
    lines.append(f"not closed: {', '.join(sorted(reasons))}" if reasons else "all closed")
    return "\n".join(lines)
