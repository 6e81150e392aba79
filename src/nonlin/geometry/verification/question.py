"""A property's alternatives as boxes to be searched, and what confirms a counterexample."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from time import monotonic
from typing import Any

import numpy as np

from nonlin.geometry.bounds import bounds
from nonlin.geometry.cells.chain import Chain
from nonlin.geometry.rounding import OUTWARD, UNIT_ROUNDOFF
from nonlin.geometry.verification.clock import OutOfTime
from nonlin.geometry.verification.linear import LeastOf
from nonlin.geometry.verification.points import Exactly
from nonlin.geometry.verification.propagation import Boxes, prepare
from nonlin.geometry.verification.relaxation import Bent, Relaxation
from nonlin.geometry.verification.search import Limits, Maximum, Progress, maximize
from nonlin.geometry.verification.vnnlib import Case, Condition
from nonlin.networks import Network
from nonlin.networks.array import Array

__all__ = ["Question"]

_MOST_FRACTIONS = 4_000_000
"""Weights up to which a network is taken in fractions: some seconds."""

_MOST_RANGES = 128
"""Outputs up to which each is bounded by itself."""

Prepared = tuple[Relaxation, tuple[Bent, ...], Boxes]


@dataclass(kw_only=True, eq=False)
class Question:
    """A network and the time that is left for all alternatives.

    Args:
        network: of which.
        chain: the same.
        shape: of one sample.
        until: a moment of the monotonic clock.
        threads: how many work at once.
        progress: as of `verify`.
        proven: what is known of alternatives that the first bound shows to be impossible.
        ranges: what the outputs lie between, shape (outputs, 2), over all boxes that were come to; None where none was,
            or there are too many outputs.
    """

    network: Network
    chain: Chain
    shape: tuple[int, ...]
    until: float
    threads: int
    progress: Progress | None
    proven: list[Maximum] = field(default_factory=list)
    ranges: Array | None = None
    _held: tuple[object, Prepared] | None = None

    @cached_property
    def exactly(self) -> Exactly | None:
        """The network in fractions; None where that takes too long."""
        if sum(stage.weights for stage in self.chain.stages) > _MOST_FRACTIONS:
            return None
        return Exactly(self.chain)

    def undecided(self, cases: Sequence[Case]) -> list[Case]:
        """Return the alternatives that one bound over their box does not exclude, the likeliest first."""
        left: list[tuple[float, Case]] = []
        for case in cases:
            if any(a > b for a, b in zip(case.low, case.high, strict=True)):
                continue  # no input at all
            upper, started = np.inf, monotonic()
            try:
                relaxation, bents, first = self._prepared(case)
                upper = float(self._objective(relaxation, case).bound(bents, first)[0])
            except OutOfTime:
                pass
            if upper < 0:
                self.proven.append(_maximum(upper, monotonic() - started))
            else:
                left.append((upper, case))
        return [case for _, case in sorted(left, key=lambda pair: -pair[0])]

    def searched(self, case: Case) -> tuple[Maximum, Array | None]:
        """Search an alternative; return what is known, and a counterexample that is confirmed, shape (inputs,)."""
        started = monotonic()
        try:
            relaxation, _, first = self._prepared(case)
        except OutOfTime:
            return _maximum(np.inf, monotonic() - started, "out of time"), None
        limits = Limits(goal=0.0, seconds=max(self.until - monotonic(), 0.0), threads=self.threads)
        found = maximize(self._objective(relaxation, case), first, limits=limits, progress=self.progress)
        return found, self._confirmed(case, found)

    def _prepared(self, case: Case) -> Prepared:
        # alternatives often have the same box
        key = (case.low, case.high)
        if self._held is None or self._held[0] != key:
            self._held = (key, prepare(self.chain, *_outward(case), until=self.until))
            self._widen(*self._held[1])
        return self._held[1]

    def _widen(self, relaxation: Relaxation, bents: tuple[Bent, ...], first: Boxes) -> None:
        """Let the ranges of the outputs hold in one more box."""
        count = len(relaxation.outputs)
        if count > _MOST_RANGES:
            return
        zero = np.zeros(2 * count)
        signs = np.concatenate([-np.eye(count), np.eye(count)])
        inputs = np.zeros((2 * count, len(relaxation.size)))
        rows = LeastOf(relaxation=relaxation, outputs=signs, inputs=inputs, constant=zero, above=zero)
        low, high = rows.rows_bound(bents, first)[0].reshape(2, count)
        made = np.stack([-low, high], axis=1)
        if self.ranges is not None:
            made[:, 0], made[:, 1] = (
                np.minimum(made[:, 0], self.ranges[:, 0]),
                np.maximum(made[:, 1], self.ranges[:, 1]),
            )
        self.ranges = made

    def _objective(self, relaxation: Relaxation, case: Case) -> LeastOf:
        """Return by how much the tightest condition is met: −(Σ terms + constant), least over the conditions."""
        rows = len(case.conditions) or 1
        outputs, inputs = np.zeros((rows, len(relaxation.outputs))), np.zeros((rows, len(relaxation.size)))
        constant, above = np.zeros(rows), np.zeros(rows)
        largest = {"X": relaxation.size, "Y": _largest_outputs(relaxation)}
        for row, condition in enumerate(case.conditions):
            lost = 0.0
            for (letter, number), factor in condition.terms:
                nearest = float(factor)
                (outputs if letter == "Y" else inputs)[row, number] = -nearest
                off = float(abs(Fraction(nearest) - factor)) * OUTWARD
                lost += off * float(largest[letter][number]) * OUTWARD
            end = float(-condition.constant)
            below = 0.0 if Fraction(end) == -condition.constant else np.spacing(abs(end))
            constant[row] = end if not below + lost else np.nextafter(end - (below + lost * OUTWARD), -np.inf)
            above[row] = 0.0 if not below + lost else 2 * (np.spacing(abs(end)) + below + lost) * OUTWARD

        def least(point: Array) -> float:
            return self._least(point, case.conditions)

        return LeastOf(
            relaxation=relaxation,
            outputs=outputs,
            inputs=inputs,
            constant=constant,
            above=above,
            exactly=least,
        )

    def _least(self, point: Array, conditions: tuple[Condition, ...]) -> float:
        """Return by how much a point meets its tightest condition, from fractions, rounded down."""
        if self.exactly is None:
            return -np.inf
        values = {"X": [Fraction(x) for x in point.tolist()], "Y": self.exactly.outputs(point)}
        exact = min(
            (
                -condition.constant - sum(f * values[letter][i] for (letter, i), f in condition.terms)
                for condition in conditions
            ),
            default=Fraction(0),
        )
        nearest = float(exact)
        return nearest if Fraction(nearest) <= exact else float(np.nextafter(nearest, -np.inf))

    def _confirmed(self, case: Case, found: Maximum) -> Array | None:
        """Return the witness where it is in the exact box, and intervals or fractions confirm it."""
        if found.witness is None:
            return None
        # a float32 is what the model's own runtime is fed; where it will do, it is the better counterexample
        for dtype in (np.float32, np.float64):
            point = _within(found.witness, case, dtype)
            inside = all(
                low <= Fraction(float(x)) <= high
                for x, low, high in zip(point, case.low, case.high, strict=True)
            )
            if not inside:
                continue
            if self._holds(point, case.conditions):
                return point
            if found.lower >= 0 and self._least(point, case.conditions) >= 0:
                return point
        return None

    def _holds(self, point: Array, conditions: tuple[Condition, ...]) -> bool:
        sample = point.reshape(self.shape)
        ends = bounds(self.network, sample, sample, linear=False).outputs.get(self.network.outputs[0].name)
        if ends is None:
            return False
        for condition in conditions:
            worst = condition.constant
            for (letter, number), factor in condition.terms:
                end = point if letter == "X" else np.ravel(ends[int(factor > 0)])
                worst += factor * Fraction(float(end[number]))
            if worst > 0:
                return False
        return True


def _maximum(upper: float, seconds: float, reason: str = "") -> Maximum:
    return Maximum(
        lower=-np.inf,
        upper=upper,
        witness=None,
        share=1.0 if reason else 0.0,
        nodes=0 if reason else 1,
        seconds=seconds,
        reason=reason,
    )


def _largest_outputs(relaxation: Relaxation) -> Array:
    """Return bounds of the sizes of the outputs in the first box."""
    # what a pre-activation loses by rounding is at least eight units of its size; the last ones do not bend
    sizes = relaxation.spread[-1] / (8 * UNIT_ROUNDOFF) if relaxation.spread else relaxation.size
    return np.where(relaxation.outputs < 0, 0.0, sizes[relaxation.outputs])


def _outward(case: Case) -> tuple[Array, Array]:
    """Return float64 ends that enclose the exact ones."""
    low = [x if Fraction(x) <= end else np.nextafter(x, -np.inf) for end in case.low for x in [float(end)]]
    high = [x if Fraction(x) >= end else np.nextafter(x, np.inf) for end in case.high for x in [float(end)]]
    return np.array(low), np.array(high)


def _within(witness: Array, case: Case, dtype: type[np.floating[Any]]) -> Array:
    """Return the witness rounded to a type, and moved off ends that the type has only outside of the exact box."""
    made = []
    for x, low, high in zip(witness.astype(dtype), case.low, case.high, strict=True):
        if Fraction(float(x)) < low:
            made.append(float(np.nextafter(x, dtype(np.inf))))
        elif Fraction(float(x)) > high:
            made.append(float(np.nextafter(x, dtype(-np.inf))))
        else:
            made.append(float(x))
    return np.array(made)
