"""The upper envelope of a few affine functions on a segment, which is what a max pooling window makes of them."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from nonlin.geometry.arithmetic import Arithmetic, Bounded, Shares
from nonlin.networks.array import Array

__all__ = ["Fold", "envelope"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Where one function stops being the largest and another begins.

    Args:
        before, after: which functions.
        share, doubt: where in the segment, and how far from there it can be.
    """

    before: int
    after: int
    share: Any
    doubt: Any


def envelope(arithmetic: Arithmetic, low: Bounded, high: Bounded) -> tuple[list[Fold], bool]:
    """Return the folds of the largest of some affine functions, from left to right, and whether they are sure.

    Args:
        arithmetic: of the values.
        low: the functions at the left end of the segment, shape (functions,).
        high: at the right end.
    """
    # the largest at the left end; of those that are equal there, the one that goes on
    equal = np.flatnonzero(_likely(arithmetic, low, int(np.argmax(low.value))) >= 0)
    first = current = int(equal[int(np.argmax(high.value[equal]))])
    folds: list[Fold] = []
    while True:
        later = np.flatnonzero(
            (_likely(arithmetic, low, current) < 0) & (_likely(arithmetic, high, current) > 0)
        )
        if not len(later):
            break
        shares = arithmetic.shares(*(_minus(arithmetic, end, current, later) for end in (low, high)))
        nearest = int(np.argmin(shares.value))
        tie = shares.likely_doubt
        # of those that meet at one point, the one that is highest at the right end goes on
        meeting = np.flatnonzero(shares.value - tie <= shares.value[nearest] + tie[nearest])
        chosen = int(meeting[int(np.argmax(high.value[later[meeting]]))])
        fold = Fold(
            before=current, after=int(later[chosen]), share=shares.value[chosen], doubt=shares.doubt[chosen]
        )
        folds.append(fold)
        current = fold.after
    return folds, low.value.dtype == object or _sure(arithmetic, low, high, first, folds)


def _sure(arithmetic: Arithmetic, low: Bounded, high: Bounded, first: int, folds: list[Fold]) -> bool:
    """Whether this is the envelope: each function on it is strictly above the others at both ends of its stretch.

    The largest of affine functions is convex, so that this is enough. What lies nowhere above one of them is left out.
    """
    path = [first, *(fold.after for fold in folds)]
    rest = np.ones(len(low.value), bool)
    for member in path:
        rest &= ~(_not_above(arithmetic, low, member) & _not_above(arithmetic, high, member))
    rest[path] = True
    others = np.flatnonzero(rest)
    for end, best in ((low, first), (high, path[-1])):
        if np.any(_side(arithmetic, end, best)[others[others != best]] >= 0):
            return False
    for fold in folds:
        if (
            _side(arithmetic, low, fold.before)[fold.after] >= 0
            or _side(arithmetic, high, fold.before)[fold.after] <= 0
        ):
            return False
        shares = Shares(value=np.array([fold.share]), doubt=np.array([fold.doubt]))
        here = arithmetic.between(_row(low), _row(high), shares)
        beside = others[(others != fold.before) & (others != fold.after)]
        at = Bounded(value=here.value[0], error=here.error[0])
        if np.any(_side(arithmetic, at, fold.after)[beside] >= 0):
            return False
    return all(a.share + a.doubt < b.share - b.doubt for a, b in pairwise(folds))


def _minus(arithmetic: Arithmetic, x: Bounded, member: int, which: Array | slice = slice(None)) -> Bounded:
    """Return how far functions are above one of them."""
    own = Bounded(value=x.value[member], error=x.error[member])
    return arithmetic.minus(Bounded(value=x.value[which], error=x.error[which]), own)


def _likely(arithmetic: Arithmetic, x: Bounded, member: int) -> Array:
    # the differences of large numbers that are equal look like ties beside those numbers, not beside each other
    own = Bounded(value=x.value[member], error=x.error[member])
    return arithmetic.likely_sides(x, own)


def _side(arithmetic: Arithmetic, x: Bounded, member: int) -> Array:
    return arithmetic.sides(_minus(arithmetic, x, member), arithmetic.number(Fraction(0)))[0]


def _not_above(arithmetic: Arithmetic, x: Bounded, member: int) -> Array:
    """Whether each function is, surely, below one of them or equal to it."""
    side, unsure = arithmetic.sides(_minus(arithmetic, x, member), arithmetic.number(Fraction(0)))
    return (side <= 0) & ~unsure


def _row(x: Bounded) -> Bounded:
    return Bounded(value=x.value[None], error=x.error[None])
