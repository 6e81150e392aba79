"""Max pooling in float64 against the walk in fractions; affine maps of real kinds of networks against them."""

import numpy as np
import pytest
from networks_strategy import Building

from nonlin import read
from nonlin.functions import function
from nonlin.geometry import box, line, plane
from nonlin.geometry.cells.enumeration import batches
from nonlin.geometry.cells.exact import exact_cells, exact_stages
from nonlin.networks import evaluate
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense
from nonlin.networks.shape import Reshape
from nonlin.networks.window import Convolution, MaxPool, Window

torch = pytest.importorskip("torch")
nn = torch.nn


def square(size, stride, padding=0):
    ends = ((padding, padding), (padding, padding))
    return Window(size=(size, size), strides=(stride, stride), dilations=(1, 1), padding=ends)


def small(seed, *, size=2, stride=2, function_name="relu", whole=False):
    rng = np.random.default_rng(seed)

    def weights(*shape):
        return rng.integers(-2, 3, shape).astype(float) if whole else rng.normal(size=shape)

    made = Building((1, 6, 6))
    made.add(Convolution(weight=weights(2, 1, 3, 3), bias=weights(2), window=square(3, 1)), (2, 4, 4))
    if function_name:
        made.add(Activation(function=function(function_name)))
    side = (4 - size) // stride + 1
    made.add(MaxPool(window=square(size, stride)), (2, side, side))
    made.add(Reshape(shape=(0, -1)), (2 * side * side,))
    made.add(Dense(weight=weights(3, 2 * side * side), bias=weights(3)), (3,))
    made.add(Activation(function=function("relu")))
    made.add(Dense(weight=weights(1, 3)), (1,))
    points = rng.integers(-2, 3, (3, 1, 6, 6)).astype(float) if whole else rng.normal(size=(3, 1, 6, 6))
    points[:, :, :2] = 0  # a border that is the same everywhere
    return made.network(), points


def patterns_of(problem):
    stages = exact_stages(problem.chain, problem.chain.folding)
    return sorted(
        cell.regions for root in problem.domain.roots for cell in exact_cells(stages, problem.domain, root)
    )


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("size", "stride", "name"), [(2, 2, "relu"), (3, 1, "relu"), (2, 1, "relu6"), (2, 2, ""), (3, 1, "abs")]
)
def test_windows_are_those_of_rational_arithmetic(size, stride, name, whole):
    network, points = small(size + stride, size=size, stride=stride, function_name=name, whole=whole)
    found = plane(network, *points)
    exact = patterns_of(found.problem)
    assert found.certified
    assert found.count == len(exact)
    if not whole:
        assert found.exact == 0  # ties of pooling need no fractions
    full = [leaf for batch in batches(found.problem, keep=True) for leaf in batch.leaves.regions]
    units = len(exact[0])
    assert sorted(tuple(row[:units].tolist()) for row in full) == exact


def test_three_dimensions_too():
    network, points = small(5)
    low = points[0]
    high = low.copy()
    for place in ((0, 2, 2), (0, 3, 3), (0, 4, 2)):
        high[place] += 2
    found = box(network, low, high)
    assert found.count == len(patterns_of(found.problem))
    np.testing.assert_allclose(found.volumes().sum(), 8, rtol=1e-12)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.inner = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 3, 3, padding=1))
        self.last = nn.Linear(3 * 36, 3)

    def forward(self, x):
        x = torch.relu(self.first(x))
        return self.last(torch.relu(x + self.inner(x)).flatten(1))


def pooled():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4, 3),
    )


def parametric():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.PReLU(4), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Flatten(), nn.Linear(16, 8),
        nn.PReLU(8), nn.Linear(8, 3),
    )  # fmt: skip


@pytest.mark.parametrize("kind", [pooled, Residual, parametric])
def test_maps_are_those_of_the_network_inside_every_cell(kind):
    torch.manual_seed(1)
    model = kind().double()
    for _ in range(3):
        model(torch.rand(32, 1, 6, 6).double())
    network = read(model.eval(), torch.zeros(1, 1, 6, 6).double())
    check_maps(network, np.random.default_rng(2).random((3, 1, 6, 6)))


def check_maps(network, points):
    rng = np.random.default_rng(3)
    found, total = plane(network, *points), 0.0
    p, q, r = points
    places, told = [], []
    for cell in found.cells:
        s, t = rng.dirichlet(np.ones(len(cell.vertices))) @ cell.vertices
        places.append(p + s * (q - p) + t * (r - p))
        told.append(cell.weight @ (s, t) + cell.bias)
        total += cell.volume
    name = network.inputs[0].name
    (direct,) = evaluate(network, {name: np.array(places)})
    direct = direct.reshape(len(direct), -1)
    assert len(told) == found.count > 10
    assert abs(total - 1) <= 1e-12
    assert np.abs(np.array(told) - direct).max() <= 1e-9 * np.abs(direct).max()
    along = line(network, p, q)
    ends = np.concatenate([[0.0], along.breakpoints, [1.0]])
    inside = ends[:-1] + rng.random(len(ends) - 1) * np.diff(ends)
    (values,) = evaluate(network, {name: np.array([p + t * (q - p) for t in ends])})
    (middle,) = evaluate(network, {name: np.array([p + t * (q - p) for t in inside])})
    share = ((inside - ends[:-1]) / np.diff(ends))[:, None]
    values, middle = values.reshape(len(ends), -1), middle.reshape(len(inside), -1)
    np.testing.assert_allclose(
        values[:-1] * (1 - share) + values[1:] * share, middle, atol=1e-9 * np.abs(middle).max()
    )
