import copy
import hashlib
import pickle
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import nonlin
from nonlin.errors import InvalidInputError
from nonlin.inspection.curing.applying import apply
from nonlin.inspection.curing.change import Change
from nonlin.inspection.curing.data import material
from nonlin.inspection.curing.editing import CannotChangeError
from nonlin.inspection.curing.torch_editing import copy_of
from nonlin.networks.programs import open_program
from nonlin.testing import faults

FAULTS = [case for case in faults() if case.fault not in ("healthy", "sparse")]


def first_trial(case):
    return nonlin.cure(case.build(), case.data(), batch_size=512, trials=1).trials[0]


@pytest.mark.parametrize("case", FAULTS[::53], ids=lambda case: case.name)
def test_the_first_proposal_cures_a_planted_fault(case):
    trial = first_trial(case)
    assert set(trial.before) == case.expected
    assert trial.cured
    assert trial.helps


def source():
    """Return a digest of the package, so that a result of an older one does not count."""
    folder = Path(nonlin.__file__).parent
    parts = (path.read_bytes() for path in sorted(folder.rglob("*.py")))
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


@pytest.mark.campaign
@pytest.mark.parametrize("architecture", sorted({case.architecture for case in FAULTS}))
def test_the_first_proposal_cures_every_planted_fault(architecture, pytestconfig):
    """Goes on where it was interrupted: each result is kept in pytest's cache."""
    missed, digest = [], source()
    for case in (case for case in FAULTS if case.architecture == architecture):
        key = f"nonlin/cured/{digest}/{case.name}"
        result = pytestconfig.cache.get(key, None)
        if result is None:
            trial = first_trial(case)
            result = [trial.cured, trial.helps, trial.name, trial.reason]
            pytestconfig.cache.set(key, result)
        if not (result[0] and result[1]):
            missed.append((case.name, *result))
    assert not missed


def test_a_change_that_does_not_help_is_shown_so():
    case = next(case for case in FAULTS if case.name == "mlp-relu-functional-dead")
    cure = nonlin.cure(case.build(), case.data())
    trial = next(trial for trial in cure.trials if trial.name == "standardise the input")
    assert not trial.helps
    assert trial.reason == "still dead at relu"
    assert "still dead at relu" in str(cure)
    assert cure.best is not trial


def test_dead_units_come_back_without_a_change_of_the_answers():
    case = next(case for case in FAULTS if case.name == "mlp-relu-functional-dead")
    model, x = case.build(), case.data()
    trial = first_trial(case)
    with torch.no_grad():
        torch.testing.assert_close(trial.model(x), model(x), rtol=0, atol=1e-6)
    assert nonlin.inspect(trial.model, x).calls[0].dead == 0


@pytest.mark.parametrize("functional_calls", [False, True])
def test_a_deep_stack_of_sigmoids_gets_another_function_everywhere(functional_calls):
    class Functional(nn.ModuleList):
        def forward(self, x):
            for layer in self[:-1]:
                x = torch.sigmoid(layer(x))
            return self[-1](x)

    torch.manual_seed(0)
    layers = [nn.Linear(16, 16) for _ in range(12)]
    model = Functional([*layers, nn.Linear(16, 2)])
    if not functional_calls:
        model = nn.Sequential(*[m for layer in layers for m in (layer, nn.Sigmoid())], nn.Linear(16, 2))
    cure = nonlin.cure(model, torch.randn(100, 16), trials=3)
    assert any(finding.kind == "vanishing" for finding in cure.inspection.findings)
    everywhere = "tanh at all 12 calls of that function, then rescale every layer to standard deviation 1"
    trial = next(trial for trial in cure.trials if trial.name == everywhere)
    assert trial.helps
    assert trial.after == ()


def state_of(model):
    tensors = {name: value.detach().clone() for name, value in model.state_dict().items()}
    gradients = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
    random_states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002 - is compared
    return tensors, gradients, hooks, [m.training for m in model.modules()], type(model), random_states


