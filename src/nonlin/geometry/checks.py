"""What every exact question asks of a network first."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.networks import Network
from nonlin.networks.activation import Activation
from nonlin.networks.array import Array

__all__ = ["box_ends", "check_output", "check_piecewise_linear", "sample_shape"]


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


def sample_shape(network: Network, given: tuple[int, ...] | None = None) -> tuple[int, ...]:
    """Return the shape of one sample.

    Args:
        network: whose first axis is the batch.
        given: the shape of what a user gave, which settles the axes of any length; None where nothing was.

    Raises:
        InvalidInputError: if the network leaves it open, and what is given does not settle it.
    """
    asked: tuple[Any, ...] = network.inputs[0].shape[1:]
    if None not in asked:
        return asked
    if given is None:
        raise InvalidInputError(
            f"expected a network with an input of known shape, got {network.inputs[0]}; export it with one"
        )
    if len(given) != len(asked):
        raise InvalidInputError(
            f"expected arrays of the shape of one sample, since the network leaves it open, {asked}, got {given}"
        )
    return tuple(n if m is None else m for n, m in zip(given, asked, strict=True))


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
    if not (np.all(np.isfinite(ends)) and np.all(ends[0] <= ends[1])):
        raise InvalidInputError(
            "expected finite ends of the box, none of low above high, got others; change them"
        )
    return ends[0], ends[1]
