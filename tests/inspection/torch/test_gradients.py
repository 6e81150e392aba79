import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from nonlin.errors import InvalidInputError
from nonlin.inspection.gradients import direction
from nonlin.inspection.recording import Batch
from nonlin.inspection.torch import record


def mlp():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3))


def by_hand(model, x, objective):
    """The norm of the gradient at the output of layers 1 and 3: a second way, by retained gradients."""
    kept, h = [], x
    for i, layer in enumerate(model):
        h = layer(h)
        if i in (1, 3):
            h.retain_grad()
            kept.append(h)
    objective(h).backward()
    return [float(torch.sqrt((k.grad.double() ** 2).sum() / len(x))) for k in kept]


@pytest.mark.parametrize("batches", [1, 3])
def test_with_labels_it_is_that_of_the_cross_entropy_of_each_sample(run, batches):
    model, x, labels = mlp(), torch.randn(12, 4), np.arange(12) % 3
    recording = run(model, x, labels, batches=batches)
    expected = by_hand(model, x, lambda h: cross_entropy(h, torch.from_numpy(labels), reduction="sum"))
    assert [call.gradient for call in recording.calls] == pytest.approx(expected, rel=1e-5)
    assert recording.gradient_of == "the cross-entropy loss"
    assert recording.has_gradient


@pytest.mark.parametrize("shape", [(8, 8, 1 << 18), (1, 64, 1 << 18)])
def test_many_small_squares_are_added_up_without_loss(run, shape):
    class Wide(nn.Module):
        def forward(self, x):
            return torch.relu(x).flatten(1)

    x = torch.rand(shape) + 1
    (call,) = run(Wide(), x).calls
    along = direction(np.empty(x.flatten(1).shape, np.float64), 0)
    expected = np.linalg.norm(along.astype(np.float32).astype(np.float64)) / len(x) ** 0.5
    assert call.gradient == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("batches", [1, 3])
def test_without_labels_it_is_that_of_a_fixed_direction(run, batches):
    model, x = mlp(), torch.randn(12, 4)
    recording = run(model, x, batches=batches)
    along = torch.from_numpy(direction(np.zeros((12, 3), np.float32), 0))
    expected = by_hand(model, x, lambda h: (h * along).sum())
    assert [call.gradient for call in recording.calls] == pytest.approx(expected, rel=1e-5)
    assert recording.gradient_of == "a random direction of the outputs"


def test_probabilities_are_not_put_through_softmax_again(run):
    body, x, labels = mlp(), torch.randn(12, 4), np.arange(12) % 3
    plain = run(body, x, labels)
    ending = run(nn.Sequential(*body, nn.Softmax(1)), x, labels)
    assert ending.calls[0].gradient == pytest.approx(plain.calls[0].gradient, rel=1e-4)


def test_frozen_parameters_do_not_matter(run):
    model, x = mlp(), torch.randn(12, 4)
    expected = [call.gradient for call in run(model, x).calls]
    model.requires_grad_(requires_grad=False)
    assert [call.gradient for call in run(model, x).calls] == expected


@pytest.mark.parametrize("frozen", [False, True])
def test_token_ids_have_gradients_behind_the_embedding(run, frozen):
    model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 6), nn.GELU(), nn.Flatten(), nn.Linear(30, 3))
    model.requires_grad_(requires_grad=not frozen)
    recording = run(model, np.random.default_rng(0).integers(0, 10, (8, 5)))
    assert recording.has_gradient
    assert recording.calls[0].gradient > 0
    assert recording.calls[0].site.layer == "1"


