"""`nonlin verify`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from nonlin.cli.output import progress
from nonlin.errors import InvalidInputError
from nonlin.geometry import Lipschitz, OutputRange, Verdict, lipschitz, output_range
from nonlin.geometry import verify as verify_property
from nonlin.inspection.data import read_data
from nonlin.networks import Network, read

__all__ = ["verify"]

_PARTS = 1000
_INTERRUPTED = 130
_LISTED = 32
"""Inputs of a counterexample that are listed in text."""
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
    "--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True, help="How."
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
    network = read(model)
    with progress("proving", f"of {_PARTS} parts") as report:

        def told(share: float, _seconds: float) -> None:
            report(int(_PARTS * share), _PARTS)

        if prop is not None:
            return _verdict(model, network, prop, options, told)
        return _figures(network, options, told)


def _verdict(model: Path, network: Network, prop: Path, options: dict[str, Any], told: Share) -> int:
    verdict = verify_property(
        network,
        prop,
        timeout=options["timeout"],
        threads=options["threads"],
        model=model if model.suffix == ".onnx" else None,
        progress=told,
    )
    click.echo(verdict.to_json() if options["form"] == "json" else _text(verdict))
    if verdict.reason == "interrupted":
        return _INTERRUPTED
    return 0 if verdict.status == "unsat" else 1


def _text(verdict: Verdict) -> str:
    lines = [str(verdict)]
    if verdict.counterexample is not None and verdict.outputs is not None:
        inputs = verdict.counterexample.ravel().tolist()
        lines += [f"X_{i} = {x!r}" for i, x in enumerate(inputs[:_LISTED])]
        if len(inputs) > _LISTED:
            lines.append(f"… {len(inputs) - _LISTED:,} more inputs: --format json has all")
        lines += [f"Y_{i} = {y:.9g}" for i, y in enumerate(verdict.outputs.tolist())]
        also = {None: "not asked", True: "agrees", False: "differs, since it rounds more"}[verdict.runtime]
        lines.append(f"ONNX Runtime: {also}")
    low, high = verdict.margin
    if verdict.status == "unknown" and np.isfinite(high):
        lines.append(f"No input meets every condition by more than {high:.6g}.")
    if verdict.status == "unknown" and np.isfinite(low):
        lines.append(f"The best one found misses the tightest by {-low:.6g}.")
    return "\n".join(lines)


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
