"""Measures the activation functions: against a copy of the same array, and against torch's own kernels.

    OMP_NUM_THREADS=1 python benchmarks/functions_speed.py [copy | torch | both] [RUNS] [NAME...]

One thread, float32. Forward with `out=` on 1e5 elements (in the cache) and on 1e8 bytes (in memory), as a ratio to a
copy of the same array into the same output in the same run; the median of several pairs of arrays, because where the
pages of two arrays happen to lie changes the time of a copy by a factor of two. Forward and backward with torch on 1e5
and 1e6 elements, as torch's time over ours, with the C++ extension where `nonlin extension` has built it. What is
compared takes turns, and the shortest times are compared: of 1e5 elements by the clock, of more in processor time of
the thread, which counts no time that other programs take.
Prints Markdown: the median of the runs, and the least and the largest.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
import torch

import nonlin
from nonlin.functions.torch_extension import extension

NAMES = ["relu", "elu", "sigmoid", "tanh", "silu", "mish", "softplus", "gelu"]
SMALL, LARGE = 100_000, 25_000_000
PAIRS = 7
REPEATS = 5
TORCH = {
    "relu": torch.relu,
    "elu": torch.nn.functional.elu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "silu": torch.nn.functional.silu,
    "mish": torch.nn.functional.mish,
    "softplus": torch.nn.functional.softplus,
    "gelu": torch.nn.functional.gelu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "selu": torch.nn.functional.selu,
    "celu": torch.nn.functional.celu,
    "relu6": torch.nn.functional.relu6,
    "hardtanh": torch.nn.functional.hardtanh,
    "hardsigmoid": torch.nn.functional.hardsigmoid,
    "hardswish": torch.nn.functional.hardswish,
    "hardshrink": torch.nn.functional.hardshrink,
    "softshrink": torch.nn.functional.softshrink,
    "tanhshrink": torch.nn.functional.tanhshrink,
    "softsign": torch.nn.functional.softsign,
    "logsigmoid": torch.nn.functional.logsigmoid,
}


def fastest(works, seconds, clock=time.perf_counter):
    """Return the shortest time of a call of each, among those that fit in a time when all take turns."""
    for work in works:
        work()  # the first call may compile
    best, end = [float("inf")] * len(works), time.perf_counter() + seconds
    while time.perf_counter() < end:
        for k, work in enumerate(works):
            for _ in range(REPEATS):  # the second and later find their arrays in the cache
                start = clock()
                work()
                best[k] = min(best[k], clock() - start)
    return best


def arrays(size, pairs):
    """Yield pairs of arrays, the first of them filled."""
    for seed in range(pairs):
        part = np.random.default_rng(seed).standard_normal(SMALL, np.float32)
        u = np.resize(part, size)
        yield u, np.empty_like(u)


def against_copy(f, size):
    """Return the medians over pairs of arrays of the times of f over that of a copy, fast and accurate."""
    pairs, seconds, clock = (PAIRS, 0.1, time.perf_counter) if size == SMALL else (2, 1.0, time.thread_time)
    ratios = []
    for u, out in arrays(size, pairs):
        works = [lambda: np.copyto(out, u)]  # noqa: B023 - called at once
        for fast in (True, False):
            f(u, out=out, fast=fast)
            wanted = f(u[:1000].astype(np.float64))
            assert np.allclose(out[:1000], wanted, rtol=5e-7, atol=1e-7)
            works.append(lambda fast=fast: f(u, out=out, fast=fast))  # noqa: B023
        copy, *ours = fastest(works, seconds, clock)
        ratios.append([time / copy for time in ours])
    return [statistics.median(row) for row in zip(*ratios, strict=True)]


def forward_and_backward(f, size):
    """Return a tensor, and what takes it forward and backward through torch."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(size, generator=generator).requires_grad_()
    gradient = torch.randn(size, generator=generator)

    def work():
        x.grad = None
        f(x).backward(gradient)

    return x, work


def against_torch(f, own):
    """Return torch's time in µs and how many times faster ours are, accurate and fast, at two sizes."""
    row = []
    for size in (SMALL, 10 * SMALL):
        forms = (own, f, lambda x: f(x, fast=True))
        tensors, works = zip(*(forward_and_backward(form, size) for form in forms), strict=True)
        theirs, *ours = fastest(works, 0.4, time.perf_counter if size == SMALL else time.thread_time)
        row += [theirs * 1e6, *(theirs / time for time in ours)]
        for x in tensors[1:]:
            # at a kink that float32 does not hold exactly, one element may differ
            assert int((~torch.isclose(x.grad, tensors[0].grad, rtol=1e-5, atol=2e-6)).sum()) <= 2
    return row


def cell(values):
    """Write the median and, in brackets, the least and the largest."""
    digits = 0 if values[0] > 20 else 2
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def table(head, names, measure, runs):
    """Measure all rows, as often as asked, and print the table."""
    rows = {name: [] for name in names}
    for _ in range(runs):
        for name in names:
            rows[name].append(measure(name))
    print(f"| function | {' | '.join(head)} |\n|{'---|' * (len(head) + 1)}")
    for name, found in rows.items():
        print(
            f"| {name} | " + " | ".join(cell(values) for values in zip(*found, strict=True)) + " |",
            flush=True,
        )
    print()


def main():
    """Print the table that is asked for, or both."""
    torch.set_num_threads(1)
    which = sys.argv[1] if len(sys.argv) > 1 else "both"
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    chosen = sys.argv[3:] or TORCH
    if which in ("copy", "both"):
        head = ["1e5, fast", "1e5, accurate", "1e8 bytes, fast", "1e8 bytes, accurate"]
        names = [name for name in NAMES if name in chosen]
        functions = {name: nonlin.function(name) for name in names}
        table(
            head,
            names,
            lambda n: [r for size in (SMALL, LARGE) for r in against_copy(functions[n], size)],
            runs,
        )
    if which in ("torch", "both"):
        print("nodes in", "Python" if extension() is None else "C++ (nonlin extension)", end="\n\n")
        head = ["1e5: torch, µs", "accurate", "fast", "1e6: torch, µs", "accurate", "fast"]
        names = [name for name in TORCH if name in chosen]
        table(head, names, lambda n: against_torch(nonlin.function(n), TORCH[n]), runs)


if __name__ == "__main__":
    main()
