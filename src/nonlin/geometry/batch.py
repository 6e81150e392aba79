"""Whether an operator keeps the samples of a batch apart: only then can many points go through it at once."""

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.networks import Node
from nonlin.networks.affine import Elementwise, Reduce, Sum
from nonlin.networks.shape import Concatenate, Pad, Slice, Take, Transpose

__all__ = ["check_samples"]

Shape = tuple[int, ...]


def check_samples(node: Node, inputs: list[Shape], output: Shape) -> None:
    """Refuse a node that mixes the samples, by name.

    Args:
        node: with an affine operator.
        inputs: the shapes of its inputs, the samples along the first axis.
        output: the shape of its output.

    Raises:
        UnsupportedModelError: if it does.
    """
    samples, ndim = inputs[0][0], len(inputs[0])
    kept = bool(output) and output[0] == samples and all(x[0] == samples for x in inputs)
    if not kept or _mixes(node, ndim, [len(x) for x in inputs]):
        raise UnsupportedModelError(
            f"expected a network with a batch axis in front, but node '{node.name}' mixes or drops it, so that "
            "several points cannot be run at once; export the network with a batch axis of any length"
        )


def _mixes(node: Node, ndim: int, ranks: list[int]) -> bool:
    operator = node.operator
    if isinstance(operator, Transpose):
        return operator.axes(ndim)[0] != 0
    if isinstance(operator, Slice):
        return any(axis % ndim == 0 for axis, *_ in operator.ranges)
    if isinstance(operator, Take):
        return operator.axis % ndim == 0
    if isinstance(operator, Concatenate):
        return operator.axis % ndim == 0
    if isinstance(operator, Reduce):
        return any(axis % ndim == 0 for axis in operator.axes)
    if isinstance(operator, Pad):
        return operator.widths[0] != (0, 0)
    if isinstance(operator, Sum):
        return len(set(ranks)) > 1
    if isinstance(operator, Elementwise):
        shape = np.broadcast_shapes(operator.scale.shape, operator.shift.shape)
        return len(shape) > ndim or (len(shape) == ndim and shape[0] != 1)
    return False
