"""Training loops that do more than forward and backward: copies, checkpoints, transforms, compilation."""

import copy
import io
import subprocess
import sys
import warnings

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import nonlin


def network():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2), nn.Tanh())


def step(model):
    model(torch.randn(16, 4)).square().sum().backward()


def test_a_copy_made_meanwhile_is_not_watched():
    model = network()
    with nonlin.watch(model, every=1) as log:
        step(model)  # the pass that is learnt has hooks on every module
        copies = copy.deepcopy(model), torch.optim.swa_utils.AveragedModel(model)
        for other in copies:
            step(other)
        step(model)
    assert log.history.steps == (0, 1)
    assert log.passes == 2
    assert torch.equal(copies[0](torch.ones(1, 4)), copies[1](torch.ones(1, 4)))


def test_a_model_saved_meanwhile_can_be_read_without_this_package():
    model, file = network(), io.BytesIO()
    with nonlin.watch(model, every=1):
        step(model)
        torch.save(model, file)
    script = (
        "import io, sys, torch; sys.modules['nonlin'] = None; file = io.BytesIO(sys.stdin.buffer.read()); "
        "print(torch.load(file, weights_only=False)(torch.ones(1, 4)).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=file.getvalue(), capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == str(model(torch.ones(1, 4)).tolist())


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpointed_model_makes_one_step_of_each(reentrant):
    model = network()
    with nonlin.watch(model, every=1) as log:
        for _ in range(3):
            data = torch.randn(16, 4, requires_grad=True)
            checkpoint(model, data, use_reentrant=reentrant).square().sum().backward()
    assert log.history.steps == (0, 1, 2)
    assert all(record.gradient_rms > 0 for record in log.history)


def test_passes_inside_transforms_are_left_alone_and_named():
    model = network()
    weights = dict(model.named_parameters())

    def loss(weights, row):
        return torch.func.functional_call(model, weights, (row[None],)).square().sum()

    data = torch.randn(3, 4)
    expected = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, data)
    with nonlin.watch(model, every=1) as log:
        found = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, data)
    assert all(torch.equal(found[name], expected[name]) for name in weights)
    assert log.unseen == ("passes inside torch.func",)
    assert len(log.history) == 0


def test_passes_of_nested_tensors_are_left_alone_and_named():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    rows = [torch.randn(3, 4), torch.randn(5, 4)]
    with nonlin.watch(model, every=1) as log:
        data = torch.nested.nested_tensor(rows, layout=torch.jagged, requires_grad=True)
        model(data).values().sum().backward()
        step(model)
    assert log.unseen == ("passes of nested tensors",)
    assert log.history.steps == (1,)


def test_nothing_watched_is_said():
    model = network()
    with (
        pytest.warns(
            UserWarning, match="Sequential in training mode with gradients on, but nothing was watched"
        ),
        nonlin.watch(model),
    ):
        step(copy.deepcopy(model))


def test_a_step_compiled_as_a_whole_is_said_to_be_unseen():
    model = network()

    @torch.compile(backend="eager", fullgraph=True)
    def loss(data):
        return model(data).square().sum()

    with warnings.catch_warnings(record=True) as caught, nonlin.watch(model):
        warnings.simplefilter("always")
        loss(torch.randn(16, 4)).backward()
    assert any("no torch.compile took in" in str(warning.message) for warning in caught)
