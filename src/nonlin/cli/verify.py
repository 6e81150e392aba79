"""`nonlin verify`."""

import json
from pathlib import Path

import click

from nonlin.cli.output import progress
from nonlin.geometry.verification.verify import Verdict
from nonlin.geometry.verification.verify import verify as verify_property
from nonlin.networks import read

__all__ = ["verify"]

_PARTS = 1000


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("prop", metavar="PROPERTY", type=click.Path(path_type=Path))
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Seconds.")
@click.option(
    "--threads", type=int, default=None, help="How many work at once.  [default: one for each core]"
)
@click.option(
    "--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True, help="How."
)
def verify(model: Path, prop: Path, timeout: float, threads: int | None, form: str) -> int:
    """Prove that no input of MODEL meets the conditions of PROPERTY, a VNN-LIB file, or find one that does.

    MODEL is a piecewise linear ONNX network. Exit code 0: unsat, proven. 1: sat, with a counterexample, or unknown.
    """
    network = read(model)
    with progress("proving", f"of {_PARTS} parts") as report:
        verdict = verify_property(
            network,
            prop,
            timeout=timeout,
            threads=threads,
            model=model,
            progress=lambda share, _seconds: report(int(_PARTS * share), _PARTS),
        )
    click.echo(json.dumps(verdict.to_dict(), indent=2) if form == "json" else _text(verdict))
    return 0 if verdict.status == "unsat" else 1


def _text(verdict: Verdict) -> str:
    lines = [str(verdict)]
    if verdict.counterexample is not None and verdict.outputs is not None:
        lines += [f"X_{i} = {x!r}" for i, x in enumerate(verdict.counterexample.ravel().tolist())]
        lines += [f"Y_{i} = {y:.9g}" for i, y in enumerate(verdict.outputs.tolist())]
        also = {None: "not asked", True: "agrees", False: "differs, since it rounds more"}[verdict.runtime]
        lines.append(f"ONNX Runtime: {also}")
    return "\n".join(lines)
