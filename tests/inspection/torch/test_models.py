"""Whole models of the kinds that people have."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its name in every book
from torch import nn

import nonlin
from nonlin.inspection.recording import Batch
from nonlin.inspection.torch import record


class Residual(nn.Module):
    """A basic block of a residual network, with the in-place ReLU used twice."""

    def __init__(self, channels):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x
        return self.relu(y)


def test_mlp(run, names):
    model = nn.Sequential(nn.Linear(8, 16), nn.SELU(), nn.Linear(16, 16), nn.LeakyReLU(0.2), nn.Linear(16, 4))
    recording = run(model, torch.randn(32, 8), np.arange(32) % 4, batches=2)
    assert names(recording) == [("1", "selu"), ("3", "leaky_relu(negative_slope=0.2)")]
    assert recording.parameters == 8 * 16 + 16 + 16 * 16 + 16 + 16 * 4 + 4
    assert (recording.model, recording.samples) == ("Sequential", 32)


def test_cnn_with_batch_norm_and_residuals(run, names):
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU6(), Residual(8), Residual(8), nn.Flatten(), nn.LazyLinear(4)
    )
    x = torch.randn(6, 3, 10, 10)
    model(x)
    recording = run(model, x, np.arange(6) % 4)
    expected = [("1", "relu6"), *((f"{i}.{name}", "relu") for i in (2, 3) for name in ("relu", "relu#2"))]
    assert names(recording) == expected
    assert [call.site.layer for call in recording.calls] == ["0", "2.conv1", "2.conv2", "3.conv1", "3.conv2"]
    assert all(call.shape == (8, 8, 8) and call.site.unit_axis == 1 for call in recording.calls)
    assert all(call.gradient > 0 for call in recording.calls)


def test_an_in_place_residual_has_the_pre_activation_before_it_was_overwritten(run):
    block = Residual(4).eval()
    x = torch.randn(5, 4, 6, 6)
    calls = run(block, x).calls
    with torch.no_grad():
        first = block.bn1(block.conv1(x))
        second = block.bn2(block.conv2(first.relu())) + x
    for call, u in zip(calls, (first, second), strict=True):
        expected = u.double().mean((0, 2, 3))
        np.testing.assert_allclose(call.statistics.pre_activation.mean, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("norm_first", [True, False])
def test_transformer_encoder(run, names, batch_first, norm_first):
    layer = nn.TransformerEncoderLayer(
        8, 2, 16, activation="gelu", batch_first=batch_first, norm_first=norm_first, dropout=0.1
    )

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.out = nn.Linear(8, 3)

        def forward(self, x):
            if not batch_first:
                x = x.transpose(0, 1)
            return self.out(self.encoder(x).mean(1 if batch_first else 0))

    recording = run(Net(), torch.randn(6, 5, 8), np.arange(6) % 3)
    assert names(recording) == [(f"encoder.layers.{i}.gelu", "gelu") for i in (0, 1)]
    for i, call in enumerate(recording.calls):
        assert call.site.layer == f"encoder.layers.{i}.linear1"
        assert (call.statistics.units, call.statistics.samples, call.shape) == (16, 6, (5, 16))
        assert call.gradient > 0


@dataclass
class ModelOutput:
    loss: torch.Tensor | None
    logits: torch.Tensor


class Attention(nn.Module):
    """A decoder block as language models have it: fused projections, attention, gated MLP."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(8), nn.RMSNorm(8)
        self.qkv, self.proj = nn.Linear(8, 24), nn.Linear(8, 8)
        self.gate, self.up, self.down = nn.Linear(8, 12), nn.Linear(8, 12), nn.Linear(12, 8)

    def forward(self, x):
        q, k, v = (t.unflatten(-1, (2, 4)).transpose(1, 2) for t in self.qkv(self.norm1(x)).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + self.proj(y)
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Language(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.blocks = nn.Embedding(20, 8), nn.ModuleList([Attention(), Attention()])
        self.head = nn.Linear(8, 20)

    def forward(self, *, input_ids, mask):
        x = self.tokens(input_ids) * mask[..., None]
        for block in self.blocks:
            x = block(x)
        return ModelOutput(loss=None, logits=self.head(x[:, -1]))


def test_a_language_model_with_token_ids_and_a_dataclass_for_output(names):
    rng = np.random.default_rng(0)
    inputs = {"input_ids": rng.integers(0, 20, (4, 7)), "mask": np.ones((4, 7), np.float32)}
    recording = record(Language(), [Batch(inputs=inputs, labels=np.arange(4), size=4)])
    assert names(recording) == [("blocks.0.silu", "silu"), ("blocks.1.silu", "silu")]
    assert [call.site.layer for call in recording.calls] == ["blocks.0.gate", "blocks.1.gate"]
    assert recording.has_gradient
    assert recording.chains == ()
    assert all(call.gradient > 0 for call in recording.calls)


def test_attention_written_by_hand_has_no_call_in_its_softmax(run, names):
    class ByHand(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))

        def forward(self, x):
            scores = self.q(x) @ self.k(x).transpose(1, 2) / 8**0.5
            return torch.tanh(self.out(scores.softmax(-1) @ self.v(x)))

    recording = run(ByHand(), torch.randn(3, 5, 8))
    assert names(recording) == [("tanh", "tanh")]
    assert recording.calls[0].site.layer == "out"


def test_a_mobile_block_with_squeeze_and_excitation(run, names):
    class Excite(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fc2 = nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1)

        def forward(self, x):
            y = F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1)))
            return x * (F.relu6(self.fc2(y) + 3) / 6)

    model = nn.Sequential(
        nn.Conv2d(3, 16, 1),
        nn.BatchNorm2d(16),
        nn.Hardswish(inplace=True),
        nn.Conv2d(16, 16, 3, padding=1, groups=16),
        nn.BatchNorm2d(16),
        Excite(),
        nn.Hardswish(inplace=True),
        nn.Conv2d(16, 8, 1),
    )
    recording = run(model, torch.randn(4, 3, 8, 8))
    expected = [("2", "hardswish"), ("5.relu", "relu"), ("5.hardsigmoid", "hardsigmoid"), ("6", "hardswish")]
    assert names(recording) == expected
    assert recording.calls[2].statistics.units == 16


