"""A history as depth against time: one figure, one row a call, one column a watched step."""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError
from nonlin.inspection.watching.history import History, Record

__all__ = ["GRID_FIGURES", "Grid", "grid"]

GRID_FIGURES = {
    "dead": "share of dead units",
    "dead_lasting": "share of units dead on the last watched steps",
    "saturated": "share of saturated units",
    "linear": "share of live units that act linearly",
    "slope_mean": "mean slope, relative to the largest",
    "rms": "root mean square of the outputs",
    "gradient": "norm of the gradient",
}
"""What can be shown, in words."""

_SIZES = ("rms", "gradient")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Of one figure.

    Args:
        figure: a key of `GRID_FIGURES`.
        calls: the names of the rows, in the order of the forward pass.
        steps: of the columns, rising.
        values: shape (calls, steps); NaN where there is none.
        nonfinite: the same shape; where outputs were NaN or infinite, so that no share of the units is known.
    """

    figure: str
    calls: tuple[str, ...]
    steps: tuple[int, ...]
    values: npt.NDArray[np.float64]
    nonfinite: npt.NDArray[np.bool_]

    @property
    def logarithmic(self) -> bool:
        """Whether it is a size, to be seen in powers of ten, and no share."""
        return self.figure in _SIZES

    def columns(self, most: int) -> "Grid":
        """Return at most so many of the steps, evenly chosen, the last one always."""
        if len(self.steps) <= most:
            return self
        chosen = np.linspace(len(self.steps) - 1, 0, most).round().astype(int)[::-1]
        steps = tuple(self.steps[i] for i in chosen)
        return replace(self, steps=steps, values=self.values[:, chosen], nonfinite=self.nonfinite[:, chosen])


def grid(history: History, figure: str = "dead") -> Grid:
    """Return one figure of a history by call and step; calls without it are left out.

    Args:
        history: with at least one record.
        figure: a key of `GRID_FIGURES`.

    Raises:
        InvalidInputError: another figure, or a history without it.
    """
    if figure not in GRID_FIGURES:
        raise InvalidInputError(
            f"expected a figure to show, one of {', '.join(GRID_FIGURES)}; got {figure!r}"
        )
    found = {(r.call, r.step): _value(r, figure) for r in history}
    calls = [call for call in history.calls if any(found[c, s] is not None for c, s in found if c == call)]
    if not calls:
        raise InvalidInputError(
            f"expected a history that has {figure!r}, got {len(history)} records without it; choose another figure"
        )
    steps = sorted(set(history.steps))
    values = np.array([[_number(found.get((call, step))) for step in steps] for call in calls])
    lost = {(r.call, r.step) for r in history if not (isfinite(r.mean) and isfinite(r.rms))}
    nonfinite = np.array([[(call, step) in lost for step in steps] for call in calls])
    if figure not in _SIZES:
        values[nonfinite] = np.nan
    return Grid(figure=figure, calls=tuple(calls), steps=tuple(steps), values=values, nonfinite=nonfinite)


def _value(record: Record, figure: str) -> float | None:
    if figure == "gradient":
        # a norm, as in the inspection
        return None if record.gradient_rms is None else record.gradient_rms * record.values**0.5
    value: float | None = getattr(record, figure)
    return value


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
