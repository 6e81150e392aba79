"""What moves of entries make of the channels that they read."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nonlin.networks import Node
from nonlin.networks.shape import Concatenate, Pad, Slice, Take, Transpose
from nonlin.simplification.channels import Channels, Ties, alone, renamed

__all__ = ["concatenate", "moved", "pad", "reshape"]

Shape = tuple[int, ...]


def moved(node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    """Move, cast or cut, but not along the channels."""
    operator, x, ndim = node.operator, inputs[0], len(shapes[node.inputs[0]])
    if isinstance(operator, Transpose):
        return replace(x, axis=operator.axes(ndim).index(x.axis), value=renamed(node, x, ties))
    touched: set[int] = set()
    if isinstance(operator, Slice):
        touched = {axis % ndim for axis, *_ in operator.ranges}
    elif isinstance(operator, Take):
        touched = {operator.axis % ndim}
        if operator.indices.ndim != 1:
            return None
    return None if x.axis in touched else replace(x, value=renamed(node, x, ties))


def pad(node: Node, inputs: list[Channels], ties: Ties, _: Mapping[str, Shape]) -> Channels | None:
    """Pad other axes than that of the channels: a constant stays where it is what is padded."""
    operator, x = node.operator, inputs[0]
    assert isinstance(operator, Pad)  # noqa: S101 - by the table
    if any(operator.widths[x.axis]):
        return None
    return replace(
        x, constant=np.where(x.constant == operator.value, x.constant, np.nan), **alone(node, x, ties)
    )


def reshape(node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]) -> Channels | None:
    """Keep the axis of the channels where it stays one, or make every entry of a sample a channel."""
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
            return replace(x, axis=axis, value=renamed(node, x, ties))
    return None


def concatenate(
    node: Node, inputs: list[Channels], ties: Ties, shapes: Mapping[str, Shape]
) -> Channels | None:
    """Put channels one after the other; along another axis, tie them."""
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
    return replace(first, constant=np.where(equal, first.constant, np.nan), **alone(node, first, ties))
