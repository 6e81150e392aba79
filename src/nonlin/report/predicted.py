"""What the weights predict: beside what was measured, in the terminal; and alone, as a page."""

from collections.abc import Mapping

from markupsafe import Markup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nonlin.inspection import Prediction
from nonlin.inspection.prediction.result import UNSTABLE, cells
from nonlin.report.html import environment
from nonlin.results import number

__all__ = ["predicted_page", "predicted_text", "print_prediction"]

_BESIDE = (
    ("call", "name"),
    ("length", "measured_length"),
    ("predicted", "length"),
    ("gradient / last", "measured"),
    ("predicted", "gradient"),
    ("decades off", "decades"),
    ("confidence", "confidence"),
)
_ALONE = {
    "call": "name",
    "function": "function",
    "σ²w": "weight_variance",
    "σ²b": "bias_variance",
    "length": "length",
    "mean": "mean",
    "gradient / last": "gradient",
    "confidence": "confidence",
}
_WEIGHTS = (
    "σ²w is the variance of the weights of the layer in front, times the number of inputs of a unit; σ²b that of its "
    "biases."
)
_LENGTHS = (
    "Length is the mean over units of the second moment of the pre-activation, mean that of its mean; the gradient is "
    "over that at the last call that is covered."
)


def predicted_text(prediction: Prediction, inputs: str) -> str:
    """Return the table of a prediction, what was assumed of the inputs, in words, and what becomes of the gradient."""
    return f"{prediction}\n\nFor inputs that are {inputs}.\n{_headline(prediction)}."


def predicted_page(prediction: Prediction, inputs: str, pictures: Mapping[str, Markup]) -> str:
    """Return a page that needs no other file.

    Args:
        prediction: what was found.
        inputs: what was assumed of the inputs, in words.
        pictures: each <svg> element with its caption.
    """
    unstable = any(call.confidence == "unstable" for call in prediction.calls)
    return (
        environment()
        .get_template("question.html.jinja")
        .render(
            title=prediction.model,
            kind=f"Predicted from the weights, for inputs that are {inputs}",
            headline=_headline(prediction),
            heading="The calls",
            columns=tuple(_ALONE),
            rows=[cells(call, _ALONE.values()) for call in prediction.calls],
            sentences=[
                _WEIGHTS,
                _LENGTHS,
                *([f"{UNSTABLE.capitalize()}."] if unstable else []),
                *(f"Not covered: {name}." for name in prediction.uncovered),
            ],
            pictures=pictures,
        )
    )


def _headline(prediction: Prediction) -> str:
    covered = [call for call in prediction.calls if call.gradient is not None]
    if not covered:
        return "No call is covered, so that nothing is predicted"
    first, last = covered[0], covered[-1]
    if first is last:
        return f"Only '{first.name}' is covered, so that no gradient is compared"
    if not first.gradient:
        return f"No gradient is predicted to reach {first.name}"
    return (
        f"The gradient at {first.name} is predicted to be {number(first.gradient)} times that at {last.name}, "
        f"{round(prediction.decades or 0.0, 2) + 0.0:.2f} decades"
    )


def print_prediction(prediction: Prediction, console: Console) -> None:
    """Print a table of one row a call, and what is not covered."""
    console.print(
        Text.assemble(("Predicted  ", "bold"), "from the weights, and the inputs' mean and variance")
    )
    if prediction.calls:
        table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
        for head, of in _BESIDE:
            left = of in ("name", "confidence")
            table.add_column(head, justify="left" if left else "right", overflow="fold")
        for call in prediction.calls:
            table.add_row(*map(Text, cells(call, (of for _, of in _BESIDE))))
        console.print(table)
    if any(call.confidence == "unstable" for call in prediction.calls):
        console.print(UNSTABLE, style="dim")
    for name in prediction.uncovered:
        console.print(Text(f"not covered: {name}", style="dim"))
    console.print()
