"""Every scalar function of the catalogue can be written into an ONNX file, and computes the same; old opsets too."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

import nonlin
from nonlin.networks import network_of
from nonlin.networks.activation import Activation
from nonlin.networks.network import Network, Node, Origin, Tensor
from nonlin.networks.onnx_writer import model_of

X = np.concatenate([np.linspace(-9, 9, 721), [-80.0, 80.0, -0.0, np.nan, 1e-6, -1e-6]]).astype(np.float32)
SCALAR = [f for f in nonlin.functions() if f.expression is not None]


def written(function, opset):
    value = [helper.make_tensor_value_info(name, 1, ["n"]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "one", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    read = network_of(model, name="one")
    call = Node(name="call", operator=Activation(function=function), inputs=("x",), output="y")
    network = Network(
        name="one",
        inputs=(Tensor(name="x", shape=(None,), dtype="float32"),),
        outputs=(Tensor(name="y", shape=(None,), dtype="float32"),),
        nodes=(call,),
        parameters=0,
        origin=Origin(model=model, nodes=read.nodes),
    )
    return model_of(network)


def computed(model):
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": X})[0]


@pytest.mark.parametrize("opset", [9, 17, 20])
@pytest.mark.parametrize("function", SCALAR, ids=lambda f: f.name)
def test_a_call_is_written_as_its_operator_or_by_its_definition(function, opset):
    theirs, ours = computed(written(function, opset)), function(X)
    assert np.array_equal(np.isnan(theirs), np.isnan(ours))
    error = np.abs(theirs - ours)[np.isfinite(ours)]
    assert (error <= 3e-6 * np.maximum(1, np.abs(ours[np.isfinite(ours)]))).all()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("softplus", {"beta": 3.0}),
        ("hardtanh", {"min_val": -2.0, "max_val": 0.5}),
        ("celu", {"alpha": 2.0}),
        ("prelu", {"weight": -0.5}),
        ("threshold", {"threshold": 1.0, "value": 4.0}),
        ("hardshrink", {"lambd": 2.0}),
    ],
)
def test_parameters_are_written_too(name, parameters):
    function = nonlin.function(name, **parameters)
    assert computed(written(function, 17)) == pytest.approx(function(X), rel=3e-6, abs=1e-6, nan_ok=True)


def test_the_user_s_own_formula_is_written():
    function = nonlin.define("where(x > 1, sqrt(x), where(x < -1, -1, x ** 3))")
    assert computed(written(function, 17)) == pytest.approx(function(X), rel=3e-6, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize(
    "name", ["gelu", "mish", "swish", "silu", "softplus", "elu", "hardswish", "sinc", "serf", "cosine"]
)
def test_what_was_written_by_its_definition_is_read_as_one_call(name):
    (node,) = network_of(written(nonlin.function(name), 17), name="again").nodes
    assert node.operator.function(X) == pytest.approx(
        nonlin.function(name)(X), rel=1e-6, abs=1e-6, nan_ok=True
    )
