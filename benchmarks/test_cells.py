"""How fast regions are counted, certified, and in how much memory; relucent and SyReNN beside it where they are there.

OMP_NUM_THREADS=1 pytest benchmarks/test_cells.py

SyReNN is a client, `pip install pysyrenn`, of a server that is built from its sources; the time is the client's, and
SYRENN_SERVER says where the server listens. The client's messages are of an old kind: with a new protobuf it needs
PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python.

Both clocks are told: `stats` is by the clock, `processor_per_second` counts this process's processor time, which other
work on the machine disturbs less.
"""

import itertools
import os
import pickle
import socket
import subprocess
import sys
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


PEAK = """
import pickle, sys
if "torch" in sys.argv:
    import torch
import nonlin
from nonlin.geometry import box

def held(what):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024

network = pickle.load(sys.stdin.buffer)
before = held("VmRSS")
found = box(network, -1.0, 1.0)
print(found.count, before, held("VmHWM"))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="asks Linux for the memory")  # noqa: PTH110
@pytest.mark.parametrize("other", ["", "torch"])
@pytest.mark.parametrize("name", ["[2,128,128,128,128,1]", "[5,16,16,1]"])
def test_memory(benchmark, seeded, name, other):
    """The peak of a first count in a process of its own, above `from nonlin.geometry import box`, in MB of 1024²."""
    sizes, count = BOXES[name]
    command = [sys.executable, "-c", PEAK, other]

    def run():
        return subprocess.run(command, input=pickle.dumps(seeded(sizes)), capture_output=True, check=True)  # noqa: S603

    found, before, peak = map(float, benchmark.pedantic(run, warmup_rounds=1, rounds=1).stdout.split())
    assert found == count
    assert peak - before < 50
    benchmark.extra_info.update(imports_mb=round(before), count_mb=round(peak - before, 1))


@pytest.mark.parametrize("sizes", [(5, 34, 34, 1), (5, 38, 38, 1), (5, 42, 42, 1)], ids=str)
@pytest.mark.parametrize("jobs", ["1", "2, the first time", "2, again"])
def test_processes(benchmark, seeded, sizes, jobs):
    """By the clock: the other process starts while this one counts, and stays for the next time."""
    executor = pytest.importorskip("joblib.externals.loky").get_reusable_executor
    network = seeded(sizes)
    box(seeded((5, 8, 8, 1)), -1.0, 1.0, jobs=2)  # the compiled code and the other process are there
    if "first" in jobs:
        executor().shutdown(wait=True)
    found = benchmark.pedantic(box, (network, -1.0, 1.0), {"jobs": int(jobs[0])}, rounds=1)
    assert found.certified
    benchmark.extra_info.update(count=found.count)


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


@pytest.fixture
def syrenn():
    """Return SyReNN's client, where its server answers."""
    client = pytest.importorskip("pysyrenn")
    host, port = os.environ.get("SYRENN_SERVER", "localhost:50051").split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        pytest.skip("SyReNN's server does not answer")
    return client


def beside(benchmark, syrenn, sizes, corners, count):
    layers = []
    for layer in linears(sizes):
        dense = syrenn.FullyConnectedLayer(
            layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy()
        )
        layers += [dense, syrenn.ReluLayer()]
    network = syrenn.Network(layers[:-1])
    arguments = ([np.array(corners, np.float32)], False, False)
    found = benchmark.pedantic(network.transform_planes, arguments, warmup_rounds=1, rounds=3)
    assert len(found[0]) == count
    benchmark.extra_info.update(count=count, per_second=round(count / benchmark.stats["min"]))


@pytest.mark.parametrize("name", [name for name, (sizes, _) in BOXES.items() if sizes[0] == 2])
def test_syrenn_box(benchmark, syrenn, name):
    sizes, count = BOXES[name]
    beside(benchmark, syrenn, sizes, [(-1, -1), (1, -1), (1, 1), (-1, 1)], count)


@pytest.mark.parametrize("window", PLANES)
def test_syrenn_plane(benchmark, syrenn, window):
    p, q, r = np.random.default_rng(0).random((3, 784))
    left, right, bottom, top = window
    corners = [
        p + s * (q - p) + t * (r - p) for s, t in ((left, bottom), (right, bottom), (right, top), (left, top))
    ]
    beside(benchmark, syrenn, (784, 256, 256, 10), corners, PLANES[window])