def same(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def trainable():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    with torch.no_grad():
        model[1].bias[:6] = -20
    model(torch.randn(5, 8)).sum().backward()
    model[1].eval()
    model[4].register_forward_hook(lambda *_: None)
    return model.train(), torch.randn(96, 8), torch.randint(3, (96,))


def test_the_helper_sees_a_difference():
    model, _, _ = trainable()
    before = state_of(model)
    assert same(before, state_of(model))
    with torch.no_grad():
        model[0].weight[0, 0] += 1e-7
    assert not same(before, state_of(model))


@pytest.mark.parametrize("stop", [None, RuntimeError, KeyboardInterrupt])
def test_the_model_is_left_exactly_as_it_was(stop):
    model, x, y = trainable()
    calls = []

    def loss(output, target):
        calls.append(1)
        if stop is not None and len(calls) == 7:
            raise stop("stop")
        torch.rand(3)
        return functional.cross_entropy(output, target)

    before = state_of(model)
    if stop is None:
        assert nonlin.cure(model, x, y, loss=loss, steps=3, trials=2).trials
    else:
        with pytest.raises(stop, match="stop"):
            nonlin.cure(model, x, y, loss=loss, steps=3, trials=2)
    assert len(calls) >= 7
    assert same(before, state_of(model))


def test_the_unchanged_copy_is_trained_as_one_would_by_hand():
    model, x, y = trainable()
    make = lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9)  # noqa: E731 - short
    cure = nonlin.cure(model, x, y, loss="cross_entropy", optimizer=make, steps=5, trials=3, batch_size=32)
    hand = copy.deepcopy(model).train()
    optimizer = make(hand.parameters())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for step in range(5):
            part = slice(32 * (step % 3), 32 * (step % 3) + 32)
            optimizer.zero_grad()
            functional.cross_entropy(hand(x[part]), y[part]).backward()
            optimizer.step()
    assert same(hand.state_dict(), cure.unchanged.model.state_dict())
    with torch.no_grad():
        by_hand = [
            functional.cross_entropy(hand.eval()(p), t).item()
            for p, t in zip(x.split(32), y.split(32), strict=True)
        ]
    assert cure.unchanged.loss_after == pytest.approx(np.mean(by_hand), rel=1e-6)
    assert all(trial.loss_after is not None for trial in cure.trials)
    for trial in cure.trials:
        assert not (trial.helps and trial.loss_after > cure.unchanged.loss_after)


def test_an_optimizer_lends_its_class_and_settings():
    model, x, y = trainable()
    used = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    cures = [
        nonlin.cure(model, x, y, loss="cross_entropy", optimizer=o, steps=4, trials=1)
        for o in (
            used,
            lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
            lambda p: torch.optim.SGD(p, lr=0.01),
        )
    ]
    losses = [cure.unchanged.loss_after for cure in cures]
    assert losses[0] == losses[1] != losses[2]
    assert not used.state


def test_targets_of_a_regression():
    model, x, _ = trainable()
    cure = nonlin.cure(model, x, torch.randn(96, 3), loss="mse", steps=2, trials=1)
    assert cure.trials[0].accuracy_after is None
    assert cure.trials[0].loss_after < 10


def test_whole_numbers_for_one_score_are_for_the_loss_alone():
    model, x = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 1)), torch.randn(96, 6)
    with torch.no_grad():
        model[0].bias[:4] = -50

    def loss(scores, answers):
        return functional.binary_cross_entropy_with_logits(scores[:, 0], answers.float())

    cure = nonlin.cure(model, x, (x[:, 0] > 0).long(), loss=loss, steps=2, trials=1)
    assert cure.inspection.gradient_of == "a random direction of the outputs"
    assert cure.trials[0].loss_after < 2


class Functional(nn.Module):
    def __init__(self, call):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.out = nn.Linear(6, 12), nn.Linear(12, 12), nn.Linear(12, 2)
        self.call = call

    def forward(self, x):
        return self.out(self.call(self.b(functional.relu(self.a(x)))))


