"""ONNX's own single-node test cases for activations: their inputs, attributes, expected outputs and tolerances."""

import warnings

import numpy as np
import onnx
import pytest

import nonlin

SIMPLE = {
    "Abs": "abs",
    "Celu": "celu",
    "Elu": "elu",
    "Erf": "erf",
    "HardSigmoid": "hardsigmoid_affine",
    "HardSwish": "hardswish",
    "LeakyRelu": "leaky_relu",
    "Mish": "mish",
    "Relu": "relu",
    "Selu": "selu",
    "Shrink": "shrink",
    "Sigmoid": "sigmoid",
    "Sin": "sine",
    "Cos": "cosine",
    "Atan": "arctan",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Swish": "swish",
    "Tanh": "tanh",
    "ThresholdedRelu": "thresholded_relu",
}
VECTOR = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}
PARAMETERS = {"alpha": "alpha", "beta": "beta", "gamma": "scale", "lambd": "lambd", "bias": "bias"}
RENAMED = {("leaky_relu", "alpha"): "negative_slope", ("swish", "alpha"): "beta"}
DEFAULTS = {"hardsigmoid_affine": {"alpha": 0.2, "beta": 0.5}, "swish": {"beta": 1.0}}
# ONNX's Selu has its constants to seven digits, as defaults of a float attribute
DEFAULTS["selu"] = {"alpha": 1.67326319217681884765625, "scale": 1.05070102214813232421875}


def cases():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the generators of other operators' cases overflow on purpose
        from onnx.backend.test.case.node import collect_testcases

        found = collect_testcases(None)
    wanted = {*SIMPLE, *VECTOR, "Gelu", "PRelu"}
    single = [case for case in found if len(case.model.graph.node) == 1]
    return [case for case in single if case.model.graph.node[0].op_type in wanted]


CASES = cases()


def computed(node, inputs):
    """Return what our function of the node gives."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Gelu":
        form = attributes.get("approximate", b"none")
        return nonlin.function("gelu_tanh" if form == b"tanh" else "gelu")(inputs[0])
    if node.op_type == "PRelu":
        x, slope = np.broadcast_arrays(*inputs)
        flat = zip(x.ravel(), slope.ravel(), strict=True)
        return np.array([nonlin.function("prelu", weight=float(s))(u) for u, s in flat], x.dtype).reshape(
            x.shape
        )
    if node.op_type in VECTOR:
        axis = attributes.get("axis", -1)
        return np.moveaxis(nonlin.function(VECTOR[node.op_type])(np.moveaxis(inputs[0], axis, -1)), -1, axis)
    name = SIMPLE[node.op_type]
    given = {RENAMED.get((name, k), PARAMETERS[k]): float(v) for k, v in attributes.items()}
    return nonlin.function(name, **{**DEFAULTS.get(name, {}), **given})(inputs[0])


def test_there_are_as_many_cases_as_there_should_be():
    assert len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case):
    for inputs, outputs in case.data_sets:
        result = computed(case.model.graph.node[0], inputs)
        assert result.dtype == outputs[0].dtype
        np.testing.assert_allclose(result, outputs[0], rtol=case.rtol, atol=case.atol)
