"""What a function costs on this machine: alone, against PyTorch's own, and inside a training step of a network."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nonlin.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nonlin.functions.function import Function

__all__ = ["LARGE", "Cost", "measure"]

ROUNDS = 15
FEW = 5  # rounds over arrays that do not fit in a cache, of which each takes a while
LARGE = 25_000_000  # elements: 1e8 bytes
SHORTEST = 2e-3  # seconds that one timing takes at least
WIDTH, DEPTH, BATCH = 256, 3, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of a function in float32 on one thread; each ratio is of the shortest times of rounds taken in turn.

    Other work on the machine can only lengthen a time, so that the shortest is the least disturbed.

    Args:
        name: of the function.
        elements: how many are computed at once.
        copy: nanoseconds an element that copying the array takes.
        accurate: how many copies the value costs, into an array that is there already.
        fast: the same in fast mode; as accurate where the function has none.
        large: `accurate` for an array that fits in no cache; None where that was not asked for.
        large_fast: `fast` for it.
        backward: forward and backward with PyTorch, in units of PyTorch's own function; None without PyTorch or where
            it has none.
        backward_fast: the same in fast mode.
        step: a training step of an MLP (three hidden layers of 256, batch 256, SGD) with this function, relative to
            one with the identity; None without PyTorch.
        spread: how far the ratios of single rounds lie apart, relative to their median: between the quartiles, of the
            ratio that spreads most. Above 0.1 or so the machine was busy, or its clock changed.
    """

    name: str
    elements: int
    copy: float
    accurate: float
    fast: float
    large: float | None
    large_fast: float | None
    backward: float | None
    backward_fast: float | None
    step: float | None
    spread: float


def measure(
    functions: Sequence[Function],
    *,
    elements: int = 100_000,
    large: int = LARGE,
    report: Callable[[int, int], None] | None = None,
) -> tuple[Cost, ...]:
    """Time functions beside a copy of the same array; about four seconds a function after its first run.

    Args:
        functions: of one number.
        elements: at least 1000.
        large: elements of the array that fits in no cache; 0 leaves it out.
        report: called with the number of functions done and of all.

    Raises:
        InvalidInputError: a function of a whole vector, or too few elements.
    """
    if elements < 1000:
        raise InvalidInputError(f"expected at least 1000 elements, got {elements}; time more at once")
    if large and large < elements:
        raise InvalidInputError(
            f"expected the large array to have at least {elements} elements, got {large}; give more, or 0 for none"
        )
    for f in functions:
        if f.vector:
            raise InvalidInputError(
                f"expected functions of one number, got {f.name}, of a whole vector; leave it out"
            )
    found = []
    for f in functions:
        found.append(_cost(f, elements, large))
        if report is not None:
            report(len(found), len(functions))
    return tuple(found)


def _cost(f: Function, elements: int, large: int) -> Cost:
    copy, accurate, fast = _alone(f, elements, ROUNDS)
    far, far_fast = _alone(f, large, FEW)[1:] if large else (None, None)
    trained, backward, backward_fast = _with_torch(f, elements)
    ratios = (accurate, fast, far, far_fast, backward, backward_fast, trained)
    return Cost(
        name=f.label,
        elements=elements,
        copy=copy,
        accurate=accurate.value,
        fast=fast.value,
        large=_value(far),
        large_fast=_value(far_fast),
        backward=_value(backward),
        backward_fast=_value(backward_fast),
        step=_value(trained),
        spread=max(ratio.spread for ratio in ratios if ratio is not None),
    )


class _Ratio(NamedTuple):
    value: float
    spread: float


def _value(ratio: _Ratio | None) -> float | None:
    return None if ratio is None else ratio.value


def _alone(f: Function, elements: int, rounds: int) -> tuple[float, _Ratio, _Ratio]:
    """Return the nanoseconds an element of a copy, and how many copies the value costs, accurate and fast."""
    u = np.random.default_rng(0).standard_normal(elements, dtype=np.float32)
    out = np.zeros_like(u)
    actions = [lambda: np.copyto(out, u), lambda: f(u, out=out), lambda: f(u, out=out, fast=True)]
    copy, accurate, fast = _in_turn(actions, rounds=rounds)
    return min(copy) / elements * 1e9, _ratio(accurate, copy), _ratio(fast, copy)


def _with_torch(f: Function, elements: int) -> tuple[_Ratio | None, _Ratio | None, _Ratio | None]:
    """Return the cost of a training step, and of forward and backward against PyTorch's own, accurate and fast."""
    if importlib.util.find_spec("torch") is None:
        return None, None, None
    import torch

    from nonlin.functions.lookup import function

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        own, base = _in_turn([_step(f, torch), _step(function("identity"), torch)])
        return _ratio(own, base), *_backward(f, elements, torch)
    finally:
        torch.set_num_threads(threads)


def _backward(f: Function, elements: int, torch: Any) -> tuple[_Ratio | None, _Ratio | None]:
    theirs = getattr(torch.nn.functional, f.name, None)
    # a name that PyTorch has for something else would be compared with the wrong function
    if theirs is None or f.label != f.name or f.entry is None:
        return None, None
    x = torch.randn(elements, generator=torch.Generator().manual_seed(0)).requires_grad_()
    gradient = torch.ones(elements)

    def through(forward: Callable[[Any], Any]) -> Callable[[], None]:
        def action() -> None:
            x.grad = None
            forward(x).backward(gradient)

        return action

    actions = [through(theirs), through(f), through(lambda u: f(u, fast=True))]
    own, accurate, fast = _in_turn(actions)
    return _ratio(accurate, own), _ratio(fast, own)


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


def _in_turn(actions: Sequence[Callable[[], Any]], *, rounds: int = ROUNDS) -> list[list[float]]:
    """Return the seconds that each action takes, over rounds in which all take turns."""
    counts = []
    for action in actions:
        action()  # compiles
        start = perf_counter()
        action()
        counts.append(max(1, int(SHORTEST / max(perf_counter() - start, 1e-9))))
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for action, count, found in zip(actions, counts, times, strict=True):
            start = perf_counter()
            for _ in range(count):
                action()
            found.append((perf_counter() - start) / count)
    return times


def _ratio(times: Sequence[float], base: Sequence[float]) -> _Ratio:
    low, middle, high = quantiles((a / b for a, b in zip(times, base, strict=True)), n=4)
    return _Ratio(min(times) / min(base), (high - low) / middle)
