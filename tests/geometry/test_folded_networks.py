"""Networks as they are built today, folded along lines and planes: the affine maps are the network's."""

import os
from pathlib import Path

import numpy as np
import pytest
from networks_strategy import Building

from nonlin.functions import function
from nonlin.geometry import line, plane
from nonlin.inspection.folding import without_final
from nonlin.networks import evaluate
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.affine import Dense, Elementwise, Sum
from nonlin.networks.shape import Reshape
from nonlin.networks.window import Convolution, MaxPool, Window

RELU = Activation(function=function("relu"))


def convolution(rng, inputs, outputs):
    window = Window(size=(3, 3), strides=(1, 1), dilations=(1, 1), padding=((1, 1), (1, 1)))
    weight = rng.normal(size=(outputs, inputs, 3, 3)) / 3
    return Convolution(weight=weight, bias=rng.normal(size=outputs) / 4, window=window)


def normalized(rng, channels):
    """Return BatchNorm as it is at inference."""
    shape = (1, channels, 1, 1)
    return Elementwise(scale=rng.uniform(0.5, 2, shape), shift=rng.normal(size=shape) / 4)


def ending(made, rng, outputs=3):
    flat = int(np.prod(made.shape))
    made.add(Reshape(shape=(0, flat)), (flat,))
    made.add(Dense(weight=rng.normal(size=(outputs, flat)) / flat**0.5, bias=np.zeros(outputs)), (outputs,))
    return made.network()


def pooled_cnn(rng, size=4):
    made = Building((1, size, size))
    made.add(convolution(rng, 1, 2), (2, size, size))
    made.add(normalized(rng, 2))
    made.add(RELU)
    window = Window(size=(2, 2), strides=(2, 2), dilations=(1, 1), padding=((0, 0), (0, 0)))
    made.add(MaxPool(window=window), (2, size // 2, size // 2))
    return ending(made, rng)


def residual(rng, size=4):
    made = Building((1, size, size))
    made.add(convolution(rng, 1, 2), (2, size, size))
    for _ in range(2):
        trunk = made.add(RELU)
        made.add(convolution(rng, 2, 2))
        made.add(normalized(rng, 2))
        made.add(RELU)
        branch = made.add(convolution(rng, 2, 2))
        made.add(Sum(signs=(1, 1)), inputs=(trunk, branch))
    made.add(RELU)
    return ending(made, rng)


def parametric(rng, size=5):
    made = Building((1, size, size))
    for inputs, outputs in ((1, 3), (3, 3)):
        made.add(convolution(rng, inputs, outputs), (outputs, size, size))
        made.add(ParametricRelu(slopes=rng.uniform(-0.5, 1.5, (outputs, 1, 1))))
    return ending(made, rng)


MADE = {
    "a CNN with BatchNorm and max pooling": pooled_cnn,
    "a residual CNN": residual,
    "a PReLU CNN": parametric,
}


def at(network, x):
    (values,) = evaluate(network, {network.inputs[0].name: x})[:1]
    return values.reshape(len(x), -1)


def relative(found, direct):
    return np.abs(found - direct).max() / np.abs(direct).max()


def worst_on_a_plane(network, points, rng, **window):
    """Return the count, and how far an affine map is from the network at a random point inside its cell, at most."""
    p, q, r = points
    found = plane(network, p, q, r, **window)
    assert found.certified
    inside, maps = [], []
    for cell in found.cells:
        place = rng.dirichlet(np.ones(len(cell.vertices))) @ cell.vertices
        inside.append(place)
        maps.append(cell.weight @ place + cell.bias)
    s, t = np.array(inside).T.reshape(2, -1, *[1] * p.ndim)
    return found.count, relative(np.array(maps), at(network, p + s * (q - p) + t * (r - p)))


def worst_on_a_line(network, a, b, rng):
    found = line(network, a, b)
    assert found.certified
    cuts = np.concatenate([[0.0], found.breakpoints, [1.0]])
    pieces = range(found.count) if found.count < 200 else rng.choice(found.count, 200, replace=False)
    places = [cuts[i] + rng.random() * (cuts[i + 1] - cuts[i]) for i in pieces]
    direct = at(network, np.stack([found.point(t) for t in places]))
    maps = [found.affine_map(int(i))(found.point(t)) for i, t in zip(pieces, places, strict=True)]
    return found.count, relative(np.array(maps), direct)


@pytest.mark.parametrize("kind", MADE)
def test_maps_on_a_plane_are_the_networks(kind):
    rng = np.random.default_rng(1)
    network = MADE[kind](rng)
    points = rng.normal(size=(3, *network.inputs[0].shape[1:]))
    count, worst = worst_on_a_plane(network, points, rng)
    assert count > 20
    assert worst < 1e-9


@pytest.mark.parametrize("kind", MADE)
def test_maps_on_a_line_are_the_networks(kind):
    rng = np.random.default_rng(2)
    network = MADE[kind](rng)
    a, b = 3 * rng.normal(size=(2, *network.inputs[0].shape[1:]))
    count, worst = worst_on_a_line(network, a, b, rng)
    assert count > 8
    assert worst < 1e-9


def test_a_wrong_map_would_be_noticed():
    rng = np.random.default_rng(3)
    network = residual(rng)
    x = rng.normal(size=(4, 1, 4, 4))
    assert relative(at(network, x) + 1e-7, at(network, x)) > 1e-9


@pytest.fixture(scope="module")
def rnet():
    """facenet-pytorch's face refinement: convolutions, max pooling, PReLU; the folder is that of its unpacked wheel."""
    folder = os.environ.get("NONLIN_NETWORKS")
    if not folder:
        pytest.skip("NONLIN_NETWORKS does not name a folder with facenet-pytorch's unpacked wheel")
    torch = pytest.importorskip("torch")
    import sys

    from nonlin import read

    (definition,) = Path(folder).rglob("facenet_pytorch/models/mtcnn.py")
    source = definition.read_text(encoding="utf-8")
    scope = {"torch": torch, "nn": torch.nn, "np": np, "os": os, "__file__": str(definition)}
    start = source.index("class RNet")
    exec(compile(source[start : source.index("class ONet")], str(definition), "exec"), scope)  # noqa: S102 - RNet alone
    assert "facenet_pytorch" not in sys.modules
    module = scope["RNet"](pretrained=False)
    weights = torch.load(definition.parents[1] / "data" / "rnet.pt", weights_only=True)
    module.load_state_dict(weights)
    return read(module.eval(), np.zeros((1, 3, 24, 24), np.float32))


@pytest.mark.campaign
def test_rnet_along_a_line(rnet):
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 3, 24, 24))
    count, worst = worst_on_a_line(without_final(rnet)[0], a, a + 0.05 * (b - a), rng)
    assert count > 100
    assert worst < 1e-9


@pytest.mark.campaign
def test_rnet_on_a_plane(rnet):
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (3, 3, 24, 24))
    count, worst = worst_on_a_plane(without_final(rnet)[0], points, rng, window=(0, 3e-3, 0, 3e-3))
    assert count > 100
    assert worst < 1e-9
