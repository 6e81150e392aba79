"""Matching a batch to what an ONNX network declares: names, shapes, types, and how many samples it takes at once."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError
from nonlin.inspection.recording import Batch
from nonlin.networks import Tensor
from nonlin.results import number

__all__ = ["at_once", "feeds", "in_pieces", "whole_inputs"]

Array = npt.NDArray[Any]


def feeds(declared: tuple[Tensor, ...], batch: Batch) -> dict[str, Array]:
    """Return the batch under the network's own input names, in its own types.

    Raises:
        InvalidInputError: if names, shapes or types do not fit; both are named.
    """
    given = {name: np.asarray(array) for name, array in batch.inputs.items()}
    if len(declared) == 1 and len(given) == 1:
        given = {declared[0].name: next(iter(given.values()))}
    if set(given) != {tensor.name for tensor in declared}:
        raise InvalidInputError(
            f"expected data for the inputs {', '.join(map(str, declared))}, got {', '.join(given) or 'none'}; give "
            "each by its name, as in an .npz file with arrays of these names"
        )
    return {tensor.name: _fitted(tensor, given[tensor.name]) for tensor in declared}


def _fitted(tensor: Tensor, array: Array) -> Array:
    if array.ndim != len(tensor.shape) or _differ(tensor.shape[1:], array.shape[1:]):
        sizes = ", ".join("any" if n is None else str(n) for n in tensor.shape[1:])
        raise InvalidInputError(
            f"expected data of shape (samples, {sizes}) for the input '{tensor.name}', got {array.shape}; "
            f"{_remedy(tensor.shape[1:], array)}"
        )
    if tensor.dtype in ("unknown", array.dtype.name):
        return array
    return _converted(tensor, array)


def _remedy(wanted: tuple[int | None, ...], array: Array) -> str:
    """Return what gives data the shape that is wanted; channels that are first or last are moved, never reshaped."""
    given = array.shape[1:]
    if len(given) == len(wanted) > 1:
        if not _differ(wanted, (*given[1:], given[0])):
            return "move its channels to the end: np.moveaxis(data, 1, -1)"
        if not _differ(wanted, (given[-1], *given[:-1])):
            return "move its channels to the front: np.moveaxis(data, -1, 1)"
    sizes = [n for n in wanted if n is not None]
    if len(sizes) == len(wanted) and array.shape == wanted:
        return "for one sample alone, put an axis in front: data[None]"
    if array.ndim and len(sizes) == len(wanted):
        if array[:1].size == np.prod(sizes):
            return f"reshape it: data.reshape(-1, {', '.join(map(str, sizes))})"
        return f"give {int(np.prod(sizes))} numbers a sample, not {array[:1].size}"
    return "reshape it"


def _converted(tensor: Tensor, array: Array) -> Array:
    """Return the array in the network's type, where that changes no whole number and makes nothing infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        made = array.astype(tensor.dtype)
    if np.issubdtype(made.dtype, np.inexact):
        infinite = int(np.count_nonzero(~np.isfinite(made)))
        if infinite:
            raise InvalidInputError(
                f"expected numbers that {tensor.dtype} can hold for the input '{tensor.name}', got {infinite} of "
                f"{array.size} too large, the largest {number(np.abs(array).max())}; scale them as in training"
            )
    elif not np.array_equal(made, array):
        raise InvalidInputError(
            f"expected data of type {tensor.dtype} for the input '{tensor.name}', got {array.dtype} with values that "
            f"it cannot hold; convert it with data.astype('{tensor.dtype}')"
        )
    return made


def _differ(declared: tuple[int | None, ...], given: tuple[int, ...]) -> bool:
    return any(n is not None and n != m for n, m in zip(declared, given, strict=True))


def at_once(declared: tuple[Tensor, ...]) -> int | None:
    """Return how many samples the network takes at once, or None for any number."""
    return next((t.shape[0] for t in declared if t.shape and t.shape[0] is not None), None)


def whole_inputs(declared: tuple[Tensor, ...], inputs: Mapping[str, Array], samples: int) -> frozenset[str]:
    """Return the inputs that have no axis of samples, such as a state or a sampling rate: they are fed whole.

    Args:
        declared: a fixed length in front, where another input's is free, is not the number of samples.
        inputs: by name.
        samples: how many there are.
    """
    free = any(tensor.shape and tensor.shape[0] is None for tensor in declared)
    fixed = {tensor.name for tensor in declared if free and tensor.shape and tensor.shape[0] is not None}
    return frozenset(n for n, a in inputs.items() if a.ndim == 0 or len(a) != samples or n in fixed)


def in_pieces(
    inputs: Mapping[str, Array], samples: int, size: int, *, whole: Collection[str]
) -> Iterator[tuple[dict[str, Array], int]]:
    """Cut a batch into pieces.

    Args:
        inputs: by name.
        samples: how many there are.
        size: the number of samples in a piece; the last one may have fewer.
        whole: the inputs that go whole with every piece.

    Yields:
        Each piece, and the number of samples in it.
    """
    for start in range(0, samples, size):
        stop = min(start + size, samples)
        yield {name: a if name in whole else a[start:stop] for name, a in inputs.items()}, stop - start
