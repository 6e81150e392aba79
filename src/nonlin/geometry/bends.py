"""Where an activation bends and what it is in between, in exact rational numbers."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.functions import Function
from nonlin.functions.pieces import rational_pieces, rational_value
from nonlin.networks import Node
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.array import Array

__all__ = ["Bends", "Slope", "bends_of"]

Slope: TypeAlias = "Fraction | Array"
"""One number, or a stored one for each unit, shape (units,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bends:
    """The affine pieces of an activation.

    Args:
        kinks: where it bends or jumps, sorted; n of them.
        slopes, intercepts: of the n + 1 pieces from left to right.
        values: at the kinks.
        bent: False for the units that do not bend at all; None where all do.
    """

    kinks: tuple[Fraction, ...]
    slopes: tuple[Slope, ...]
    intercepts: tuple[Fraction, ...]
    values: tuple[Fraction, ...]
    bent: Array | None = None

    @cached_property
    def continuous(self) -> bool:
        """Whether it nowhere jumps."""
        ends = zip(
            self.kinks, self.values, pairwise(zip(self.slopes, self.intercepts, strict=True)), strict=True
        )
        return all(
            bool(np.all(slope * kink + intercept == value))
            for kink, value, sides in ends
            for slope, intercept in sides
        )


def bends_of(node: Node, shape: tuple[int, ...]) -> Bends:
    """Return the bends of an activation.

    Args:
        node: a call.
        shape: of one sample of its pre-activation; its entries in order are the units.

    Raises:
        UnsupportedModelError: if it is not made of affine pieces.
    """
    operator = node.operator
    if isinstance(operator, ParametricRelu):
        slopes = np.broadcast_to(np.asarray(operator.slopes, np.float64), (1, *shape)).ravel()
        zero = Fraction(0)
        return Bends(
            kinks=(zero,),
            slopes=(slopes, Fraction(1)),
            intercepts=(zero, zero),
            values=(zero,),
            bent=slopes != 1 if np.any(slopes == 1) else None,
        )
    bends = _scalar(operator.function) if isinstance(operator, Activation) else None
    if bends is None:
        raise UnsupportedModelError(
            f"expected an activation made of straight pieces, got node '{node.name}', which is not; "
            "its folds are not defined"
        )
    return bends


def _scalar(function: Function) -> Bends | None:
    expression = function.expression
    parts = None if expression is None else rational_pieces(expression)
    if expression is None or parts is None:
        return None
    cuts, lines = parts
    if any(
        rational_value(expression, Fraction(kink)) != _at(cuts, lines, Fraction(kink))
        for kink in function.kinks
        if Fraction(kink) not in cuts
    ):
        return None  # a value of its own at a single point is no piece
    return Bends(
        kinks=cuts,
        slopes=tuple(slope for slope, _ in lines),
        intercepts=tuple(intercept for _, intercept in lines),
        values=tuple(rational_value(expression, cut) for cut in cuts),
    )


def _at(cuts: tuple[Fraction, ...], lines: tuple[tuple[Fraction, Fraction], ...], x: Fraction) -> Fraction:
    slope, intercept = lines[sum(cut < x for cut in cuts)]
    return slope * x + intercept
