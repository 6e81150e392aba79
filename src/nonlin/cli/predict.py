"""`nonlin predict`."""

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from nonlin import demonstration
from nonlin.cli.loading import load
from nonlin.cli.output import check_output_file
from nonlin.errors import InvalidInputError
from nonlin.files import write_whole
from nonlin.inspection import Prediction
from nonlin.inspection import predict as predict_network
from nonlin.inspection.data import as_array, batches_of, read_data
from nonlin.inspection.inspect import shaped
from nonlin.inspection.model import Model, TorchModel, open_model
from nonlin.inspection.predicting import input_moments
from nonlin.networks import Network, read
from nonlin.report.predicted import predicted_page, predicted_text

__all__ = ["predict"]

_ENDINGS = {
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".txt": "text",
    ".png": "picture",
    ".svg": "picture",
    ".pdf": "picture",
}
_SAMPLES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    """What is assumed of the inputs, as `predict` takes it, and in words."""

    moments: dict[str, Any] = field(default_factory=dict)
    words: str = "independent and standard normal"


@click.command()
@click.argument("model", required=False)
@click.option(
    "--data",
    metavar="DATA",
    help="Take the inputs' mean and variance, entry by entry, from samples: an .npy, .npz or .csv file, or "
    "package.module:function.",
)
@click.option("--input-mean", type=float, help="Of every entry of the inputs.  [default: 0]")
@click.option("--input-variance", type=float, help="Of every entry of the inputs.  [default: 1]")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Write a page (.html), a picture (.png, .svg, .pdf), .json or .txt.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "html")),
    default="text",
    show_default=True,
    help="How to report where there is no --output.",
)
def predict(model: str | None, data: str | None, **options: Any) -> None:
    """Predict the length of every pre-activation and the gradient at every call, from the weights alone.

    MODEL is an ONNX file, a .pt2 program, or package.module:function that returns a torch.nn.Module, whose input's
    shape --data tells. Without MODEL, the demonstration is predicted.
    """
    output: Path | None = options["output"]
    check_output_file(output, _ENDINGS)
    with redirect_stdout(sys.stderr):  # what the user's code prints is no part of the report
        network, inputs = _read(model, data, options)
        made = predict_network(network, **inputs.moments)
    form = options["form"] if output is None else _ENDINGS[output.suffix]
    text = _picture(made, output) if form == "picture" else _written(made, inputs, form) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        write_whole(output, text)
        click.echo(f"wrote {output}", err=True)
    if model is None and output is None and form == "text":
        click.echo(
            "\nThis was the demonstration. Yours: nonlin predict MODEL --data DATA (nonlin predict --help)"
        )


def _read(model: str | None, data: str | None, options: dict[str, Any]) -> tuple[Network, _Inputs]:
    numbers = {name: options[name] for name in ("input_mean", "input_variance") if options[name] is not None}
    if data is not None and (model is None or numbers):
        wanted = "a model for the data" if model is None else "--data, or --input-mean and --input-variance"
        got = "--data alone; name the model first" if model is None else "both; leave one of them out"
        raise InvalidInputError(f"expected {wanted}, got {got}")
    if model is None:
        model = str(demonstration.model_path())
        data = None if numbers else str(demonstration.data_path())
    loaded = load(model, what="model")
    if data is not None:
        return _with_data(loaded, data)
    if not isinstance(loaded, Path) and isinstance(open_model(loaded), TorchModel):
        raise InvalidInputError(
            f"expected --data to learn the shape of the input of {model}, got none; add --data file.npy"
        )
    network = _network(loaded)
    if not numbers:
        return network, _Inputs()
    mean, variance = numbers.get("input_mean", 0.0), numbers.get("input_variance", 1.0)
    words = f"independent and normal, mean {mean:g}, variance {variance:g}"
    return network, _Inputs(moments=numbers, words=words)


def _network(loaded: Any, example: npt.NDArray[Any] | None = None) -> Network:
    """Return the network; a file knows its own shape."""
    return read(loaded) if isinstance(loaded, Path) else read(loaded, example)


def _with_data(loaded: Any, data: str) -> tuple[Network, _Inputs]:
    samples = _samples(data, open_model(loaded))
    inputs = _Inputs(
        moments=input_moments(samples),
        words=f"independent, with the means and variances of {len(samples):,} samples",
    )
    return _network(loaded, samples[:1]), inputs


def _samples(word: str, opened: Model) -> npt.NDArray[Any]:
    """Return the first samples of the data."""
    loaded = load(word, what="data")
    data = shaped(read_data(loaded), opened) if isinstance(loaded, Path) else loaded
    found: list[npt.NDArray[Any]] = []
    for batch in islice(batches_of(data, size=_SAMPLES), _SAMPLES):
        if len(batch.inputs) != 1:
            raise InvalidInputError(
                f"expected samples of one input, got {', '.join(batch.inputs)}; leave --data out, or name one array"
            )
        found.append(as_array(next(iter(batch.inputs.values()))))
        if sum(map(len, found)) >= _SAMPLES:
            break
    if len({array.shape[1:] for array in found}) != 1:
        raise InvalidInputError("expected samples of one shape, got several; cut or pad them")
    return np.concatenate(found)[:_SAMPLES]


def _written(made: Prediction, inputs: _Inputs, form: str) -> str:
    if form == "json":
        return made.to_json()
    if form == "text":
        return predicted_text(made, inputs.words)
    if not any(call.length is not None for call in made.calls):
        return predicted_page(made, inputs.words, {})
    from nonlin import pictures  # it loads matplotlib
    from nonlin.report.figures import embed

    caption = "Length and gradient at every call, predicted; both axes are logarithmic."
    return predicted_page(
        made, inputs.words, {caption: embed(pictures.prediction(made), "prediction", caption)}
    )


def _picture(made: Prediction, output: Path | None) -> bytes:
    from nonlin import pictures
    from nonlin.report.figures import image

    assert output is not None  # noqa: S101 - there is no picture without a file
    return image(pictures.prediction(made), output.suffix[1:])
