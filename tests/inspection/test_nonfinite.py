"""A network that training blew up is diagnosed: which weights, how many, where it shows first."""

import copy
import json
import math

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import nonlin
from nonlin.errors import InvalidInputError
from nonlin.inspection import inspect
from nonlin.report import page

SAMPLES = np.random.default_rng(7).standard_normal((50, 16)).astype(np.float32)
LABELS = np.arange(50) % 4


@pytest.fixture
def broken(mlp, he):
    """Return the path of a network of three layers, the second weight of which holds two NaN and one infinity."""

    def make(**entries):
        path = mlp([he(32, 16, 0), he(32, 32, 1), he(4, 32, 2)], ["Relu", "Tanh"])
        model = onnx.load(path)
        weight = next(t for t in model.graph.initializer if list(t.dims) == [32, 32])
        values = numpy_helper.to_array(weight).copy()
        for value, places in (entries or {"nan": [0, 1], "inf": [2]}).items():
            values.flat[places] = float(value)
        weight.CopyFrom(numpy_helper.from_array(values, weight.name))
        onnx.save(model, path)
        return path, weight.name

    return make


def found(inspection):
    return [(f.call, f.figure) for f in inspection.findings if f.kind == "nonfinite"]


def test_the_tensor_is_named_and_the_first_call_behind_it(broken):
    path, name = broken()
    inspection = inspect(path, SAMPLES, LABELS, predicted=True, box=(-1, 1))
    first, second = inspection.calls
    assert found(inspection) == [(name, 3), (second.name, 50 * 1), ("the output", 200)]
    (tensor,) = inspection.nonfinite_weights
    assert (tensor.name, tensor.nans, tensor.infinite, tensor.size) == (name, 2, 1, 1024)
    messages = [f.message for f in inspection.findings if f.kind == "nonfinite"]
    assert "2 NaN and 1 infinite of 1,024 weights" in messages[0]
    assert tensor.node in messages[0]
    assert messages[1].endswith("it is the first call that has any")
    assert "first call" not in messages[2]
    assert all(
        "before the training diverged" in f.advice for f in inspection.findings if f.kind == "nonfinite"
    )
    assert (first.nonfinite, first.verdict) == (0, "healthy")
    assert second.verdict == "nonfinite"
    assert not inspection.healthy
    assert inspection.accuracy == 0
    assert name in inspection.prediction.uncovered[0]
    assert name in inspection.unbounded[0]


def test_mean_and_spread_are_those_of_the_finite_values(mlp, he):
    weight, bias = he(32, 16, 0)
    weight[3], bias[5] = 1e38, np.nan
    path = mlp([(weight, bias), he(4, 32, 1)], ["Relu"])
    (call,) = inspect(path, SAMPLES).calls
    with np.errstate(over="ignore"):
        u = SAMPLES @ weight.T.astype(np.float32) + bias.astype(np.float32)
    known = np.abs(u) < np.inf
    y = np.maximum(u, 0)[known].astype(float)
    assert call.nonfinite == known.size - known.sum() > 50
    assert call.mean == pytest.approx(y.mean(), rel=1e-5)
    assert call.std == pytest.approx(y.std(), rel=1e-5)
    assert call.input_mean == pytest.approx(u[known].astype(float).mean(), rel=1e-5)
    assert call.sparsity == pytest.approx((y == 0).mean())


def test_reports_of_it_are_whole(broken):
    path, name = broken(nan=[0])
    inspection = inspect(path, SAMPLES)
    shown = json.loads(inspection.to_json())
    assert shown["nonfinite_weights"] == [
        {"name": name, "nans": 1, "infinite": 0, "size": 1024, "node": inspection.nonfinite_weights[0].node}
    ]
    assert f"{name}: 1 NaN of 1,024 weights" in page(inspection)
    assert inspection.folds.reason == "an output is NaN, so that its sample is of no class"


