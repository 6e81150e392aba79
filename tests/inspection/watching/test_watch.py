import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import TorchDispatchMode

import nonlin
from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.inspection.torch.plan import Following, Learning


def plain(record):
    return {k: v for k, v in record.to_dict().items() if k not in ("step", "dead_lasting", "lasting_steps")}


def test_the_figures_are_those_of_an_inspection(everything, images, train):
    with nonlin.watch(everything, every=1) as log:
        train(everything, images, steps=2)
    calls = nonlin.inspect(everything, images, batch_size=len(images)).calls
    watched = [record for record in log.history if record.step == 1]
    assert [(r.call, r.function) for r in watched] == [(c.name, c.function) for c in calls]
    assert len(watched) == 6
    for record, call in zip(watched, calls, strict=True):
        alive = call.units - call.dead
        assert record.units == call.units
        assert record.dead == pytest.approx(call.dead / call.units)
        assert record.linear == pytest.approx(call.linear / max(alive, 1))
        assert record.mean == pytest.approx(call.mean, rel=1e-4, abs=1e-6)
        assert record.rms == pytest.approx(np.hypot(call.mean, call.std), rel=1e-4)
        if call.name != "tanh":
            assert record.saturated == pytest.approx(call.saturated / call.units)


def test_the_gradient_is_that_of_the_users_own_loss(everything, images):
    with nonlin.watch(everything, every=1) as log:
        for _ in range(2):
            outputs = []
            hook = everything.slope.register_forward_hook(lambda m, i, o, kept=outputs: kept.append(o))
            outputs_of = everything(images)
            hook.remove()
            outputs[0].retain_grad()
            outputs_of.square().mean().backward()
    expected = outputs[0].grad.square().mean().sqrt().item()
    for record in log.history.of("slope"):
        assert record.gradient_rms == pytest.approx(expected, rel=1e-5)


def test_a_planned_pass_measures_what_the_learning_pass_did(everything, images, train):
    with nonlin.watch(everything, every=1) as log:
        train(everything, images, steps=3)
    first, second, third = ([plain(r) for r in log.history if r.step == step] for step in range(3))
    for learnt, followed in zip(first, second, strict=True):
        assert learnt.keys() == followed.keys()
        for key, value in learnt.items():
            assert followed[key] == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value)
    assert second == third


@pytest.mark.parametrize(
    "function", ["sigmoid", "tanh", "elu", "relu6", "silu", "mish", "relu", "gelu", "hardswish"]
)
@pytest.mark.parametrize(
    ("scale", "bias"), [(1.0, 0.0), (0.001, 0.0), (3.0, 12.0), (3.0, -12.0), (12.0, 0.0)]
)
def test_shares_agree_with_the_inspection_for_every_function(function, scale, bias, train):
    layer = nn.Linear(6, 24)
    model = nn.Sequential(layer, getattr(nn, _CLASSES[function])(), nn.Linear(24, 1))
    with torch.no_grad():
        layer.weight.mul_(scale)
        layer.bias.add_(bias)
    data = torch.randn(64, 6)
    with nonlin.watch(model, every=1) as log:
        train(model, data, steps=2)
    call = nonlin.inspect(model, data).calls[0]
    record = log.history[-1]
    both_ends = call.dead - round(record.dead * 24)
    assert 0 <= both_ends <= (0 if function in ("relu", "gelu", "silu", "mish", "elu", "hardswish") else 24)
    assert record.saturated * 24 == pytest.approx(call.saturated + both_ends)
    assert record.linear == pytest.approx(call.linear / max(24 - call.dead + both_ends, 1))


_CLASSES = {
    "sigmoid": "Sigmoid", "tanh": "Tanh", "elu": "ELU", "relu6": "ReLU6", "silu": "SiLU", "mish": "Mish",
    "relu": "ReLU", "gelu": "GELU", "hardswish": "Hardswish",
}  # fmt: skip


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.lstm = (
            nn.Embedding(10, 8),
            nn.LSTM(8, 8, batch_first=True, num_layers=2, dropout=0.5),
        )
        self.norm, self.out = nn.BatchNorm1d(8), nn.Linear(8, 4)

    def forward(self, tokens):
        x = self.lstm(self.table(tokens))[0][:, -1]
        return functional.relu(self.out(functional.dropout(self.norm(x), 0.5, training=self.training)))


