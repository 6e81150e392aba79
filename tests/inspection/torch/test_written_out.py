import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its name in every book
from torch import nn


def _assigned(x, *changes):
    for condition, value in changes:
        x[condition(x)] = value
    return x


WRITTEN_OUT = [
    ("relu", lambda x: _assigned(x, (lambda u: u < 0, 0)), F.relu),
    ("relu", lambda x: _assigned(x.clone(), (lambda u: u <= 0, torch.zeros(()))), F.relu),
    ("hardtanh", lambda x: _assigned(x, (lambda u: u > 1, 1), (lambda u: u < -1, -1.0)), F.hardtanh),
    ("relu", lambda x: x.index_put((x < 0,), torch.zeros(())), F.relu),
    ("relu", lambda x: torch.where(x < 0, torch.zeros_like(x), x), F.relu),
    ("relu", lambda x: torch.maximum(torch.zeros_like(x), x), None),
    ("relu", lambda x: torch.max(x, torch.tensor(0.0)), None),
    ("hardtanh", lambda x: torch.min(torch.max(x, -torch.ones_like(x)), torch.ones_like(x)), None),
    ("silu", lambda x: x * torch.sigmoid(x), F.silu),
    ("silu", lambda x: torch.sigmoid(x).mul_(x), None),
    ("silu", lambda x: x.mul_(x.sigmoid()), F.silu),
    ("silu", lambda x: x / (1 + torch.exp(-x)), F.silu),
    ("quick_gelu", lambda x: x * torch.sigmoid(1.702 * x), None),
    ("hardswish", lambda x: x * torch.clamp(x + 3, 0, 6) / 6, F.hardswish),
    ("hardswish", lambda x: x * (F.relu6(x + 3) / 6), F.hardswish),
    ("hardswish", lambda x: x * F.hardsigmoid(x), F.hardswish),
    ("hardswish", lambda x: x * F.relu6(x + 3, inplace=True) / 6, F.hardswish),
    ("hardsigmoid", lambda x: F.relu6(x + 3) / 6, F.hardsigmoid),
    ("gelu", lambda x: 0.5 * x * (1 + torch.erf(x / math.sqrt(2))), F.gelu),
    ("gelu", lambda x: x * 0.5 * (1.0 + torch.erf(x * math.sqrt(0.5))), F.gelu),
    (
        "gelu_tanh",
        lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * torch.pow(x, 3)))),
        lambda x: F.gelu(x, approximate="tanh"),
    ),
    ("mish", lambda x: x * torch.tanh(F.softplus(x)), F.mish),
    ("relu2", lambda x: torch.relu(x) ** 2, None),
    ("softsign", lambda x: x / (1 + x.abs()), F.softsign),
    ("tanh", lambda x: 2 / (1 + torch.exp(-2 * x)) - 1, torch.tanh),
    ("tanhshrink", lambda x: x - torch.tanh(x), F.tanhshrink),
    ("relu", lambda x: torch.where(x > 0, x, 0.0), F.relu),
    ("relu", lambda x: x * (x > 0), F.relu),
    ("relu", lambda x: x.masked_fill(x < 0, 0.0), F.relu),
    (
        "leaky_relu(negative_slope=0.1)",
        lambda x: torch.where(x > 0, x, 0.1 * x),
        lambda x: F.leaky_relu(x, 0.1),
    ),
    ("elu", lambda x: torch.where(x > 0, x, torch.exp(x) - 1), F.elu),
]


class WrittenOut(nn.Module):
    def __init__(self, call):
        super().__init__()
        self.fc = nn.Linear(4, 6)
        self.call = call
        self.out = nn.Linear(6, 3)

    def forward(self, x):
        return self.out(self.call(self.fc(x)))


