"""Inputs that try to prove a simplification wrong.

Corners of the box; inputs that push what was taken out as far as a gradient finds; and folds, where a unit that stays
is on its kink to the last bits.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import numpy as np

from nonlin.errors import NonlinError
from nonlin.geometry.bends import bends_of
from nonlin.networks import Network, pullback, trace
from nonlin.networks.array import Array
from nonlin.simplification.inputs import Box
from nonlin.simplification.stable import Range

__all__ = ["adversarial"]

_STEPS = 12
_UNITS = 24
_FOLDS = 12
_CORNERS = 6
_HALVINGS = 55
_SCATTERED = 64

Sample = dict[str, Array]


def adversarial(
    network: Network, ranges: Sequence[Range], box: Box, start: Mapping[str, Array]
) -> Sample | None:
    """Return inputs in a box that are worth a try.

    Args:
        network: the original.
        ranges: of the calls whose units were taken out or made straight; only corners are tried without.
        box: low and high of inputs by name, each of the shape of a sample or broadcast to it.
        start: one sample of every input, with a batch axis of one.

    Returns:
        Samples of every input, stacked; None where a sample is no batch of one. Of a network that is not understood
        only corners.
    """
    if any(x.shape[:1] != (1,) for x in start.values()):
        return None
    ends = {
        name: tuple(np.broadcast_to(np.asarray(end, np.float64), start[name].shape) for end in box[name])
        for name in start
        if name in box
    }
    fixed = {name: x for name, x in start.items() if name not in ends}
    found = list(_corners(ends, np.random.default_rng(2)))
    if ranges and not network.opaque:
        with suppress(NonlinError):  # what cannot be run in NumPy is tried at corners only
            found += [*_climbed(network, ranges, ends, fixed), *_folds(network, ranges, ends, fixed)]
    return {
        name: np.concatenate([x[name] for x in found]) if name in ends else np.repeat(x, len(found), axis=0)
        for name, x in start.items()
    }


Ends = Mapping[str, tuple[Array, ...]]


def _corners(ends: Ends, rng: np.random.Generator) -> Iterator[Sample]:
    for i in (0, 1):
        yield {name: pair[i] for name, pair in ends.items()}
    for _ in range(_CORNERS):
        yield {name: np.where(rng.random(low.shape) < 0.5, low, high) for name, (low, high) in ends.items()}


def _climbed(
    network: Network, ranges: Sequence[Range], ends: Ends, fixed: Mapping[str, Array]
) -> Iterator[Sample]:
    """Yield inputs that drive units towards the side on which they are said never to be."""
    rng = np.random.default_rng(1)
    middle = {name: (low + high) / 2 for name, (low, high) in ends.items()}
    for known in ranges:
        settled = np.flatnonzero((known.low >= 0).ravel() | (known.high <= 0).ravel())
        for entry in rng.permutation(settled)[: max(1, _UNITS // max(len(ranges), 1))]:
            sign = 1.0 if known.high.ravel()[entry] <= 0 else -1.0
            yield _climb(network, (known.node.inputs[0], int(entry), sign), {**middle, **fixed}, ends)


def _climb(network: Network, goal: tuple[str, int, float], x: Sample, ends: Ends) -> Sample:
    """Go from corner to corner along the sign of the gradient; return the best input met."""
    tensor, entry, sign = goal
    best, top = x, -np.inf
    for _ in range(_STEPS):
        values = trace(network, x)
        value = sign * float(values[tensor].ravel()[entry])
        if value <= top:
            break
        best, top = x, value
        cotangent = np.zeros(values[tensor].shape)
        cotangent.ravel()[entry] = sign
        gradients: dict[str, Array] = {}
        pullback(network, values, {tensor: cotangent}, gradients.__setitem__)
        x = dict(x)
        for name, (low, high) in ends.items():
            if name in gradients:
                x[name] = np.where(gradients[name] > 0, high, np.where(gradients[name] < 0, low, x[name]))
    return best


def _folds(
    network: Network, ranges: Sequence[Range], ends: Ends, fixed: Mapping[str, Array]
) -> Iterator[Sample]:
    """Yield inputs between which a unit passes its kink, halved until float64 ends."""
    rng = np.random.default_rng(3)
    scattered = [
        {name: low + (high - low) * rng.random(low.shape) for name, (low, high) in ends.items()}
        for _ in range(_SCATTERED)
    ]
    values = [trace(network, {**x, **fixed}) for x in scattered]
    for known in ranges:
        tensor = known.node.inputs[0]
        u = np.array([v[tensor].ravel() for v in values])
        for kink in map(float, bends_of(known.node, known.low.shape).kinks[:1]):
            crossed = np.flatnonzero((u.min(axis=0) < kink) & (u.max(axis=0) > kink))
            for entry in rng.permutation(crossed)[: max(1, _FOLDS // len(ranges))]:
                below, above = (scattered[i] for i in (np.argmin(u[:, entry]), np.argmax(u[:, entry])))
                for _ in range(_HALVINGS):
                    middle = {name: (below[name] + above[name]) / 2 for name in below}
                    if trace(network, {**middle, **fixed})[tensor].ravel()[entry] < kink:
                        below = middle
                    else:
                        above = middle
                yield above
