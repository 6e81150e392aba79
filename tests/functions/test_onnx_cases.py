"""ONNX's own single-node test cases for activations: their inputs, attributes, expected outputs and tolerances.

Left out, because they are no tensors: test_identity_sequence and test_identity_opt.
"""

import warnings
from collections import Counter

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
    "Identity": "identity",
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
VECTOR = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Hardmax": "hardmax"}
COUNTS = {"Clip": 12, "Hardmax": 7, "LogSoftmax": 7, "Softmax": 7, "Gelu": 4, "PRelu": 2, "Sign": 1}
COUNTS |= dict.fromkeys(["Celu", "Elu", "HardSigmoid", "Identity", "LeakyRelu", "Selu", "ThresholdedRelu"], 3)
COUNTS |= dict.fromkeys(["Atan", "Cos", "Shrink", "Sigmoid", "Sin", "Softplus", "Softsign", "Tanh"], 2)
COUNTS |= dict.fromkeys(["Abs", "Erf", "HardSwish", "Mish", "Relu", "Swish"], 1)
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
    wanted = {*SIMPLE, *VECTOR, "Gelu", "PRelu", "Clip", "Sign"}
    single = [case for case in found if len(case.model.graph.node) == 1 and _takes_tensors(case)]
    return [case for case in single if case.model.graph.node[0].op_type in wanted]


def _takes_tensors(case):
    return all(value.type.HasField("tensor_type") for value in case.model.graph.input)


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
    if node.op_type == "Clip":
        return clipped(dict(zip(filter(None, node.input), inputs, strict=True)))
    if node.op_type == "Sign":
        return nonlin.define("sign(x)")(inputs[0])
    if node.op_type in VECTOR:
        axis = attributes.get("axis", -1)
        return np.moveaxis(nonlin.function(VECTOR[node.op_type])(np.moveaxis(inputs[0], axis, -1)), -1, axis)
    name = SIMPLE[node.op_type]
    given = {RENAMED.get((name, k), PARAMETERS[k]): float(v) for k, v in attributes.items()}
    return nonlin.function(name, **{**DEFAULTS.get(name, {}), **given})(inputs[0])


def clipped(given):
    """Return what our formula for a Clip with these inputs gives: with both bounds, one, or none."""
    x, bounds = given["x"], {name: float(given[name]) for name in ("min", "max") if name in given}
    formula = "x" if "min" not in bounds else "max(x, low)"
    formula = formula if "max" not in bounds else f"min({formula}, high)"
    f = nonlin.define(formula, **{{"min": "low", "max": "high"}[name]: v for name, v in bounds.items()})
    return f(x)


def test_all_cases_are_there():
    counts = Counter(case.model.graph.node[0].op_type for case in CASES)
    assert counts == COUNTS
    assert len(CASES) == sum(COUNTS.values()) == 83


def test_a_wrong_function_is_noticed():
    (case,) = [case for case in CASES if case.name == "test_mish"]
    inputs, outputs = case.data_sets[0]
    wrong = nonlin.function("silu")(inputs[0])
    assert not np.allclose(wrong, outputs[0], rtol=case.rtol, atol=case.atol)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case):
    for inputs, outputs in case.data_sets:
        result = computed(case.model.graph.node[0], inputs)
        if np.issubdtype(inputs[0].dtype, np.integer):
            result = result.astype(inputs[0].dtype)  # integers count as float64 here
        assert result.dtype == outputs[0].dtype
        np.testing.assert_allclose(result, outputs[0], rtol=case.rtol, atol=case.atol)