def test_a_call_without_a_finite_value_has_no_figures(mlp, he):
    weight, bias = he(32, 16, 0)
    path = mlp([(np.full_like(weight, np.nan), bias), he(4, 32, 1)], ["Relu"])
    inspection = inspect(path, SAMPLES)
    (call,) = inspection.calls
    assert call.nonfinite == call.values * call.units
    assert all(math.isnan(x) for x in (call.mean, call.std, call.sparsity, call.resting, call.input_mean))
    assert (call.dead, call.saturated, call.linear, call.slope_mean) == (None, None, None, None)
    assert {f.kind for f in inspection.findings} == {"nonfinite"}
    assert "–" in page(inspection)


def test_units_that_are_not_finite_are_in_no_other_state(broken):
    path, _ = broken(nan=[0, 33], inf=[64])  # in the rows of units 0, 1 and 2
    inspection = inspect(path, SAMPLES)
    first, second = inspection.calls
    assert first.nonfinite_units == ()
    assert second.nonfinite_units == (0, 1, 2)
    assert not {0, 1, 2} & {*second.dead_units, *second.saturated_units, *second.linear_units}
    assert not any({0, 1, 2} & {*f.units} for f in inspection.findings)
    message = next(f.message for f in inspection.findings if f.call == second.name)
    assert message.startswith(
        f"{second.name}: {second.nonfinite} values of 3 of 32 units are NaN or infinite;"
    )
    assert '<p class="small">NaN or infinite units: 0, 1, 2.</p>' in page(inspection)


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_what_needs_the_weights_refuses_and_names_them(broken, value):
    path, name = broken(**{value: [5]})
    for ask in (nonlin.predict, nonlin.read, nonlin.simplify, lambda p: nonlin.cure(p, SAMPLES)):
        with pytest.raises(
            InvalidInputError, match=f"got 1 NaN or infinite of 1024 in '{name}'.*nonlin inspect"
        ):
            ask(path)


def test_a_network_that_is_finite_has_none(mlp, he):
    inspection = inspect(mlp([he(8, 16, 0), he(4, 8, 1)], ["Relu"]), SAMPLES)
    assert inspection.nonfinite_weights == ()
    assert found(inspection) == []


torch = pytest.importorskip("torch")


def module(*, dtype=torch.float32):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 32), torch.nn.BatchNorm1d(32)]
    return torch.nn.Sequential(*layers, torch.nn.GELU(), torch.nn.Linear(32, 4)).to(dtype)


@pytest.mark.parametrize(
    ("place", "value"), [("2.weight", "nan"), ("2.bias", "inf"), ("3.running_var", "nan")]
)
def test_a_module_is_diagnosed_and_left_as_it_was(place, value):
    model = module()
    with torch.no_grad():
        model.state_dict()[place].view(-1)[:2] = float(value)
    before = copy.deepcopy(model.state_dict())
    inspection = inspect(model, SAMPLES, LABELS, folds=False)
    assert found(inspection)[0] == (place, 2)
    assert found(inspection)[1][0] == inspection.calls[1].name == "4"
    assert inspection.calls[0].nonfinite == 0
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0, equal_nan=True)
    with pytest.raises(InvalidInputError, match=f"'{place}'"):
        nonlin.read(model, SAMPLES)
    with pytest.raises(InvalidInputError, match=f"'{place}'"):
        nonlin.cure(model, SAMPLES)


@pytest.mark.parametrize(
    ("dtype", "size"),
    [(torch.float16, 3e3), (torch.bfloat16, 1e37), (torch.float32, 1e37), (torch.float64, 1e307)],
)
def test_data_that_make_a_finite_network_overflow(dtype, size):
    model = module(dtype=dtype)
    with torch.no_grad():
        model[0].weight *= 100
    data = torch.from_numpy(SAMPLES.astype(np.float64)).clamp(-1, 1) * size
    inspection = inspect(model, data.to(dtype), folds=False, predicted=dtype == torch.float64)
    names = [name for name, _ in found(inspection)]
    assert names[0] == "1"
    assert names[-1] == "the output"
    assert inspection.nonfinite_weights == ()
    (finding,) = [f for f in inspection.findings if f.call == "1" and f.kind == "nonfinite"]
    assert finding.causes[0].name == "input scale"
    assert page(inspection)
