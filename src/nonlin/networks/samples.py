"""Whether an operator keeps the samples of a batch apart, each in its place along the first axis."""

from collections.abc import Sequence

import numpy as np

from nonlin.networks.activation import (
    Divide,
    MatrixProduct,
    Multiply,
    Opaque,
    ParametricRelu,
    Select,
    Softmax,
)
from nonlin.networks.affine import Elementwise, Reduce, Sum
from nonlin.networks.array import Array
from nonlin.networks.network import Operator
from nonlin.networks.normalization import Normalize
from nonlin.networks.shape import Concatenate, Pad, Slice, Take, Transpose

__all__ = ["keeps_samples"]

Shape = tuple[int, ...]


def keeps_samples(operator: Operator, inputs: Sequence[Shape], output: Shape) -> bool:
    """Return whether each sample of the output depends on that sample of the inputs only.

    Args:
        operator: any but an opaque one, of which nothing is known.
        inputs: the shapes of what it reads, the samples along the first axis.
        output: the shape of what it makes.
    """
    if isinstance(operator, Opaque) or not inputs or not all((*inputs, output)):
        return False
    samples, ndim = inputs[0][0], len(inputs[0])
    if output[0] != samples or any(shape[0] != samples for shape in inputs):
        return False
    if isinstance(operator, Transpose):
        return operator.axes(ndim)[0] == 0
    if isinstance(operator, Pad):
        return operator.widths[0] == (0, 0)
    if isinstance(operator, Sum | Multiply | Divide | Select | MatrixProduct):
        least = 3 if isinstance(operator, MatrixProduct) else 1
        return len({len(shape) for shape in inputs}) == 1 and ndim >= least
    if isinstance(operator, Elementwise):
        return _broadcasts(ndim, operator.scale, operator.shift)
    if isinstance(operator, ParametricRelu):
        return _broadcasts(ndim, operator.slopes)
    if isinstance(operator, Normalize):
        return operator.axes < ndim
    return all(axis % ndim for axis in _axes(operator))


def _axes(operator: Operator) -> tuple[int, ...]:
    """Return the axes along which an operator mixes entries."""
    if isinstance(operator, Slice):
        return tuple(axis for axis, *_ in operator.ranges)
    if isinstance(operator, Reduce):
        return operator.axes
    if isinstance(operator, Take | Concatenate | Softmax):
        return (operator.axis,)
    return ()


def _broadcasts(ndim: int, *constants: Array) -> bool:
    """Return whether stored numbers are the same for every sample."""
    shape = np.broadcast_shapes(*(constant.shape for constant in constants))
    return len(shape) < ndim or (len(shape) == ndim and shape[0] == 1)
