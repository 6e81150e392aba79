"""What each operator makes of the channels that it reads."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nonlin.networks import Network, Node
from nonlin.networks.activation import Activation, Multiply, ParametricRelu, Softmax
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.array import Array
from nonlin.networks.shape import Cast, Concatenate, Identity, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import AveragePool, Convolution, MaxPool
from nonlin.simplification.channels import Channels, Ties, fresh_of, layer_channels
from nonlin.simplification.editing import bias_of

__all__ = ["along", "follow", "is_depthwise"]

Shape = tuple[int, ...]
_HOMOGENEOUS = ("relu", "leaky_relu", "prelu")
_EXACT = {*_HOMOGENEOUS, "abs", "elu", "identity", "relu6", "hardtanh", "sigmoid", "softplus", "tanh"}
"""Functions that are in every file what they are in the catalogue, to the last bits; others only at 0."""


def follow(
    network: Network, shapes: Mapping[str, Shape], known: Mapping[str, Array]
) -> tuple[Ties, dict[str, Channels]]:
    """Follow the channels through a network.

    Args:
        network: any.
        shapes: of its tensors; channels of a tensor without one are fixed.
        known: values that are known from elsewhere, by tensor: one for each channel, NaN where none is.

    Returns:
        The ties, and the channels of every tensor that has some.
    """
    ties = Ties()
    table: dict[str, Channels] = {}
    for node in network.nodes:
        made = _made(node, table, ties, shapes)
        if made is None:
            for name in node.inputs:
                if name in table:
                    ties.fix(table[name].labels)
            continue
        if node.output in known and len(known[node.output]) == len(made.labels):
            extra = known[node.output]
            made = replace(made, constant=np.where(np.isnan(extra), made.constant, extra))
        table[node.output] = made
    for tensor in network.outputs:
        if tensor.name in table:
            ties.fix(table[tensor.name].labels)
    ties.fixed = {ties.root(label) for label in ties.fixed}
    return ties, table


def is_depthwise(operator: Any) -> bool:
    """Whether a convolution works on each channel by itself."""
    return (
        isinstance(operator, Convolution)
        and operator.groups == len(operator.weight)
        and operator.weight.shape[1] == 1
    )


def along(values: Array, axis: int, ndim: int) -> int | None:
    """Return the axis of stored numbers that lies along the channels; None where they are the same for all."""
    place = axis - (ndim - values.ndim)
    return place if place >= 0 and values.shape[place] > 1 else None


def _made(node: Node, table: dict[str, Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    operator = node.operator
    if (
        node.output not in shapes
        or any(name not in shapes for name in node.inputs)
        or operator.kind == "opaque"
    ):
        return None
    shape = shapes[node.inputs[0]] if node.inputs else ()
    if isinstance(operator, Dense) or (isinstance(operator, Convolution) and not is_depthwise(operator)):
        axis = len(shape) - 1 if isinstance(operator, Dense) else 1
        given = table.get(node.inputs[0])
        if given is None or given.axis != axis:
            if given is not None:
                ties.fix(given.labels)
            given = fresh_of(ties, axis, shape[axis], fixed=True)
        if isinstance(operator, Convolution) and operator.groups != 1:
            ties.fix(given.labels)
            return fresh_of(ties, 1, len(operator.weight), fixed=True)
        return layer_channels(node, given, ties, len(shape))
    if any(name not in table for name in node.inputs):
        return None
    transfer = _TRANSFERS.get(type(operator))
    inputs = [table[name] for name in node.inputs]
    made = None if transfer is None else transfer(node, inputs, ties, shapes)
    if made is not None and shapes[node.output][made.axis] != len(made.labels):
        return None
    return made


def _activation(
    node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]
) -> Channels | None:
    operator, x = node.operator, inputs[0]
    if isinstance(operator, ParametricRelu):
        shape = shapes[node.inputs[0]]
        slopes = _each(operator.slopes, x.axis, shape)
        if slopes is None:
            return replace(x, constant=np.full(len(x.labels), np.nan), **_alone(node, x, ties))
        constant = np.where(x.constant > 0, x.constant, slopes * x.constant)
        return replace(x, constant=constant, **_homogeneous(node, x, ties, slopes))
    assert isinstance(operator, Activation)  # noqa: S101 - by the table
    name = operator.function.name
    constant = np.full(len(x.labels), np.nan)
    fixed = ~np.isnan(x.constant) if name in _EXACT else x.constant == 0
    with np.errstate(all="ignore"):
        constant[fixed] = operator.apply(x.constant[fixed])
    if name in ("leaky_relu", "prelu"):
        # its slope is an attribute, which is float32 in every file
        slope = float(np.float32(next(iter(operator.function.parameters.values()))))
        constant = np.where(x.constant < 0, slope * x.constant, constant)
    if name in _HOMOGENEOUS:
        return replace(x, constant=constant, **_homogeneous(node, x, ties, np.zeros(len(x.labels))))
    return replace(x, constant=constant, **_same(node, x, ties))


def _homogeneous(node: Node, x: Channels, ties: Ties, extra: Array) -> dict[str, Any]:
    """f(a v + b) = |a| f(±v + b/|a|)."""
    size = np.abs(x.factor)
    with np.errstate(all="ignore"):
        shifted = np.where(size > 0, x.offset / size, 0.0)
    keys = zip(x.value.tolist(), shifted.tolist(), (x.factor < 0).tolist(), extra.tolist(), strict=True)
    value = np.array([ties.value((node.output, "call", *key)) for key in keys], np.int64)
    return {"value": value, "factor": size, "offset": np.zeros(len(size))}


def _same(node: Node, x: Channels, ties: Ties) -> dict[str, Any]:
    keys = zip(x.value.tolist(), x.factor.tolist(), x.offset.tolist(), strict=True)
    value = np.array([ties.value((node.output, "of", *key)) for key in keys], np.int64)
    return {"value": value, "factor": np.ones(len(value)), "offset": np.zeros(len(value))}


def _alone(node: Node, x: Channels, ties: Ties) -> dict[str, Any]:
    value = np.array([ties.value((node.output, "alone", i)) for i in range(len(x.labels))], np.int64)
    return {"value": value, "factor": np.ones(len(value)), "offset": np.zeros(len(value))}


def _each(values: Array, axis: int, shape: Shape) -> Array | None:
    """Return one stored number for each channel; None where they differ within one."""
    place = along(values, axis, len(shape))
    if values.size == 1:
        return np.full(shape[axis], float(np.asarray(values).item()))
    if place is None or values.size != values.shape[place] or values.size != shape[axis]:
        return None
    return np.asarray(values, np.float64).ravel()


def _elementwise(
    node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]
) -> Channels | None:
    operator, x, shape = node.operator, inputs[0], shapes[node.inputs[0]]
    assert isinstance(operator, Elementwise)  # noqa: S101 - by the table
    if shapes[node.output] != shape:
        return None
    scale, shift = _each(operator.scale, x.axis, shape), _each(operator.shift, x.axis, shape)
    if scale is None or shift is None:
        return replace(x, constant=np.full(len(x.labels), np.nan), **_alone(node, x, ties))
    return replace(
        x,
        constant=scale * x.constant + shift,
        value=_renamed(node, x, ties),
        factor=x.factor * scale,
        offset=x.offset * scale + shift,
    )


def _renamed(node: Node, x: Channels, ties: Ties, extra: str = "") -> Array:
    return np.array([ties.value((node.output, extra, v)) for v in x.value.tolist()], np.int64)


def _max_pool(node: Node, inputs: list[Channels], ties: Ties, _: Mapping[str, Shape]) -> Channels | None:
    x = inputs[0]
    if x.axis != 1:
        return None
    keys = zip(x.value.tolist(), (x.factor < 0).tolist(), strict=True)
    value = np.array([ties.value((node.output, *key)) for key in keys], np.int64)
    return replace(x, value=value, factor=np.abs(x.factor))


def _average_pool(node: Node, inputs: list[Channels], ties: Ties, _: Mapping[str, Shape]) -> Channels | None:
    operator, x = node.operator, inputs[0]
    assert isinstance(operator, AveragePool)  # noqa: S101 - by the table
    if x.axis != 1:
        return None
    whole = not operator.count_padding or not any(map(any, operator.window.padding))
    constant = x.constant if whole else np.where(x.constant == 0, 0.0, np.nan)
    if not whole and np.any(x.offset != 0):
        return replace(x, constant=constant, **_alone(node, x, ties))
    return replace(x, constant=constant, value=_renamed(node, x, ties))


def _reduce(node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    operator, x, shape = node.operator, inputs[0], shapes[node.inputs[0]]
    assert isinstance(operator, Reduce)  # noqa: S101 - by the table
    axes = {axis % len(shape) for axis in operator.axes}
    if x.axis in axes:
        return None
    count = 1.0 if operator.mean else float(np.prod([shape[axis] for axis in axes]))
    axis = x.axis if operator.keepdims else x.axis - sum(a < x.axis for a in axes)
    sized = operator.mean or None not in shape
    values: dict[str, Any] = {
        "value": _renamed(node, x, ties),
        "factor": x.factor * count,
        "offset": x.offset * count,
    }
    if not operator.mean:  # how many are added may differ from run to run
        values = _alone(node, x, ties) if np.any(x.offset != 0) else values
        sized = False
    return replace(
        x, axis=axis, constant=x.constant if sized else np.where(x.constant == 0, 0.0, np.nan), **values
    )


def _moved(node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    operator, x, ndim = node.operator, inputs[0], len(shapes[node.inputs[0]])
    if isinstance(operator, Transpose):
        return replace(x, axis=operator.axes(ndim).index(x.axis), value=_renamed(node, x, ties))
    touched: set[int] = set()
    if isinstance(operator, Slice):
        touched = {axis % ndim for axis, *_ in operator.ranges}
    elif isinstance(operator, Take):
        touched = {operator.axis % ndim}
        if operator.indices.ndim != 1:
            return None
    return None if x.axis in touched else replace(x, value=_renamed(node, x, ties))


def _pad(node: Node, inputs: list[Channels], ties: Ties, _: Mapping[str, Shape]) -> Channels | None:
    operator, x = node.operator, inputs[0]
    assert isinstance(operator, Pad)  # noqa: S101 - by the table
    if any(operator.widths[x.axis]):
        return None
    return replace(
        x, constant=np.where(x.constant == operator.value, x.constant, np.nan), **_alone(node, x, ties)
    )


def _reshape(node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    x, before, after = inputs[0], shapes[node.inputs[0]], shapes[node.output]
    if x.axis == 0 or before[0] != after[0]:
        return None
    if len(after) == 2:
        # every entry of a sample becomes a channel of its own
        spread = [1] * (len(before) - 1)
        spread[x.axis - 1] = before[x.axis]
        index = np.broadcast_to(np.arange(before[x.axis]).reshape(spread), before[1:]).ravel()
        place = np.arange(after[1]) % 1
        seen: dict[int, int] = {}
        for i, channel in enumerate(index.tolist()):
            place[i] = seen[channel] = seen.get(channel, -1) + 1
        keys = zip(x.value[index].tolist(), place.tolist(), strict=True)
        return Channels(
            axis=1,
            labels=x.labels[index],
            constant=x.constant[index],
            value=np.array([ties.value((node.output, *key)) for key in keys], np.int64),
            factor=x.factor[index],
            offset=x.offset[index],
        )
    leading = int(np.prod(before[: x.axis]))
    for axis in range(1, len(after)):
        if after[axis] == before[x.axis] and int(np.prod(after[:axis])) == leading:
            return replace(x, axis=axis, value=_renamed(node, x, ties))
    return None


def _concatenate(
    node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]
) -> Channels | None:
    operator, first = node.operator, inputs[0]
    assert isinstance(operator, Concatenate)  # noqa: S101 - by the table
    if any(x.axis != first.axis for x in inputs):
        return None
    if operator.axis % len(shapes[node.output]) == first.axis:
        names = ("labels", "constant", "value", "factor", "offset")
        return Channels(
            axis=first.axis, **{n: np.concatenate([getattr(x, n) for x in inputs]) for n in names}
        )
    for x in inputs[1:]:
        ties.tie(x.labels, first.labels)
    equal = np.all([x.constant == first.constant for x in inputs], axis=0)
    return replace(first, constant=np.where(equal, first.constant, np.nan), **_alone(node, first, ties))


def _tied(inputs: list[Channels], ties: Ties) -> bool:
    first = inputs[0]
    if any(x.axis != first.axis or len(x.labels) != len(first.labels) for x in inputs):
        return False
    for x in inputs[1:]:
        ties.tie(x.labels, first.labels)
    return True


def _sum(node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    operator = node.operator
    assert isinstance(operator, Sum)  # noqa: S101 - by the table
    if len({len(shapes[name]) for name in node.inputs}) != 1 or not _tied(inputs, ties):
        return None
    signed = list(zip(operator.signs, inputs, strict=True))
    constant = np.sum([sign * x.constant for sign, x in signed], axis=0)
    first = inputs[0].factor
    with np.errstate(all="ignore"):
        ratios = np.array([x.factor / first for x in inputs]).T
    keys = zip(np.array([x.value for x in inputs]).T.tolist(), ratios.tolist(), strict=True)
    value = np.array([ties.value((node.output, *v, *r)) for v, r in keys], np.int64)
    offset = np.sum([sign * x.offset for sign, x in signed], axis=0)
    if np.any(first == 0):
        return replace(inputs[0], constant=constant, **_alone(node, inputs[0], ties))
    return replace(inputs[0], constant=constant, value=value, factor=first, offset=offset)


def _product(node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    if len({len(shapes[name]) for name in node.inputs}) != 1 or not _tied(inputs, ties):
        return None
    a, b = inputs
    constant = np.where((a.constant == 0) | (b.constant == 0), 0.0, a.constant * b.constant)
    return replace(a, constant=constant, **_alone(node, a, ties))


def _softmax(node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    operator, x = node.operator, inputs[0]
    assert isinstance(operator, Softmax)  # noqa: S101 - by the table
    if operator.axis % len(shapes[node.inputs[0]]) == x.axis:
        return None
    return replace(x, constant=np.full(len(x.labels), np.nan), **_alone(node, x, ties))


def _depthwise(node: Node, inputs: list[Channels], ties: Ties, _: Mapping[str, Shape]) -> Channels | None:
    layer, x = node.operator, inputs[0]
    assert isinstance(layer, Convolution)  # noqa: S101 - by the table
    if x.axis != 1:
        return None
    weight = np.asarray(layer.weight, np.float64).reshape(len(layer.weight), -1)
    bias = bias_of(layer)
    padded = any(map(any, layer.window.padding))
    given = np.where(x.constant == 0, 0.0, np.nan) if padded else x.constant
    constant = weight.sum(axis=1) * given + bias
    constant = np.where(np.any(weight != 0, axis=1), constant, bias)
    return replace(x, constant=constant, **_alone(node, x, ties))


_TRANSFERS: dict[type, Callable[..., Channels | None]] = {
    Activation: _activation,
    AveragePool: _average_pool,
    Cast: _moved,
    Concatenate: _concatenate,
    Convolution: _depthwise,
    Elementwise: _elementwise,
    Identity: _moved,
    MaxPool: _max_pool,
    Multiply: _product,
    Pad: _pad,
    ParametricRelu: _activation,
    Reduce: _reduce,
    Reshape: _reshape,
    Slice: _moved,
    Softmax: _softmax,
    Sum: _sum,
    Take: _moved,
    Transpose: _moved,
}
