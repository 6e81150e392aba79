"""What every exact question asks of a network first."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.networks import Network, read
from nonlin.networks.activation import Activation
from nonlin.networks.array import Array
from nonlin.networks.network import Tensor
from nonlin.networks.per_sample import per_sample

__all__ = [
    "axes_of_a_sample",
    "box_ends",
    "box_shape",
    "check_output",
    "check_piecewise_linear",
    "readied",
    "samples_of",
]


def check_piecewise_linear(network: Network) -> None:
    """Refuse a network that has no folds.

    Raises:
        UnsupportedModelError: if it is not piecewise linear; the first node that is not is named.
        InvalidInputError: if it has several inputs.
    """
    bent = [n for n in network.nodes if n.operator.kind not in ("affine", "piecewise linear")]
    if bent:
        operator = bent[0].operator
        called = operator.function.label if isinstance(operator, Activation) else ""
        what = called or getattr(operator, "operator", operator.kind)
        raise UnsupportedModelError(
            f"expected a piecewise linear network, but node '{bent[0].name}' is not ({what}); "
            "folds exist only where every activation is made of straight pieces"
        )
    if len(network.inputs) != 1:
        raise InvalidInputError(
            f"expected a network with one input, got {len(network.inputs)}; fix the others first"
        )


def check_output(output: int, count: int) -> None:
    """Refuse an index that is none of `count` flattened outputs."""
    if not 0 <= output < count:
        raise InvalidInputError(f"expected an output from 0 to {count - 1}, got {output}; choose one of them")


def readied(
    network: Network | str | Path, given: tuple[int, ...] | None = None
) -> tuple[Network, tuple[int, ...]]:
    """Read a network the one way in which every exact question does: as a map of one sample.

    Args:
        network: of any kind, or the path of one.
        given: the shape of what a user gave for one sample, which settles the axes of any length; None where nothing
            was.

    Returns:
        The network with the samples along the first axis of everything, and the shape of one.

    Raises:
        UnsupportedModelError: if the network is not piecewise linear, or mixes samples; the first node that is not
            understood is named.
        InvalidInputError: if it has several inputs, or what is given does not fit its input.
    """
    network = read(network)
    check_piecewise_linear(network)
    shape = _sample_shape(network, given)
    return per_sample(network, shape), shape


def samples_of(network: Network | str | Path, *points: npt.ArrayLike) -> tuple[Network, Array]:
    """Return a network as `readied` does, and points that fit it, shape (points, …).

    Raises:
        UnsupportedModelError: as of `readied`.
        InvalidInputError: if the points are not finite, or do not fit.
    """
    network = read(network)
    check_piecewise_linear(network)
    arrays = [np.asarray(x, np.float64) for x in points]
    if len({x.shape for x in arrays}) > 1 or not all(np.all(np.isfinite(x)) for x in arrays):
        number = {1: "a finite point", 2: "two finite points", 3: "three finite points"}.get(len(arrays))
        got = " and ".join(dict.fromkeys(str(x.shape) for x in arrays))
        raise InvalidInputError(
            f"expected {number or 'finite points'} of one shape, got {got}; give inputs without NaN and ±inf"
        )
    shape = _sample_shape(network, arrays[0].shape)
    if shape != arrays[0].shape:
        raise InvalidInputError(
            f"expected points for the input {network.inputs[0]}, without its first axis, the batch, got shape "
            f"{arrays[0].shape}; reshape them"
        )
    return per_sample(network, shape), np.stack(arrays)


def axes_of_a_sample(tensor: Tensor) -> tuple[int | None, ...]:
    """Return the axes of one sample: all but the batch; a single axis of fixed length is no batch."""
    if len(tensor.shape) == 1 and tensor.shape[0] not in (None, 1):
        return tensor.shape
    return tensor.shape[1:]


def _sample_shape(network: Network, given: tuple[int, ...] | None = None) -> tuple[int, ...]:
    """Return the shape of one sample.

    Args:
        network: whose first axis is the batch.
        given: the shape of what a user gave, which settles the axes of any length; None where nothing was.

    Raises:
        InvalidInputError: if the network leaves it open, and what is given does not settle it.
    """
    tensor = network.inputs[0]
    asked: tuple[Any, ...] = axes_of_a_sample(tensor)
    if None not in asked:
        return asked
    if given is None:
        raise InvalidInputError(
            f"expected a network with an input of known shape, got {tensor}; export it with one"
        )
    if len(given) != len(asked):
        raise InvalidInputError(
            f"expected arrays of the shape of one sample, since the network leaves it open, {asked}, got {given}; "
            "reshape them"
        )
    return tuple(n if m is None else m for n, m in zip(given, asked, strict=True))


def box_shape(low: npt.ArrayLike, high: npt.ArrayLike) -> tuple[int, ...]:
    """Return the shape that the two ends of a box have together.

    Raises:
        InvalidInputError: if they do not fit each other.
    """
    try:
        return np.broadcast_shapes(np.shape(low), np.shape(high))
    except ValueError as error:
        raise InvalidInputError(
            f"expected ends of a box whose shapes fit each other, got {np.shape(low)} and {np.shape(high)}; "
            "give numbers, or arrays of the shape of one sample"
        ) from error


def box_ends(shape: tuple[int, ...], low: npt.ArrayLike, high: npt.ArrayLike) -> tuple[Array, Array]:
    """Return the flattened ends of a box.

    Raises:
        InvalidInputError: if they are none.
    """
    try:
        ends = [np.broadcast_to(np.asarray(x, np.float64), shape).ravel().copy() for x in (low, high)]
    except ValueError as error:
        raise InvalidInputError(
            f"expected a box that broadcasts to the shape {shape} of the input, got {np.shape(low)} and "
            f"{np.shape(high)}; give numbers, or arrays of the shape of one sample"
        ) from error
    low_end, high_end = ends
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(~(np.isfinite(low_end) & np.isfinite(high_end) & (low_end <= high_end)))
    if wrong.size:
        first = int(wrong[0])
        raise InvalidInputError(
            "expected finite ends of the box, none of low above high, got "
            f"{low_end[first]:g} to {high_end[first]:g} for entry {first} of the input; change them"
        )
    return low_end, high_end
