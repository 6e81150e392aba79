"""Everything that is known about a function, as one finished result for reports."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.functions.curve import Curve, held, sample, sample_vector
from nonlin.functions.linearity import Linearity, linearity
from nonlin.results import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.functions.function import Function
    from nonlin.functions.moments import Moments
    from nonlin.functions.properties import Properties
    from nonlin.functions.vector_properties import VectorProperties

__all__ = ["Description", "Row", "describe"]

POINTS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Value and derivatives at a point; at a kink the declared ones."""

    x: float
    value: float
    slope: float
    curvature: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Description(Result):
    """A function and what is derived from it.

    Args:
        function: itself.
        rows: at the points asked for; none for a function of a vector.
        properties: with their status.
        moments: under N(0, variance); None for a function of a vector, as are the next two.
        linearity: the verdict with its counterexamples.
        curve: samples for a picture.
        example: of a function of a vector, one argument and its value.
        outputs: of a function of a vector, each output while the last element of its argument moves.
    """

    function: Function
    rows: tuple[Row, ...]
    properties: Properties | VectorProperties
    moments: Moments | None = None
    linearity: Linearity | None = None
    curve: Curve | None = None
    example: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    outputs: tuple[Curve, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the description as values that JSON has: NaN becomes None, ±inf the texts "inf" and "-inf".

        Here infinity says something, such as the end of a range, and None that nothing is known. The samples of the
        picture are left out.
        """
        f = self.function
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
        if self.example is not None:
            data |= {"example": dict(zip(("argument", "value"), self.example, strict=True))}
        if self.rows:
            data |= {"values": [asdict(row) for row in self.rows]}
        parts = {name: getattr(self, name) for name in ("properties", "moments", "linearity")}
        data |= {name: asdict(part) for name, part in parts.items() if part is not None}
        return {key: _plain(value) for key, value in data.items()}

    def columns(self) -> dict[str, list[Any]]:
        """Return a row for each property; its value is JSON, as properties are of many types."""
        names = [field.name for field in fields(self.properties)]
        found = [getattr(self.properties, name) for name in names]
        return {
            "property": names,
            "value": [json.dumps(_plain(one.value), ensure_ascii=False) for one in found],
            **{key: [getattr(one, key) for one in found] for key in ("status", "error", "reason")},
        }


def describe(
    f: Function,
    *,
    at: Sequence[float] | None = None,
    variance: float = 1.0,
    interval: tuple[float, float] | None = None,
) -> Description:
    """Derive everything about a function.

    Args:
        f: the function.
        at: finite points for the table of values, or the elements of one argument for a function of a vector; None
            for some.
        variance: of the pre-activation for the moments.
        interval: of the picture; None for one that shows the kinks.
    """
    if at is not None and not all(isfinite(x) for x in at):
        raise InvalidInputError(f"expected finite points, got {list(at)}; leave out NaN and infinity")
    if f.vector:
        return _describe_vector(f, (*held(f), 2.0) if at is None else at, interval or (-4.0, 4.0))
    rows = tuple(
        Row(x=float(x), value=f(float(x)), slope=f.slope(float(x)), curvature=f.curvature(float(x)))
        for x in (POINTS if at is None else at)
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


def _describe_vector(f: Function, at: Sequence[float], interval: tuple[float, float]) -> Description:
    argument = np.array(at, np.float64)
    return Description(
        function=f,
        rows=(),
        properties=f.properties,
        example=(tuple(argument.tolist()), tuple(f(argument).tolist())),
        outputs=sample_vector(f, held(f), *interval),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return None if isnan(value) else "inf" if value > 0 else "-inf"
    return value
