"""From tensors of a call to its statistics: NumPy arrays with the batch in front, and the relative slope."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from nonlin.errors import InvalidInputError
from nonlin.inspection.accumulation import CallGathering
from nonlin.inspection.slopes import relative_slope
from nonlin.inspection.statistics import merge
from nonlin.inspection.torch.axes import default_axis
from nonlin.inspection.torch.fate import role_of

if TYPE_CHECKING:
    from nonlin.inspection.recording import CallSite, RecordedCall
    from nonlin.inspection.statistics import Slope
    from nonlin.inspection.torch.fate import Fate
    from nonlin.inspection.torch.lineage import Value

__all__ = ["CallSink", "Calls", "Squares", "measure_call", "unit_axis", "watch_gradient"]

Array = npt.NDArray[Any]
Squares = list[torch.Tensor]

_ROWS = 32
"""The least number of rows whose squares are added up apart, where a tensor has as many."""


@dataclass(slots=True, kw_only=True)
class _Seen:
    """A call of this forward pass."""

    label: str
    step: int
    gathering: CallGathering
    squares: Squares
    fate: Fate | None = None


class CallSink(Protocol):
    """What is told of each call of a forward pass: to measure it in full, or lean while training."""

    def report(self, site: CallSite, pre: Value, output: Value, *, size: int) -> None:
        """Take a call; `size` is the number of samples."""


class Calls:
    """The calls of one forward pass, and of all of them so far."""

    def __init__(self) -> None:
        """Begin with no calls."""
        self._seen: list[_Seen] = []
        self._all: dict[str, CallGathering] = {}

    def add(
        self, place: tuple[str, int], gathering: CallGathering, squares: Squares, fate: Fate | None = None
    ) -> None:
        """Add a call of this forward pass; its gradient, and what its output is for, may still come.

        Args:
            place: its label and its step.
            gathering: its statistics.
            squares: where its gradient comes.
            fate: what becomes of its output; None where its role is known.
        """
        label, step = place
        self._seen.append(_Seen(label=label, step=step, gathering=gathering, squares=squares, fate=fate))

    def report(self, site: CallSite, pre: Value, output: Value, *, size: int) -> None:
        """Measure a call in full."""
        slopes = output.candidate.slopes if output.candidate is not None else None
        gathering = measure_call(site, pre.tensor, output.tensor, slopes=slopes, size=size)
        squares = output.squares if output.squares is not None else watch_gradient(output.tensor)
        place = output.place.label(site.function.name), output.place.step
        self.add(place, gathering, squares, output.fate)

    def forget(self) -> None:
        """Forget this forward pass."""
        self._seen.clear()

    def settle(self, samples: int) -> None:
        """End both passes over so many samples: name the calls in order, add them to those before."""
        times: dict[str, int] = {}
        for seen in sorted(self._seen, key=lambda seen: seen.step):
            times[seen.label] = times.get(seen.label, 0) + 1
            name = seen.label if times[seen.label] == 1 else f"{seen.label}#{times[seen.label]}"
            if seen.squares:
                seen.gathering.add_gradient(sum(float(norm) ** 2 for norm in seen.squares), samples)
            if seen.fate is not None:
                seen.gathering.site = replace(seen.gathering.site, role=role_of(seen.fate))
            self._add(name, seen.gathering)
        self._seen.clear()

    def finish(self) -> tuple[RecordedCall, ...]:
        """Return what was recorded, in the order of the forward pass."""
        return tuple(gathering.finish() for gathering in self._all.values())

    def _add(self, name: str, new: CallGathering) -> None:
        old = self._all.get(name)
        if new.statistics is None:
            if old is not None:
                old.add_gradient(new.gradient_squares, new.gradient_samples)
            return
        if old is None:
            new.site = replace(new.site, name=name)
            self._all[name] = new
            return
        assert old.statistics is not None  # noqa: S101 - only what has some is kept
        if old.statistics.units != new.statistics.units:
            counts = [s.units for s in (old.statistics, new.statistics)]
            raise InvalidInputError(
                f"expected the same number of units of the call {name!r} in every batch, got {counts}; "
                "give batches of one shape",
            )
        old.statistics = merge(old.statistics, new.statistics)
        old.add_spread(new.spread)
        old.shape = new.shape
        old.values.extend(new.values)
        old.add_gradient(new.gradient_squares, new.gradient_samples)


def measure_call(
    site: CallSite, pre: torch.Tensor, output: torch.Tensor, *, slopes: Any = None, size: int
) -> CallGathering:
    """Measure a call of one batch.

    Args:
        site: with the axis of the units in `pre`, counted from 0.
        pre: the pre-activation; batch axis first, or second where the first has another size.
        output: the same shape.
        slopes: of a PReLU for negative values, or None.
        size: the number of samples in the batch.
    """
    u, axis = _arranged(_array(pre), site.unit_axis, size)
    y, _ = _arranged(_array(output), site.unit_axis, size)
    gathering = CallGathering(site=replace(site, unit_axis=axis))
    learned = None if slopes is None else _learned_slope(slopes, u, axis)
    gathering.add(u, y, learned or relative_slope(site.function, u))
    return gathering


def watch_gradient(output: torch.Tensor, squares: Squares | None = None) -> Squares:
    """Return a list, new or the one given, to which the backward pass will add the gradient's norm at a tensor."""
    squares = [] if squares is None else squares
    if output.requires_grad:

        def gather(gradient: torch.Tensor) -> None:
            squares.append(_norm(gradient.detach()))

        output.register_hook(gather)
    return squares


