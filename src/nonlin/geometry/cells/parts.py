"""A problem cut into parts that know nothing of each other, along folds, so that no cell is counted twice."""

import itertools
import pickle
import signal
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from queue import SimpleQueue
from threading import Event
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError, MissingDependencyError
from nonlin.geometry.cells.enumeration import Problem, batches
from nonlin.geometry.cells.exact import exact_stages, floats, mapped
from nonlin.geometry.cells.followers import followers_of
from nonlin.networks.array import Array

__all__ = ["count_part", "count_parts", "parts_of"]

_FOLDS = 6
_POINTS = 2000


def parts_of(problem: Problem) -> list[Problem]:
    """Cut a problem along some folds of its first stage that bends: each part asks for one side of each of them.

    Every cell lies on one side of every fold of the first stage, so that it is in exactly one part. The folds are those
    that pass nearest to the middle of the domain; more parts than processes, the largest first, even out the rest.
    """
    stages = problem.chain.stages
    first = next((i for i, stage in enumerate(stages) if stage.folds), None)
    if first is None or stages[first].windows:
        return [problem]
    rows = problem.domain.start
    for exact in exact_stages(problem.chain, first + 1).stages:
        rows = mapped(exact, rows)
    maps, stage = floats(rows), stages[first]
    single = [i for i, b in enumerate(stage.bend) if b >= 0 and len(stage.bends[b].kinks) == 1]
    known = {unit for root in problem.domain.roots for unit, _ in root.known}
    leader, _ = followers_of(stage)  # what follows another unit is not asked
    usable = [i for i in single if i not in known and leader[i] < 0 and np.any(maps[i, :-1])]
    corners = [floats(root.vertices) for root in problem.domain.roots]
    middle = np.mean(np.concatenate(corners), axis=0)
    kinks = np.array([float(stage.bends[stage.bend[i]].kinks[0]) for i in usable])
    distances = np.abs(maps[usable] @ middle - kinks * middle[-1]) / np.linalg.norm(maps[usable, :-1], axis=1)
    nearest = np.argsort(distances)[:_FOLDS]
    chosen = [usable[i] for i in nearest]
    sides = list(itertools.product((0, 1), repeat=len(chosen)))
    order = _largest_first(np.column_stack([maps[chosen], -kinks[nearest]]), corners)
    return [replace(problem, preset=dict(zip(chosen, sides[i], strict=True))) for i in order]


def _largest_first(folds: Array, corners: list[Array]) -> list[int]:
    """Order the parts that some folds cut a domain into by the share of random points that is in each.

    Args:
        folds: the coefficients of each, its constant and what it is compared with, negative; (folds, coordinates + 2).
        corners: of each root, shape (vertices, coordinates + 1).

    Returns:
        The number of each part: its sides as binary digits, the first fold's in front.
    """
    draw = np.random.default_rng(0).dirichlet
    # with these shares of the corners, each coordinate is distributed evenly over a box
    found = np.concatenate([draw(np.full(len(rays), 2 / len(rays)), _POINTS) @ rays for rays in corners])
    above = np.column_stack([found, found[:, -1]]) @ folds.T > 0
    shares = np.bincount(above @ (1 << np.arange(len(folds))[::-1]), minlength=1 << len(folds))
    return [int(i) for i in np.argsort(-shares, kind="stable")]


def count_parts(
    problem: Problem, *, jobs: int, on: str | None = None
) -> Iterator[tuple[tuple[int, int], float]]:
    """Count the cells of a problem in several processes.

    Args:
        problem: what to enumerate.
        jobs: how many processes of this machine, this one included.
        on: the address of a Dask scheduler, whose workers are used instead.

    Yields:
        For each part, as it is done, the number of cells and how many of them were settled in fractions; and the share
        of the parts that are done.

    Raises:
        MissingDependencyError: if joblib, or Dask's distributed scheduler, is not installed.
        InvalidInputError: if there is not at least one process.
    """
    if jobs < 1:
        raise InvalidInputError(f"expected at least one process, got jobs={jobs}; give 1 or more")
    parts = parts_of(problem)
    found = _on_cluster(problem, parts, on) if on else _here(parts, jobs)
    for done, counts in enumerate(found, 1):
        yield counts, done / len(parts)


def count_part(problem: Problem, stopped: Event | None = None) -> tuple[int, int]:
    """Count the cells of one part, until it is stopped."""
    count = exact = 0
    for batch in batches(problem):
        if stopped is not None and stopped.is_set():
            raise KeyboardInterrupt
        count, exact = count + batch.count, exact + batch.exact
    return count, exact


def _here(parts: list[Problem], jobs: int) -> Iterator[tuple[int, int]]:
    """Share the parts with other processes, which stay warm for the next time."""
    try:
        from joblib.externals.loky import get_reusable_executor
    except ImportError as error:
        raise MissingDependencyError(
            "several processes need joblib: pip install 'nonlin[cluster]'"
        ) from error
    if jobs == 1:
        yield from map(count_part, parts)
        return
    pool = get_reusable_executor(max_workers=jobs - 1, timeout=300, initializer=_leave_interrupts)
    whole, left = pickle.dumps(parts[0]), deque(parts)
    done: SimpleQueue[Any] = SimpleQueue()

    def give() -> None:
        part = _first(left)
        if part is not None:
            try:
                pool.submit(_count_there, whole, part.preset).add_done_callback(take)
            except RuntimeError:  # the pool is broken or shut down
                left.appendleft(part)

    def take(future: Any) -> None:
        give()
        done.put(future)

    # one part that a process counts and one that it finds when it has: what waits there, nobody else can take
    for _ in range(2 * (jobs - 1)):
        give()
    try:
        for _ in parts:
            mine = _first(left) if done.empty() else None
            yield done.get().result() if mine is None else count_part(mine)
    finally:
        left.clear()


def _first(left: deque[Problem]) -> Problem | None:
    """Take the first part that is left; None where another thread took the last."""
    try:
        return left.popleft()
    except IndexError:
        return None


def _leave_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _count_there(whole: bytes, preset: dict[int, int]) -> tuple[int, int]:
    """Count a part in another process: Ctrl-C, which a terminal sends to all, ends the part and not the process."""
    stopped = Event()
    # an exception out of nowhere could be lost while compiled code is loaded
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    try:
        return count_part(replace(_unpacked(whole), preset=preset), stopped)
    finally:
        _leave_interrupts()


@lru_cache(maxsize=1)
def _unpacked(whole: bytes) -> Problem:
    """Return a problem as one object for all its parts, which then share what is made of its network."""
    problem: Problem = pickle.loads(whole)  # noqa: S301 - from the process that started this one
    return problem


def _on_cluster(problem: Problem, parts: list[Problem], address: str) -> Iterator[tuple[int, int]]:
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise MissingDependencyError("a Dask cluster needs Dask: pip install 'nonlin[cluster]'") from error
    with Client(address) as client:
        # the network travels once; as a task's result it can be made again where the worker that has it dies
        whole = client.submit(_itself, problem, pure=False)
        presets = [part.preset for part in parts]
        for future in as_completed(client.map(_count_preset, presets, problem=whole, pure=False)):
            yield future.result()


def _itself(problem: Problem) -> Problem:
    return problem


def _count_preset(preset: dict[int, int], problem: Problem) -> tuple[int, int]:
    return count_part(replace(problem, preset=preset))
