"""`nonlin simplify`."""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from nonlin.cli.loading import load
from nonlin.cli.output import screen
from nonlin.errors import InvalidInputError
from nonlin.files import check_writable
from nonlin.inspection.data import read_data
from nonlin.networks.write import write
from nonlin.report.simplification import print_agreement, print_simplification
from nonlin.results import plain
from nonlin.simplification import read_box, verify
from nonlin.simplification import simplify as run

__all__ = ["simplify"]


@click.command()
@click.argument("model")
@click.argument("other", required=False)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write the result: .onnx or .pt2.")
@click.option(
    "--over", type=(float, float), metavar="LOW HIGH", help="It shall hold for inputs in this box only."
)
@click.option(
    "--box", type=click.Path(path_type=Path), help="The same for each input by name: a .json or .npz file."
)
@click.option("--data", help="Inputs to check on too: .npy, .npz, .csv or package.module:function.")
@click.option(
    "--remove-silent",
    is_flag=True,
    help="Also remove units that are silent on all of --data: that is NOT PROVEN.",
)
@click.option(
    "--effort",
    type=click.Choice(["interval", "linear", "exact"]),
    default="linear",
    show_default=True,
    help="How the box is bounded: by intervals, then by linear functions of the input, then by exact "
    "(mixed-integer) bounds.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="For exact bounds at most.",
)
@click.option(
    "--own-rounding",
    is_flag=True,
    help="Allow float32 differences above 1e-5 where the network's own rounding is larger, up to four times of it.",
)
@click.option("--verify", "verifying", is_flag=True, help="Compare MODEL with OTHER instead; write nothing.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to report.")
@click.option("--no-time", is_flag=True, help="Leave the measured time out of the text.")
def simplify(model: str, other: str | None, **options: Any) -> int:
    """Remove what a network does not need, and prove that nothing changed.

    MODEL is an ONNX file, or package.module:function that returns a torch.nn.Module (then give --data). It is never
    overwritten. The result is checked against it before it is written.

    \b
    Exit code: 0 done, also where nothing could go; 1 with --verify where the networks differ; 2 wrong use or wrong
    input, or nothing could be checked.
    """  # noqa: D301 - \b is click's sign for "do not wrap"
    output = options["output"]
    _check(model, other, output, options)
    over = options["over"] if options["box"] is None else read_box(options["box"])
    with redirect_stdout(sys.stderr):  # what the user's code prints is no part of the report
        data = None if options["data"] is None else _data(options["data"])
        subject = load(model, what="model")
        if options["verifying"]:
            agreement = verify(
                subject,
                load(str(other), what="model"),
                over=over,
                data=data,
                own_rounding=options["own_rounding"],
            )
        else:
            result = run(
                subject,
                over=over,
                data=data,
                silent=options["remove_silent"],
                effort=options["effort"],
                seconds=options["seconds"],
                own_rounding=options["own_rounding"],
            )
    if options["verifying"]:
        if options["form"] == "json":
            click.echo(json.dumps({**plain(agreement), "holds": agreement.holds}, indent=2))
        else:
            print_agreement(agreement, screen())
            click.echo("they agree" if agreement.holds else "THEY DIFFER")
        return int(not agreement.holds)
    if options["form"] == "json":
        click.echo(result.to_json())
    else:
        print_simplification(result, screen(), timed=not options["no_time"])
    if output is not None:
        write(result.network, output)
        click.echo(f"wrote {output}", err=True)
    return 0


def _check(model: str, other: str | None, output: Path | None, options: dict[str, Any]) -> None:
    if options["verifying"] != (other is not None):
        raise InvalidInputError(
            "expected two models with --verify, and one without, got others; write nonlin simplify --verify A B"
        )
    if options["over"] is not None and options["box"] is not None:
        raise InvalidInputError("expected --over or --box, got both; leave one out")
    if output is None:
        return
    if options["verifying"]:
        raise InvalidInputError("expected no --output with --verify, which writes nothing; leave it out")
    if output.suffix not in (".onnx", ".pt2"):
        raise InvalidInputError(f"expected --output to end in .onnx or .pt2, got {output}; name such a file")
    check_writable(output)
    if output.exists() and Path(model).exists() and output.samefile(model):
        raise InvalidInputError(f"expected another file than the model, got {output} twice; name a new one")


def _data(word: str) -> Any:
    found = load(word, what="data")
    return read_data(found) if isinstance(found, Path) else found
