import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its name in every book
from torch import nn

from nonlin.functions import function
from nonlin.inspection.ending import FINAL


class Applied(nn.Module):
    """A dense layer and one call behind it."""

    def __init__(self, call):
        super().__init__()
        self.fc = nn.Linear(5, 6)
        self.call = call

    def forward(self, x):
        return self.call(self.fc(x))


DIRECT = [
    ("relu", F.relu),
    ("relu", torch.relu),
    ("relu", lambda u: u.relu()),
    ("relu", lambda u: u.relu_()),
    ("relu", F.relu_),
    ("relu", torch.relu_),
    ("relu", lambda u: F.relu(u, inplace=True)),
    ("relu", lambda u: u.clamp(min=0)),
    ("relu", lambda u: u.clamp_(min=0)),
    ("relu", lambda u: torch.clamp_min(u, 0)),
    ("relu", lambda u: torch.maximum(u, torch.zeros(()))),
    ("relu", torch.ops.aten.relu.default),
    ("relu", torch.ops.aten.relu),
    ("relu6", F.relu6),
    ("relu6", lambda u: torch.clamp(u, 0, 6)),
    ("relu6", lambda u: u.clip(0, 6)),
    ("relun(n=2)", lambda u: F.hardtanh(u, 0.0, 2.0)),
    ("hardtanh", F.hardtanh),
    ("hardtanh(min_val=-2, max_val=2)", lambda u: u.clamp(-2, 2)),
    ("leaky_relu", F.leaky_relu),
    ("leaky_relu(negative_slope=0.2)", lambda u: F.leaky_relu(u, 0.2, True)),
    ("elu", F.elu),
    ("elu(alpha=0.5)", lambda u: F.elu(u, alpha=0.5)),
    ("selu", F.selu),
    ("selu", lambda u: torch.ops.aten.elu.default(u, 1.6732632423543772, 1.0507009873554805)),
    ("celu(alpha=0.5)", lambda u: F.celu(u, 0.5)),
    ("gelu", F.gelu),
    ("gelu_tanh", lambda u: F.gelu(u, approximate="tanh")),
    ("silu", F.silu),
    ("mish", F.mish),
    ("sigmoid", torch.special.expit),
    ("sigmoid", lambda u: u.sigmoid_()),
    ("tanh", F.tanh),
    ("softplus(beta=2)", lambda u: F.softplus(u, beta=2)),
    ("softsign", F.softsign),
    ("hardswish", F.hardswish),
    ("hardsigmoid", F.hardsigmoid),
    ("hardshrink", F.hardshrink),
    ("softshrink(lambd=0.1)", lambda u: F.softshrink(u, 0.1)),
    ("tanhshrink", F.tanhshrink),
    ("threshold(threshold=0.1, value=20)", lambda u: F.threshold(u, 0.1, 20)),
    ("logsigmoid", F.logsigmoid),
    ("rrelu", F.rrelu),
    ("abs", torch.abs),
    ("abs", lambda u: u.abs_()),
    ("sine", torch.sin),
    ("arctan", torch.atan),
    ("relu", nn.ReLU(inplace=True)),
    ("relu6", nn.ReLU6()),
    ("gelu", nn.GELU()),
    ("log_softmax", lambda u: F.log_softmax(u, 1)),
    ("softmax", lambda u: u.softmax(-1)),
]


@pytest.mark.parametrize(
    ("label", "call"), DIRECT, ids=[f"{i}-{label}" for i, (label, _) in enumerate(DIRECT)]
)
def test_every_way_to_call_is_seen_with_its_pre_activation_and_output(run, label, call):
    model, x = Applied(call), torch.randn(40, 5)
    u = model.fc(x).detach()
    (recorded,) = run(model, x).calls
    assert recorded.site.function.label == label
    assert recorded.site.layer == "fc"
    assert recorded.site.unit_axis == 1
    assert recorded.shape == (6,)
    statistics = recorded.statistics
    np.testing.assert_allclose(statistics.pre_activation.mean, u.double().mean(0), rtol=1e-5, atol=1e-6)
    given = u.clone()
    output = call(given).double()
    np.testing.assert_allclose(statistics.output.mean, output.mean(0), rtol=1e-5, atol=1e-6)
    if statistics.slope_sum is not None:
        f = recorded.site.function
        expected = f.slope(u.double().numpy()) / f.largest_slope
        np.testing.assert_allclose(statistics.slope_sum, expected.sum(0), rtol=1e-4, atol=1e-5)
    assert recorded.site.role == "answer"
    if recorded.site.function.name in FINAL and torch.equal(given, u):  # in place, what goes in is gone
        assert recorded.gradient is None  # the direction is one of what goes in
    else:
        assert recorded.gradient is not None
        assert recorded.gradient > 0


