"""What is to be maximised over boxes, and how many of them are judged at once."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nonlin.geometry.verification.pieces import Split
from nonlin.geometry.verification.propagation import Boxes
from nonlin.geometry.verification.relaxation import Relaxation
from nonlin.networks.array import Array

__all__ = ["Judged", "Objective", "judged_in_parts"]

_PART = 256
"""Boxes that one thread judges at once: fewer, and Python's own work, which threads cannot share, prevails."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """What is known of some boxes.

    Args:
        boxes: with the pieces that are decided now.
        upper: upper bounds of the objective, shape (boxes,); −∞ where a box is proven empty.
        points: where the objective may be large, shape (boxes, inputs).
        inputs: how much splitting each input promises, shape (boxes, inputs).
        units: how much deciding each unit promises, shape (boxes, decisions).
    """

    boxes: Boxes
    upper: Array
    points: Array
    inputs: Array
    units: Array


class Objective(Protocol):
    """Something to be maximised over boxes."""

    @property
    def relaxation(self) -> Relaxation:
        """The network over the first box."""

    def judge(
        self, boxes: Boxes, splits: Sequence[tuple[Split, ...]], *, enough: float, until: float
    ) -> Judged:
        """Bound the objective in some boxes, before the time is over; below `enough` no bound needs to be sharp."""

    def values(self, points: Array) -> Array:
        """Return the objective at points, shape (points, inputs), as float64 has it."""

    def proven(self, point: Array) -> float:
        """Return a lower bound of the objective at one point; −∞ where there is none."""


def judged_in_parts(
    objective: Objective,
    boxes: Boxes,
    splits: Sequence[tuple[Split, ...]],
    *,
    enough: float,
    until: float,
    pool: Executor,
) -> Judged:
    """Judge many boxes, some of them in each thread; NumPy and the kernels let others run meanwhile.

    Raises:
        OutOfTime: when the time is over.
    """
    parts = [slice(i, i + _PART) for i in range(0, len(boxes), _PART)]

    def judged(part: slice) -> Judged:
        return objective.judge(boxes[part], splits[part], enough=enough, until=until)

    found = list(pool.map(judged, parts))
    known = [part.boxes for part in found]
    return Judged(
        boxes=Boxes(
            low=np.concatenate([b.low for b in known]),
            high=np.concatenate([b.high for b in known]),
            pieces=np.concatenate([b.pieces for b in known]),
        ),
        upper=np.concatenate([part.upper for part in found]),
        points=np.concatenate([part.points for part in found]),
        inputs=np.concatenate([part.inputs for part in found]),
        units=np.concatenate([part.units for part in found]),
    )
