"""Measures the activation functions: against a copy of the same array, and against torch's own kernels.

    OMP_NUM_THREADS=1 python benchmarks/functions_speed.py

One thread, float32. Forward with `out=` on 1e5 elements (in the cache) and on 1e8 bytes (in memory), as a
ratio to a copy
of the same array into the same output in the same run; the median of several pairs of arrays, because where
the pages of
two arrays happen to lie changes the time of a copy by a factor of two. Forward and backward with torch on
1e5 elements, as a
ratio to torch's own function. Prints Markdown.
"""

from __future__ import annotations

import statistics
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


def ratio_to_copy(f, size, fast, seconds):
    """Return the median over pairs of arrays of the time of f over that of a copy."""
    ratios = []
    for seed in range(PAIRS if size == SMALL else 2):
        u = np.random.default_rng(seed).standard_normal(size, np.float32)
        out = np.empty_like(u)
        f(u, out=out, fast=fast)
        assert np.allclose(out[:1000], f(u[:1000]), rtol=1e-5, atol=1e-6)
        copy = fastest(lambda: np.copyto(out, u), seconds)  # noqa: B023 - called at once
        ratios.append(fastest(lambda: f(u, out=out, fast=fast), seconds) / copy)  # noqa: B023
    return statistics.median(ratios)


def forward_and_backward(f, size, seconds=0.25):
    """Return the time of a forward and a backward pass through torch."""
    x = torch.randn(size, requires_grad=True)
    gradient = torch.randn(size)

    def work():
        x.grad = None
        f(x).backward(gradient)

    return fastest(work, seconds)


def main():
    """Print both tables."""
    torch.set_num_threads(1)
    print(
        "| function | 1e5, fast | 1e5, accurate | 1e8 bytes, fast | 1e8 bytes, accurate |\n|---|---|---|---|---|"
    )
    for name in NAMES:
        f = nonlin.function(name)
        sizes = [(size, fast) for size in (SMALL, LARGE) for fast in (True, False)]
        row = [ratio_to_copy(f, size, fast, 0.08 if size == SMALL else 0.5) for size, fast in sizes]
        print(f"| {name} | " + " | ".join(f"{value:.1f}" for value in row) + " |", flush=True)
    print()
    print("| function | 1e5: torch, µs | accurate | fast | 1e6: torch, µs | accurate | fast |")
    print("|---|---|---|---|---|---|---|")
    for name, own in TORCH.items():
        print(f"| {name} | " + " | ".join(against_torch(name, own)) + " |", flush=True)


def against_torch(name, own):
    """Return the time of torch's own, and how many times faster ours are, at two sizes."""
    f = nonlin.function(name)
    cells = []
    for size in (SMALL, 10 * SMALL):
        theirs = forward_and_backward(own, size)
        cells.append(f"{theirs * 1e6:.0f}")
        cells += [
            f"{theirs / forward_and_backward(lambda x, k=k: f(x, fast=k), size):.2f}" for k in (False, True)
        ]
    return cells


if __name__ == "__main__":
    main()
