"""The modules of nonlin's own functions are calls like PyTorch's."""

import pytest
import torch
from torch import nn

import nonlin


def model(make):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), make(), nn.Linear(16, 16), make(), nn.Linear(16, 3))


def calls(make):
    data = torch.randn(64, 8, generator=torch.Generator().manual_seed(1))
    return nonlin.inspect(model(make), data).calls


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("sigmoid", nn.Sigmoid), ("mish", nn.Mish), ("relu", nn.ReLU), ("gelu", nn.GELU), ("prelu", nn.PReLU)],
)
def test_they_are_seen_as_pytorchs_are(name, theirs):
    ours, expected = calls(lambda: nonlin.function(name).module()), calls(theirs)
    assert len(ours) == 2
    for own, other in zip(ours, expected, strict=True):
        assert (own.name, str(own.function), own.units) == (other.name, str(other.function), other.units)
        assert (own.dead, own.saturated, own.linear) == (other.dead, other.saturated, other.linear)
        assert own.mean == pytest.approx(other.mean, rel=1e-4, abs=1e-7)
        assert own.gradient == pytest.approx(other.gradient, rel=1e-4)


def test_a_formula_of_ones_own_is_named_by_itself():
    found = calls(lambda: nonlin.define("x * sigmoid(2 * x) + 0.1 * x").module())
    assert [str(call.function) for call in found] == ["x * sigmoid(2 * x) + 0.1 * x"] * 2


def test_a_slope_a_channel_is_judged_by_each():
    network = model(lambda: nonlin.function("prelu").module(channels=16))
    with torch.no_grad():
        network[1].weight[:4] = 1.0
    found = nonlin.inspect(network, torch.randn(64, 8)).calls[0]
    assert set(range(4)) <= set(found.linear_units)


def test_they_are_watched():
    network = model(lambda: nonlin.function("mish").module())
    with nonlin.watch(network, every=1) as log:
        for _ in range(3):
            network(torch.randn(64, 8)).sum().backward()
    assert [record.function for record in log.history] == ["mish"] * 6
