"""Where units are trained: in this process, in several on this machine, or on many machines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nonlin.errors import InvalidInputError, MissingDependencyError
from nonlin.experiments.problem import Source, open_problem

if TYPE_CHECKING:
    from nonlin.experiments.candidates import Candidate
    from nonlin.experiments.measuring import Speed
    from nonlin.experiments.plan import Plan
    from nonlin.experiments.trial import Trial, Unit

__all__ = ["Engine", "Job", "measured", "processes", "trained", "working"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that a unit's training needs; it is sent to the process that trains."""

    source: Source
    plan: Plan
    candidate: Candidate
    unit: Unit


Engine = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]
"""Does jobs in any order, and gives the result of each as soon as it is there."""


@contextmanager
def working(on: str | None, jobs: int | None) -> Iterator[tuple[Engine, int]]:
    """Yield an engine, and how many units it trains at a time.

    Args:
        on: the address of a Dask scheduler, such as tcp://scheduler:8786; None for this machine.
        jobs: processes on this machine; None for one a core.

    Raises:
        MissingDependencyError: joblib or Dask is not installed; the message is the command.
        InvalidInputError: no scheduler answers.
    """
    count = processes() if jobs is None else jobs
    if count < 1:
        raise InvalidInputError(f"expected one process or more, got {count}; change jobs")
    if on is not None:
        with _cluster(on) as found:
            yield found
    elif count == 1:
        yield _here, 1
    else:
        with _processes(count) as engine:
            yield engine, count


def processes() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _here(work: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
    yield from map(work, jobs)


@contextmanager
def _processes(count: int) -> Iterator[Engine]:
    try:
        from joblib import Parallel, delayed
    except ImportError as error:
        raise MissingDependencyError(
            "several processes need joblib: pip install 'nonlin[compare]'; or ask for one: jobs=1"
        ) from error
    with Parallel(
        n_jobs=count, return_as="generator_unordered", batch_size=1, pre_dispatch="all"
    ) as parallel:

        def engine(work: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
            yield from parallel(delayed(work)(job) for job in jobs)

        yield engine


@contextmanager
def _cluster(address: str) -> Iterator[tuple[Engine, int]]:
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise MissingDependencyError("a cluster needs Dask: pip install 'nonlin[cluster]'") from error
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InvalidInputError(
            f"expected a Dask scheduler at {address}, none answers; start it: dask scheduler"
        ) from error

    def engine(work: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
        # a worker that is lost takes no unit with it: the scheduler gives what it had to another
        futures = [client.submit(work, job, pure=False, retries=3) for job in jobs]
        for future in as_completed(futures, loop=client.loop):
            yield future.result()
            future.release()

    with client:
        yield engine, max(1, sum(client.nthreads().values()))


def trained(job: Job) -> tuple[Unit, tuple[Trial, ...]]:
    """Train a unit, in the process that was given the job."""
    from nonlin.experiments.training import train_unit  # it loads torch

    return job.unit, train_unit(open_problem(job.source), job.plan, job.candidate, job.unit)


def measured(given: tuple[Source, Plan, Candidate]) -> Speed:
    """Measure how long a step takes, in the process that was given what is trained."""
    from nonlin.experiments.measuring import measure_speed  # it loads torch

    source, plan, candidate = given
    return measure_speed(open_problem(source), plan, candidate)
