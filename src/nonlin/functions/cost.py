"""What a function costs on this machine: alone, and inside a training step of a network."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from nonlin.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nonlin.functions.function import Function

__all__ = ["Cost", "measure"]

ROUNDS = 15
SHORTEST = 2e-3  # seconds that one timing takes at least
WIDTH, DEPTH, BATCH = 256, 3, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of a function in float32 on one thread; each ratio is the median over rounds taken in turn.

    Args:
        name: of the function.
        elements: how many are computed at once.
        copy: nanoseconds an element that copying the array takes.
        accurate: how many copies the value costs, into an array that is there already.
        fast: the same in fast mode; as accurate where the function has none.
        step: a training step of an MLP (three hidden layers of 256, batch 256, SGD) with this function, relative to
            one with the identity; None without PyTorch.
    """

    name: str
    elements: int
    copy: float
    accurate: float
    fast: float
    step: float | None


def measure(functions: Sequence[Function], *, elements: int = 100_000) -> tuple[Cost, ...]:
    """Time functions beside a copy of the same array.

    Args:
        functions: of one number.
        elements: at least 1000.

    Raises:
        InvalidInputError: a function of a whole vector, or too few elements.
    """
    if elements < 1000:
        raise InvalidInputError(f"expected at least 1000 elements, got {elements}; time more at once")
    for f in functions:
        if f.vector:
            raise InvalidInputError(
                f"expected functions of one number, got {f.name}, of a whole vector; leave it out"
            )
    steps = _steps(functions)
    return tuple(_alone(f, elements, step) for f, step in zip(functions, steps, strict=True))


def _alone(f: Function, elements: int, step: float | None) -> Cost:
    u = np.random.default_rng(0).standard_normal(elements).astype(np.float32)
    out = np.empty_like(u)
    copy, accurate, fast = _in_turn(
        [lambda: np.copyto(out, u), lambda: f(u, out=out), lambda: f(u, out=out, fast=True)]
    )
    return Cost(
        name=f.label,
        elements=elements,
        copy=median(copy) / elements * 1e9,
        accurate=_ratio(accurate, copy),
        fast=_ratio(fast, copy),
        step=step,
    )


def _steps(functions: Sequence[Function]) -> list[float | None]:
    if importlib.util.find_spec("torch") is None:
        return [None] * len(functions)
    import torch

    from nonlin.functions.lookup import function

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        straight = _step(function("identity"), torch)
        ratios: list[float | None] = []
        for f in functions:
            own, base = _in_turn([_step(f, torch), straight])
            ratios.append(_ratio(own, base))
        return ratios
    finally:
        torch.set_num_threads(threads)


def _step(f: Function, torch: Any) -> Callable[[], Any]:
    generator = torch.Generator().manual_seed(0)
    layers = [part for _ in range(DEPTH) for part in (torch.nn.Linear(WIDTH, WIDTH), f.module())]
    network = torch.nn.Sequential(*layers, torch.nn.Linear(WIDTH, 10))
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    x = torch.randn(BATCH, WIDTH, generator=generator)
    y = torch.randint(10, (BATCH,), generator=generator)

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()

    return step


def _in_turn(actions: Sequence[Callable[[], Any]]) -> list[list[float]]:
    """Return the seconds that each action takes, over rounds in which all take turns."""
    counts = []
    for action in actions:
        action()  # compiles
        start = perf_counter()
        action()
        counts.append(max(1, int(SHORTEST / max(perf_counter() - start, 1e-9))))
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(ROUNDS):
        for action, count, found in zip(actions, counts, times, strict=True):
            start = perf_counter()
            for _ in range(count):
                action()
            found.append((perf_counter() - start) / count)
    return times


def _ratio(times: Sequence[float], base: Sequence[float]) -> float:
    return median(a / b for a, b in zip(times, base, strict=True))
