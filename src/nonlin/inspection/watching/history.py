"""The history of a training run: one record for each watched step and call."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

from nonlin.results import Result, columns_of

__all__ = ["History", "Record"]

_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What one call did on one watched step.

    Args:
        step: the number of the forward pass in training, from 0.
        call: its name.
        function: the activation, with its parameters.
        units: how many units it has.
        samples: how many samples of the batch the extremes are of, and with them dead and linear.
        dead: the share of units whose relative slope was never above a thousandth in this batch; None for a function
            of a whole vector (softmax), which has no slope of one number; so for the next three.
        dead_lasting: the share of units that were dead on this and each of the watched steps just before it, as many
            as `lasting_steps` says.
        lasting_steps: over how many watched steps, this one included: 10, or fewer at the beginning.
        saturated: the share of units with over half of their values on a flat part of the function that is not its
            resting state; from a sample of 64 values a unit.
        linear: the share of live units whose relative slope was constant in this batch.
        slope_mean: the mean of the slope relative to the function's largest, from at most 4096 values; None where
            there is no slope of one number, or a learnt one a unit.
        mean: of all outputs; NaN where one of them is.
        rms: the root mean square of the outputs, from about 16,384 of them where there are more than twice as many.
        gradient_rms: the root mean square of the entries of the gradient of the user's own loss with respect to the
            outputs, from as many; None where none came.
        values: the number of outputs.
    """

    step: int
    call: str
    function: str
    units: int
    samples: int
    dead: float | None
    dead_lasting: float | None
    lasting_steps: int
    saturated: float | None
    linear: float | None
    slope_mean: float | None
    mean: float
    rms: float
    gradient_rms: float | None
    values: int

    def to_dict(self) -> dict[str, Any]:
        """Return the record as values that JSON has; NaN and the infinities become the words nan, inf and -inf."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


class History(Sequence[Record], Result):
    """The records of a run, in the order of the steps and, in each, of the forward pass."""

    __slots__ = ("_records",)

    def __init__(self, records: Iterable[Record] = ()) -> None:
        """Hold these records."""
        self._records = tuple(records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> "History": ...
    def __getitem__(self, index: int | slice) -> "Record | History":
        return History(self._records[index]) if isinstance(index, slice) else self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self._records == other._records

    def __hash__(self) -> int:
        return hash(self._records)

    def __repr__(self) -> str:
        return f"<History: {len(self)} records of {len(self.calls)} calls on {len(self.steps)} steps>"

    @property
    def calls(self) -> tuple[str, ...]:
        """The names of the calls, in the order in which they first came."""
        return tuple(dict.fromkeys(record.call for record in self._records))

    @property
    def steps(self) -> tuple[int, ...]:
        """The watched steps, in the order in which they came."""
        return tuple(dict.fromkeys(record.step for record in self._records))

    def of(self, call: str) -> "History":
        """Return the records of one call."""
        return History(record for record in self._records if record.call == call)

    def columns(self) -> dict[str, list[Any]]:
        """Return one list a field, as the data frames of any library take it."""
        return columns_of(Record, self._records)

    def to_dict(self) -> dict[str, Any]:
        """Return the history as values that JSON has."""
        return {"schema": _SCHEMA, "records": [record.to_dict() for record in self._records]}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
