"""The largest value of something over a box, by best-first branch and bound: always an interval, and a witness."""

import heapq
import os
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from time import monotonic

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.geometry.verification.clock import OutOfTime
from nonlin.geometry.verification.objective import Judged, Objective, judged_in_parts
from nonlin.geometry.verification.pieces import Split
from nonlin.geometry.verification.propagation import Boxes
from nonlin.geometry.verification.relaxation import Relaxation
from nonlin.networks.array import Array

__all__ = ["Limits", "Maximum", "Progress", "maximize", "threads_of"]

Progress = Callable[[float, float], None]
"""Called with the share that is decided and the seconds so far."""

_BATCH = 512
_MOST_OPEN_SPLITS = 14
"""Open units up to which units are split rather than inputs; measured on ACAS Xu."""

_FEW_INPUTS = 12
"""Inputs up to which these are split at all while units are open."""

_MOST_NODES = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When to stop.

    Args:
        goal: stop as soon as a point is proven to reach it, and leave out what is proven to stay below it.
        tolerance: stop when the interval is so narrow.
        relative: or so narrow in relation to its ends.
        seconds: or after this time.
        threads: how many work at once.
    """

    goal: float | None = None
    tolerance: float = 0.0
    relative: float = 0.0
    seconds: float = np.inf
    threads: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Maximum:
    """The largest value over a box: in [lower, upper].

    Args:
        lower: proven at the witness; −∞ without one.
        upper: proven for the whole box.
        witness: shape (inputs,), or None.
        share: of the box that is not decided, by volume, and by halves where units were split.
        nodes: how many parts were looked at.
        seconds: how long it took.
        reason: "" where it is closed; else why it stopped.
    """

    lower: float
    upper: float
    witness: Array | None
    share: float
    nodes: int
    seconds: float
    reason: str


@dataclass(slots=True, kw_only=True, eq=False)
class _Node:
    low: Array
    high: Array
    pieces: Array
    splits: tuple[Split, ...]
    weight: float


@dataclass(slots=True, kw_only=True)
class _State:
    limits: Limits
    started: float
    pool: Executor
    heap: list[tuple[float, int, _Node]] = field(default_factory=list)
    order: "count[int]" = field(default_factory=count)
    lower: float = -np.inf
    witness: Array | None = None
    nodes: int = 0
    left: float = 0.0
    closed: float = -np.inf
    stuck: float = -np.inf
    stuck_weight: float = 0.0

    @property
    def upper(self) -> float:
        open_upper = -self.heap[0][0] if self.heap else -np.inf
        return max(open_upper, self.closed, self.stuck, self.lower)

    @property
    def enough(self) -> float:
        """The bound below which a part needs no further look."""
        if self.limits.goal is not None:
            return self.limits.goal
        return self.lower + max(self.limits.tolerance, self.limits.relative * abs(self.lower))

    @property
    def share(self) -> float:
        return sum(node.weight for _, _, node in self.heap) + self.stuck_weight

    def reached(self) -> bool:
        goal = self.limits.goal
        return goal is not None and self.lower >= goal


def maximize(
    objective: Objective,
    first: Boxes,
    *,
    limits: Limits,
    points: Array | None = None,
    progress: Progress | None = None,
) -> Maximum:
    """Maximise an objective over a box.

    Args:
        objective: what.
        first: one box.
        limits: when to stop.
        points: at which it may be large, shape (points, inputs).
        progress: called after every round.

    Returns:
        What is proven. An interrupt (Ctrl-C) stops it too, and the interval is as far as it had come.
    """
    with ThreadPoolExecutor(limits.threads) as pool:
        state = _State(limits=limits, started=monotonic(), pool=pool)
        if points is not None:
            _improve(objective, state, points)
        return _maximized(objective, first, state, progress=progress)


def threads_of(threads: int | None) -> int:
    """Return how many threads are meant: a number of at least 1, or None for every core that this process may use.

    Raises:
        InvalidInputError: if the number is below 1.
    """
    if threads is not None and threads < 1:
        raise InvalidInputError(
            f"expected at least 1 thread, got {threads}; leave it out for one on each core"
        )
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return allowed if threads is None else threads


def _maximized(objective: Objective, first: Boxes, state: _State, *, progress: Progress | None) -> Maximum:
    limits = state.limits
    root = _Node(low=first.low[0], high=first.high[0], pieces=first.pieces[0], splits=(), weight=1.0)
    heapq.heappush(state.heap, (-np.inf, next(state.order), root))
    reason = ""
    try:
        while state.heap and not state.reached() and not reason:
            if state.nodes and state.upper <= state.enough and limits.goal is None:
                break
            reason = _round(objective, state, progress)
    except KeyboardInterrupt:
        reason = "interrupted"
    except OutOfTime:
        reason = "out of time"
    if not reason and state.stuck > state.enough and not state.reached():
        reason = "undecided within rounding"
    return Maximum(
        lower=state.lower,
        upper=state.upper,
        witness=state.witness,
        share=state.share,
        nodes=state.nodes,
        seconds=monotonic() - state.started,
        reason=reason,
    )


def _round(objective: Objective, state: _State, progress: Progress | None) -> str:
    """Look at the most promising parts and split them; return why to stop, if so."""
    seconds = monotonic() - state.started
    if seconds > state.limits.seconds:
        return "out of time"
    if len(state.heap) > _MOST_NODES:
        return "out of memory"
    # on an interrupt nothing that was taken may be lost: the heap changes only after the work
    size = min(len(state.heap), _BATCH if state.nodes else 1)
    taken = [heapq.heappop(state.heap) for _ in range(size)]
    try:
        nodes = [node for _, _, node in taken]
        boxes = Boxes(
            low=np.array([n.low for n in nodes]),
            high=np.array([n.high for n in nodes]),
            pieces=np.array([n.pieces for n in nodes]),
        )
        judged = judged_in_parts(
            objective,
            boxes,
            [n.splits for n in nodes],
            enough=state.enough,
            until=state.started + state.limits.seconds,
            pool=state.pool,
        )
        middles = (judged.boxes.low + judged.boxes.high) / 2
        _improve(objective, state, np.concatenate([judged.points, middles]))
        children = _children(objective.relaxation, state, nodes, taken, judged)
    except BaseException:
        for entry in taken:
            heapq.heappush(state.heap, entry)
        raise
    for entry in children:
        heapq.heappush(state.heap, entry)
    state.nodes += len(nodes)
    if progress is not None:
        progress(1.0 - state.share, seconds)
    return ""


def _improve(objective: Objective, state: _State, points: Array) -> None:
    values = objective.values(points)
    for best in np.argsort(-values)[:2]:
        if values[best] > state.lower:
            proven = objective.proven(points[best])
            if proven > state.lower:
                state.lower, state.witness = proven, points[best].copy()


def _children(
    relaxation: Relaxation,
    state: _State,
    nodes: list[_Node],
    taken: list[tuple[float, int, _Node]],
    judged: Judged,
) -> list[tuple[float, int, _Node]]:
    made = []
    enough = state.enough
    for i, node in enumerate(nodes):
        # a part is never worse than the one that it is in
        upper = float(np.fmin(judged.upper[i], -taken[i][0]))  # a bound that overflowed is none
        if upper < enough or (state.limits.goal is None and upper <= enough):
            state.closed = max(state.closed, upper)
            continue
        parts = _split(relaxation, node, judged, i)
        if not parts:
            state.stuck = max(state.stuck, upper)
            state.stuck_weight += node.weight
        made += [(-upper, next(state.order), part) for part in parts]
    return made


def _split(relaxation: Relaxation, node: _Node, judged: Judged, i: int) -> list[_Node]:
    pieces = judged.boxes.pieces[i]
    units = judged.units[i]
    open_units = np.flatnonzero(pieces == -1)
    widths = node.high - node.low
    wide = widths > 4 * np.spacing(np.maximum(np.abs(node.low), np.abs(node.high)))
    few = np.count_nonzero(wide) <= _FEW_INPUTS
    if len(open_units) and (not few or len(open_units) <= _MOST_OPEN_SPLITS):
        return _on_pieces(relaxation, node, pieces, int(open_units[np.argmax(units[open_units])]))
    if not len(open_units) or not wide.any():
        return []
    at = int(np.argmax(np.where(wide, judged.inputs[i], -np.inf)))
    middle = (node.low[at] + node.high[at]) / 2
    lower_high, upper_low = node.high.copy(), node.low.copy()
    lower_high[at] = upper_low[at] = middle
    half = node.weight / 2
    ends = ((node.low, lower_high), (upper_low, node.high))
    return [_Node(low=a, high=b, pieces=pieces.copy(), splits=node.splits, weight=half) for a, b in ends]


def _on_pieces(relaxation: Relaxation, node: _Node, pieces: Array, choice: int) -> list[_Node]:
    layer = int(np.searchsorted(relaxation.offsets, choice, side="right")) - 1
    unit = choice - relaxation.offsets[layer]
    choices = relaxation.layers[layer].choices_of(unit)
    made = []
    for piece in choices:
        fixed = pieces.copy()
        fixed[choice] = piece
        splits = (*node.splits, Split(layer=layer, unit=unit, piece=piece))
        made.append(
            _Node(
                low=node.low, high=node.high, pieces=fixed, splits=splits, weight=node.weight / len(choices)
            )
        )
    return made
