"""Deep layers: the prediction against the recursion written out, and a wide random network beside it."""

import numpy as np
import pytest

import nonlin
from nonlin.errors import InvalidInputError


def test_the_recursion_by_hand():
    """ReLU has E f² = q/2 and E f'² = 1/2, so that all is known in closed form."""
    found = nonlin.function("relu").layers(4, weight_variance=1.0, bias_variance=0.5)
    assert found.variance == pytest.approx([1.5, 1.25, 1.125, 1.0625], rel=1e-14)
    assert found.chi1 == pytest.approx([0.5] * 4, rel=1e-14)
    assert found.gradient == pytest.approx([0.5**1.5, 0.5, 0.5**0.5, 1.0], rel=1e-14)
    assert found.decades == pytest.approx(1.5 * np.log10(0.5))
    assert found.width is None


def test_its_own_gain_is_the_usual_weight_variance():
    assert nonlin.function("relu").layers(2).weight_variance == pytest.approx(2.0, rel=1e-14)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "leaky_relu"])
def test_a_wide_network_does_as_predicted(name):
    f = nonlin.function(name)
    predicted = f.layers(12, weight_variance=1.5, bias_variance=0.1)
    tried = f.layers(12, weight_variance=1.5, bias_variance=0.1, width=400, seed=3)
    assert (tried.width, tried.weight_variance) == (400, 1.5)
    for field in ("variance", "chi1", "gradient"):
        assert getattr(tried, field) == pytest.approx(getattr(predicted, field), rel=0.35), field


def test_the_random_network_s_gradient_is_the_true_one():
    """Beside differences of a loss that is linear in the last pre-activations."""
    from nonlin.functions.layers import _gradients

    rng = np.random.default_rng(0)
    f, depth, width = nonlin.function("tanh"), 4, 5
    weights = [rng.normal(size=(width, width)) for _ in range(depth)]
    last, start = rng.normal(size=width), rng.normal(size=width)

    def loss(first):
        u = first
        for weight in weights[1:]:
            u = weight @ f(u)
        return last @ u

    u, slopes = start, []
    for weight in [*weights[1:], None]:
        slopes.append(f.slope(u))
        u = None if weight is None else weight @ f(u)
    steps = 1e-6 * np.eye(width)
    gradient = [(loss(start + step) - loss(start - step)) / 2e-6 for step in steps]
    found = _gradients(weights, slopes, last)
    assert found[0] == pytest.approx(np.linalg.norm(gradient) / np.linalg.norm(last), rel=1e-7)


def test_beyond_the_range_of_numbers():
    found = nonlin.function("relu2").layers(40, weight_variance=6.0)
    assert np.isnan(found.variance[-1])
    assert np.isnan(found.gradient[0])
    assert found.gradient[-1] == 1
    assert found.to_dict()["decades"] is None
    assert nonlin.function("step").layers(3, weight_variance=1.0).chi1[0] == np.inf


@pytest.mark.parametrize(
    "wrong", [{"depth": 0}, {"weight_variance": -1.0}, {"bias_variance": np.nan}, {"width": 0}]
)
def test_wrong_values_are_refused(wrong):
    given = {"depth": 3} | wrong
    with pytest.raises(InvalidInputError, match="expected a"):
        nonlin.function("relu").layers(**given)
