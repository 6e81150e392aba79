"""Where an expression may change within a distance that a grid would miss, as tanh(1e6·x) does at 0."""

from __future__ import annotations

from functools import lru_cache
from math import inf, isfinite, sqrt

import numpy as np

from nonlin.functions.expression import Call, Expression, nodes
from nonlin.functions.pieces import Piece, affine_pieces
from nonlin.functions.polynomial import polynomial

__all__ = ["steep_places"]

ARITHMETIC = frozenset({"add", "subtract", "multiply", "negate", "power"})
HIGHEST = 8  # the degree of which roots are still looked for
NEAR = 8.0  # the first distance is so small a part of a width
APART = 2.0


@lru_cache(maxsize=1024)
def steep_places(expression: Expression, scale: float = 1.0) -> tuple[float, ...]:
    """Return places around the roots and the turns of all that a primitive or a division is applied to.

    Args:
        expression: has no parameters left; of what is applied to, polynomials and affine pieces are looked at.
        scale: what is slower than this is seen anyway.

    Returns:
        Sorted; distances from the root grow by factors of 2, from a width of the primitive up to `scale`.
    """
    found: set[float] = set()
    for node in nodes(expression):
        if not isinstance(node, Call) or node.operator in ARITHMETIC:
            continue
        line = polynomial(node.operands[-1])
        if line is None:
            found = found.union(*(_around_piece(p, scale) for p in affine_pieces(node.operands[-1]) or ()))
        elif 2 <= len(line) <= HIGHEST + 1:
            found |= _around(np.polynomial.Polynomial([float(c) for c in line]), scale)
    return tuple(sorted(place for place in found if isfinite(place)))


def _around(line: np.polynomial.Polynomial, scale: float) -> set[float]:
    found: set[float] = set()
    slope, bend = line.deriv(), line.deriv(2)
    for root in (*line.roots(), *slope.roots()):
        place = float(root.real)
        rate = max(abs(float(slope(place))), sqrt(abs(float(bend(place)))))
        found |= _beside(place, rate, abs(float(root.imag)), scale)
    return found


def _around_piece(piece: Piece, scale: float) -> set[float]:
    if not piece.slope:
        return set()
    root = -piece.intercept / piece.slope
    place = min(max(root, piece.low), piece.high)
    return _beside(place, abs(piece.slope), abs(root - place), scale)


def _beside(place: float, rate: float, off: float, scale: float) -> set[float]:
    """Return places beside one at which something has a slope, and a root so far off: 1/(1e-8 + abs(x)) is narrow."""
    found: set[float] = set()
    width = min(1 / rate if rate > 0 else inf, off or inf) / NEAR
    while 0 < width < scale:
        found |= {place - width, place, place + width}
        width *= APART
    return found
