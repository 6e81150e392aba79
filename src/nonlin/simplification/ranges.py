"""Between which numbers the pre-activations stay: proven over a box, or seen on samples."""

from collections.abc import Mapping, Sequence

import numpy as np

from nonlin.errors import NonlinError
from nonlin.geometry.bounds import bounds
from nonlin.networks import Network, trace
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.array import Array
from nonlin.simplification.inputs import Box
from nonlin.simplification.stable import Range

__all__ = ["proven_ranges", "silent_ranges"]


def proven_ranges(network: Network, box: Box, *, linear: bool) -> tuple[list[Range], list[str]]:
    """Bound the pre-activations over a box.

    Args:
        network: as it was read.
        box: of its inputs.
        linear: whether to go on from intervals to linear functions of the input.

    Returns:
        The ranges, and what is not bounded, in words.
    """
    low, high = ({name: ends[i] for name, ends in box.items()} for i in (0, 1))
    try:
        plain = bounds(network, low, high, linear=False)
        found = bounds(network, low, high) if linear else plain
    except NonlinError as error:
        return [], [f"nothing is bounded over the box: {error}"]
    before = {call.node.output: call for call in plain.calls}
    ranges = []
    for call in found.calls:
        first = before.get(call.node.output)
        same = (
            np.zeros(call.low.shape, bool)
            if first is None
            else (first.low <= call.low) & (first.high >= call.high)
        )
        settled = np.zeros(call.low.shape, bool) if first is None else (first.low >= 0) | (first.high <= 0)
        names = np.where(settled & same, "interval", "linear").astype(object)
        ranges.append(Range(node=call.node, low=call.low, high=call.high, certificates=names))
    return ranges, [f"not bounded: {reason}" for reason in found.uncovered]


def silent_ranges(network: Network, feeds: Sequence[Mapping[str, Array]]) -> list[Range]:
    """Return between which numbers the pre-activations stay on samples; nothing where the network is not understood."""
    calls = [n for n in network.nodes if isinstance(n.operator, Activation | ParametricRelu)]
    lows: dict[str, Array] = {}
    highs: dict[str, Array] = {}
    try:
        for feed in feeds:
            values = trace(network, {name: x.astype(np.float64) for name, x in feed.items()})
            for node in calls:
                u = values[node.inputs[0]]
                low, high = u.min(axis=0), u.max(axis=0)
                lows[node.output] = np.minimum(lows.get(node.output, low), low)
                highs[node.output] = np.maximum(highs.get(node.output, high), high)
    except NonlinError:
        return []
    return [
        Range(
            node=node,
            # a unit that was always on is no silent one: only the upper end counts
            low=np.full(lows[node.output].shape, -np.inf),
            high=highs[node.output],
            certificates=np.full(lows[node.output].shape, "samples", object),
        )
        for node in calls
        if node.output in lows
    ]
