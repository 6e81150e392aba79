"""What the weights predict: beside what was measured, in the terminal; and alone, as a page."""

from collections.abc import Collection, Mapping

from markupsafe import Markup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nonlin.inspection import Prediction
from nonlin.inspection.prediction.result import MEANING, remarks, table
from nonlin.report.fitting import fitted
from nonlin.report.html import environment
from nonlin.results import number

__all__ = ["predicted_page", "predicted_text", "print_prediction"]

_DISPENSABLE = ("function", "mean", "σ²b", "σ²w", "length slope")
"""The columns that a narrow terminal does without, the first of them first."""


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
    columns, *rows = table(prediction)
    return (
        environment()
        .get_template("question.html.jinja")
        .render(
            title=prediction.model,
            kind=f"Predicted from the weights, for inputs that are {inputs}",
            headline=_headline(prediction),
            heading="The calls",
            columns=columns,
            rows=rows,
            sentences=[MEANING, *(f"{remark[0].upper()}{remark[1:]}." for remark in remarks(prediction))],
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
        f"{number(round(prediction.decades or 0.0, 2) + 0.0)} decades"
    )


def print_prediction(prediction: Prediction, console: Console) -> None:
    """Print a table of one row a call, and what is not covered."""
    console.print(
        Text.assemble(("Predicted  ", "bold"), "from the weights, and the inputs' mean and variance")
    )
    if prediction.calls:
        made, left_out = fitted(lambda without: _table(prediction, without), _DISPENSABLE, console)
        console.print(made)
        if left_out:
            console.print(f"left out for want of width: {', '.join(left_out)}", style="dim")
    for remark in remarks(prediction):
        console.print(Text(remark, style="dim"))
    console.print()


def _table(prediction: Prediction, without: Collection[str]) -> Table:
    made = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    columns, *rows = table(prediction)
    for name, *cells in zip(columns, *rows, strict=True):
        if name not in without:
            left = name in ("call", "function", "confidence")
            head = name.replace(" ", "\n")
            longest = max(map(len, [*name.split(), *cells]))
            if name == "call":
                made.add_column(head, overflow="fold", min_width=min(longest, 20))
            else:
                made.add_column(head, justify="left" if left else "right", no_wrap=True, min_width=longest)
    for row in rows:
        made.add_row(*(Text(cell) for name, cell in zip(columns, row, strict=True) if name not in without))
    return made