@pytest.mark.parametrize(
    ("label", "call", "same"), WRITTEN_OUT, ids=[f"{i}-{entry[0]}" for i, entry in enumerate(WRITTEN_OUT)]
)
def test_a_function_that_is_written_out_is_one_call(run, label, call, same):
    model, x = WrittenOut(call), torch.randn(32, 4)
    (recorded,) = run(model, x).calls
    assert recorded.site.function.label == label
    assert recorded.site.layer == "fc"
    u = model.fc(x).detach()
    np.testing.assert_allclose(
        recorded.statistics.pre_activation.mean, u.double().mean(0), rtol=1e-5, atol=1e-6
    )
    if same is not None:
        direct = WrittenOut(same)
        direct.load_state_dict(model.state_dict())
        (expected,) = run(direct, x).calls
        assert recorded.gradient == pytest.approx(expected.gradient, rel=1e-4)
        np.testing.assert_allclose(
            recorded.statistics.slope_sum, expected.statistics.slope_sum, rtol=1e-4, atol=1e-5
        )


def test_a_learnt_steepness_is_read(run):
    class Swish(nn.Module):
        def __init__(self):
            super().__init__()
            self.beta = nn.Parameter(torch.tensor(2.0))

        def forward(self, x):
            return x * torch.sigmoid(self.beta * x)

    (call,) = run(nn.Sequential(nn.Linear(4, 6), Swish(), nn.Linear(6, 2)), torch.randn(9, 4)).calls
    assert (call.site.name, call.site.function.label) == ("1", "swish(beta=2)")


def test_a_gate_on_another_branch_is_a_call_of_its_own(run, names):
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.value, self.gate = nn.Linear(4, 6), nn.Linear(4, 6)

        def forward(self, x):
            return torch.tanh(self.value(x)) * torch.sigmoid(self.gate(x))

    recording = run(Gated(), torch.randn(9, 4))
    assert names(recording) == [("tanh", "tanh"), ("sigmoid", "sigmoid")]
    assert [call.site.layer for call in recording.calls] == ["value", "gate"]


def test_one_function_behind_another_is_two_calls(run, names):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 6)

        def forward(self, x):
            y = torch.relu(self.fc(x))
            y = y * torch.sigmoid(y)
            return 0.5 * y * (1 + torch.erf(y / math.sqrt(2))) + 1

    assert [label for _, label in names(run(Two(), torch.randn(9, 4)))] == ["relu", "silu", "gelu"]


def test_what_is_not_recognised_falls_back_on_its_parts(run, names):
    model = WrittenOut(lambda x: torch.sigmoid(x) * torch.tanh(x) + 0.3 * torch.relu(x))
    assert sorted(label for _, label in names(run(model, torch.randn(9, 4)))) == ["relu", "sigmoid", "tanh"]


def _half_below(u):
    u[u < 0] *= 0.5
    return u


def _half_below_by_a_mask(u):
    mask = ~(u >= 0)
    u[mask] = 0.5 * u[mask]
    return u


@pytest.mark.parametrize("call", [_half_below, _half_below_by_a_mask])
def test_an_assignment_by_its_own_mask_that_is_not_understood_is_named(run, call):
    recording = run(WrittenOut(call), torch.randn(9, 4))
    assert recording.calls == ()
    assert recording.unseen == ("an assignment by a mask in the model",)


def test_an_assignment_where_others_are_small_is_no_activation(run):
    class Routed(nn.Module):
        def __init__(self):
            super().__init__()
            self.route, self.fc, self.out = nn.Linear(4, 2), nn.Linear(4, 6), nn.Linear(6, 3)

        def forward(self, x):
            chosen = self.route(x).argmax(1)
            y = torch.zeros(len(x), 6)
            y[chosen == 0] = self.fc(x[chosen == 0])
            y[self.out(y)[:, 0] < 0] = 0
            return self.out(y)

    recording = run(Routed(), torch.randn(9, 4))
    assert (recording.calls, recording.unseen, recording.chains) == ((), (), ())


def test_a_maximum_over_an_axis_is_no_activation(run, names):
    model = WrittenOut(lambda u: torch.relu(u) + u.max(1, keepdim=True)[0] - torch.max(u, 1, keepdim=True)[0])
    assert names(run(model, torch.randn(9, 4))) == [("relu", "relu")]
