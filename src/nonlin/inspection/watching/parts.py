"""Which part of a large call is looked at on a watched step: spread evenly, so that it costs next to nothing."""

from dataclasses import dataclass
from functools import lru_cache
from math import gcd, prod

__all__ = ["FEW", "LEAST", "LINE", "Parts", "between_blocks", "parts_of"]

LEAST = 1 << 14
"""Of a tensor with more than twice as many values, sums are estimated from about so many."""

FEW = 4096
"""So many values, at most, are brought over as a sample."""

LINE = 16
"""Values in a block, beside each other in memory: a line of the cache in float32."""

_LOOKED_AT = 1 << 17  # pre-activations of a call to take the extremes of: at the next step of others
_ROWS = 64  # values a unit to count the flat ones of


@lru_cache(maxsize=1024)
def between_blocks(blocks: int, count: int) -> int:
    """Return how many blocks apart those are that have about so many values together, out of so many blocks."""
    # without a common divisor with the shape, or the blocks would stand for some channels or positions alone
    distance = max(1, blocks * LINE // count)
    while gcd(distance, blocks) > 1:
        distance += 1
    return distance


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Which pre-activations of a call of one shape are looked at.

    Args:
        step: how far apart the samples are, on the first axis, that the extremes are taken of.
        flat: where, along each axis, values are looked at for flat ones; one place along that of the units.
        rows: how many values of a unit those are.
    """

    step: int
    flat: tuple[range, ...]
    rows: int

    def samples(self, turn: int, count: int) -> range:
        """Return which samples of so many the extremes are taken of at a turn."""
        return range(turn % self.step, count, self.step)


@lru_cache(maxsize=1024)
def parts_of(shape: tuple[int, ...], axis: int) -> Parts:
    """Return what is looked at of pre-activations of a shape, with the units on an axis."""
    flat, left = [range(1)] * len(shape), -(-prod(shape) // shape[axis] // _ROWS)
    for other in sorted((i for i in range(len(shape)) if i != axis), key=lambda i: -shape[i]):
        step = max(1, min(left, shape[other]))
        flat[other] = range(0, shape[other], step)
        left = -(-left // step)
    return Parts(
        step=max(1, min(-(-prod(shape) // _LOOKED_AT), shape[0])),
        flat=tuple(flat),
        rows=prod(map(len, flat)),
    )
