"""What the weights predict beside what was measured, in the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nonlin.inspection import PredictedCall, Prediction

__all__ = ["print_prediction"]

_COLUMNS = (
    "call",
    "length",
    "predicted",
    "gradient / last",
    "predicted",
    "decades off",
    "confidence",
)


def print_prediction(prediction: Prediction, console: Console) -> None:
    """Print a table of one row a call, and what is not covered."""
    console.print(
        Text.assemble(("Predicted  ", "bold"), "from the weights, and the inputs' mean and variance")
    )
    if prediction.calls:
        table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
        for i, name in enumerate(_COLUMNS):
            left = i in (0, len(_COLUMNS) - 1)
            table.add_column(name, justify="left" if left else "right", overflow="fold")
        for call in prediction.calls:
            table.add_row(*(Text(cell) for cell in _row(call)))
        console.print(table)
    if any(call.confidence == "unstable" for call in prediction.calls):
        console.print(
            "unstable: the length map makes an error of the inputs' variance grow by more than a fifth up to there",
            style="dim",
        )
    for name in prediction.uncovered:
        console.print(Text(f"not covered: {name}", style="dim"))
    console.print()


def _row(call: PredictedCall) -> tuple[str, ...]:
    return (
        call.name,
        _number(call.measured_length, ".3g"),
        _number(call.length, ".3g"),
        _number(call.measured, ".2e"),
        _number(call.gradient, ".2e"),
        _number(call.decades, "+.2f"),
        call.confidence,
    )


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
