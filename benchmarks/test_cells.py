"""How fast regions are counted, certified, on one thread; relucent beside it where it is installed.

OMP_NUM_THREADS=1 pytest benchmarks/test_cells.py
"""

import itertools

import numpy as np
import pytest
import torch

from nonlin.functions import function
from nonlin.geometry import box, plane
from nonlin.networks import Network, Node, Tensor
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense

BOXES = {
    "[2,32,32,1]": ((2, 32, 32, 1), 795),
    "[2,64,64,64,1]": ((2, 64, 64, 64, 1), 6668),
    "[2,128,128,128,128,1]": ((2, 128, 128, 128, 128, 1), 29584),
    "[3,32,32,1]": ((3, 32, 32, 1), 11512),
    "[5,16,16,1]": ((5, 16, 16, 1), 15621),
}


def seeded(sizes):
    """Return PyTorch's own initialisation after manual_seed(0)."""
    torch.manual_seed(0)
    nodes, last = [], "x"
    for i, (inputs, units) in enumerate(itertools.pairwise(sizes)):
        layer = torch.nn.Linear(inputs, units)
        weight, bias = (x.detach().numpy().astype(np.float64) for x in (layer.weight, layer.bias))
        nodes.append(
            Node(name=f"layer{i}", operator=Dense(weight=weight, bias=bias), inputs=(last,), output=f"h{i}")
        )
        last = f"h{i}"
        if i < len(sizes) - 2:
            relu = Activation(function=function("relu"))
            nodes.append(Node(name=f"relu{i}", operator=relu, inputs=(last,), output=f"a{i}"))
            last = f"a{i}"
    ends = [Tensor(name=n, shape=(None, m), dtype="float64") for n, m in (("x", sizes[0]), (last, sizes[-1]))]
    return Network(name="seeded", inputs=(ends[0],), outputs=(ends[1],), nodes=tuple(nodes), parameters=0)


@pytest.mark.parametrize("name", BOXES)
def test_box(benchmark, name):
    sizes, count = BOXES[name]
    network = seeded(sizes)
    found = benchmark.pedantic(box, (network, -1.0, 1.0), warmup_rounds=1, rounds=5)
    assert found.certified
    assert found.count == count
    benchmark.extra_info.update(per_second=round(count / benchmark.stats["min"]))


def test_plane(benchmark):
    network = seeded((784, 256, 256, 10))
    points = np.random.default_rng(0).random((3, 784))
    found = benchmark.pedantic(plane, (network, *points), warmup_rounds=1, rounds=5)
    assert found.certified
    benchmark.extra_info.update(count=found.count, per_second=round(found.count / benchmark.stats["min"]))


@pytest.mark.parametrize("name", ["[2,32,32,1]"])
def test_relucent(benchmark, name):
    relucent = pytest.importorskip("relucent")
    sizes, _ = BOXES[name]
    torch.manual_seed(0)
    layers = []
    for i, (inputs, units) in enumerate(itertools.pairwise(sizes)):
        layers += [torch.nn.Linear(inputs, units), *([torch.nn.ReLU()] if i < len(sizes) - 2 else [])]
    complex_ = relucent.Complex(relucent.convert(torch.nn.Sequential(*layers)))
    benchmark.pedantic(complex_.bfs, rounds=1)
    benchmark.extra_info.update(regions_of_the_whole_plane=len(complex_))
