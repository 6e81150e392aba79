"""What watching costs in a training step, measured in one run that is watched now and then.

    OMP_NUM_THREADS=1 python -m pytest benchmarks/test_watch.py -s

The clock is the processor time of this process, with one thread, so that other programs on the machine disturb little.
"""

from itertools import pairwise
from statistics import median
from time import process_time

import pytest
import torch
from torch import nn

import nonlin

CYCLES = 14
HOOK_CALLS = 20_000


class Block(nn.Module):
    """A transformer block on (batch, time, channels)."""

    def __init__(self, width=384, heads=6):
        super().__init__()
        self.norm, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.grow, self.shrink = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.heads = heads

    def forward(self, x):
        parts = self.queries(self.norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(*parts)
        x = x + self.project(mixed.transpose(1, 2).flatten(2))
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
        start = process_time()
        optimizer.zero_grad()
        model(data).square().mean().backward()
        optimizer.step()
        assert log.history is not None  # brings the figures over; at other times the next forward pass does
        return process_time() - start

    plain, lone, every = [], [], []
    with nonlin.watch(model, every=1) as log:
        step(log, watched=True)  # learns where the calls are
        for _ in range(CYCLES):
            step(log, watched=False)
            before = [step(log, watched=False) for _ in range(2)]
            plain += before
            # a lone watched step, and the next one, which may have to get memory back
            pair = step(log, watched=True) + step(log, watched=False)
            lone.append(pair - sum(before))
            step(log, watched=True)
            every.append(median(step(log, watched=True) for _ in range(2)) - median(before))
        history = log.history
        hooks = cost_of_the_hooks(log, model)
    assert len(history) == calls * (1 + 4 * CYCLES)
    assert all(record.gradient_rms > 0 and 0 < record.rms < 100 for record in history)
    base = median(plain)
    share, seldom = median(every) / base, (median(lone) / 25 + hooks) / base
    print(
        f"\n| {make.__name__} | {calls} | {base * 1e3:.0f} ms | {median(every) * 1e3:.2f} ms | {share:.1%} "
        f"| {seldom:.2%} | {hooks * 1e6:.1f} µs |"
    )


def cost_of_the_hooks(log, model):
    """Return the seconds that the hooks take in a step that is not watched."""
    log._due = 1 << 60  # noqa: SLF001 - as above
    start = process_time()
    for _ in range(HOOK_CALLS):
        log._before(model, (), {})  # noqa: SLF001 - what PyTorch calls
        log._after(model, (), None)  # noqa: SLF001 - the same
    return (process_time() - start) / HOOK_CALLS
