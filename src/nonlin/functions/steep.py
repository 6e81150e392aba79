"""Where an expression may change within a distance that a grid would miss, as tanh(1e6·x) does at 0."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite, sqrt

import numpy as np

from nonlin.functions.expression import Call, Expression, nodes
from nonlin.functions.polynomial import polynomial

__all__ = ["steep_places"]

ARITHMETIC = frozenset({"add", "subtract", "multiply", "negate", "power"})
HIGHEST = 8  # the degree of which roots are still looked for
NEAR = 8.0  # the first distance is so small a part of a width
APART = 2.0


@lru_cache(maxsize=1024)
def steep_places(expression: Expression, scale: float = 1.0) -> tuple[float, ...]:
    """Return places around the roots and the turns of every polynomial that a primitive or a division is applied to.

    Args:
        expression: has no parameters left.
        scale: what is slower than this is seen anyway.

    Returns:
        Sorted; distances from the root grow by factors of 2, from a width of the primitive up to `scale`.
    """
    found: set[float] = set()
    for node in nodes(expression):
        if not isinstance(node, Call) or node.operator in ARITHMETIC:
            continue
        line = polynomial(node.operands[-1])
        if line is not None and 2 <= len(line) <= HIGHEST + 1:
            found |= _around(np.polynomial.Polynomial([float(c) for c in line]), scale)
    return tuple(sorted(place for place in found if isfinite(place)))


def _around(line: np.polynomial.Polynomial, scale: float) -> set[float]:
    found: set[float] = set()
    slope, bend = line.deriv(), line.deriv(2)
    for root in (*line.roots(), *slope.roots()):
        place = float(root.real)
        rate = max(abs(float(slope(place))), sqrt(abs(float(bend(place)))))
        width = 1 / (NEAR * rate) if rate > 0 else scale
        while width < scale:
            found |= {place - width, place, place + width}
            width *= APART
    return found
