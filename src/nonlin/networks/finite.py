"""Stored numbers that are NaN or infinite: a training run that has diverged leaves them behind."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from nonlin.errors import InvalidInputError
from nonlin.networks.array import Array
from nonlin.networks.onnx_file import tensors_of

__all__ = ["NonfiniteTensor", "check_finite", "nonfinite_tensors"]

_FLOATS = (
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.FLOAT16,
    onnx.TensorProto.BFLOAT16,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NonfiniteTensor:
    """A stored tensor that is not finite.

    Args:
        name: the tensor's.
        nans, infinite: how many of its entries are.
        size: how many it has.
        node: the node of an ONNX graph that reads it, "" where none does by itself.
    """

    name: str
    nans: int
    infinite: int
    size: int
    node: str = ""


def nonfinite_tensors(model: onnx.ModelProto) -> tuple[NonfiniteTensor, ...]:
    """Return the floating tensors with entries that are NaN or infinite.

    A single number, and a mask of −∞ beside one other number, as of attention, are meant so and left out.
    """
    readers = {name: node.name for node in reversed(model.graph.node) for name in node.input}
    found = []
    for tensor in tensors_of(model.graph):
        if tensor.data_type not in _FLOATS:
            continue
        array = numpy_helper.to_array(tensor)
        finite = np.isfinite(array)
        if array.size > 1 and not finite.all() and not _is_mask(array):
            nans = int(np.count_nonzero(np.isnan(array)))
            infinite = array.size - int(np.count_nonzero(finite)) - nans
            found.append(
                NonfiniteTensor(
                    name=tensor.name,
                    nans=nans,
                    infinite=infinite,
                    size=array.size,
                    node=readers.get(tensor.name, ""),
                )
            )
    return tuple(found)


def check_finite(tensors: Iterable[NonfiniteTensor], where: str) -> None:
    """Refuse what cannot be done with weights that are NaN or infinite.

    Args:
        tensors: those of a network that are not finite.
        where: the network, in words.

    Raises:
        InvalidInputError: if there are any; the first is named.
    """
    first = next(iter(tensors), None)
    if first is not None:
        raise InvalidInputError(
            f"expected finite weights in {where}, got {first.nans + first.infinite} NaN or infinite of {first.size} in "
            f"'{first.name}'; the training has diverged: go back to an earlier checkpoint, or see with nonlin inspect "
            "where it shows"
        )


def _is_mask(array: Array) -> bool:
    """Whether −∞ is there on purpose, beside a single other number, as in a mask of attention."""
    rest = array[array != -np.inf]
    return bool(rest.size) and bool(np.isfinite(rest.flat[0])) and bool(np.all(rest == rest.flat[0]))
