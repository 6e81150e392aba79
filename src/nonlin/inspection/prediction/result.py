"""The result of a prediction, as plain values."""

from dataclasses import dataclass
from math import inf, log10
from typing import Any, Literal

from nonlin.results import Result, columns_of, number, plain

__all__ = ["MEANING", "Confidence", "PredictedCall", "Prediction", "remarks", "table"]

MEANING = (
    "σ²w is the variance of the weights of the layer in front, times the number of inputs of a unit; σ²b is that of "
    "its biases. Length is the mean over units of the second moment of the pre-activation, mean that of its mean; "
    "length slope is the slope of the length map. The gradient is over that at the last call that is covered."
)
"""What the columns of a table are."""

Confidence = Literal["stable", "unstable", "not covered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedCall:
    """One call of an activation, predicted.

    Args:
        name: where it stands in the network.
        function: the activation, with its parameters.
        length: the mean over units of the second moment of the pre-activation; None where it is not covered, as
            the next five.
        mean: the mean over units of the pre-activation's mean.
        length_slope: of the length map, d log E[f²] / d log q; at a fixed point without a bias it is dQ/dq.
        stretch: by how much a relative error of the input's second moment is multiplied on the way to here.
        gradient: the root mean square norm of the gradient with respect to the output, over that at the last covered
            call.
        measured: the same, measured; None where it was not given.
        decades: log10(gradient / measured).
        measured_length: the length, measured; None where it was not given.
        layer: the dense layer or convolution in front, scales and reshapes between; None behind a sum of branches, or
            where there is none, as the next two.
        weight_variance: σ²w, the variance of its weights times the number of inputs of a unit.
        bias_variance: σ²b, the variance of its biases, 0 without any.
        confidence: "unstable" where stretch is above 1.2; "not covered" behind an operator without a recursion.
    """

    name: str
    function: str
    length: float | None
    mean: float | None
    length_slope: float | None
    stretch: float | None
    gradient: float | None
    measured: float | None
    decades: float | None
    confidence: Confidence
    measured_length: float | None = None
    layer: str | None = None
    weight_variance: float | None = None
    bias_variance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction(Result):
    """Lengths and gradients of a network, from its weights alone.

    Args:
        model: what was predicted.
        calls: every call of an activation, in the order of the network.
        uncovered: what the recursion does not cover, each with its node; it was predicted up to there.
        correction: the decades by which the spread of lengths changes the gradient at the first covered call.
    """

    model: str
    calls: tuple[PredictedCall, ...]
    uncovered: tuple[str, ...]
    correction: float

    @property
    def decades(self) -> float | None:
        """log10 of the gradient at the first call over that at the last covered one; None where none is covered."""
        first = next((call.gradient for call in self.calls if call.gradient is not None), None)
        if first is None:
            return None
        return log10(first) if first > 0 else -inf

    def __str__(self) -> str:
        rows = table(self)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(w) if i in (0, 1, len(row) - 1) else cell.rjust(w)
                for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([self.model, *lines, *remarks(self)])

    def to_dict(self) -> dict[str, Any]:
        """Return the result as values that JSON has; NaN and infinite numbers become None."""
        return {"schema": 1, **plain(self)}

    def columns(self) -> dict[str, list[Any]]:
        """Return one list a figure, one entry a call, as data frames take it."""
        return columns_of(PredictedCall, self.calls)


_COLUMNS = {
    "call": "name",
    "function": "function",
    "σ²w": "weight_variance",
    "σ²b": "bias_variance",
    "length": "length",
    "measured length": "measured_length",
    "mean": "mean",
    "length slope": "length_slope",
    "gradient": "gradient",
    "measured gradient": "measured",
    "decades off": "decades",
    "confidence": "confidence",
}
"""All but the layer, which a call's name tells, and the stretch, which the confidence does."""

_OF_MEASUREMENT = ("measured_length", "measured", "decades")
_TWO_DIGITS = ("bias_variance", "mean")


def table(prediction: Prediction) -> list[tuple[str, ...]]:
    """Return the table of a prediction: the names of its columns, and a row a call; nothing is "–".

    Where nothing was measured, the columns of what was are left out.
    """
    empty = [of for of in _OF_MEASUREMENT if all(getattr(call, of) is None for call in prediction.calls)]
    columns = {head: of for head, of in _COLUMNS.items() if of not in empty}
    return [tuple(columns), *(tuple(_cell(call, of) for of in columns.values()) for call in prediction.calls)]


def remarks(prediction: Prediction) -> list[str]:
    """Return what is to be said below the table: what "unstable" means where it is there, and what is not covered."""
    unstable = any(call.confidence == "unstable" for call in prediction.calls)
    said = [
        "unstable: the length map makes an error of the inputs' variance grow by more than a fifth up to there"
    ]
    return [*(said if unstable else []), *(f"not covered: {name}" for name in prediction.uncovered)]


def _cell(call: PredictedCall, of: str) -> str:
    value = getattr(call, of)
    if value is None or isinstance(value, str):
        return value or "–"
    return (
        f"{value:+.2f}".replace("-", "−") if of == "decades" else number(value, 2 if of in _TWO_DIGITS else 3)
    )
