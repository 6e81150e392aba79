"""Evaluates a definition whose parameters are given at run time: one value for all, or one a channel."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError
from nonlin.functions.construction import substitute
from nonlin.functions.expression import Constant
from nonlin.functions.tails import evaluate_everywhere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.functions.expression import Expression

__all__ = ["Family", "run"]

Array: TypeAlias = NDArray[np.float64]

SHORT = 16  # channels with fewer elements in a row are walked along, with their parameters repeated


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Expressions in the same parameters.

    Args:
        names: of the parameters, at least one.
        outputs: evaluated at every element.
        weighted: evaluated at every element and summed with the gradient as weight, one sum a parameter value.
        pull: whether the gradient multiplies the outputs.
        axis: of the channels, where a parameter has one value for each.
    """

    names: tuple[str, ...]
    outputs: tuple[Expression, ...]
    weighted: tuple[Expression, ...] = ()
    pull: bool = False
    axis: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """How an array is seen as rows in which a parameter is constant, or (`along`) as rows of all channels."""

    rows: int
    channels: int
    inner: int

    @property
    def along(self) -> bool:
        return self.channels > 1 and self.inner < SHORT

    @property
    def shape(self) -> tuple[int, int]:
        if self.along:
            return self.rows, self.channels * self.inner
        return self.rows * self.channels, self.inner


def run(
    family: Family,
    x: NDArray[Any],
    values: Sequence[Array],
    *,
    gradient: NDArray[Any] | None = None,
    out: Sequence[NDArray[Any]] | None = None,
) -> tuple[list[NDArray[Any]], list[Array]]:
    """Evaluate a family.

    Args:
        family: what is computed.
        x: float32 or float64, contiguous, any shape.
        values: of each parameter, shape (1,) or (channels,), where x has so many channels along the axis.
        gradient: of x's shape and type, where something is pulled or weighted.
        out: contiguous arrays of x's shape and type for the outputs.

    Returns:
        The outputs, of x's shape and type, and the sums, of the shape of the parameters' broadcast, float64. NaN in
        x or in a parameter gives NaN; at ±inf the limits, as for fixed parameters.
    """
    from nonlin.functions.kernels.parametric import compiled_parametric

    layout = _layout(x.shape, values, family.axis)
    wide = [np.array(np.broadcast_to(value, layout.channels)) for value in values]
    given = [np.repeat(value, layout.inner) for value in wide] if layout.along else wide
    planes = [array.reshape(layout.shape) for array in ([x] if gradient is None else [x, gradient])]
    targets = [np.empty_like(x) for _ in family.outputs] if out is None else list(out)
    outputs = [target.reshape(layout.shape) for target in targets]
    sums = [np.zeros(given[0].size) for _ in family.weighted]
    kernel = compiled_parametric(
        family.outputs,
        family.weighted,
        family.names,
        dtype=x.dtype.name,
        pull=family.pull,
        along=layout.along,
    )
    far = kernel(*planes, *given, *outputs, *sums) if x.size else 0
    totals = [total.reshape(layout.channels, -1).sum(1) for total in sums]
    if far:
        _mend(family, wide, (planes, outputs, totals), layout)
    return targets, totals


def _layout(shape: tuple[int, ...], values: Sequence[Array], axis: int) -> _Layout:
    channels = max(value.size for value in values)
    if channels == 1:
        return _Layout(rows=1, channels=1, inner=prod(shape))
    # a vector has no axis of channels of its own, as for torch's PReLU
    size = shape[axis] if -len(shape) <= axis < len(shape) else 1
    if size != channels or any(value.size not in (1, channels) for value in values):
        raise InvalidInputError(
            f"expected {channels} channels along axis {axis}, as there are parameters, got an input of shape "
            f"{shape}; give axis=… or channels=… to module()"
        )
    axis %= len(shape)
    return _Layout(rows=prod(shape[:axis]), channels=channels, inner=prod(shape[axis + 1 :]))


def _mend(
    family: Family,
    values: list[Array],
    arrays: tuple[list[NDArray[Any]], list[NDArray[Any]], list[Array]],
    layout: _Layout,
) -> None:
    """Put in what a kernel leaves out: the elements beyond all finite float32, whose limits the parameters decide."""
    from nonlin.functions.kernels.parametric import FAR

    planes, outputs, totals = arrays
    row, column = np.nonzero(np.abs(planes[0].astype(np.float64)) > FAR)
    channel = column // layout.inner if layout.along else row % layout.channels
    for c in np.unique(channel):
        here = row[channel == c], column[channel == c]
        fixed = {name: Constant(float(value[c])) for name, value in zip(family.names, values, strict=True)}
        u = planes[0][here].astype(np.float64)
        weight = planes[1][here].astype(np.float64) if len(planes) > 1 else np.ones_like(u)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for expression, output in zip(family.outputs, outputs, strict=True):
                found = evaluate_everywhere(substitute(expression, parameters=fixed), u)
                output[here] = found * weight if family.pull else found
            for expression, total in zip(family.weighted, totals, strict=True):
                found = evaluate_everywhere(substitute(expression, parameters=fixed), u)
                total[c] += float((weight * found).sum())
