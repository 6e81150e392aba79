"""How fast regions are counted, certified, on one thread; relucent beside it where it is installed.

OMP_NUM_THREADS=1 pytest benchmarks/test_cells.py

Both clocks are told: `stats` is by the clock, `processor_per_second` counts this process's processor time, which other
work on the machine disturbs less.
"""

import itertools
import os
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from nonlin.geometry import box, plane, space
from nonlin.networks import Tensor

BOXES = {
    "[2,32,32,1]": ((2, 32, 32, 1), 795),
    "[2,64,64,64,1]": ((2, 64, 64, 64, 1), 6668),
    "[2,128,128,128,128,1]": ((2, 128, 128, 128, 128, 1), 29584),
    "[3,32,32,1]": ((3, 32, 32, 1), 11512),
    "[5,16,16,1]": ((5, 16, 16, 1), 15621),
}
PLANES = {(0.0, 1.0, 0.0, 1.0): 9281, (-1.0, 1.0, -1.0, 1.0): 26062}
SPACES = {"[2,8,8,1]": ((2, 8, 8, 1), 156), "[2,16,16,1]": ((2, 16, 16, 1), 572)}


def linears(sizes):
    """Return PyTorch's own initialisation after manual_seed(0)."""
    torch.manual_seed(0)
    return [torch.nn.Linear(inputs, units) for inputs, units in itertools.pairwise(sizes)]


@pytest.fixture(scope="session")
def seeded(dense_network):
    """Return what makes a network with PyTorch's initialisation."""

    def made(sizes):
        weights = [(layer.weight, layer.bias) for layer in linears(sizes)]
        return dense_network([[x.detach().numpy().astype(np.float64) for x in layer] for layer in weights])

    return made


def measured(benchmark, count, *arguments, rounds=5, **options):
    """Count so many times after once for the compiled code, and tell of both clocks."""
    spent = []

    def once():
        started = time.process_time()
        found = count(*arguments, **options)
        spent.append(time.process_time() - started)
        return found

    found = benchmark.pedantic(once, warmup_rounds=1, rounds=rounds)
    assert found.certified
    benchmark.extra_info.update(
        count=found.count,
        per_second=round(found.count / benchmark.stats["min"]),
        processor_per_second=round(found.count / min(spent)),
    )
    return found


@pytest.mark.parametrize("name", BOXES)
def test_box(benchmark, seeded, name):
    sizes, count = BOXES[name]
    assert measured(benchmark, box, seeded(sizes), -1.0, 1.0).count == count


@pytest.mark.parametrize("window", PLANES)
def test_plane(benchmark, seeded, window):
    points = np.random.default_rng(0).random((3, 784))
    found = measured(benchmark, plane, seeded((784, 256, 256, 10)), *points, window=window)
    assert found.count == PLANES[window]


def test_millions(benchmark, seeded):
    """The first two layers of [5,50⁶,5]; a minute and a half of processor time."""
    whole = seeded((5, *[50] * 6, 5))
    last = Tensor(name=whole.nodes[3].output, shape=(None, 50), dtype="float64")
    first_two = replace(whole, nodes=whole.nodes[:4], outputs=(last,))
    started = time.process_time()
    found = benchmark.pedantic(box, (first_two, -1.0, 1.0), rounds=1)
    benchmark.extra_info.update(processor_seconds=time.process_time() - started)
    assert found.certified
    assert found.count == 14_209_155


@pytest.mark.parametrize("jobs", [1, 2])
def test_processes(benchmark, seeded, jobs):
    network = seeded((5, 34, 34, 1))
    box(seeded((5, 8, 8, 1)), -1.0, 1.0, jobs=jobs)  # the other process is there
    assert benchmark.pedantic(box, (network, -1.0, 1.0), {"jobs": jobs}, rounds=1).count == 1_176_672


@pytest.mark.parametrize("name", SPACES)
def test_space(benchmark, seeded, name):
    sizes, count = SPACES[name]
    assert measured(benchmark, space, seeded(sizes)).count == count


@pytest.mark.parametrize("name", SPACES)
def test_relucent(benchmark, name):
    relucent = pytest.importorskip("relucent")
    sizes, count = SPACES[name]
    first, *others = linears(sizes)
    layers = [first, *(x for layer in others for x in (torch.nn.ReLU(), layer))]
    found = relucent.Complex(relucent.convert(torch.nn.Sequential(*layers)))
    started = sum(os.times()[:4])  # its worker's time too
    benchmark.pedantic(found.bfs, kwargs={"nworkers": 1}, rounds=1)
    spent = sum(os.times()[:4]) - started
    assert len(found) == count
    benchmark.extra_info.update(count=count, processor_per_second=count / spent)