def test_ids_that_are_made_floating_have_gradients_too(run):
    class Hot(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(10, 4)

        def forward(self, x):
            return torch.relu(self.fc(torch.nn.functional.one_hot(x, 10).float()))

    assert run(Hot(), np.arange(10)).calls[0].gradient > 0


def test_a_call_that_does_not_reach_the_output_has_none(run):
    class Aside(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            y = self.fc(x)
            torch.tanh(y)
            return y

    (call,) = run(Aside(), torch.randn(5, 4)).calls
    assert call.gradient is None


@pytest.mark.parametrize(
    ("forward", "reason"),
    [
        (lambda x: torch.relu(x).detach(), "do not depend on the inputs"),
        (lambda x: torch.relu(x).argmax(1, keepdim=True) * 1.0 * x.new_ones(2), None),
        (torch.no_grad()(torch.relu), "do not depend on the inputs"),
        (torch.inference_mode()(torch.relu), "do not depend on the inputs"),
    ],
)
def test_what_cannot_be_differentiated_says_so(run, forward, reason):
    class Net(nn.Module):
        def forward(self, x):
            return forward(x)

    recording = run(Net(), torch.randn(5, 4))
    assert len(recording.calls) == 1
    assert recording.calls[0].gradient is None
    if reason is not None:
        assert not recording.has_gradient
        assert reason in recording.gradient_of


def test_a_forward_pass_that_forbids_gradients_still_runs(run):
    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            out = torch.empty(len(x), 4)
            torch.mm(x, self.fc.weight.T, out=out)  # refuses to be differentiated
            return torch.relu(out)

    recording = run(Writes(), torch.randn(5, 4))
    assert [call.gradient for call in recording.calls] == [None]
    assert "cannot be differentiated" in recording.gradient_of


def test_a_backward_pass_that_fails_leaves_no_half_gradients(run):
    class Overwrites(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.out = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            u = self.fc(x)
            y = torch.nn.functional.gelu(u)
            u.add_(1)  # GELU needs it for its derivative
            return self.out(torch.tanh(self.out.weight.new_ones(4) * y))

    recording = run(Overwrites(), torch.randn(5, 4))
    assert [call.gradient for call in recording.calls] == [None, None]
    assert "the backward pass failed" in recording.gradient_of


class Wrapped(nn.Module):
    def __init__(self, wrap):
        super().__init__()
        self.fc, self.wrap = nn.Linear(4, 3), wrap

    def forward(self, x):
        return self.wrap(torch.relu(self.fc(x)))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda y: (y, y.argmax(1)),
        lambda y: {"loss": None, "hidden": y.new_zeros(3, 3), "logits": y},
        lambda y: [[y.long()], y],
    ],
)
def test_outputs_in_containers(run, wrap):
    labels = np.array([0, 2, 1])
    recording = run(Wrapped(wrap), torch.randn(3, 4), labels)
    assert recording.gradient_of == "the cross-entropy loss"
    assert recording.answers.shape == (3,)


@pytest.mark.parametrize("last", [nn.Identity(), nn.Sigmoid()])
def test_one_score_a_sample_has_no_cross_entropy(run, last):
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1), last)
    with pytest.raises(
        InvalidInputError, match=r"one score a sample, an output of shape \(3, 1\); give the loss"
    ):
        run(model, torch.randn(3, 4), np.zeros(3, int))


def test_labels_without_a_class_are_refused(run):
    with pytest.raises(InvalidInputError, match=r"labels from 0 to 2 .* from 0 to 7; leave the labels out"):
        run(mlp(), torch.randn(3, 4), np.array([0, 7, 1]))


def test_nonfinite_outputs_are_counted(run):
    class Diverged(nn.Module):
        def forward(self, x):
            return torch.log(torch.relu(x) * 0 - 1)

    assert run(Diverged(), torch.randn(5, 4)).nonfinite_outputs == 20


def test_progress_is_told_in_samples():
    seen = []
    data = [Batch(inputs={"x": np.ones((n, 4), np.float32)}, labels=None, size=n) for n in (2, 3)]
    record(mlp(), data, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (5, 5)]
    seen.clear()
    record(mlp(), iter(data), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, None), (5, None)]


def test_batches_add_up(run):
    model, x = mlp(), torch.randn(12, 4)
    one, many = run(model, x).calls, run(model, x, batches=4).calls
    for a, b in zip(one, many, strict=True):
        np.testing.assert_allclose(a.statistics.output.mean, b.statistics.output.mean, rtol=1e-5)
        np.testing.assert_allclose(a.statistics.slope_sum, b.statistics.slope_sum, rtol=1e-5)
        assert b.statistics.samples == 12
