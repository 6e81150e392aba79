import random

import numpy as np
import pytest
import torch
from torch import nn

from nonlin.errors import InvalidInputError
from nonlin.inspection.recording import Batch
from nonlin.inspection.torch import record


class Restless(nn.Module):
    """Changes in its forward pass whatever a forward pass can change."""

    def __init__(self, error=None):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.bn = nn.BatchNorm1d(4)
        self.drop = nn.Dropout(0.5)
        self.frozen = nn.Linear(4, 4).requires_grad_(requires_grad=False)
        self.register_buffer("count", torch.zeros(3))
        self.calls = 0
        self.error = error

    def forward(self, x):
        self.calls += 1
        x.mul_(2)
        self.last = torch.relu(self.bn(self.fc(x)))
        self.count += 1
        self.register_buffer("added", torch.ones(2))
        self.fc.note = "seen"
        torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002, S311 - the states that are kept
        if self.error is not None and self.calls > 1:
            raise self.error
        return self.frozen(self.drop(self.last))


def state(model):
    """Everything that can be compared, as plain values."""
    return {
        "modes": [module.training for module in model.modules()],
        "attributes": [{k: v for k, v in vars(m).items() if not k.startswith("_")} for m in model.modules()],
        "tables": [
            {k: list(v) for k, v in vars(m).items() if k.startswith("_") and isinstance(v, (dict, set))}
            for m in model.modules()
        ],
        "values": {k: v.clone() for k, v in model.state_dict().items()},
        "identities": {k: id(v) for k, v in model.state_dict(keep_vars=True).items()},
        "gradients": {
            k: (p.requires_grad, None if p.grad is None else p.grad.clone())
            for k, p in model.named_parameters()
        },
        "random": (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()),  # noqa: NPY002 - the same
    }


def same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def trained(model):
    model(torch.randn(8, 4)).sum().backward()
    model.bn.eval()  # a mode of its own
    model.fc.register_forward_hook(lambda *_: None)
    return model


def batches(x):
    return [Batch(inputs={"x": x}, labels=None, size=len(x))] * 3


def test_the_comparison_sees_what_a_forward_pass_changes():
    model = trained(Restless())
    before = state(model)
    model(torch.randn(8, 4))
    after = state(model)
    assert {key for key in before if not same(before[key], after[key])} == {
        "attributes",
        "values",
        "identities",
        "random",
    }


def test_everything_is_as_it_was():
    model = trained(Restless())
    x = np.ones((8, 4), np.float32)
    before = state(model)
    recording = record(model, batches(x))
    assert recording.has_gradient
    after = state(model)
    for key in before:
        assert same(before[key], after[key]), key
    assert (x == 1).all()


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("odd"), KeyboardInterrupt()])
def test_also_after_an_exception(error):
    model = trained(Restless(error))
    model.calls = 0
    before = state(model)
    expected = InvalidInputError if isinstance(error, Exception) else type(error)
    with pytest.raises(expected):
        record(model, batches(np.ones((8, 4), np.float32)))
    after = state(model)
    for key in before:
        assert same(before[key], after[key]), key


def test_the_users_tensor_is_not_written_to():
    x = torch.ones(8, 4, requires_grad=True)
    record(Restless(), batches(x))
    assert x.grad is None
    assert torch.equal(x, torch.ones(8, 4))


def test_dropout_and_batch_norm_run_as_in_evaluation():
    model = Restless().train()
    with torch.no_grad():
        model.bn.running_mean.fill_(5.0)
    (call,) = record(model, batches(np.ones((8, 4), np.float32))).calls
    u = model.bn.eval()(model.fc(2 * torch.ones(8, 4))).detach()
    np.testing.assert_allclose(call.statistics.pre_activation.mean, u[0], rtol=1e-5, atol=1e-6)


def test_nothing_of_a_forward_pass_is_kept_alive():
    import gc
    import weakref

    kept = []

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 64)

        def forward(self, x):
            y = torch.relu(self.fc(x))
            kept.append(weakref.ref(y))
            self.cache = y
            return y * torch.sigmoid(y)

    recording = record(Spy(), batches(np.ones((8, 4), np.float32)))
    gc.collect()
    assert len(recording.calls) == 2
    assert [ref() for ref in kept] == [None] * 3
