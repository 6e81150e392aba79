"""Training: together as one by one, paired, on a user's own model."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.experiments.candidates import candidates
from nonlin.experiments.fitting import factor, order
from nonlin.experiments.initial import initial_state, template_of
from nonlin.experiments.measuring import measure_speed
from nonlin.experiments.plan import Plan
from nonlin.experiments.problem import Source, open_problem
from nonlin.experiments.training import train_unit
from nonlin.experiments.trial import Unit, trial_from_json, trial_to_json

PLAN = Plan(problem="p", functions=("relu", "tanh"), seeds=(0, 1, 2), steps=30, stack=16, inspected=1)


class Functional(nn.Module):
    """Calls its activations as functions, one of them in place, and ends in a sigmoid of its own."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(2, 16), nn.Linear(16, 2)
        # a bias would be taken out by the norm, and Adam would make steps of the rounding of its gradient
        self.second = nn.Linear(16, 16, bias=False)
        self.norm = nn.BatchNorm1d(16)

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = nn.functional.relu(self.norm(self.second(x)), inplace=True)
        return torch.sigmoid(self.last(x))


class Dropping(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(2, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))


def unit(name, rates=(0.01,), steps=30):
    return Unit(
        function=name, stage="final", steps=steps, members=tuple((s, r) for r in rates for s in PLAN.seeds)
    )


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("model", [None, Functional], ids=["modules", "functional"])
@pytest.mark.parametrize("name", ["gelu", "prelu"])
def test_stacked_training_is_the_plain_loop(name, model, optimizer):
    problem = open_problem(Source(task="spirals", model=model))
    (candidate, _) = candidates([name, "tanh"])
    plan = replace(PLAN, optimizer=optimizer)
    together = train_unit(problem, plan, candidate, unit(name, rates=(0.01, 0.03)))
    for found in together:
        one = replace(unit(name), members=((found.seed, found.rate),))
        (alone,) = train_unit(problem, replace(plan, stack=1), candidate, one)
        assert found.status == alone.status
        for curve in ("train_loss", "validation_loss", "test_loss"):
            assert found.curves[curve] == pytest.approx(alone.curves[curve], rel=2e-4, abs=1e-5)


def test_a_unit_is_trained_the_same_way_again():
    problem = open_problem(Source(task="spirals"))
    (candidate, _) = candidates("relu,tanh")
    first, second = (train_unit(problem, PLAN, candidate, unit("relu")) for _ in range(2))
    assert [trial.curves for trial in first] == [trial.curves for trial in second]
    assert [trial.health for trial in first] == [trial.health for trial in second]
    assert trial_from_json(trial_to_json(first[0])) == first[0]


def test_functions_begin_with_the_same_random_numbers_and_their_own_gain():
    problem = open_problem(Source(task="spirals"))
    relu, tanh = (
        initial_state(problem, template_of(problem, one), 5, plan=PLAN) for one in candidates("relu,tanh")
    )
    ratio = relu["2.weight"] / tanh["2.weight"]
    assert ratio.min().item() == pytest.approx(ratio.max().item(), rel=1e-4)
    assert ratio.mean().item() == pytest.approx(1.414214 / 1.592537, rel=1e-4)
    own = replace(PLAN, initialization="model")
    relu, tanh = (
        initial_state(problem, template_of(problem, one), 5, plan=own) for one in candidates("relu,tanh")
    )
    assert torch.equal(relu["2.weight"], tanh["2.weight"])


def test_the_order_of_the_samples_depends_on_the_seed_alone():
    assert np.array_equal(order(1, 50, 40, 8)[:20], order(1, 50, 20, 8))
    assert not np.array_equal(order(1, 50, 20, 8), order(2, 50, 20, 8))
    assert sorted(order(1, 48, 6, 8).ravel()) == list(range(48))


def test_the_rate_rises_and_falls():
    assert [factor(step, 100, 0.05) for step in (0, 4, 5)] == pytest.approx([0.2, 1.0, 1.0])
    assert factor(99, 100, 0.05) < 0.001


def test_a_functional_model_calls_the_other_function():
    problem = open_problem(Source(task="spirals", model=Functional))
    (tanh, _) = candidates("tanh,relu")
    template = template_of(problem, tanh)
    assert [name for name, _ in template.calls] == ["relu", "relu#2"]
    x = torch.randn(5, 2)
    model = template.model.eval()
    hidden = torch.tanh(model.norm(model.second(torch.tanh(model.first(x)))))
    assert torch.allclose(model(x), torch.sigmoid(model.last(hidden)), atol=1e-6)


def test_named_calls_are_exchanged_alone():
    problem = open_problem(Source(task="spirals", sites=("1",)))
    (tanh, _) = candidates("tanh,relu")
    assert [name for name, _ in template_of(problem, tanh).calls] == ["1"]
    with pytest.raises(UnsupportedModelError, match="got absent"):
        template_of(open_problem(Source(task="spirals", sites=("absent",))), tanh)


def test_a_model_without_activation_is_refused():
    problem = open_problem(Source(task="spirals", model=lambda: nn.Linear(2, 2)))
    with pytest.raises(UnsupportedModelError, match="no such call"):
        template_of(problem, candidates("tanh,relu")[0])


def test_a_model_with_dropout_is_trained_alone():
    relu = candidates("relu,tanh")[0]
    assert measure_speed(open_problem(Source(task="spirals", model=Dropping)), PLAN, relu).stack == 1


def test_a_run_that_diverges_is_a_result():
    problem = open_problem(Source(task="diabetes"))
    plan = replace(PLAN, optimizer="sgd")
    good, bad = 0.01, 1e6
    found = train_unit(problem, plan, candidates("relu,tanh")[0], unit("relu", rates=(good, bad)))
    assert [trial.status == "diverged" for trial in found] == [trial.rate == bad for trial in found]
    assert all(np.isfinite(trial.test_score) for trial in found)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ((np.zeros(3), np.zeros(2)), "as many targets"),
        (7, "expected data as"),
        ({"x": np.zeros(3)}, "got no y"),
    ],
)
def test_wrong_data_is_refused(made, message):
    with pytest.raises(InvalidInputError, match=message):
        open_problem(Source(task=None, model=Dropping, data=lambda: made))


def test_a_function_that_draws_at_random_is_trained_alone_among_stacks():
    problem = open_problem(Source(task="spirals"))
    (_, rrelu) = candidates("relu,rrelu")
    (first, *_) = train_unit(problem, PLAN, rrelu, unit("rrelu"))
    (alone,) = train_unit(
        problem, replace(PLAN, stack=1), rrelu, replace(unit("rrelu"), members=((0, 0.01),))
    )
    assert first.curves == alone.curves


def test_a_source_is_opened_once_in_a_process_however_often_it_is_sent():
    source = Source(task="spirals")
    sent = [pickle.loads(pickle.dumps(source)) for _ in range(2)]  # noqa: S301 - our own
    assert open_problem(sent[0]) is open_problem(sent[1])
    assert open_problem(Source(task="spirals")) is not open_problem(source)
