"""The user's data once and for all as batches, with whatever the loss is taken against."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.inspection.data import as_array, batches_of
from nonlin.inspection.recording import Batch

__all__ = ["Material", "material"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Data to inspect and to train on.

    Args:
        batches: the inputs, with the labels where those are class numbers.
        targets: of each batch, what the loss is taken against; empty where there is nothing.
    """

    batches: tuple[Batch, ...]
    targets: tuple[Any, ...]

    def without_classes(self) -> "Material":
        """Return the same with labels that are for the loss alone."""
        return replace(self, batches=tuple(replace(batch, labels=None) for batch in self.batches))

    def items(self) -> list[Any]:
        """Return the batches as `inspect` takes them."""
        found = []
        for batch in self.batches:
            inputs = dict(batch.inputs) if len(batch.inputs) > 1 else next(iter(batch.inputs.values()))
            found.append(inputs if batch.labels is None else (inputs, batch.labels))
        return found


def material(data: Any, labels: Any, *, size: int) -> Material:
    """Return the data as batches, in the order in which it comes.

    Args:
        data: as for `nonlin.inspect`.
        labels: as for `nonlin.inspect`, or numbers or arrays for a loss of another kind.
        size: of a batch, where the data is not in batches.

    Raises:
        InvalidInputError: where the data is not such, or the labels are as many as something else.
    """
    if isinstance(data, Mapping) or hasattr(data, "shape"):
        batches = list(batches_of(data, size=size))
        targets = _cut(labels, [batch.size for batch in batches])
        own = [batch.labels for batch in batches if batch.labels is not None]
        return _together(batches, targets or own)
    if labels is not None or not isinstance(data, Iterable):
        return _together(list(batches_of(data, labels, size=size)), [])
    pairs = [_pair(item) for item in data]
    batches = list(batches_of([inputs for inputs, _ in pairs]))
    targets = [target for _, target in pairs if target is not None]
    if targets and len(targets) != len(batches):
        raise InvalidInputError("expected labels in every batch or in none, got some with and some without")
    return _together(batches, targets or [batch.labels for batch in batches if batch.labels is not None])


def _pair(item: Any) -> tuple[Any, Any]:
    return (item[0], item[1]) if isinstance(item, tuple | list) and len(item) == 2 else (item, None)


def _cut(labels: Any, sizes: list[int]) -> list[Any]:
    if labels is None:
        return []
    total = sum(sizes)
    if len(labels) != total:
        raise InvalidInputError(f"expected {total} labels, one a sample, got {len(labels)}; give as many")
    ends = np.cumsum([0, *sizes])
    return [labels[int(start) : int(stop)] for start, stop in itertools.pairwise(ends)]


def _together(batches: list[Batch], targets: list[Any]) -> Material:
    classes = [_classes(target) for target in targets]
    known = bool(classes) and all(array is not None for array in classes)
    return Material(
        batches=tuple(
            Batch(inputs=batch.inputs, labels=classes[i] if known else None, size=batch.size)
            for i, batch in enumerate(batches)
        ),
        targets=tuple(targets),
    )


def _classes(target: Any) -> Any:
    """Return class numbers, None for targets of another kind."""
    array = as_array(target)
    if array.ndim != 1 or array.dtype.kind not in "iu" or (array.size and array.min() < 0):
        return None
    return array.astype(np.int64)
