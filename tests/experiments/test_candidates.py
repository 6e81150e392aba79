"""What a user may write for functions, and the search of their rates."""

import pytest

from nonlin.errors import InvalidInputError, UnknownFunctionError
from nonlin.experiments.candidates import candidates
from nonlin.experiments.plan import Plan, next_units, plan_key, rungs


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("relu, gelu", ["relu", "gelu"]),
        (
            "relu,leaky_relu(0.01,0.1,0.3)",
            ["relu", "leaky_relu", *(f"leaky_relu(negative_slope={a})" for a in (0.1, 0.3))],
        ),
        ("swish(beta=1,beta=2)", ["swish", "swish(beta=2)"]),
        ("twin=relu,relu", ["twin", "relu"]),
        ("mine=x*sigmoid(2*x),relu", ["mine", "relu"]),
    ],
)
def test_short_forms(text, names):
    assert [one.name for one in candidates(text)] == names


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("relu", InvalidInputError, "at least two"),
        ("relu,relu", InvalidInputError, "relu twice"),
        ("relu,softmax", InvalidInputError, "whole vector"),
        ("relu,gleu", UnknownFunctionError, "gelu"),
        ("two=leaky_relu(0.1,0.2),relu", InvalidInputError, "one function under the name"),
    ],
)
def test_what_is_refused(text, error, message):
    with pytest.raises(error, match=message):
        candidates(text)


def test_half_of_the_rates_get_twice_the_steps():
    plan = Plan(problem="p", functions=("a", "b"), seeds=(0, 1), steps=400)
    assert rungs(plan) == [(7, 100), (4, 200), (2, 400)]
    first = next_units(plan, candidates("relu,tanh")[0], [])
    members = [member for unit in first for member in unit.members]
    assert len(members) == len(set(members)) == 14


def test_a_budget_of_time_has_the_same_key_whatever_was_measured():
    plan = Plan(problem="p", functions=("a", "b"), seeds=(0, 1), budget=60.0)
    assert plan_key(plan) == plan_key(Plan.from_json(plan.to_json().replace('"steps": null', '"steps": 70')))
    assert plan_key(plan) != plan_key(Plan(problem="q", functions=("a", "b"), seeds=(0, 1), budget=60.0))
