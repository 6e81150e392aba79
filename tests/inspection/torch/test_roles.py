"""What a call is for, in PyTorch as in ONNX: a gate, the answer, or the next layers; and where gradients begin."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - its name in every book

import nonlin
import nonlin.errors

X = torch.randn(64, 6, generator=torch.Generator().manual_seed(0))


class Gated(nn.Module):
    """A squeeze-and-excitation block, a written-out SiLU, and a softmax at the end."""

    def __init__(self, end=lambda z: z.softmax(1)):
        super().__init__()
        self.end = end
        self.conv, self.down, self.up = nn.Conv2d(2, 8, 3), nn.Linear(8, 4), nn.Linear(4, 8)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        x = self.conv(x)
        x = x * torch.sigmoid(x)
        gate = torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3)))))).view(len(x), 8, 1, 1)
        return self.end(self.out((x * gate).mean((2, 3))))


def roles(inspection):
    return [(c.site.function.name, c.site.role) for c in inspection.recording.calls]


PICTURES = torch.randn(40, 2, 7, 7, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("end", "last"),
    [
        (lambda z: z.softmax(1), ("softmax", "answer")),
        (lambda z: torch.sigmoid(z).squeeze() * 2 - 1, ("sigmoid", "answer")),
        (torch.tanh, ("tanh", "answer")),
        (lambda z: F.relu(z).cumsum(1), ("relu", "hidden")),
    ],
)
def test_gates_and_answers_are_told_from_hidden_calls(end, last):
    found = roles(nonlin.inspect(Gated(end).eval(), PICTURES))
    # the SiLU too is only ever averaged or multiplied, but its mean goes into a layer
    assert found == [("silu", "hidden"), ("relu", "hidden"), ("sigmoid", "gate"), last]


@pytest.mark.filterwarnings("ignore")  # of the exporter
def test_roles_are_those_that_the_exported_graph_shows(tmp_path):
    model = Gated().eval()
    path = tmp_path / "gated.onnx"
    torch.onnx.export(
        model, (PICTURES[:1],), path, dynamic_shapes=({0: torch.export.Dim("n")},), verbose=False
    )
    live, graph = nonlin.inspect(model, PICTURES), nonlin.inspect(path, PICTURES.numpy())
    assert roles(live) == roles(graph)
    assert (
        live.gradient_of == graph.gradient_of == "a random direction of the outputs before the final softmax"
    )
    for a, b in zip(live.calls, graph.calls, strict=True):
        assert (a.gradient is None) == (b.gradient is None), a.name
        if a.gradient is not None:
            assert a.gradient == pytest.approx(b.gradient, rel=1e-4)


def test_a_tensor_that_a_gate_and_a_layer_read_is_no_gate():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 2)

        def forward(self, x):
            gate = torch.sigmoid(self.a(x))
            return self.b(x * gate + gate)

    assert roles(nonlin.inspect(Both().eval(), X)) == [("sigmoid", "hidden")]


def test_with_labels_a_sure_and_wrong_softmax_has_the_gradient_of_its_scores():
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3), nn.Softmax(1)).eval()
    with torch.no_grad():
        model[2].weight.mul_(1e4)
    labels = torch.arange(64) % 3
    inspection = nonlin.inspect(model, X, labels)
    hidden = model[:2](X).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(model[2](hidden), labels, reduction="sum"), hidden)
    assert inspection.calls[0].gradient == pytest.approx(float(gradient.norm() / 8), rel=1e-5)


def mlp():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2)).eval()


def root_mean_square_gradient(model, loss):
    """Each sample's own gradient at the hidden layer, by one backward pass a sample."""
    norms = []
    for x, y in zip(X, TARGETS, strict=True):
        hidden = model[:2](x[None]).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(model[2](hidden), y[None]), hidden)
        norms.append(float(gradient.norm()))
    return float(np.sqrt(np.mean(np.square(norms))))


TARGETS = torch.randn(64, 2, generator=torch.Generator().manual_seed(2))


@pytest.mark.filterwarnings("ignore")  # of the exporter
@pytest.mark.parametrize("loss", ["mse", F.l1_loss, lambda o, y: (o - y).abs().mean(1), nn.HuberLoss()])
@pytest.mark.parametrize("form", ["torch", "onnx"])
def test_a_regression_has_the_gradient_of_its_loss(loss, form, tmp_path):
    model = mlp()
    wanted = {"mse": F.mse_loss}.get(loss, loss) if isinstance(loss, str) else loss
    subject, data = model, X
    if form == "onnx":
        subject, data = tmp_path / "m.onnx", X.numpy()
        torch.onnx.export(
            model, (X[:1],), subject, dynamic_shapes=({0: torch.export.Dim("n")},), verbose=False
        )
    inspection = nonlin.inspect(subject, data, TARGETS.numpy(), loss=loss, batch_size=20)
    wanted_norm = root_mean_square_gradient(model, lambda o, y: wanted(o, y).mean())
    assert inspection.calls[0].gradient == pytest.approx(wanted_norm, rel=1e-4)
    assert inspection.accuracy is None
    assert "loss" in inspection.gradient_of or "squared error" in inspection.gradient_of


def test_wrong_losses_and_targets_are_refused():
    with pytest.raises(nonlin.errors.InvalidInputError, match='"mse" or a function'):
        nonlin.inspect(mlp(), X, TARGETS, loss="mean")
    with pytest.raises(nonlin.errors.InvalidInputError, match="one target for each output"):
        nonlin.inspect(mlp(), X, TARGETS[:, 0], loss="mse")
    with pytest.raises(nonlin.errors.InvalidInputError, match="finite numbers for 64 samples"):
        nonlin.inspect(mlp(), X, TARGETS[:5], loss="mse")
    with pytest.raises(nonlin.errors.InvalidInputError, match='loss="mse" for targets'):
        nonlin.inspect(mlp(), X, TARGETS)
    with pytest.raises(nonlin.errors.InvalidInputError, match="got float"):
        nonlin.inspect(mlp(), X, TARGETS, loss=lambda o, y: 1.0)
