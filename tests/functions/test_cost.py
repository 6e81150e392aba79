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
    assert cost._ratio(slow, fast) == pytest.approx((4.0, 0.0))
    assert len(fast) == len(slow) == cost.ROUNDS
    assert fast == pytest.approx([1e-5] * cost.ROUNDS)


def test_disturbed_rounds_change_the_spread_and_not_the_ratio():
    calm, busy = [1.0] * 15, [2.0] * 9 + [5.0] * 6
    assert cost._ratio(busy, calm) == (2.0, 1.5)
    assert cost._ratio([2.0] * 15, calm) == (2.0, 0.0)


def test_functions_are_measured_beside_a_copy():
    threads = torch.get_num_threads()
    done = []
    functions = [nonlin.function("relu"), nonlin.function("mish")]
    relu, mish = measure(
        functions, elements=20_000, large=40_000, report=lambda *progress: done.append(progress)
    )
    assert done == [(1, 2), (2, 2)]
    assert (relu.name, mish.name, relu.elements) == ("relu", "mish", 20_000)
    for found in (relu, mish):
        assert found.copy > 0
        assert found.accurate > 0
        assert found.fast > 0
        assert found.step > 0
        assert found.spread >= 0
        assert min(found.large, found.large_fast, found.backward, found.backward_fast) > 0
    assert torch.get_num_threads() == threads


def test_what_cannot_be_measured_is_said():
    with pytest.raises(InvalidInputError, match="softmax"):
        measure([nonlin.function("softmax")])
    with pytest.raises(InvalidInputError, match="at least 1000"):
        measure([nonlin.function("relu")], elements=10)
    with pytest.raises(InvalidInputError, match="0 for none"):
        measure([nonlin.function("relu")], large=10)


def test_what_torch_does_not_have_is_not_compared():
    functions = [nonlin.define("x * x"), nonlin.function("elu", alpha=0.5), nonlin.function("snake")]
    for found in measure(functions, elements=1000, large=0):
        assert found.backward is None
        assert found.large is None
        assert found.step > 0


def made(name, accurate, step, large=None):
    return cost.Cost(
        name=name,
        elements=100_000,
        copy=0.1,
        accurate=accurate,
        fast=accurate / 2,
        large=large,
        large_fast=large,
        backward=None if step is None else 0.5,
        backward_fast=None if step is None else 0.25,
        step=step,
        spread=0.02,
    )


def bars(axes):
    return [patch.get_width() for patch in axes.patches]


def test_the_picture_shows_the_costs():
    figure = costs([made("dear", 9.0, 1.3, large=2.0), made("cheap", 1.0, 1.1)])
    alone, memory, backward, training = figure.axes
    assert bars(alone) == [9.0, 1.0, 4.5, 0.5]
    assert [label.get_text() for label in alone.get_yticklabels()] == ["dear", "cheap"]
    assert bars(memory) == [2.0, 2.0]
    # "cheap" was not measured there, so that no bar stands in its row
    assert all(abs(patch.get_y()) < 0.5 for patch in memory.patches)
    assert bars(backward) == [0.5, 0.5, 0.25, 0.25]
    np.testing.assert_array_equal(bars(training), [1.3, 1.1])
    assert len(costs([made("alone", 2.0, None)]).axes) == 1
    assert pictures.costs is costs
