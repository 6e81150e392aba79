"""Where an affine score of a cell overtakes the others: decision boundaries and level sets, cell by cell.

Both are one question. For a decision the scores are the outputs, for a level they are the level and the output.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from nonlin.geometry.polylines import Polyline, joined
from nonlin.networks.array import Array

__all__ = ["Contours"]

_ROUNDING = 64 * 2.0**-53
"""Scores closer than this share of their terms are taken for equal."""


@dataclass(slots=True, kw_only=True)
class Contours:
    """Gathers the segments of cells; only those are kept, no cell."""

    segments: dict[tuple[int, int], list[Array]] = field(default_factory=lambda: defaultdict(list))
    touching: dict[tuple[int, ...], list[tuple[int, Array]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    extent: float

    def add(self, vertices: Array, weight: Array, bias: Array) -> None:
        """Take a cell.

        Args:
            vertices: of the polygon, in order around it, shape (vertices, 2).
            weight: of the scores, shape (scores, 2).
            bias: of the scores, shape (scores,).
        """
        scores = vertices @ weight.T + bias
        doubt = _ROUNDING * float((np.abs(vertices) @ np.abs(weight).T + np.abs(bias)).max())
        best = scores.max(axis=1, keepdims=True)
        tied = scores >= best - doubt
        always = np.flatnonzero(tied.all(axis=0))
        if len(always):
            self._touch(vertices, tied, int(always[0]))
            return
        for i, k, ends in _changes(vertices, scores, doubt):
            self.segments[i, k].append(ends)

    def _touch(self, vertices: Array, tied: Array, winner: int) -> None:
        """Note the sides on which another score comes up to the winner: the next cell says whether it overtakes it."""
        following = np.roll(np.arange(len(vertices)), -1)
        level = (tied & tied[following]).sum(axis=1) > 1
        for a, b in zip(np.flatnonzero(level), following[level], strict=True):
            ends = vertices[[a, b]]
            self.touching[_key(ends.mean(axis=0), self.extent)].append((winner, ends))

    def polylines(self) -> tuple[Polyline, ...]:
        """Return everything as curves, each between two scores."""
        segments = {between: list(found) for between, found in self.segments.items()}
        for sides in self.touching.values():
            winners = sorted({winner for winner, _ in sides})
            if len(winners) == 2:
                segments.setdefault((winners[0], winners[1]), []).append(sides[0][1])
        return tuple(
            curve
            for between in sorted(segments)
            for curve in joined(np.array(segments[between]), between, extent=self.extent)
        )


def _key(point: Array, extent: float) -> tuple[int, ...]:
    return tuple(np.round(point / (extent * 1e-9)).astype(np.int64).tolist())


def _changes(vertices: Array, scores: Array, doubt: float) -> Iterator[tuple[int, int, Array]]:
    """Yield (i, k, ends) where i and k are equal and no other score is larger."""
    low, high = scores.min(axis=0), scores.max(axis=0)
    hopeful = np.flatnonzero(high >= low.max() - doubt)
    for i, k in combinations(hopeful.tolist(), 2):
        ahead = scores[:, i] - scores[:, k]
        ahead[np.abs(ahead) <= doubt] = 0.0
        if not (ahead.min() < 0 < ahead.max()):
            continue
        places, shares = _crossings(ahead)
        following = np.roll(np.arange(len(vertices)), -1)[places]
        ends = vertices[places] + shares[:, None] * (vertices[following] - vertices[places])
        at = scores[places] + shares[:, None] * (scores[following] - scores[places])
        part = _largest(at[:, [i]] - np.delete(at, [i, k], axis=1), doubt)
        if part is not None:
            yield i, k, ends[0] + np.array(part)[:, None] * (ends[1] - ends[0])


def _crossings(ahead: Array) -> tuple[Array, Array]:
    """Return on which two sides of a polygon an affine function with both signs is 0, and where on them."""
    following = np.roll(ahead, -1)
    through = np.flatnonzero((ahead == 0) | (ahead * following < 0))[:2]
    return through, ahead[through] / (ahead[through] - following[through])


def _largest(margins: Array, doubt: float) -> tuple[float, float] | None:
    """Return the part of a segment on which no margin is below 0.

    Args:
        margins: at its two ends, shape (2, others).
        doubt: up to where a margin is no margin.
    """
    start, end = margins
    low, high = 0.0, 1.0
    for a, b in zip(start.tolist(), end.tolist(), strict=True):
        if max(a, b) < -doubt:
            return None
        if a < -doubt:
            low = max(low, a / (a - b))
        elif b < -doubt:
            high = min(high, max(a, 0.0) / (max(a, 0.0) - b))
    return (low, high) if low < high else None