CALLS = {
    "functional": functional.relu,
    "method": lambda u: u.relu(),
    "in place": functional.relu_,
    "written out": lambda u: torch.where(u > 0, u, 0.1 * u),
    "gelu": lambda u: 0.5 * u * (1 + torch.erf(u / 2**0.5)),
}


@pytest.mark.parametrize("form", CALLS)
def test_a_function_is_exchanged_at_one_call_and_not_at_the_other(form):
    model, x = Functional(CALLS[form]), torch.randn(40, 6)
    edited = copy_of(model, "", material(x, None, size=40).batches[0])
    call = list(edited.sites)[1]
    edited.exchange(call, "elu")
    reference = copy.deepcopy(model)
    reference.call = functional.elu
    for one in (edited.module, copy.deepcopy(edited.module)):
        u, v = x.clone().requires_grad_(), x.clone().requires_grad_()
        (got, want) = one(u), reference(v)
        torch.testing.assert_close(got, want)
        torch.testing.assert_close(torch.autograd.grad(got.sum(), u), torch.autograd.grad(want.sum(), v))
    assert isinstance(edited.module, Functional)
    with torch.no_grad():
        torch.testing.assert_close(model(x), Functional(CALLS[form])(x))


@pytest.mark.parametrize("form", [functional.relu, lambda u: functional.relu(u.clone(), inplace=True)])
def test_a_function_is_exchanged_at_two_calls_of_the_same_name(form):
    model = Functional(form)
    with torch.no_grad():
        model.a.bias[:4] = -50
        model.b.bias[:4] = -50
    cure = nonlin.cure(model, torch.randn(200, 6))
    (both,) = (trial for trial in cure.trials if trial.name == "leaky_relu at relu, relu#2")
    assert both.helps
    exchanged = nonlin.inspect(both.model, torch.randn(200, 6)).calls
    assert [call.function for call in exchanged[:2]] == ["leaky_relu"] * 2


def test_layers_with_a_normalisation_between_are_not_merged():
    for width in (16, 24):
        layers = [nn.Linear(16, 16), nn.BatchNorm1d(16), nn.Linear(16, width), nn.ReLU(), nn.Linear(width, 4)]
        model = nn.Sequential(*layers).eval()
        with torch.no_grad():
            model[1].running_var.fill_(9)
        untried = nonlin.cure(model, torch.randn(200, 16)).untried
        assert "something stands between 0 and 2" in next(u.reason for u in untried if "merge" in u.name)


def test_an_adapted_model_can_be_saved():
    model, x = Functional(functional.relu), torch.randn(40, 6)
    edited = copy_of(model, "", material(x, None, size=40).batches[0])
    edited.exchange("relu#2", "tanh")
    edited.module.call = None  # a lambda or a built-in would do; None stands for something that pickles
    again = pickle.loads(pickle.dumps(edited.module))  # noqa: S301 - its own
    assert again.nonlin_adaptation == edited.module.nonlin_adaptation
    assert isinstance(again, Functional)


def test_what_cannot_be_made_is_said_and_not_shown_as_tried():
    class Net(nn.Module):
        def forward(self, x):
            return torch.relu(x - 40).sum(1, keepdim=True)

    cure = nonlin.cure(Net(), torch.randn(64, 4))
    assert any("no layer before it" in change.reason for change in cure.untried)
    tried = {trial.name for trial in cure.trials}
    assert not tried & {change.name for change in cure.untried}
    assert len(nonlin.cure(Net(), torch.randn(64, 4), trials=1).trials) == 1


def test_a_healthy_network_has_nothing_to_cure():
    case = next(case for case in faults() if case.name == "mlp-gelu-module-healthy")
    cure = nonlin.cure(case.build(), case.data())
    assert cure.trials == ()
    assert cure.model is None
    assert "nothing to cure" in str(cure)


