"""What watching costs in a training step, measured in one run that is watched now and then.

    OMP_NUM_THREADS=1 python -m pytest benchmarks/test_watch.py -s

Steps are plain and watched in turn, in pairs whose order is drawn anew each time, so that what drifts, and what one
step leaves behind for the next, falls on both alike. The figure is the median of the pairs' differences, with its
interval at 95 % (bootstrap, from SciPy), by the clock on the wall and by the processor's own time, which does not
count what else the machine does.
"""

from itertools import pairwise
from time import perf_counter, process_time

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap
from torch import nn

import nonlin

SECONDS = 60
HOOK_CALLS = 20_000


class Block(nn.Module):
    """A transformer block on (batch, time, channels), attention written out; its softmax is not seen as a call."""

    def __init__(self, width=384, heads=6):
        super().__init__()
        self.norm, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.grow, self.shrink = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.heads = heads

    def forward(self, x):
        parts = self.queries(self.norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        queries, keys, values = parts
        weights = torch.softmax(queries @ keys.mT / keys.shape[-1] ** 0.5, dim=-1)
        x = x + self.project((weights @ values).transpose(1, 2).flatten(2))
        return x + self.shrink(nn.functional.gelu(self.grow(self.norm2(x))))


def mlp():
    layers = [layer for _ in range(4) for layer in (nn.Linear(1024, 1024), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(1024, 10)), torch.randn(512, 1024), 4


def cnn():
    widths = [3, 32, 32, 64, 64]
    layers = []
    for i, (a, b) in enumerate(pairwise(widths)):
        layers += [
            nn.Conv2d(a, b, 3, padding=1, stride=1 + (i == 2)),
            nn.BatchNorm2d(b),
            nn.ReLU(inplace=True),
        ]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return model, torch.randn(32, 3, 32, 32), 4


def transformer():
    return Block(), torch.randn(4, 128, 384), 1


@pytest.mark.parametrize("make", [mlp, cnn, transformer])
def test_cost_of_a_watched_step(make):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model, data, calls = make()
    optimizer = torch.optim.SGD(model.parameters(), 1e-4)

    def step(log, *, watched):
        log._due = log._step if watched else 1 << 60  # noqa: SLF001 - to choose the step
        start = perf_counter(), process_time()
        optimizer.zero_grad()
        model(data).square().mean().backward()
        optimizer.step()
        assert log.history is not None  # brings the figures over; at other times the next forward pass does
        return perf_counter() - start[0], process_time() - start[1]

    plain, differences, random = [], [], np.random.default_rng(0)
    with nonlin.watch(model, every=1) as log:
        for watched in (True, True, False):  # learns where the calls are, and compiles
            step(log, watched=watched)
        learnt, end = len(log.history), perf_counter() + SECONDS
        while perf_counter() < end:
            order = random.permutation([False, True])
            times = np.array([step(log, watched=bool(watched)) for watched in order])
            plain.append(times[~order][0])
            differences.append(times[order][0] - times[~order][0])
        history = log.history
        hooks = cost_of_the_hooks(log, model)
    assert learnt == 2 * calls
    assert len(history) == learnt + calls * len(differences)
    assert all(record.gradient_rms > 0 and 0 < record.rms < 100 for record in history)
    base, cost = np.median(plain, axis=0), np.median(differences, axis=0)
    interval = bootstrap((differences,), np.median, rng=0).confidence_interval
    wall, processor = (
        f"{c / b:.2%} ({low / b:.2%} to {high / b:.2%})"
        for c, b, low, high in zip(cost, base, interval.low, interval.high, strict=True)
    )
    print(
        f"\n| {make.__name__} | {calls} | {base[0] * 1e3:.0f} ms | {wall} | {processor} "
        f"| {(cost[0] / 25 + hooks) / base[0]:.3%} | {hooks * 1e6:.1f} µs | {len(differences)} |"
    )


def cost_of_the_hooks(log, model):
    """Return the seconds that the hooks take in a step that is not watched."""
    log._due = 1 << 60  # noqa: SLF001 - as above
    start = process_time()
    for _ in range(HOOK_CALLS):
        log._before(model, (), {})  # noqa: SLF001 - what PyTorch calls
        log._after(model, (), None)  # noqa: SLF001 - the same
    return (process_time() - start) / HOOK_CALLS
