"""Takes the rows along a line through one call of an activation."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from nonlin.geometry.arithmetic import Arithmetic, Bounded
from nonlin.geometry.bends import Bends, bends_of
from nonlin.geometry.crossings import crossings_of, joined, merged
from nonlin.geometry.jumping import jump
from nonlin.geometry.rounding import UNIT_ROUNDOFF, row_norms
from nonlin.geometry.rows import Rows, inserted
from nonlin.networks import Node
from nonlin.networks.array import Array

__all__ = ["bend"]


def bend(arithmetic: Arithmetic, rows: Rows, node: Node) -> tuple[Rows, int]:
    """Put in a row wherever a unit crosses a kink, and add the call's output to the live tensors.

    Args:
        arithmetic: of the rows.
        rows: with the pre-activation among the live tensors.
        node: the call.

    Returns:
        The rows, and how many decisions were smaller than the bound on their error.
    """
    name = node.inputs[0]
    shape = rows.live[name].value.shape[1:]
    bends = bends_of(node, shape)
    rows, unsure = _folded(arithmetic, _with(rows, name, _flat(rows.live[name])), node, bends)
    if bends.continuous:
        made = _applied(arithmetic, rows.live[name], bends)
    else:
        rows, made, more = jump(arithmetic, rows, name, bends)
        unsure += more
    rows = _with(rows, name, _shaped(rows.live[name], shape))
    return _with(rows, node.output, _shaped(made, shape)), unsure


def _folded(arithmetic: Arithmetic, rows: Rows, node: Node, bends: Bends) -> tuple[Rows, int]:
    """Put in the rows; there, the units that fold are set to the kink itself."""
    name, unsure, found = node.inputs[0], 0, []
    kinks = [arithmetic.number(kink) for kink in bends.kinks]
    for kink in kinks:
        x = rows.live[name]
        sides, doubtful = arithmetic.sides(x, kink)
        if bends.bent is not None:
            straight = ~np.broadcast_to(bends.bent, x.value.shape)
            sides[straight], doubtful[straight] = 0, False
        if doubtful.any():
            unsure += int(np.count_nonzero(doubtful))
            sides = np.where(doubtful, arithmetic.likely_sides(x, kink), sides)
            x = replace(x, value=x.value.copy(), error=x.error.copy())
            rows = _with(rows, name, _set(x, np.nonzero(doubtful & (sides == 0)), kink))
        opposite = (sides[:-1] * sides[1:] < 0) & ~rows.gaps[:, None]
        found.append(crossings_of(arithmetic, rows.live[name], kink, opposite))
    if not any(len(part.segment) for part in found):
        return rows, unsure
    every = joined(found)
    together = merged(every)
    rows = inserted(arithmetic, rows, together.points, maker=node.name)
    start = 0
    for kink, part in zip(kinks, found, strict=True):
        own = slice(start, start + len(part.segment))
        rows = _with(rows, name, _set(rows.live[name], (together.rows[own], every.unit[own]), kink))
        start = own.stop
    return rows, unsure + together.unsure


def _set(x: Bounded, where: tuple[Array, ...], kink: Bounded) -> Bounded:
    """Set some values, in place, to the kink, which is what they are or, if that is not sure, most likely are."""
    x.value[where], x.error[where] = kink.value, kink.error
    # setting a value right takes its error away, unless the kink itself is not a float64
    return x if np.all(kink.error == 0) or not len(where[0]) else replace(x, norm=None)


def _applied(arithmetic: Arithmetic, x: Bounded, bends: Bends) -> Bounded:
    """Apply a continuous function made of pieces."""
    pieces = [arithmetic.along(x, *line) for line in zip(bends.slopes, bends.intercepts, strict=True)]
    made = pieces[0]
    unsure = np.zeros(x.value.shape, bool)
    for kink, piece in zip(bends.kinks, pieces[1:], strict=True):
        at = arithmetic.number(kink)
        above = x.value > at.value
        unsure |= arithmetic.sides(x, at)[1]
        made = Bounded(
            value=np.where(above, piece.value, made.value), error=np.where(above, piece.error, made.error)
        )
    made = replace(made, norm=_norm(x, bends))
    if not unsure.any():
        return made
    # rounding may have taken the neighbouring piece: the steepest one bounds what that changes
    widest = np.maximum.reduce([piece.error for piece in pieces])
    return replace(
        made, error=np.where(unsure, widest + _steepest(bends) * x.error * (1 + 2.0**-48), made.error)
    )


def _norm(x: Bounded, bends: Bends) -> Array | None:
    """Return the bound on all errors of a row together: they are stretched by the steepest slope at most."""
    if x.norm is None or any(bends.intercepts) or any(bends.kinks):
        return None
    if all(isinstance(slope, Fraction) and abs(slope) in (0, 1) for slope in bends.slopes):
        return x.norm  # nothing is rounded
    fresh = 8 * UNIT_ROUNDOFF * row_norms(x.value) + 2.0**-1000
    return np.asarray(_steepest(bends) * (x.norm + fresh) * (1 + 2.0**-48))


def _steepest(bends: Bends) -> float:
    return max(float(np.max(np.abs(slope))) for slope in map(np.asarray, bends.slopes))


def _flat(x: Bounded) -> Bounded:
    return _shaped(x, (-1,))


def _shaped(x: Bounded, shape: tuple[int, ...]) -> Bounded:
    rows = len(x.value)
    return replace(x, value=x.value.reshape(rows, *shape), error=x.error.reshape(rows, *shape))


def _with(rows: Rows, name: str, x: Bounded) -> Rows:
    return replace(rows, live={**rows.live, name: x})