def _norm(gradient: torch.Tensor) -> torch.Tensor:
    """Return the Euclidean norm, shape (), of a tensor of any shape, from those of its rows.

    PyTorch adds up float32 squares one by one: of ten million in one row the sum loses its fourth digit.
    """
    wide = torch.float64 if gradient.dtype == torch.float64 else torch.float32
    leading, rows = 0, 1
    while rows < _ROWS and leading < gradient.dim():
        rows *= gradient.shape[leading]
        leading += 1
    if leading < gradient.dim():
        across = tuple(range(leading, gradient.dim()))
        gradient = torch.linalg.vector_norm(gradient, dim=across, dtype=wide)
    norm: torch.Tensor = torch.linalg.vector_norm(gradient, dtype=wide)
    return norm


def unit_axis(tensor: torch.Tensor, axis: int | None) -> int:
    """Return the axis of the units, counted from 0, where the layer may not have said it."""
    if axis is None or not 0 < axis < max(tensor.dim(), 2):
        return default_axis(tensor.dim())
    return axis


def _learned_slope(slopes: torch.Tensor, u: Array, axis: int) -> Slope:
    """Return the slope of a PReLU, relative to max(1, abs(a)) of each unit."""
    left = slopes.float().cpu().numpy().astype(u.dtype, copy=False)
    if left.size > 1:
        shape = [1] * u.ndim
        shape[axis] = -1
        left = left.reshape(shape)
    one, steepest = np.ones((), u.dtype), np.maximum(1, np.abs(left))
    return lambda part: np.asarray(np.where(part > 0, one, left) / steepest)


def _array(tensor: torch.Tensor) -> Array:
    tensor = tensor.detach()
    if tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.float()
    array: Array = tensor.cpu().numpy()
    return array


def _arranged(array: Array, axis: int, size: int) -> tuple[Array, int]:
    # the batch in front: a sequence-first model has it second, and (batch · time, units) has it folded up
    if array.ndim == 1:
        return array[:, None], 1
    if array.ndim > 2 and array.shape[0] != size and array.shape[1] == size and axis != 1:
        return np.swapaxes(array, 0, 1), axis
    if array.shape[0] > size > 0 and array.shape[0] % size == 0:
        return array.reshape(size, -1, *array.shape[1:]), axis + 1
    return array, axis
