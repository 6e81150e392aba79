"""Each rule at its border: what a threshold says of the value that is exactly on it."""

from dataclasses import replace
from math import nextafter

import numpy as np
import pytest
import torch
from torch import nn

import nonlin
from nonlin.inspection.presets import Measurements, preset_findings, preset_of
from nonlin.inspection.presets.measuring import WeightGradient

UNITS = 4
GRADIENT = WeightGradient(layer="0", entries=100, zeros=0, mean_size=1.0, norm=1.0, weight_variance=1.0)


def passing(function):
    """A network whose call sees its data as they are."""
    model = nn.Sequential(nn.Linear(UNITS, UNITS), function, nn.Linear(UNITS, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(UNITS))
        model[0].bias.zero_()
    return model


def recorded(columns, function=None):
    data = np.stack([np.asarray(column, np.float32) for column in columns], axis=1)
    return nonlin.inspect(passing(function or nn.ReLU()), data, folds=False).recording


def found(preset, columns=((1.0, -1.0),) * UNITS, gradients=(GRADIENT,), function=None):
    recording = recorded(columns, function)
    made = preset_findings(preset_of(preset), recording, Measurements(gradients=tuple(gradients)))
    return [(f.kind, f.call) for f in made]


def column(*parts):
    """Return as many values as are asked for: (value, how many), …"""
    return np.concatenate([np.full(count, value) for value, count in parts])


@pytest.mark.parametrize(
    ("active", "idle_units", "dead"),
    [(1, 4, False), (0, 2, False), (0, 3, True)],
    ids=["active on exactly 1 %", "exactly half of the units", "over half"],
)
def test_sagemakers_dead_relu(active, idle_units, dead):
    idle = column((1.0, active), (-1.0, 100 - active))
    awake = column((1.0, 2), (-1.0, 98))
    columns = [idle] * idle_units + [awake] * (UNITS - idle_units)
    assert found("sagemaker", columns) == ([("dead", "1")] if dead else [])


def test_sagemaker_asks_a_share_of_the_values_under_1_percent():
    assert found("sagemaker", [column((1.0, 1), (-1.0, 100))] * UNITS) == [("dead", "1")]


@pytest.mark.parametrize(("size", "vanishing"), [(1e-7, False), (nextafter(1e-7, 0), True)])
def test_sagemakers_vanishing_gradient(size, vanishing):
    assert found("sagemaker", gradients=[replace(GRADIENT, mean_size=size)]) == (
        [("vanishing", "0")] if vanishing else []
    )


@pytest.mark.parametrize(("variance", "poor"), [(10.0, False), (nextafter(10.0, 11), True)])
def test_sagemakers_poor_weight_initialisation(variance, poor):
    layers = [GRADIENT, replace(GRADIENT, layer="2", weight_variance=variance)]
    assert found("sagemaker", gradients=layers) == ([("exploding", "2")] if poor else [])


@pytest.mark.parametrize(("zeros", "dead"), [(69, False), (70, True)])
def test_autotrainers_dying_relu(zeros, dead):
    assert found("autotrainer", gradients=[replace(GRADIENT, zeros=zeros)]) == (
        [("dead", "the network")] if dead else []
    )


def test_autotrainers_dying_relu_wants_a_relu():
    assert found("autotrainer", gradients=[replace(GRADIENT, zeros=100)], function=nn.Tanh()) == []


@pytest.mark.parametrize(
    ("first", "last", "kinds"),
    [
        (2.0**-14, 2.0**-14 * 1000, []),
        (2.0**-14, 2.0**-14 * 1001, ["vanishing"]),
        (1e-4, 1e3, []),
        (nextafter(1e-4, 0), 1e3, ["vanishing"]),
        (70.0, 1.0, []),
        (nextafter(70.0, 71), 1.0, ["exploding"]),
        (0.0, 0.0, []),
        (1.0, 0.0, ["exploding"]),
    ],
    ids=[
        "a ratio of 1e-3",
        "under it",
        "a first norm of 1e-4",
        "under that",
        "a ratio of 70",
        "over it",
        "none",
        "none at the last",
    ],
)
def test_autotrainers_gradients(first, last, kinds):
    layers = [replace(GRADIENT, norm=first), replace(GRADIENT, layer="2", norm=last)]
    assert found("autotrainer", gradients=layers) == [(kind, "0") for kind in kinds]


@pytest.mark.parametrize(("size", "large"), [(10.0, True), (np.nextafter(np.float32(10), 0), False)])
def test_autotrainers_large_outputs(size, large):
    columns = [column((size, 64))] * UNITS
    assert found("autotrainer", columns) == ([("exploding", "1")] if large else [])


@pytest.mark.parametrize(
    ("size", "count", "units", "dead"),
    [
        (np.float32(1e-5), 20, 4, False),
        (np.nextafter(np.float32(1e-5), 0), 20, 4, True),
        (0.0, 19, 4, True),
        (0.0, 18, 4, False),
        (0.0, 20, 2, False),
        (0.0, 20, 3, True),
    ],
    ids=["a size of 1e-5", "under it", "95 %", "90 %", "exactly half of the units", "over half"],
)
def test_thedeepcheckers_dead_units(size, count, units, dead):
    tiny, awake = column((size, count), (1.0, 20 - count)), column((1.0, 20))
    columns = [tiny] * units + [awake] * (UNITS - units)
    assert found("thedeepchecker", columns) == ([("dead", "1")] if dead else [])


@pytest.mark.parametrize(
    ("value", "count", "near"),
    [
        (np.float32(0.05), 100, True),
        (np.nextafter(np.float32(0.05), 1), 100, False),
        (-3.0, 90, False),
        (-3.0, 91, True),
    ],
    ids=["0.05", "over it", "90 % of them", "91 %"],
)
def test_fastais_share_near_zero(value, count, near):
    columns = [column((value, count), (1.0, 100 - count))] * UNITS
    assert found("fastai", columns) == ([("dead", "1")] if near else [])


@pytest.mark.parametrize("preset", ["sagemaker", "thedeepchecker", "fastai"])
def test_what_is_not_a_number_is_not_dead(preset):
    """NaN > 0, abs(NaN) < 1e-5 and NaN <= 0.05 are false, but a NaN is no zero either."""
    model = passing(nn.ReLU())
    with torch.no_grad():
        model[0].weight.fill_(float("nan"))
    report = nonlin.inspect(model, np.ones((40, UNITS), np.float32), thresholds=preset, folds=False)
    assert "dead" not in {f.kind for f in report.findings}
    assert report.calls[0].nonfinite == 160