def test_balancing_keeps_the_answers():
    case = next(case for case in FAULTS if case.name == "mlp-relu-functional-vanishing")
    trial = first_trial(case)
    assert [change.kind for change in trial.changes] == ["balance"]
    assert trial.outputs_changed < 1e-5


def test_a_bound_that_does_not_scale_is_not_balanced():
    model, x = Functional(torch.tanh), torch.randn(40, 6)
    batches = material(x, None, size=40).batches
    with pytest.raises(CannotChangeError, match="tanh does not scale"):
        apply(copy_of(model, "", batches[0]), Change(kind="balance", call="tanh"), batches, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "hinge"}, "expected a loss as cross_entropy"),
        ({"loss": "cross_entropy"}, "expected labels to take the loss against"),
        ({"steps": 0}, "at least 1 step"),
    ],
)
def test_wrong_use_is_said(options, message):
    with pytest.raises(InvalidInputError, match=message):
        nonlin.cure(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.randn(40, 2), **options)


def test_the_result_shows_itself(tmp_path):
    cure = nonlin.cure(FAULTS[0].build(), FAULTS[0].data(), trials=2)
    page = cure.to_html(tmp_path / "cure.html").read_text(encoding="utf-8")
    for text in (str(cure), cure._repr_html_(), page, cure.to_json()):
        assert cure.trials[0].name in text.replace("\n", " ") or cure.trials[0].name[:40] in text
    assert "<script" not in page


@pytest.fixture
def exported(tmp_path):
    """Return what saves a model as a program, with a batch of any size."""

    def save(model, x):
        shapes = ({0: torch.export.Dim("n")},)
        torch.export.save(torch.export.export(model, (x[:2],), dynamic_shapes=shapes), path)
        return path

    path = tmp_path / "model.pt2"
    return save


def dense():
    return [nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2)]


def convolutional():
    layers = [nn.Conv2d(3, 16, 3, bias=False), nn.ReLU(), nn.Conv2d(16, 8, 3)]
    return [*layers, nn.ReLU(), nn.Flatten(), nn.Linear(32, 2)]


def transposed(groups):
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(8, 8, 2, stride=2, groups=groups)]
    return [*layers, nn.ReLU(), nn.Flatten(), nn.Linear(1152, 2)]


@pytest.mark.parametrize(
    "layers",
    [dense, convolutional, partial(transposed, 1), partial(transposed, 2)],
    ids=["dense", "convolutional", "transposed", "transposed in groups"],
)
def test_an_exported_program_is_cured_as_the_model_is(exported, layers):
    torch.manual_seed(0)
    model = nn.Sequential(*layers())
    x = torch.randn(256, 12) if layers is dense else torch.randn(128, 3, 6, 6)
    dead = (model[0] if layers is dense else model[2]).bias
    with torch.no_grad():
        dead[: len(dead) // 2] = -30
    trials = [nonlin.cure(given, x, trials=8).trials for given in (model, exported(model, x))]
    assert len(trials[0]) > 2
    assert [(t.name, t.after, t.reason) for t in trials[1]] == [
        (t.name, t.after, t.reason) for t in trials[0]
    ]
    changed = [[t.outputs_changed for t in of] for of in trials]
    np.testing.assert_allclose(changed[1], changed[0], rtol=1e-3, atol=1e-6)


def test_a_layer_of_an_exported_program_stays_one(exported):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 32), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
    x = torch.randn(64, 12)
    program = copy_of(open_program(exported(model, x)), "", material(x, None, size=64).batches[0])
    with pytest.raises(
        CannotChangeError, match="0 belongs to an exported program, whose layers stay what they are"
    ):
        program.merge(("0", "1"))


def test_the_summary_counts_in_words():
    cure = nonlin.cure(FAULTS[0].build(), FAULTS[0].data(), trials=1)
    helping = "1 of them helps" if cure.trials[0].helps else "none of them helps"
    assert f"1 change tried, each on a copy; {helping}" in str(cure)