NOT_CALLS = [
    ("a limit that keeps a logarithm finite", lambda u: u.square().clamp(min=1e-6).log()),
    ("a norm", lambda u: u / u.abs().sum(1, keepdim=True)),
    ("a limit that keeps a divisor away from 0", lambda u: u / u.sum(1, keepdim=True).clamp(min=1e-9)),
    ("the same of every unit", lambda u: 1 / torch.maximum(u, torch.tensor(1e-12))),
    ("an affine rescaling", lambda u: (2 * u - 1) / 3),
    ("dropout", F.dropout),
    ("maximum of two branches", lambda u: torch.maximum(u, u.flip(1))),
    ("the function of a weight", lambda u: u * F.softplus(torch.zeros(6))),
]


@pytest.mark.parametrize("call", [c for _, c in NOT_CALLS], ids=[name for name, _ in NOT_CALLS])
def test_what_is_no_activation_is_not_reported(run, call):
    assert not run(Applied(call), torch.randn(8, 5)).calls


def test_names_come_from_the_modules(run, names):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(5, 5)
            self.act = nn.ReLU()

        def forward(self, x):
            x = F.relu(self.fc(x))
            x = self.act(self.fc(x)) + 1.0
            return self.act(self.fc(F.relu(x)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = Block()

        def forward(self, x):
            return torch.tanh(self.block.fc(self.block(x)))

    expected = ["block.relu", "block.act", "block.relu#2", "block.act#2", "tanh"]
    assert [name for name, _ in names(run(Net(), torch.randn(3, 5)))] == expected


@pytest.mark.parametrize("count", [1, 4])
def test_prelu_is_relative_to_its_own_slopes(run, count):
    model = nn.Sequential(nn.Conv2d(1, 4, 1), nn.PReLU(count))
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[0].bias.zero_()
        model[1].weight.copy_(torch.tensor([0.0, 0.5, -3.0, 2.0])[:count])
    (call,) = run(model, torch.randn(16, 1, 5, 5)).calls
    assert (call.site.name, call.site.function.name, call.site.unit_axis) == ("1", "prelu", 1)
    low, high = call.statistics.slope_low, call.statistics.slope_high
    if count == 1:
        assert low.tolist() == [0] * 4
        assert high.tolist() == [1] * 4
    else:
        np.testing.assert_allclose(low, [0, 0.5, -1, 0.5])
        np.testing.assert_allclose(high, [1, 1, 1 / 3, 1], rtol=1e-6)


def test_glu_is_measured_on_the_half_that_it_bends(run):
    model, x = nn.Sequential(nn.Linear(5, 12), nn.GLU()), torch.randn(9, 5)
    (call,) = run(model, x).calls
    assert call.site.function.name == "glu"
    assert call.shape == (6,)
    assert call.statistics.slope_sum is None
    gates = model[0](x).detach()[:, 6:].double()
    np.testing.assert_allclose(call.statistics.pre_activation.mean, gates.mean(0), rtol=1e-5, atol=1e-6)


def test_a_slope_without_bound_is_relative_to_the_largest_of_the_batch(run):
    (call,) = run(Applied(lambda u: F.relu(u).square()), torch.randn(50, 5)).calls
    assert call.site.function == function("relu2")
    assert call.statistics.slope_high.max() == pytest.approx(1)


def test_half_precision_is_widened(run):
    model = Applied(torch.tanh).to(torch.bfloat16)
    x = torch.randn(20, 5)
    (call,) = run(model, x).calls
    u = model.fc(x.bfloat16()).detach().float().numpy()
    np.testing.assert_allclose(call.statistics.slope_sum, (1 - np.tanh(u) ** 2).sum(0), rtol=1e-4)
