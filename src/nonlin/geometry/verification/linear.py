"""The least of some affine functions of a network's output and input, as an objective."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nonlin.geometry.verification.certificates import Halfspaces, highest_of_least
from nonlin.geometry.verification.objective import Judged
from nonlin.geometry.verification.pieces import Split, halfspaces
from nonlin.geometry.verification.propagation import Boxes, propagated
from nonlin.geometry.verification.relaxation import Bent, Planes, Relaxation, Rows, substituted
from nonlin.geometry.verification.tilts import lower_of, tilted
from nonlin.networks.array import Array

__all__ = ["LeastOf", "forward"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeastOf:
    """min over rows of outputs · Y + inputs · X + constant; of one row it is just that.

    Args:
        relaxation: of the network.
        outputs: shape (rows, outputs).
        inputs: shape (rows, inputs).
        constant: shape (rows,), rounded down for a lower bound; what it may be more is `above`.
        above: what an upper bound adds to the constant.
        exactly: returns it at a point from fractions, rounded down; −∞ where that takes too long. None without.
    """

    relaxation: Relaxation
    outputs: Array
    inputs: Array
    constant: Array
    above: Array
    exactly: Callable[[Array], float] | None = None

    def judge(
        self, boxes: Boxes, splits: Sequence[tuple[Split, ...]], *, enough: float, until: float = np.inf
    ) -> Judged:
        """Bound it in some boxes."""
        bents, known = propagated(self.relaxation, boxes, until=until)
        path: list[Array] = []
        planes = self._lowest(bents, known, path)
        added = self.constant + self.above
        bounds = self._highest(planes)
        least = np.argmin(bounds, axis=1)
        at = np.arange(len(boxes))
        upper = bounds[at, least]
        slope = planes.slope[at, least]
        points = np.where(slope > 0, known.high, known.low)
        left = np.flatnonzero(upper >= enough)
        if len(left):
            rows = Halfspaces(
                slope=planes.slope[left], constant=np.nextafter(planes.constant[left] + added, np.inf)
            )
            some = known[left]
            within = halfspaces(
                self.relaxation, [bent[left] for bent in bents], some, [splits[i] for i in left.tolist()]
            )
            best, points[left] = highest_of_least(rows, within, (some.low, some.high))
            upper[left] = np.minimum(upper[left], best)
        if any(layer.jumps.any() for layer in self.relaxation.layers):
            points = _with_round_ones(points, known)
        units = _promises(self.relaxation, bents, path, least)
        return Judged(
            boxes=known,
            upper=upper,
            points=points,
            inputs=_smears(planes, known),
            units=units,
        )

    def bound(self, bents: tuple[Bent, ...], boxes: Boxes) -> Array:
        """Return upper bounds in boxes from lines that are known, shape (boxes,)."""
        return np.asarray(self._highest(self._lowest(bents, boxes, None)).min(axis=1))

    def rows_bound(self, bents: tuple[Bent, ...], boxes: Boxes) -> Array:
        """Return upper bounds of every row by itself, shape (boxes, rows)."""
        return self._highest(self._lowest(bents, boxes, None))

    def values(self, points: Array) -> Array:
        """Return it at points, as float64 has it."""
        made = forward(self.relaxation, points)
        return np.asarray((made @ self.outputs.T + points @ self.inputs.T + self.constant).min(axis=1))

    def proven(self, point: Array) -> float:
        """Return a lower bound at one point."""
        boxes = Boxes(
            low=point[None],
            high=point[None],
            pieces=np.full((1, self.relaxation.choices), -1, np.int32),
        )
        bents, known = propagated(self.relaxation, boxes)
        planes = self._planes(-1.0, bents, (known.low, known.high), None)
        bound = float(np.nextafter((self.constant - planes.highest[0]), -np.inf).min())
        value = float(self.values(point[None])[0])
        # fractions tell where rounding, or a jump, hides whether it is negative
        if self.exactly is not None and bound < 0 and value + 4 * (value - bound) >= 0:
            return max(bound, self.exactly(point))
        return bound

    def _highest(self, planes: Planes) -> Array:
        return np.asarray(np.nextafter(planes.highest + (self.constant + self.above), np.inf))

    def _lowest(self, bents: tuple[Bent, ...], boxes: Boxes, path: list[Array] | None) -> Planes:
        """Return the lowest planes above every row, of all lines that are tried."""
        box = (boxes.low, boxes.high)
        planes = self._planes(1.0, bents, box, path)
        for others in tilted(self.relaxation.layers, bents):
            planes = lower_of(planes, self._planes(1.0, others, box, None))
        return planes

    def _planes(
        self, sign: float, bents: tuple[Bent, ...], box: tuple[Array, Array], path: list[Array] | None
    ) -> Planes:
        layers = len(self.relaxation.layers)
        width = _width(self.relaxation)
        weights = np.zeros((len(box[0]), len(self.outputs), width))
        real = self.relaxation.outputs >= 0
        for place, column in zip(self.relaxation.outputs[real], self.outputs.T[real], strict=True):
            weights[:, :, place] += sign * column
        rows = Rows(layer=layers, weights=weights, inputs=sign * self.inputs, path=path)
        return substituted(self.relaxation, bents, rows, box)


def forward(relaxation: Relaxation, points: Array) -> Array:
    """Return the output at points, as float64 has it; shape (points, outputs)."""
    made = points
    for layer in relaxation.layers:
        made = layer.apply(made)
    return np.where(relaxation.outputs < 0, 0.0, made[:, relaxation.outputs])


def _with_round_ones(points: Array, boxes: Boxes) -> Array:
    """Return points of boxes, and round ones beside them: where a unit is on a jump, these are often on it exactly."""
    steps = (1.0, 0.1, 2.0**-4, 0.001, 2.0**-12)
    return np.concatenate([
        points,
        *(np.clip(np.rint(points / step) * step, boxes.low, boxes.high) for step in steps),
    ])  # fmt: skip


def _width(relaxation: Relaxation) -> int:
    last = relaxation.layers[-1] if relaxation.layers else None
    if last is None:
        return len(relaxation.size)
    return last.kept + len(last.windows) if len(last.windows) else last.units


def _promises(relaxation: Relaxation, bents: tuple[Bent, ...], path: list[Array], least: Array) -> Array:
    """Return how much of the bound rests on each unit's two lines."""
    at = np.arange(len(least))
    found = []
    for layer, bent, weights in zip(relaxation.layers, bents, reversed(path), strict=True):
        made = weights[at, least]
        found.append(np.abs(made[:, layer.kept :] if len(layer.windows) else made) * bent.gap)
    return np.concatenate(found, axis=1) if found else np.zeros((len(least), 0))


def _smears(planes: Planes, boxes: Boxes) -> Array:
    """Return how much the bounds change along each input of a box."""
    return np.asarray(np.abs(planes.slope).mean(axis=1) * (boxes.high - boxes.low))
