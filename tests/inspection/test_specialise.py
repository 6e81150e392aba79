"""Conditions in an ONNX graph are decided by the data, and only for data that decides them so."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nonlin.errors import InvalidInputError
from nonlin.inspection import inspect

FLOAT = TensorProto.FLOAT


def branch(name, operator, weight):
    """A branch with a layer and an activation of its own; both branches use the same names inside."""
    return helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["h"], name="layer"),
            helper.make_node(operator, ["h"], ["y"], name="act"),
        ],
        name, [], [helper.make_tensor_value_info("y", FLOAT, None)], [numpy_helper.from_array(weight, "w")],
    )  # fmt: skip


@pytest.fixture
def model(tmp_path):
    """y = relu(x w) at a rate of 16000, tanh(−x w) at any other."""
    weight = np.eye(3, dtype=np.float32)
    nodes = [
        helper.make_node("Equal", ["rate", "wanted"], ["same"]),
        helper.make_node(
            "If", ["same"], ["out"], name="if",
            then_branch=branch("then", "Relu", weight), else_branch=branch("else", "Tanh", -weight),
        ),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "g",
        [
            helper.make_tensor_value_info("x", FLOAT, ["n", 3]),
            helper.make_tensor_value_info("rate", TensorProto.INT64, []),
        ],
        [helper.make_tensor_value_info("out", FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.array(16000), "wanted")],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    onnx.save(made, tmp_path / "if.onnx")
    return tmp_path / "if.onnx"


X = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("rate", "function", "mean"), [(16000, "relu", np.maximum(X, 0)), (8000, "tanh", np.tanh(-X))]
)
def test_the_branch_that_the_data_takes_is_inspected(model, rate, function, mean):
    inspection = inspect(model, {"x": X, "rate": np.array(rate)})
    (call,) = inspection.calls
    assert (call.function, call.units) == (function, 3)
    assert call.mean == pytest.approx(mean.mean(), rel=1e-5)
    assert call.gradient is not None
    assert inspection.unseen == ()


def test_data_that_takes_another_branch_is_refused(model):
    batches = [{"x": X, "rate": np.array(rate)} for rate in (16000, 8000)]
    with pytest.raises(InvalidInputError, match="'rate' is not what it was in the first batch"):
        inspect(model, batches)


def test_the_file_is_not_changed(model):
    before = model.read_bytes()
    inspect(model, {"x": X, "rate": np.array(16000)})
    assert model.read_bytes() == before
