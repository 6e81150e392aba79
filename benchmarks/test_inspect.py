"""What a full inspection costs beside a plain forward and backward pass of the same batches.

    OMP_NUM_THREADS=1 python -m pytest benchmarks/test_inspect.py -s

A plain pass, an inspection of one batch and one of several follow each other in turn. What a further batch costs, in
plain passes, is the median of the ratios, with the middle half; and what an inspection takes besides, such as folds.
How much memory a pass takes is measured in processes of their own: beyond what a small batch took before it.
"""

import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
import torch
from torch import nn

import nonlin
from nonlin.inspection.recording import Batch
from nonlin.inspection.torch import record

SECONDS = 15
MORE = 4


class Last(nn.Module):
    """The last output of a recurrent layer."""

    def __init__(self):
        super().__init__()
        self.layer, self.out = nn.LSTM(64, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.out(self.layer(x)[0][:, -1])


def mlp(activation):
    layers = [part for _ in range(4) for part in (nn.Linear(1024, 1024), activation())]
    return nn.Sequential(*layers, nn.Linear(1024, 10)), torch.randn(512, 1024)


def cnn():
    layers = [nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1, stride=2), nn.ReLU()]
    layers += [nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return model, torch.randn(64, 3, 32, 32)


CASES = {
    "MLP, ReLU": lambda: mlp(nn.ReLU),
    "MLP, GELU": lambda: mlp(nn.GELU),
    "CNN": cnn,
    "LSTM, 50 steps": lambda: (Last(), torch.randn(64, 50, 64)),
}


@pytest.mark.parametrize("name", CASES)
def test_cost_of_an_inspection(name):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model, data = CASES[name]()
    model.eval()
    several = data.repeat(1 + MORE, *[1] * (data.dim() - 1))
    rounds, end = [], perf_counter() + SECONDS
    nonlin.inspect(model, data, batch_size=len(data))  # compiles what it needs
    while perf_counter() < end or len(rounds) < 5:
        times = [perf_counter()]
        inputs = data.clone().requires_grad_()
        model(inputs).logsumexp(1).sum().backward()
        times.append(perf_counter())
        nonlin.inspect(model, data, batch_size=len(data))
        times.append(perf_counter())
        inspection = nonlin.inspect(model, several, batch_size=len(data))
        times.append(perf_counter())
        rounds.append(np.diff(times))
    assert inspection.recording.has_gradient
    assert inspection.recording.samples == len(several)
    plain, one, all_of_them = np.array(rounds).T
    each = (all_of_them - one) / MORE
    low, middle, high = np.quantile(each / plain, (0.25, 0.5, 0.75))
    fixed = np.median(one - each)
    print(
        f"\n| {name} | {np.median(plain) * 1e3:.0f} ms | {middle:.2f} ({low:.2f} to {high:.2f}) | {fixed:.2f} s |"
    )


@pytest.mark.parametrize("name", CASES)
def test_memory_of_an_inspection(name):
    plain, full = (
        float(subprocess.run([sys.executable, __file__, name, how], check=True, capture_output=True).stdout)  # noqa: S603 - this file
        for how in ("plain", "inspected")
    )
    print(f"\n| {name} | {plain:.0f} MB | {full:.0f} MB |")


def memory(name, how):
    """Return by how many MB a pass over a large batch raises the most memory that a process has held."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model, data = CASES[name]()
    model.eval()
    for run in (plainly, inspected):
        run(model, data[:4])  # loads and compiles what it needs
    before = most()
    {"plain": plainly, "inspected": inspected}[how](model, data.repeat(8, *[1] * (data.dim() - 1)))
    return most() - before


def most():
    """Return the most memory that this process has held in MB, on Linux; getrusage counts its parent's too."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def plainly(model, data):
    inputs = data.clone().requires_grad_()
    torch.autograd.grad(model(inputs).logsumexp(1).sum(), inputs)


def inspected(model, data):
    record(model, [Batch(inputs={"x": data}, labels=None, size=len(data))])


if __name__ == "__main__":
    print(memory(*sys.argv[1:]))
