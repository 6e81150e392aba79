"""Measures the activation functions: against a copy of the same array, and against torch's own kernels.

    OMP_NUM_THREADS=1 python benchmarks/functions_speed.py [copy | torch | both] [RUNS]

One thread, float32. Forward with `out=` on 1e5 elements (in the cache) and on 1e8 bytes (in memory), as a ratio to a
copy of the same array into the same output in the same run; the median of several pairs of arrays, because where the
pages of two arrays happen to lie changes the time of a copy by a factor of two. Forward and backward with torch on 1e5
and 1e6 elements, as torch's time over ours. Prints Markdown: the median of the runs, and the least and the largest.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
import torch

import nonlin

NAMES = ["relu", "elu", "sigmoid", "tanh", "silu", "mish", "softplus", "gelu"]
SMALL, LARGE = 100_000, 25_000_000
PAIRS = 7
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


def fastest(work, seconds):
    """Return the shortest time of a call, among those that fit in a time."""
    work()  # the first call may compile
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def arrays(size, pairs):
    """Yield pairs of arrays, the first of them filled."""
    for seed in range(pairs):
        part = np.random.default_rng(seed).standard_normal(SMALL, np.float32)
        u = np.resize(part, size)
        yield u, np.empty_like(u)


def ratio_to_copy(f, size, fast):
    """Return the median over pairs of arrays of the time of f over that of a copy."""
    pairs, seconds = (PAIRS, 0.02) if size == SMALL else (2, 0.12)
    ratios = []
    for u, out in arrays(size, pairs):
        f(u, out=out, fast=fast)
        wanted = f(u[:1000].astype(np.float64))
        assert np.allclose(out[:1000], wanted, rtol=5e-7, atol=1e-7)
        copy = fastest(lambda: np.copyto(out, u), seconds)  # noqa: B023 - called at once
        ratios.append(fastest(lambda: f(u, out=out, fast=fast), seconds) / copy)  # noqa: B023
    return statistics.median(ratios)


def forward_and_backward(f, size, seconds=0.03):
    """Return the time of a forward and a backward pass through torch, and the gradient."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(size, generator=generator).requires_grad_()
    gradient = torch.randn(size, generator=generator)

    def work():
        x.grad = None
        f(x).backward(gradient)

    return fastest(work, seconds), x.grad


def against_copy(f):
    """Return the four ratios of a function's row in the first table."""
    return [ratio_to_copy(f, size, fast) for size in (SMALL, LARGE) for fast in (True, False)]


def against_torch(f, own):
    """Return torch's time in µs and how many times faster ours are, accurate and fast, at two sizes."""
    row = []
    for size in (SMALL, 10 * SMALL):
        theirs, wanted = forward_and_backward(own, size)
        row.append(theirs * 1e6)
        for fast in (False, True):
            ours, found = forward_and_backward(lambda x, fast=fast: f(x, fast=fast), size)
            # at a kink that float32 does not hold exactly, one element may differ
            assert int((~torch.isclose(found, wanted, rtol=1e-5, atol=2e-6)).sum()) <= 2
            row.append(theirs / ours)
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
    if which in ("copy", "both"):
        head = ["1e5, fast", "1e5, accurate", "1e8 bytes, fast", "1e8 bytes, accurate"]
        table(head, NAMES, lambda name: against_copy(nonlin.function(name)), runs)
    if which in ("torch", "both"):
        head = ["1e5: torch, µs", "accurate", "fast", "1e6: torch, µs", "accurate", "fast"]
        table(head, TORCH, lambda name: against_torch(nonlin.function(name), TORCH[name]), runs)


if __name__ == "__main__":
    main()
