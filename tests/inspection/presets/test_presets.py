"""Each preset against a few lines that do what the tool's rule says, on the same networks."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

import nonlin
from nonlin import demonstration
from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.inspection.model import TorchModel
from nonlin.inspection.recording import Batch
from nonlin.inspection.torch.weight_gradients import weight_gradients


@pytest.fixture(autouse=True)
def no_export(monkeypatch):
    """Leave out the count of folds, whose export of the model takes seconds."""

    def refuse(*_):
        raise UnsupportedModelError("not counted here")

    monkeypatch.setattr(TorchModel, "network", refuse)


def made(*, bias=0.0, units=0, scale=1.0, depth=2, first=1.0, small=0.0):
    """A network with some units pushed down, every layer's weights scaled, the first layer's once more."""
    torch.manual_seed(0)
    widths = [10, *[24] * depth]
    hidden = [layer for i in range(depth) for layer in (nn.Linear(widths[i], widths[i + 1]), nn.ReLU())]
    model = nn.Sequential(*hidden, nn.Linear(24, 4))
    with torch.no_grad():
        for layer in model[::2]:
            layer.weight.mul_(scale)
        model[0].weight.mul_(first)
        model[0].bias[:units] = bias
        if small:
            model[0].weight.mul_(small)
            model[0].bias.zero_()
    return model


NETWORKS = {
    "as made": {},
    "a quarter dead": {"bias": -50.0, "units": 6},
    "most dead": {"bias": -50.0, "units": 20},
    "all dead": {"bias": -50.0, "units": 24},
    "tiny weights": {"scale": 0.02, "depth": 6},
    "large weights": {"scale": 20.0},
    "a large first layer": {"first": 5.0},
    "a tiny first layer": {"small": 1e-6},
    "deep": {"depth": 14},
}


def seen(model):
    torch.manual_seed(1)
    x, y = torch.randn(200, 10), torch.randint(4, (200,))
    us, acts, h = [], [], x
    for layer in model:
        h = layer(h)
        (acts if isinstance(layer, nn.ReLU) else us).append(h.detach())
    model.zero_grad()
    functional.cross_entropy(h, y).backward()
    gradients = [layer.weight.grad.double() for layer in model[::2]]
    weights = [layer.weight.detach().double() for layer in model[::2]]
    return x, y, us, acts, gradients, weights


def sagemaker(us, acts, gradients, weights):
    dead = {
        ("dead", str(2 * i + 1))
        for i, a in enumerate(acts)
        if ((a > 0).float().mean(0) < 0.01).float().mean() > 0.5
    }
    gone = {("vanishing", str(2 * i)) for i, g in enumerate(gradients) if g.abs().mean() < 1e-7}
    spread = [w.var(correction=0) for w in weights]
    poor = {("exploding", str(2 * int(np.argmax(spread))))} if max(spread) / min(spread) > 10 else set()
    return dead | gone | poor


def autotrainer(us, acts, gradients, weights):
    found = set()
    if sum(int((g == 0).sum()) for g in gradients) >= 0.7 * sum(g.numel() for g in gradients):
        found.add(("dead", "the network"))
    first, last = gradients[0].norm(), gradients[-1].norm()
    if first / last < 1e-3 and first < 1e-4:
        found.add(("vanishing", "0"))
    if first / last > 70:
        found.add(("exploding", "0"))
    return found | {("exploding", str(2 * i + 1)) for i, a in enumerate(acts) if a.abs().mean() >= 10}


def thedeepchecker(us, acts, gradients, weights):
    low = [np.quantile(np.abs(a.numpy()), 0.95, axis=0, method="inverted_cdf") < 1e-5 for a in acts]
    return {("dead", str(2 * i + 1)) for i, units in enumerate(low) if units.mean() > 0.5}


def fastai(us, acts, gradients, weights):
    return {("dead", str(2 * i + 1)) for i, u in enumerate(us[:-1]) if (u <= 0.05).float().mean() > 0.9}


RULES = {rule.__name__: rule for rule in (sagemaker, autotrainer, thedeepchecker, fastai)}


@pytest.mark.parametrize("preset", RULES)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_preset_finds_what_the_rule_finds(preset, network):
    model = made(**NETWORKS[network])
    x, y, *quantities = seen(model)
    report = nonlin.inspect(model, x, y, thresholds=preset, batch_size=64)
    assert {(f.kind, f.call) for f in report.findings} == RULES[preset](*quantities)
    assert report.preset == preset


@pytest.mark.parametrize("preset", RULES)
def test_each_rule_fires_on_some_network_and_on_some_it_does_not(preset):
    counts = [len(RULES[preset](*seen(made(**options))[2:])) for options in NETWORKS.values()]
    assert min(counts) == 0 < max(counts)


def test_every_kind_of_the_rules_is_reached():
    reached = {
        (preset, kind)
        for preset, rule in RULES.items()
        for options in NETWORKS.values()
        for kind, _ in rule(*seen(made(**options))[2:])
    }
    assert reached >= {
        (p, k) for p in ("sagemaker", "autotrainer") for k in ("dead", "vanishing", "exploding")
    }


def test_sagemaker_names_what_is_not_finite():
    model = made()
    with torch.no_grad():
        model[0].weight.fill_(3e38)
    kinds = {f.kind for f in nonlin.inspect(model, torch.randn(64, 10), thresholds="sagemaker").findings}
    assert "nonfinite" in kinds


def test_a_computed_weight_is_judged_by_the_parameter_behind_it():
    model = made()
    expected = nonlin.inspect(made(first=100.0), torch.randn(64, 10), thresholds="sagemaker").findings
    parametrizations.spectral_norm(model[0])
    parametrizations.weight_norm(model[2])
    layers = weight_gradients(model, [Batch(inputs={"x": torch.randn(64, 10)}, labels=None, size=64)])
    assert [(layer.layer, layer.entries) for layer in layers] == [("0", 240), ("2", 576), ("4", 96)]
    assert all(layer.norm > 0 for layer in layers)
    with torch.no_grad():
        model[0].parametrizations.weight.original *= 100
    found = nonlin.inspect(model, torch.randn(64, 10), thresholds="sagemaker").findings
    assert {f.call for f in found} & {f.call for f in expected} == {"0"}


@pytest.mark.parametrize(("forward", "words"), [(torch.relu, "without any"), (None, "cut off")])
def test_what_has_no_gradients_of_weights_is_refused(forward, words):
    model = made() if forward is None else nn.ReLU()
    if forward is None:
        model.forward = torch.no_grad()(model.forward)
    with pytest.raises(UnsupportedModelError, match=f"{words}.*use thresholds='thedeepchecker'"):
        nonlin.inspect(model, torch.randn(64, 10), thresholds="sagemaker")


def test_the_gradients_leave_no_trace():
    model = made()
    nonlin.inspect(model.requires_grad_(False), torch.randn(64, 10), thresholds="autotrainer")
    assert all(p.grad is None and not p.requires_grad for p in model.parameters())


def test_onnx_files_are_judged_by_outputs_and_refused_where_a_rule_wants_gradients():
    model, data = demonstration.model_path(), demonstration.data_path()
    assert nonlin.inspect(model, data, thresholds="thedeepchecker").to_dict()["preset"] == "thedeepchecker"
    with pytest.raises(UnsupportedModelError, match="gradients of weights"):
        nonlin.inspect(model, data, thresholds="sagemaker")


def test_another_name_is_refused():
    with pytest.raises(
        InvalidInputError, match="sagemaker, autotrainer, thedeepchecker, fastai, got 'keras'"
    ):
        nonlin.inspect(made(), torch.randn(8, 10), thresholds="keras")
