"""`nonlin explore`."""

import tempfile
import webbrowser
from pathlib import Path

import click

from nonlin.cli.loading import load
from nonlin.errors import InvalidInputError
from nonlin.explore import demonstrated, embedded, page
from nonlin.report import write_whole

__all__ = ["explore"]


@click.command()
@click.argument("model", required=False)
@click.option("--data", metavar="DATA", help="An .npy, .npz or .csv file, or package.module:function.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Write the page into this .html file instead of opening it.",
)
@click.option(
    "--language", type=click.Choice(("en", "zh")), default="en", show_default=True, help="To open it in."
)
def explore(model: str | None, data: str | None, output: Path | None, language: str) -> None:
    """Open a page on which weights are dragged and ReLU networks fold lines and planes; also yours.

    MODEL is an ONNX file, or package.module:function that returns a PyTorch module; its panel shows the plane through
    three samples of DATA, without it of random numbers. Without MODEL that panel shows the network that nonlin ships.
    The page is one file, works offline, and sends nothing.
    """
    if model is None and data is not None:
        raise InvalidInputError("expected MODEL with --data, got --data alone; give both")
    if output is not None and output.suffix not in (".html", ".htm"):
        raise InvalidInputError(f"expected --output to end in .html, got {output}; rename it")
    if model is None:
        network = demonstrated()
    else:
        network = embedded(load(model, what="model"), None if data is None else load(data, what="data"))
    text = page(network, language="zh" if language == "zh" else "en")
    if output is not None:
        write_whole(output, text)
        click.echo(f"wrote {output}", err=True)
        return
    place = Path(tempfile.mkdtemp(prefix="nonlin-")) / "explore.html"
    place.write_text(text, encoding="utf-8")
    if not webbrowser.open(place.as_uri()):
        click.echo(f"no browser was found; open {place}", err=True)