def test_a_wavenet_gate(run, names):
    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(4, 16, 2)

        def forward(self, x):
            a, b = self.conv(x).chunk(2, dim=1)
            return torch.tanh(a) * torch.sigmoid(b)

    recording = run(Gate(), torch.randn(3, 4, 9))
    assert names(recording) == [("tanh", "tanh"), ("sigmoid", "sigmoid")]
    assert all(call.statistics.units == 8 and call.site.unit_axis == 1 for call in recording.calls)


def test_a_custom_autograd_function_is_looked_into(run, names):
    class Swish(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * torch.sigmoid(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            s = torch.sigmoid(x)
            return g * (s * (1 + x * (1 - s)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 2)

        def forward(self, x):
            return self.b(Swish.apply(self.a(x)))

    recording = run(Net(), torch.randn(8, 4))
    assert names(recording) == [("silu", "silu")]
    assert recording.calls[0].gradient > 0


def test_checkpointed_and_traced_models(run, names):
    body = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4))

    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = body

        def forward(self, x):
            return torch.utils.checkpoint.checkpoint(self.body, x, use_reentrant=False)

    for model in (Checkpointed(), torch.fx.symbolic_trace(body)):
        recording = run(model, torch.randn(5, 4))
        assert [label for _, label in names(recording)] == ["relu"]
        assert recording.calls[0].gradient > 0


def test_inside_vmap_nothing_breaks(run):
    class Mapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return torch.relu(torch.vmap(lambda row: torch.tanh(self.fc(row)))(x))

    assert "relu" in [call.site.name for call in run(Mapped(), torch.randn(5, 4)).calls]


class Experts(nn.Module):
    """Sends each row to one of four experts, who may get none."""

    def __init__(self):
        super().__init__()
        self.route, self.out = nn.Linear(8, 4), nn.Linear(8, 3)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(8, 16), nn.SiLU(), nn.Linear(16, 8)) for _ in "1234"
        )

    def forward(self, x):
        best, y = self.route(x).argmax(-1), torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            y[best == number] = expert(x[best == number])
        return self.out(y)


@pytest.mark.parametrize("batches", [1, 7])
def test_experts_that_get_no_rows_of_a_batch(run, batches):
    model, x = Experts(), torch.randn(28, 8)
    with torch.no_grad():
        model.route.bias[1] -= 100
        model.route.bias[2] += 1
    chosen, calls = (
        model.route(x).argmax(-1),
        {call.site.name: call for call in run(model, x, batches=batches).calls},
    )
    assert set(calls) == {f"experts.{number}.1" for number in chosen.unique().tolist()}
    for number in chosen.unique().tolist():
        outputs = model.experts[number][:2](x[chosen == number]).detach()
        mean = calls[f"experts.{number}.1"].statistics.output.mean
        np.testing.assert_allclose(mean, outputs.double().mean(0), rtol=1e-4, atol=1e-6)
    with nonlin.watch(model, every=1) as log:
        model(x[:1]).sum().backward()
    assert [record.call for record in log.history] == [f"experts.{int(chosen[0])}.1"]
