"""Everything that is known about a function, as one finished result for reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

from nonlin.errors import InvalidInputError
from nonlin.functions.curve import Curve, sample
from nonlin.functions.linearity import Linearity, linearity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.functions.function import Function
    from nonlin.functions.moments import Moments
    from nonlin.functions.properties import Properties

__all__ = ["Description", "Row", "describe", "to_data"]

POINTS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Value and derivatives at a point; at a kink the declared ones."""

    x: float
    value: float
    slope: float
    curvature: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A function and what is derived from it; for a function of a whole vector only what the catalogue says.

    Args:
        function: itself.
        rows: at the points asked for.
        properties: with their status; None for a function of a vector, as are the next three.
        moments: under N(0, variance).
        linearity: the verdict with its counterexamples.
        curve: samples for a picture.
    """

    function: Function
    rows: tuple[Row, ...]
    properties: Properties | None
    moments: Moments | None
    linearity: Linearity | None
    curve: Curve | None


def describe(
    f: Function,
    *,
    at: Sequence[float] = POINTS,
    variance: float = 1.0,
    interval: tuple[float, float] | None = None,
) -> Description:
    """Derive everything about a function.

    Args:
        f: the function.
        at: finite points for the table of values.
        variance: of the pre-activation for the moments.
        interval: of the picture; None for one that shows the kinks.
    """
    if f.vector:
        return Description(function=f, rows=(), properties=None, moments=None, linearity=None, curve=None)
    if not all(isfinite(x) for x in at):
        raise InvalidInputError(f"expected finite points, got {list(at)}; leave out NaN and infinity")
    rows = tuple(
        Row(x=float(x), value=f(float(x)), slope=f.slope(float(x)), curvature=f.curvature(float(x)))
        for x in at
    )
    low, high = interval if interval is not None else (None, None)
    return Description(
        function=f,
        rows=rows,
        properties=f.properties,
        moments=f.moments(variance),
        linearity=linearity(f),
        curve=sample(f, low, high),
    )


def to_data(description: Description) -> dict[str, Any]:
    """Return a description as values that JSON has: NaN becomes None, ±inf the texts "inf" and "-inf".

    The samples of the picture are left out.
    """
    f = description.function
    data: dict[str, Any] = {
        "name": f.name,
        "label": f.label,
        "formula": f.formula,
        "parameters": dict(f.parameters),
        "vector": f.vector,
    }
    if f.entry is not None:
        entry = f.entry
        data |= {"aliases": entry.aliases, "paper": entry.paper, "year": entry.year, "note": entry.note}
    if not f.vector:
        parts = {name: getattr(description, name) for name in ("properties", "moments", "linearity")}
        data |= {"values": [asdict(row) for row in description.rows]}
        data |= {name: asdict(part) for name, part in parts.items() if part is not None}
    return {key: _plain(value) for key, value in data.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return None if isnan(value) else "inf" if value > 0 else "-inf"
    return value