def test_training_is_the_same_bit_for_bit():
    results = []
    for watched in (False, True):
        torch.manual_seed(1)
        model = Recurrent()
        optimizer = torch.optim.Adam(model.parameters())
        tokens = torch.randint(10, (16, 5))
        log = nonlin.watch(model, every=2)
        with log if watched else torch.enable_grad():
            for _ in range(5):
                optimizer.zero_grad()
                model(tokens).square().sum().backward()
                optimizer.step()
        results.append([*model.state_dict().values(), torch.get_rng_state()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    assert log.history.calls == ("lstm", "relu")
    assert log.history[1].units == 4
    assert all(record.gradient_rms > 0 for record in log.history)
    assert log.unseen == ("lstm lstm",)


def tables(model):
    return [
        {k: list(v) if isinstance(v, (dict, set)) else v for k, v in vars(m).items()} for m in model.modules()
    ]


def test_the_model_is_left_as_found(everything, images, train):
    before = tables(everything)
    with nonlin.watch(everything, every=2):
        train(everything, images, steps=3)
        assert tables(everything) != before
    assert tables(everything) == before
    assert not _get_current_function_mode_stack()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("steps_before", [0, 1])
def test_the_model_is_left_as_found_after_an_exception_inside(error, steps_before, images, train, everything):
    class Stops(nn.Module):
        stop = False

        def forward(self, x):
            if self.stop:
                raise error("stop")
            return x

    stops = Stops()
    model = nn.Sequential(everything, stops)
    before = tables(model)
    with pytest.raises(error, match="stop"), nonlin.watch(model, every=1) as log:  # noqa: PT012 - the loop is the test
        train(model, images, steps=steps_before)
        stops.stop = True
        train(model, images)
    stops.stop = False
    del stops.stop
    assert tables(model) == before
    assert not _get_current_function_mode_stack()
    assert 0 in log.history.steps or error is KeyboardInterrupt


def _clipped_by_masks(u):
    u[u > 1] = 1
    u[u < -1] = -1
    return u


def test_a_function_written_as_assignments_is_watched_as_the_function(train):
    class Written(nn.Module):
        def __init__(self, call):
            super().__init__()
            torch.manual_seed(3)
            self.first, self.second, self.call = nn.Linear(8, 32), nn.Linear(32, 4), call

        def forward(self, x):
            return self.second(self.call(self.first(x)))

    x = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    logs = []
    for call in (_clipped_by_masks, functional.hardtanh):
        with nonlin.watch(model := Written(call), every=1) as log:
            train(model, x)
        logs.append(log)
    written, direct = (list(log.history) for log in logs)
    assert [(r.step, r.call) for r in written] == [(step, "hardtanh") for step in range(3)]
    for mine, expected in zip(written, direct, strict=True):
        labels, figures = ("call", "function"), plain(expected)
        assert [plain(mine).pop(label) for label in labels] == [figures.pop(label) for label in labels]
        assert {name: plain(mine)[name] for name in figures} == pytest.approx(figures, rel=1e-5)


def test_only_every_so_manieth_training_pass_is_watched(everything, images, train, monkeypatch):
    entered = []
    for mode in (Learning, Following):
        enter = mode.__enter__
        monkeypatch.setattr(mode, "__enter__", lambda self, e=enter: (entered.append(type(self)), e(self))[1])
    with nonlin.watch(everything, every=3, first_step=10) as log:
        train(everything, images, steps=1)
        everything.eval()
        everything(images)
        everything.train()
        with torch.no_grad():
            everything(images)
        train(everything, images, steps=6)
    assert log.history.steps == (10, 12, 15)
    assert log.passes == 7
    assert entered == [Learning, Following, Following]


def test_a_pass_that_goes_another_way_is_learnt_anew(train):
    class Turns(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.turn = nn.Linear(4, 4), False

        def forward(self, x):
            x = functional.relu(self.fc(x))
            return torch.tanh(self.fc(x)) if self.turn else x

    model = Turns()
    with nonlin.watch(model, every=2) as log:
        train(model, torch.randn(8, 4), steps=3)
        model.turn = True
        train(model, torch.randn(8, 4), steps=4)
        model.turn = False
        train(model, torch.randn(8, 4), steps=4)
    # steps 4 and 8 are not as planned; the next ones are learnt
    assert log.history.steps == (0, 2, 5, 6, 9, 10)
    assert log.history.of("tanh").steps == (5, 6)


def test_a_pass_without_a_backward_pass_has_no_gradient(everything, images):
    with nonlin.watch(everything, every=1) as log:
        everything(images)
        everything(images).sum().backward()
        assert log.history.steps == (0, 1)
    assert [record.gradient_rms is None for record in log.history.of("slope")] == [True, False]


class Operations(TorchDispatchMode):
    """Notes each operation and the size of what it makes."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        given = {a.data_ptr() for a in args if isinstance(a, torch.Tensor)}
        made = [
            r
            for r in (result if isinstance(result, (list, tuple)) else [result])
            if isinstance(r, torch.Tensor)
        ]
        self.seen.append((str(func), sum(r.numel() for r in made if r.data_ptr() not in given)))
        return result


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16]
)  # compiled passes, and PyTorch's operations
def test_nothing_waits_for_the_device_and_nothing_large_is_made(dtype):
    layers = nn.Conv2d(2, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Tanh(), nn.Conv2d(8, 1, 3)
    model = nn.Sequential(*layers).to(dtype)
    images = torch.randn(64, 2, 12, 12, dtype=dtype)
    largest = 64 * 8 * 10 * 10

    def noted():
        with Operations() as operations:
            model(images).sum().backward()
        return operations.seen

    plainly = noted()
    with nonlin.watch(model, every=1) as log:
        noted()  # the learning pass may ask for single numbers
        assert len(log.history) == 2
        watched = noted()
    assert (len(watched) > len(plainly)) == (dtype == torch.bfloat16)
    assert not [name for name, _ in watched if "local_scalar" in name]
    assert sum(size >= largest // 2 for _, size in watched) == sum(
        size >= largest // 2 for _, size in plainly
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_all_that_a_watched_step_makes_is_less_than_one_activation(dtype):
    layers = nn.Conv2d(2, 16, 3), nn.ReLU(), nn.Conv2d(16, 8, 3), nn.Tanh(), nn.Conv2d(8, 1, 3)
    model = nn.Sequential(*layers).to(dtype)
    images = torch.randn(32, 2, 34, 34, dtype=dtype)
    largest = 32 * 16 * 32 * 32

    def made():
        with Operations() as operations:
            model(images).sum().backward()
        return sum(size for _, size in operations.seen)

    plainly = made()
    with nonlin.watch(model, every=1) as log:
        made()
        assert len(log.history) == 2
        watched = made()
    assert watched - plainly < largest
    assert (watched > plainly) == (dtype == torch.bfloat16)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_what_cannot_be_watched_is_refused_with_the_remedy(everything):
    with pytest.raises(UnsupportedModelError, match="watch the original"):
        nonlin.watch(torch.compile(everything, backend="eager"))
    with pytest.raises(UnsupportedModelError, match="watch the original"):
        nonlin.watch(nn.Sequential(torch.compile(nn.ReLU(), backend="eager")))
    compiled = nn.ReLU()
    compiled.compile(backend="eager")
    with pytest.raises(UnsupportedModelError, match="watch the original"):
        nonlin.watch(compiled)
    with pytest.raises(UnsupportedModelError, match=r"TorchScript module, .* original"):
        nonlin.watch(torch.jit.trace(nn.ReLU(), torch.ones(2)))
    with pytest.raises(UnsupportedModelError, match="DistributedDataParallel"):
        nonlin.watch(nn.DataParallel(everything))
    with pytest.raises(InvalidInputError, match=r"expected a torch.nn.Module to watch, got str"):
        nonlin.watch("model.onnx")
    with pytest.raises(InvalidInputError, match="every=0"):
        nonlin.watch(everything, every=0)


def test_a_killed_run_leaves_a_file_that_can_be_read(tmp_path):
    path = tmp_path / "log.jsonl"
    code = f"""
        import os, signal, torch, nonlin
        from torch import nn
        model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
        with nonlin.watch(model, every=1, path={str(path)!r}):
            for step in range(7):
                loss = model(torch.ones(8, 4)).sum()
                if step == 5:
                    os.kill(os.getpid(), signal.SIGKILL)
                loss.backward()
    """
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=os.environ, check=False)
    assert result.returncode == -9
    assert nonlin.read_log(path).steps == (0, 1, 2, 3, 4)
    assert all(record.gradient_rms for record in nonlin.read_log(path))
