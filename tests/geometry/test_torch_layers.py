"""Layers of PyTorch, folded: the affine maps are those of the module in float64, at random points of their pieces."""

import copy

import numpy as np
import pytest

from nonlin import read
from nonlin.errors import UnsupportedModelError
from nonlin.geometry import line, region

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional


class Written(nn.Module):
    def __init__(self, forward, *modules):
        super().__init__()
        self.inner, self.written = nn.ModuleList(modules), forward

    def forward(self, x):
        return self.written(self.inner, x)


def parametric(*slopes):
    made = nn.PReLU(len(slopes))
    made.weight.data = torch.tensor(slopes)
    return made


def ending(inputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 3))


def chained_calls():
    calls = (
        parametric(-1.0, -0.25, 0.0, 0.5, 1.0, 2.0),
        nn.ReLU6(),
        nn.Hardtanh(-0.5, 0.75),
        nn.LeakyReLU(0.25),
        nn.Threshold(0.125, 0.125),
        nn.Softshrink(0.125),
        nn.Dropout(0.5),
    )
    parts = [part for call in calls for part in (nn.Linear(6, 6), call)]
    return (5,), nn.Sequential(nn.Linear(5, 6), *parts, nn.Linear(6, 3))


def bounds_and_maxima(m, x):
    u, v = m[0](x), m[1](x)
    parts = [
        torch.maximum(u, v),
        torch.minimum(u, v),
        torch.clamp(u, min=-0.25),
        torch.clamp(v, max=0.5),
        torch.abs(u),
        torch.where(u > 0, u, -2 * u),
        u.reshape(-1, 2, 3).amax(-1),
        v.reshape(-1, 3, 2).min(dim=1).values,
        F.max_pool1d(u.unsqueeze(1), 3).squeeze(1),
        *u.chunk(2, 1),
        F.hardsigmoid(v),
    ]
    return m[2](torch.cat(parts, 1))


def steps(m, x):
    u = m[0](x)
    return m[1]((u > 0).to(x.dtype) + torch.sign(u) + F.threshold(u, 0.25, -2.0) + F.hardshrink(u))


def padded(mode):
    return nn.Conv2d(1, 2, 3, padding=1, padding_mode=mode)


def settled(*layers):
    """Return a network whose BatchNorms have seen data."""
    for layer in layers:
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.3, 3)
            if layer.affine:
                nn.init.normal_(layer.weight)
                nn.init.normal_(layer.bias)
    return nn.Sequential(*layers)


KINDS = {
    "calls one after the other": chained_calls,
    "bounds and maxima": lambda: (
        (5,),
        Written(bounds_and_maxima, nn.Linear(5, 6), nn.Linear(5, 6), nn.Linear(54, 3)),
    ),
    "steps": lambda: ((5,), Written(steps, nn.Linear(5, 6), nn.Linear(6, 3))),
    "max pooling, padded, ceil, dilated": lambda: (
        (1, 8, 8),
        nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1),
            nn.MaxPool2d(3, 2, padding=1, ceil_mode=True),
            nn.ReLU(),
            nn.MaxPool2d(2, 1, dilation=2),
            nn.AdaptiveMaxPool2d(1),
            ending(2),
        ),
    ),
    "average pooling, padded, ceil": lambda: (
        (1, 8, 8),
        nn.Sequential(
            nn.Conv2d(1, 2, 3),
            nn.ReLU(),
            nn.AvgPool2d(3, 1, padding=1),
            nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
            nn.AvgPool2d(2, 2, ceil_mode=True),
            ending(8),
        ),
    ),
    "batch normalization": lambda: (
        (1, 8, 8),
        settled(
            nn.BatchNorm2d(1),
            nn.Conv2d(1, 3, 3),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(3, 4, 2, bias=False),
            nn.BatchNorm2d(4, affine=False),
            nn.PReLU(4),
            nn.Flatten(),
            nn.Linear(16, 6),
            nn.BatchNorm1d(6),
            nn.ReLU(),
            nn.Linear(6, 3),
        ),
    ),
    "grouped, dilated, strided": lambda: (
        (4, 7, 7),
        nn.Sequential(
            nn.Conv2d(4, 4, 3, groups=2, padding=2, dilation=2),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, groups=4, stride=2),
            nn.ReLU(),
            ending(36),
        ),
    ),
    "transposed": lambda: (
        (4, 3, 3),
        nn.Sequential(
            nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1, groups=2),
            nn.ReLU(),
            nn.ConvTranspose2d(2, 1, 2, dilation=2),
            nn.ReLU(),
            ending(64),
        ),
    ),
    "enlarged": lambda: (
        (4, 2, 2),
        nn.Sequential(nn.PixelShuffle(2), nn.Upsample(scale_factor=2), nn.Conv2d(1, 2, 3), nn.ReLU(), ending(72)),
    ),
    "padded by the image": lambda: (
        (1, 4, 4),
        Written(
            lambda m, x: m[3](torch.relu(m[0](x) + m[1](x) - m[2](x))),
            padded("reflect"),
            padded("circular"),
            padded("replicate"),
            ending(32),
        ),
    ),
    "residual, means, constants": lambda: (
        (3, 6),
        Written(
            lambda m, x: m[2](torch.relu(m[0](x) + m[3](torch.tensor([0, 2, 2])) + torch.relu(m[1](x))).mean(1)),
            nn.Linear(6, 4),
            nn.Linear(6, 4),
            nn.Linear(4, 3),
            nn.Embedding(3, 4),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_affine_maps_are_the_modules(kind):
    torch.manual_seed(0)
    shape, module = KINDS[kind]()
    module.eval()
    network = read(module, np.zeros((1, *shape), np.float32))
    double = copy.deepcopy(module).double()
    rng = np.random.default_rng(0)
    a, b = 2 * rng.normal(size=(2, *shape))
    found = line(network, a, b)
    assert found.certified
    assert found.count > 3
    cuts = np.concatenate([[0.0], found.breakpoints, [1.0]])
    for i in rng.choice(found.count, min(found.count, 20), replace=False):
        x = found.point(cuts[i] + rng.random() * (cuts[i + 1] - cuts[i]))
        with torch.no_grad():
            direct = double(torch.as_tensor(x[None])).numpy().ravel()
        for mapped in (found.affine_map(int(i))(x), region(network, x).map(x)):
            assert np.abs(mapped - direct).max() <= 1e-9 * max(np.abs(direct).max(), 1e-3)


def test_a_setting_that_the_export_drops_is_not_passed_over():
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AvgPool2d(2, divisor_override=3), ending(8))
    with pytest.raises(UnsupportedModelError, match="something else than the module"):
        read(module, np.zeros((1, 1, 6, 6), np.float32))
