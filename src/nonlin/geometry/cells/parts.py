"""A problem cut into parts that know nothing of each other, along folds, so that no cell is counted twice."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError, MissingDependencyError
from nonlin.geometry.cells.enumeration import Problem, batches
from nonlin.geometry.cells.exact import exact_stages, floats, mapped
from nonlin.geometry.cells.followers import followers_of

__all__ = ["count_parts", "parts_of"]

_FOLDS = 5


def parts_of(problem: Problem) -> list[Problem]:
    """Cut a problem along some folds of its first stage that bends: each part asks for one side of each of them.

    Every cell lies on one side of every fold of the first stage, so that it is in exactly one part. The folds are those
    that pass nearest to the middle of the domain, for parts of about the same size; more parts than processes even out
    the rest.
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
    chosen = [usable[i] for i in np.argsort(distances)[:_FOLDS]]
    return [
        replace(problem, preset=dict(zip(chosen, sides, strict=True)))
        for sides in itertools.product((0, 1), repeat=len(chosen))
    ]


def count_parts(problem: Problem, *, jobs: int, on: str | None = None) -> tuple[int, int]:
    """Count the cells of a problem in several processes.

    Args:
        problem: what to enumerate.
        jobs: how many processes of this machine.
        on: the address of a Dask scheduler, whose workers are used instead.

    Returns:
        The number of cells, and how many of them were settled in fractions.

    Raises:
        MissingDependencyError: if joblib, or Dask's distributed scheduler, is not installed.
        InvalidInputError: if there is not at least one process.
    """
    if jobs < 1:
        raise InvalidInputError(f"expected at least one process, got jobs={jobs}; give 1 or more")
    parts = parts_of(problem)
    found = _on_cluster(parts, on) if on else _here(parts, jobs)
    return sum(count for count, _ in found), sum(exact for _, exact in found)


def count_part(problem: Problem) -> tuple[int, int]:
    """Count the cells of one part."""
    found = list(batches(problem))
    return sum(batch.count for batch in found), sum(batch.exact for batch in found)


def _here(parts: list[Problem], jobs: int) -> list[tuple[int, int]]:
    try:
        from joblib import Parallel, delayed
    except ImportError as error:
        raise MissingDependencyError(
            "several processes need joblib: pip install 'nonlin[cluster]'"
        ) from error
    run: Any = Parallel(n_jobs=jobs, batch_size=1)
    return list(run(delayed(count_part)(part) for part in parts))


def _on_cluster(parts: list[Problem], address: str) -> list[tuple[int, int]]:
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingDependencyError("a Dask cluster needs Dask: pip install 'nonlin[cluster]'") from error
    with Client(address) as client:
        return list(client.gather(client.map(count_part, parts, pure=False)))
