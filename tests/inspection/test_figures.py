"""Each figure that a verdict rests on, on networks where it is known by hand."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from nonlin.errors import InvalidInputError
from nonlin.geometry import rows
from nonlin.inspection import inspect

SAMPLES = np.random.default_rng(7).standard_normal((500, 16)).astype(np.float32)


def kinds(inspection):
    return {finding.kind for finding in inspection.findings}


def constant(values):
    """A layer whose units have these values on every sample."""
    return np.zeros((len(values), 16)), np.array(values)


def test_a_unit_is_dead_from_a_thousandth_of_the_largest_slope_on(mlp, he):
    at = np.arctanh(np.sqrt(1 - np.array([5e-3, 1.1e-3, 0.9e-3, 1e-5])))
    (call,) = inspect(mlp([constant(at), he(3, 4, 0)], ["Tanh"]), SAMPLES).calls
    assert call.dead_units == (2, 3)


def test_a_small_output_on_a_flat_part_is_at_rest(mlp, he):
    (call,) = inspect(mlp([constant([-6.0, -4.0, 0.0, 9.0]), he(3, 4, 0)], ["Softplus"]), SAMPLES).calls
    assert call.resting == 1 / 4  # log(1 + exp(−6)) = 0.0025 with a slope as small; at −4 the slope is 0.018


@pytest.mark.parametrize(
    ("kind", "values", "figure"),
    [("exploding", [150.0, 90.0], 120), ("dormant", [1.0, 1.0, 1.0, 0.001], 0.001 / 0.75025)],
)
def test_large_and_small_outputs(mlp, he, kind, values, figure):
    inspection = inspect(mlp([constant(values), he(3, len(values), 0)], ["Relu"]), SAMPLES)
    (finding,) = [f for f in inspection.findings if f.kind == kind]
    assert finding.figure == pytest.approx(figure, rel=1e-5)
    calm = inspect(mlp([constant([1.0, 0.5, 0.03, 1.0]), he(3, 4, 0)], ["Relu"]), SAMPLES)
    assert kind not in kinds(calm)


def test_outputs_far_from_zero_are_uncentred(mlp, he):
    weight, bias = he(32, 16, 0)
    off, on = (inspect(mlp([(weight, bias + shift), he(3, 32, 1)], ["Elu"]), SAMPLES) for shift in (9, 1))
    (finding,) = [f for f in off.findings if f.kind == "uncentred"]
    assert finding.figure == pytest.approx(off.calls[0].mean / off.calls[0].std)
    assert "uncentred" not in kinds(on)


@pytest.mark.parametrize(("spike", "found"), [(5e5, True), (5e2, False)])
def test_one_massive_output_is_found_only_far_above_the_rest(mlp, he, spike, found):
    weight, bias = np.zeros((400, 16)), np.ones(400)
    weight[7, 0] = spike
    data = np.zeros((3000, 16), np.float32)
    data[11, 0] = 1
    inspection = inspect(mlp([(weight, bias), he(3, 400, 0)], ["Relu"]), data)
    massive = [f for f in inspection.findings if f.kind == "massive"]
    assert [f.units for f in massive] == ([(7,)] if found else [])


def convolutions(path, *layers, shown=()):
    """Write convolutions in a row: (outputs, inputs a group, stride, groups), all of 3 × 3, and a ReLU behind them."""
    nodes, stored, before = [], [], "x"
    for i, (outputs, inputs, stride, groups) in enumerate(layers):
        weight = np.random.default_rng(i).standard_normal((outputs, inputs, 3, 3)).astype(np.float32)
        stored += [
            numpy_helper.from_array(weight, f"w{i}"),
            numpy_helper.from_array(np.ones(outputs, "f"), f"b{i}"),
        ]
        names = [before, f"w{i}", f"b{i}"]
        nodes.append(
            helper.make_node("Conv", names, [f"c{i}"], name=f"c{i}", strides=[stride] * 2, group=groups)
        )
        before = f"c{i}"
    nodes.append(helper.make_node("Relu", [before], ["y"], name="relu"))
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("y", *shown)]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4, 15, 15])]
    graph = helper.make_graph(nodes, "g", inputs, values, stored)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path / "c.onnx"
    )
    return path / "c.onnx"


IMAGES = np.random.default_rng(0).standard_normal((40, 4, 15, 15)).astype(np.float32)


@pytest.mark.parametrize(
    ("layers", "merged"),
    [
        (((8, 4, 1, 1), (6, 8, 1, 1)), 6 * 4 * 5 * 5 + 6),
        (((8, 4, 2, 1), (6, 8, 1, 1)), 6 * 4 * 7 * 7 + 6),
        (((8, 2, 1, 2), (6, 4, 1, 2)), 6 * 2 * 5 * 5 + 6),
        (((8, 2, 1, 2), (6, 8, 1, 1)), 6 * 4 * 5 * 5 + 6),
    ],
)
def test_the_one_convolution_that_does_the_same(tmp_path, layers, merged):
    (collapse,) = inspect(convolutions(tmp_path, *layers), IMAGES).collapses
    assert collapse.merged == merged
    assert collapse.parameters == sum(9 * o * i + o for o, i, _, _ in layers)


def test_a_layer_whose_output_is_used_elsewhere_does_not_collapse(tmp_path):
    layers = (8, 4, 1, 1), (6, 8, 1, 1)
    assert inspect(convolutions(tmp_path, *layers, shown=["c0"]), IMAGES).collapses == ()


def test_answers_that_are_not_one_a_sample_are_no_classes():
    class Tagger(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = torch.nn.Linear(3, 8), torch.nn.Linear(8, 4)

        def forward(self, x):
            return self.last(torch.relu(self.first(x))).flatten(0, 1)

    torch.manual_seed(0)
    folds = inspect(Tagger(), torch.randn(40, 5, 3)).folds
    assert folds.line is None
    assert "there are no classes" in folds.reason


def test_more_folds_than_fit_in_memory_are_left_to_nonlin_fold(monkeypatch):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 30), torch.nn.ReLU(), torch.nn.Linear(30, 4))
    data = torch.randn(60, 3)
    whole = inspect(model, data).folds
    assert whole.line is not None
    monkeypatch.setattr(rows, "_MOST_NUMBERS", 30 * whole.line.count)
    folds = inspect(model, data).folds
    assert folds.line is None
    assert f"nonlin fold MODEL --data DATA --line 0 {whole.second} counts them" in folds.reason


def test_one_score_a_sample_has_no_cross_entropy_in_onnx(mlp, he):
    path = mlp([he(8, 16, 0), he(1, 8, 1)], ["Relu"])
    with pytest.raises(
        InvalidInputError, match=r"one score a sample, an output of shape \(64, 1\); give the loss"
    ):
        inspect(path, SAMPLES, np.zeros(500, int))
