"""Matching a batch to what an ONNX network declares: names, shapes, types, and how many samples it takes at once."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError
from nonlin.inspection.recording import Batch
from nonlin.networks import Network, Tensor

__all__ = ["feeds", "in_pieces"]

Array = npt.NDArray[Any]


def feeds(network: Network, batch: Batch) -> dict[str, Array]:
    """Return the batch under the network's own input names, in its own types.

    Raises:
        InvalidInputError: if names, shapes or types do not fit; both are named.
    """
    given = {name: np.asarray(array) for name, array in batch.inputs.items()}
    if len(network.inputs) == 1 and len(given) == 1:
        given = {network.inputs[0].name: next(iter(given.values()))}
    expected = [tensor.name for tensor in network.inputs]
    if set(given) != set(expected):
        raise InvalidInputError(
            f"{network.name} expects the inputs {', '.join(map(str, network.inputs))}, got "
            f"{', '.join(given) or 'none'}; give each by its name, as in an .npz file with arrays of these names"
        )
    return {tensor.name: _fitted(tensor, given[tensor.name]) for tensor in network.inputs}


def _fitted(tensor: Tensor, array: Array) -> Array:
    if not tensor.shape or array.ndim == 0:
        return array.astype(tensor.dtype) if tensor.dtype != "unknown" else array
    wrong = array.ndim != len(tensor.shape)
    wrong = wrong or any(
        n is not None and n != m for n, m in zip(tensor.shape[1:], array.shape[1:], strict=True)
    )
    if wrong:
        sizes = ", ".join("any" if n is None else str(n) for n in tensor.shape[1:])
        hint = ""
        if None not in tensor.shape[1:] and array[0].size == np.prod([n or 0 for n in tensor.shape[1:]]):
            hint = f": data.reshape(-1, {sizes})"
        raise InvalidInputError(
            f"expected data of shape (samples, {sizes}) for the input '{tensor.name}', got "
            f"{array.shape}; reshape it{hint}"
        )
    if tensor.dtype in ("unknown", array.dtype.name):
        return array
    if not np.can_cast(array.dtype, tensor.dtype, "same_kind") and not np.issubdtype(array.dtype, np.integer):
        raise InvalidInputError(
            f"expected data of type {tensor.dtype} for the input '{tensor.name}', got {array.dtype}; convert it "
            f"with data.astype('{tensor.dtype}')"
        )
    return array.astype(tensor.dtype)


def in_pieces(
    network: Network, inputs: Mapping[str, Array], size: int
) -> Iterator[tuple[dict[str, Array], int]]:
    """Cut a batch into pieces that the network takes at once.

    Args:
        network: whose inputs these are.
        inputs: by name.
        size: the number of samples in a piece; the last one may have fewer where the network allows it.

    Yields:
        Each piece, and the number of samples in it.

    Raises:
        InvalidInputError: if the batch cannot be cut so.
    """
    batched = [t.name for t in network.inputs if t.shape and inputs[t.name].ndim > 0]
    if not batched:
        yield dict(inputs), 1
        return
    count = len(inputs[batched[0]])
    fixed = next((t.shape[0] for t in network.inputs if t.shape and t.shape[0] is not None), 1)
    if count % fixed:
        raise InvalidInputError(
            f"{network.name} takes exactly {fixed} samples at once, got {count}; give a multiple of {fixed}"
        )
    for start in range(0, count, size):
        piece = {name: a[start : start + size] if name in batched else a for name, a in inputs.items()}
        yield piece, min(size, count - start)
