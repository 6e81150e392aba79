"""What is measured is what is said; that a machine is fast is not tested."""

import numpy as np
import pytest
import torch

import nonlin
from nonlin import pictures
from nonlin.errors import InvalidInputError
from nonlin.functions import cost
from nonlin.functions.cost import measure
from nonlin.pictures.cost import costs


def test_ratios_are_those_of_a_clock(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(cost, "perf_counter", lambda: clock[0])

    def action(seconds):
        def run():
            clock[0] += seconds

        return run

    fast, slow = cost._in_turn([action(1e-5), action(4e-5)])
    assert cost._ratio(slow, fast) == pytest.approx(4.0)
    assert len(fast) == len(slow) == cost.ROUNDS
    assert fast == pytest.approx([1e-5] * cost.ROUNDS)


def test_functions_are_measured_beside_a_copy():
    threads = torch.get_num_threads()
    relu, mish = measure([nonlin.function("relu"), nonlin.function("mish")], elements=20_000)
    assert (relu.name, mish.name, relu.elements) == ("relu", "mish", 20_000)
    for found in (relu, mish):
        assert found.copy > 0
        assert found.accurate > 0
        assert found.fast > 0
        assert found.step > 0
    assert torch.get_num_threads() == threads


def test_what_cannot_be_measured_is_said():
    with pytest.raises(InvalidInputError, match="softmax"):
        measure([nonlin.function("softmax")])
    with pytest.raises(InvalidInputError, match="at least 1000"):
        measure([nonlin.function("relu")], elements=10)


def made(name, accurate, step):
    return cost.Cost(name=name, elements=1000, copy=0.1, accurate=accurate, fast=accurate / 2, step=step)


def test_the_picture_shows_the_costs():
    figure = costs([made("dear", 9.0, 1.3), made("cheap", 1.0, 1.1)])
    alone, training = figure.axes
    widths = [patch.get_width() for patch in alone.patches]
    assert widths == [9.0, 1.0, 4.5, 0.5]
    assert [label.get_text() for label in alone.get_yticklabels()] == ["dear", "cheap"]
    np.testing.assert_array_equal([patch.get_width() for patch in training.patches], [1.3, 1.1])
    assert len(costs([made("alone", 2.0, None)]).axes) == 1
    assert pictures.costs is costs
