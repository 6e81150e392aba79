"""Inputs that try to prove a simplification wrong: they push what was taken out as far as a gradient finds."""

from collections.abc import Sequence

import numpy as np

from nonlin.errors import NonlinError
from nonlin.networks import Network, pullback, trace
from nonlin.networks.array import Array
from nonlin.simplification.stable import Range

__all__ = ["adversarial"]

_STEPS = 12
_UNITS = 24


def adversarial(
    network: Network, ranges: Sequence[Range], box: tuple[Array, Array], start: Array
) -> Array | None:
    """Return inputs in a box that drive units towards the side on which they are said never to be.

    Args:
        network: the original, of one input and without an opaque node; None comes back for another.
        ranges: of the calls whose units were taken out or made straight.
        box: low and high, each of the shape of a sample or broadcast to it.
        start: a batch of one in the box.

    Returns:
        Shape (units tried, …), or None.
    """
    if network.opaque or len(network.inputs) != 1 or start.shape[0] != 1:
        return None
    name, found = network.inputs[0].name, []
    low, high = (np.broadcast_to(np.asarray(end, np.float64), start.shape) for end in box)
    rng = np.random.default_rng(1)
    try:
        for known in ranges:
            settled = np.flatnonzero((known.low >= 0).ravel() | (known.high <= 0).ravel())
            for entry in rng.permutation(settled)[: max(1, _UNITS // max(len(ranges), 1))]:
                sign = 1.0 if known.high.ravel()[entry] <= 0 else -1.0
                found.append(
                    _climb(network, known.node.inputs[0], int(entry), sign, (name, start, low, high))
                )
    except NonlinError:
        return None
    return np.concatenate(found) if found else None


def _climb(
    network: Network, tensor: str, entry: int, sign: float, where: tuple[str, Array, Array, Array]
) -> Array:
    """Go from corner to corner along the sign of the gradient; return the best input met."""
    name, x, low, high = where
    x = np.asarray(x, np.float64)
    best, top = x, -np.inf
    for _ in range(_STEPS):
        values = trace(network, {name: x})
        value = sign * float(values[tensor].ravel()[entry])
        if value <= top:
            break
        best, top = x, value
        cotangent = np.zeros(values[tensor].shape)
        cotangent.ravel()[entry] = sign
        gradients: dict[str, Array] = {}
        pullback(network, values, {tensor: cotangent}, gradients.__setitem__)
        if name not in gradients:
            break
        x = np.where(gradients[name] > 0, high, np.where(gradients[name] < 0, low, x))
    return best
