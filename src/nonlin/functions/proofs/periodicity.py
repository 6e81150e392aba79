"""Sines and cosines: the period of an expression, and what it does on x₀, x₀ + P, x₀ + 2P.

Where x occurs outside them only in a polynomial, the function along such a progression is a polynomial, so
that its growth there is known. Two progressions that part prove that there is no limit.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING

from flint import arb

from nonlin.functions.expression import Call, Expression, Variable, children
from nonlin.functions.polynomial import polynomial
from nonlin.functions.proofs import intervals
from nonlin.functions.proofs.interval_evaluation import enclose_range
from nonlin.functions.proofs.intervals import INF, Interval, point
from nonlin.functions.proofs.segments import as_ball
from nonlin.functions.proofs.tape import Instruction, tape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.functions.arb import Ball

__all__ = ["ends_along_progressions", "period"]

PROGRESSIONS = 16


def period(expression: Expression) -> Ball | None:
    """Return a period as a ball, or None where this does not find one; a constant has none."""
    found: set[Fraction] = set()
    return _common(found) if _frequencies(expression, found) and found else None


def ends_along_progressions(expression: Expression, side: int) -> tuple[Interval, ...]:
    """Return what the function tends to along several progressions; none where it is not of this kind."""
    found: set[Fraction] = set()
    _frequencies(expression, found)
    if not found:
        return ()
    step = _common(found) / PROGRESSIONS
    ends = []
    for k in range(PROGRESSIONS):
        coefficients = _along(expression, point(k * step))
        if coefficients is None:
            return ()
        ends.append(_end(coefficients, side))
    return tuple(end for end in ends if end is not None)


def _common(found: set[Fraction]) -> Ball:
    # the greatest frequency of which all are whole multiples
    numerator = gcd(*(f.numerator for f in found))
    denominator = lcm(*(f.denominator for f in found))
    return 2 * arb.pi() / as_ball(Fraction(numerator, denominator))


def _frequencies(node: Expression, found: set[Fraction]) -> bool:
    """Gather the frequencies; False where x occurs outside a sine or cosine of a line."""
    if isinstance(node, Variable):
        return False
    if isinstance(node, Call) and node.operator in ("sin", "cos"):
        line = polynomial(node.operands[0])
        if line is not None and len(line) == 2:
            found.add(abs(line[1]))
            return True
    # every branch is visited, so that all frequencies are found
    bare = [child for child in children(node) if not _frequencies(child, found)]
    return not bare


def _along(expression: Expression, start: Interval) -> list[Interval] | None:
    """Return the coefficients of the polynomial in x that holds on start, start + P, …, constant first."""
    done: list[list[Interval] | None] = []
    for instruction in tape(expression):
        done.append(_step(instruction, start, done))
    # sin(u) and cos(u) of what is no line in x have made it None
    return done[-1]


def _step(
    instruction: Instruction, start: Interval, done: Sequence[list[Interval] | None]
) -> list[Interval] | None:
    operator, operands, number = instruction
    if operator == "constant":
        return [point(number)]
    if operator == "variable":
        return [(intervals.ZERO, intervals.ZERO), point(1.0)]
    parts = [done[i] for i in operands]
    first, last = parts[0], parts[-1]
    if first is None or last is None:
        return None
    if operator in ("sin", "cos") and len(first) <= 2:
        slope = first[1] if len(first) == 2 else point(0.0)
        u = intervals.add(first[0], intervals.multiply(slope, start))
        return [enclose_range(Call(operator, (Variable(),)), u)]
    return _arithmetic(operator, first, last, int(number))


def _arithmetic(operator: str, a: list[Interval], b: list[Interval], exponent: int) -> list[Interval] | None:
    zero = (intervals.ZERO, intervals.ZERO)
    if operator == "negate":
        return [intervals.negate(c) for c in a]
    if operator in ("add", "subtract"):
        combine = intervals.add if operator == "add" else intervals.subtract
        size = max(len(a), len(b))
        a, b = a + [zero] * (size - len(a)), b + [zero] * (size - len(b))
        return [combine(p, q) for p, q in zip(a, b, strict=True)]
    if operator == "divide":
        return [intervals.divide(c, b[0]) for c in a] if len(b) == 1 else None
    if operator == "multiply":
        result = [zero] * (len(a) + len(b) - 1)
        for i, p in enumerate(a):
            for j, q in enumerate(b):
                result[i + j] = intervals.add(result[i + j], intervals.multiply(p, q))
        return result
    if operator == "power":
        result = [point(1.0)]
        for _ in range(exponent):
            product = _arithmetic("multiply", result, a, 0)
            result = product if product is not None else []
        return result
    return None


def _end(coefficients: list[Interval], side: int) -> Interval | None:
    degree = len(coefficients) - 1
    if degree == 0:
        return coefficients[0]
    leading = intervals.sign(coefficients[-1])
    if leading not in ("+", "-"):
        return None
    upwards = (leading == "+") == (side > 0 or degree % 2 == 0)
    return (INF, INF) if upwards else (-INF, -INF)
