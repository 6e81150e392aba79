"""The size of an output's gradient as an objective: its largest value is the Lipschitz constant."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nonlin.geometry.rounding import UNIT_ROUNDOFF
from nonlin.geometry.verification.certificates import highest_of_least
from nonlin.geometry.verification.chords import Way, sharpened
from nonlin.geometry.verification.gradients import Gradients, Passed, gradients, pieces_at
from nonlin.geometry.verification.objective import Judged
from nonlin.geometry.verification.pieces import Split, halfspaces
from nonlin.geometry.verification.propagation import Boxes, propagated
from nonlin.geometry.verification.relaxation import Relaxation
from nonlin.networks.array import Array

__all__ = ["DUAL", "Steepness"]

DUAL = {1: np.inf, 2: 2, np.inf: 1}
"""For each norm of the inputs, the norm in which gradients are measured."""

_INSIDE = 0.375
_CLIMBERS = 64
_STARTS = 2048
_STEPS = 24

_AROUND = 2.0**-40
"""Half the side of the box around a point whose region is taken, in relation to the size of the inputs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Steepness:
    """The norm of the gradient of an output, along the inputs that vary.

    Args:
        relaxation: of the network.
        low, high: of the first box, shape (inputs,).
        output: index into the flattened output.
        norm: 1, 2 or inf, of the inputs.
        way: back through the network, where bounds are to be sharpened by chords.
    """

    relaxation: Relaxation
    low: Array
    high: Array
    output: int
    norm: float
    way: Way | None

    def judge(
        self, boxes: Boxes, splits: Sequence[tuple[Split, ...]], *, enough: float, until: float = np.inf
    ) -> Judged:
        """Bound it in some boxes."""
        bents, known = propagated(self.relaxation, boxes, until=until)
        path: list[Passed] = []
        found = gradients(self.relaxation, known.pieces, self.output, path=path)
        if self.way is not None:
            found = sharpened(self.way, path, found)
        upper = self._most(found)
        points = known.low + _INSIDE * (known.high - known.low)
        left = np.flatnonzero((upper >= enough) & np.array([bool(own) for own in splits]))
        if len(left):
            some = known[left]
            own = [splits[i] for i in left.tolist()]
            within = halfspaces(self.relaxation, [bent[left] for bent in bents], some, own)
            # the point that is furthest inside of all half-spaces; there is none where even that is outside of one
            room, points[left] = highest_of_least(within, within, (some.low, some.high))
            upper[left] = np.where(room < 0, -np.inf, upper[left])
        widths = known.high - known.low
        return Judged(
            boxes=known, upper=upper, points=points, inputs=found.inputs * widths, units=found.units
        )

    def values(self, points: Array) -> Array:
        """Return it at points, as float64 has it."""
        return self._least(gradients(self.relaxation, pieces_at(self.relaxation, points), self.output))

    def proven(self, point: Array) -> float:
        """Return a lower bound of it in a region that is as good as at the point."""
        return float(self._least(self._around(point[None]))[0])

    def climbed(self) -> Array:
        """Return points at which it is large, found by small steps from the best of many, shape (points, inputs)."""
        draw = np.random.default_rng(0)
        points = self.low + draw.random((_STARTS, len(self.low))) * (self.high - self.low)
        values = self.values(points)
        best = np.argsort(-values)[:_CLIMBERS]
        points, values = points[best], values[best]
        for step in range(_STEPS):
            reach = (self.high - self.low) * 0.5 ** (1 + step / 3)
            moved = np.clip(points + draw.normal(size=points.shape) * reach, self.low, self.high)
            found = self.values(moved)
            better = found > values
            points[better], values[better] = moved[better], found[better]
        return np.asarray(points)

    def _around(self, points: Array) -> Gradients:
        # with room on some side, a unit that is decided there is decided in a region, and not only at a point
        room = np.where(self.low < self.high, _AROUND * self.relaxation.size, 0.0)
        boxes = Boxes(
            low=np.maximum(points - room, self.low),
            high=np.minimum(points + room, self.high),
            pieces=np.full((len(points), self.relaxation.choices), -1, np.int32),
        )
        return gradients(self.relaxation, propagated(self.relaxation, boxes)[1].pieces, self.output)

    def _most(self, found: Gradients) -> Array:
        return self._size(np.asarray(np.maximum(np.abs(found.low), np.abs(found.high))), 1)

    def _least(self, found: Gradients) -> Array:
        inside = (found.low <= 0) & (found.high >= 0)
        return self._size(np.where(inside, 0.0, np.minimum(np.abs(found.low), np.abs(found.high))), -1)

    def _size(self, gradient: Array, sign: int) -> Array:
        """Return norms, rounded up (sign 1) or down (−1), none below 0."""
        varying = np.where(self.low < self.high, gradient, 0.0)
        size = np.linalg.norm(varying, DUAL[self.norm], axis=1)
        relative = (gradient.shape[1] + 8) * UNIT_ROUNDOFF
        return np.asarray(np.maximum(size * (1 + sign * 2 * relative), 0.0))
