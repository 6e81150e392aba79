import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its name in every book
from torch import nn

WRITTEN_OUT = [
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
