"""The same network, live in PyTorch and exported to ONNX, gets the same report: two recorders, one truth."""

import numpy as np
import pytest
import torch
from torch import nn

from nonlin.inspection import inspect
from nonlin.networks import torch_reader
from nonlin.networks.torch_reader import read_torch


def mlp():
    return nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 16), nn.GELU(), nn.Linear(16, 5))


def convolutional():
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 6, 2), nn.Hardswish(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5),
    )  # fmt: skip


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(12, 12), nn.Linear(12, 12), nn.Linear(12, 5)

    def forward(self, x):
        x = x + torch.tanh(self.first(x))
        x = torch.relu(x + nn.functional.silu(self.second(x)))
        return self.last(x)


MODELS = {"mlp": (mlp, (12,)), "convolutional": (convolutional, (2, 11, 11)), "residual": (Residual, (12,))}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("labelled", [True, False])
def test_both_recorders_agree(name, labelled, tmp_path):
    make, shape = MODELS[name]
    torch.manual_seed(0)
    model = make().eval()
    data = np.random.default_rng(1).standard_normal((64, *shape)).astype(np.float32) * 3
    labels = np.arange(64) % 5 if labelled else None
    path = tmp_path / "model.onnx"
    example = (torch.from_numpy(data[:2]),)
    torch.onnx.export(
        model, example, path, dynamo=True, dynamic_shapes=({0: torch.export.Dim("n")},), verbose=False
    )
    live, exported = inspect(model, data, labels, batch_size=16), inspect(path, data, labels, batch_size=16)
    assert len(live.calls) == len(exported.calls) > 0
    for a, b in zip(live.calls, exported.calls, strict=True):
        assert (a.function, a.shape, a.units, a.samples) == (b.function, b.shape, b.units, b.samples)
        assert (a.dead_units, a.saturated_units, a.linear_units) == (
            b.dead_units,
            b.saturated_units,
            b.linear_units,
        )
        assert a.sparsity == pytest.approx(b.sparsity, abs=1e-3)
        for figure in ("mean", "std", "slope_mean", "gradient"):
            assert getattr(a, figure) == pytest.approx(getattr(b, figure), rel=2e-4, abs=1e-6), (
                a.name,
                figure,
            )
    assert live.accuracy == exported.accuracy


@pytest.mark.filterwarnings("ignore")
def test_a_module_is_exported_once_and_only_for_what_was_asked(monkeypatch):
    exports = []

    def counted(module, example, *, name):
        exports.append(example.shape)
        return read_torch(module, example, name=name)

    monkeypatch.setattr(torch_reader, "read_torch", counted)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    data = torch.randn(60, 4)
    without = inspect(model, data, folds=False)
    assert exports == []
    assert without.folds.line is None
    assert "not asked" in without.folds.reason
    everything = inspect(model, data, predicted=True, box=(-1, 1))
    assert exports == [(1, 4)]
    assert everything.folds.line is not None
    assert everything.prediction is not None


def test_the_folds_of_a_module_are_those_of_its_export():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.LeakyReLU(0.1), nn.Linear(16, 2)
    ).eval()
    data = torch.randn(64, 2) * 3
    folds = inspect(model, data).folds
    assert folds.line is not None, folds.reason
    assert folds.line.certified
    t = torch.linspace(0, 1, 200_001, dtype=torch.float64)[:, None]
    start, stop = data[folds.first].double(), data[folds.second].double()
    double = model.double()
    before = [double[0](start + t * (stop - start))]
    before.append(double[2](double[1](before[0])))
    pattern = torch.cat([b > 0 for b in before], dim=1)
    assert folds.line.count == 1 + int((pattern[1:] != pattern[:-1]).any(dim=1).sum())
