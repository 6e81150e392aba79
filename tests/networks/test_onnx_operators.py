"""Whatever nonlin makes of an ONNX operator does what ONNX says; the rest is opaque."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_cases import cases, forms, in_double

from nonlin.networks import evaluate, network_of
from nonlin.networks.onnx_operators import _CONVERTERS

# a float32 result is off by a few of its own roundings a term, relative to the size of what is summed
TOLERANCE = {np.dtype(np.float16): 2e-3, np.dtype(np.float32): 2e-6, np.dtype(np.float64): 1e-12}


# 1/6, which ONNX keeps in float32, is taken for 1/6
ROUNDED_CONSTANTS = {"HardSigmoid", "HardSwish"}
# and the reference computes these in float32 itself
ROUNDED_REFERENCES = {"Erf", "Gelu"}


def assert_close(got, expected, *, rounded=False):
    expected = np.asarray(expected)
    assert got.shape == expected.shape
    if not expected.size:
        return
    wide = expected.astype(np.float64)
    finite = np.isfinite(wide)
    size = max(1.0, float(np.abs(wide[finite]).max(initial=0.0)))
    tolerance = (2**-23 if rounded else TOLERANCE.get(expected.dtype, 0.0)) * size
    np.testing.assert_allclose(got.astype(np.float64), wide, rtol=0, atol=tolerance)


def converted(operator):
    """Yield (name, network, model, feeds, outputs) of every form of every case that nonlin understands whole."""
    for name, model, inputs, outputs in cases().get(operator, []):
        for form, feeds in forms(model, inputs):
            network = network_of(form, name=name)
            if not network.opaque:
                yield name, network, form, feeds, outputs


UNTESTED = {"LayerNormalization", "Max", "Min", "Resize", "Where"}
# ONNX's cases ask for the mean too, have one axis, are of no whole factor, have no comparison in them; see below, and
# the other files, tests/geometry/test_torch_layers.py among them


@pytest.mark.parametrize("operator", sorted(_CONVERTERS))
def test_what_is_converted_gives_the_expected_output(operator):
    found = 0
    for name, network, _, feeds, outputs in converted(operator):
        found += 1
        for got, expected in zip(evaluate(network, feeds), outputs, strict=True):
            try:
                assert_close(got, expected)
            except AssertionError as error:
                raise AssertionError(f"{name}, fed {sorted(feeds)}: {error}") from error
    assert found or operator in UNTESTED


@pytest.mark.parametrize("operator", sorted(_CONVERTERS))
def test_in_float64_it_agrees_with_the_reference(operator):
    for name, _, form, feeds, _ in converted(operator):
        model, wide = in_double(form, feeds)
        if any(x.dtype != np.float64 for x in wide.values()):
            continue
        try:
            outputs = ReferenceEvaluator(model).run(None, wide)
        except Exception:  # noqa: BLE001, S112 - the reference does not take every operator in double
            continue
        network = network_of(model, name=name)
        if network.opaque or any(np.asarray(y).dtype != np.float64 for y in outputs):
            continue
        for got, expected in zip(evaluate(network, wide), outputs, strict=True):
            try:
                assert_close(got, expected, rounded=operator in ROUNDED_CONSTANTS | ROUNDED_REFERENCES)
            except AssertionError as error:
                raise AssertionError(f"{name}, fed {sorted(feeds)}: {error}") from error


def test_a_layer_normalisation_is_that_of_the_cases_whose_mean_nobody_asks_for():
    found = 0
    for name, model, inputs, outputs in cases()["LayerNormalization"]:
        alone = onnx.ModelProto()
        alone.CopyFrom(model)
        del alone.graph.output[1:]
        del alone.graph.node[0].output[1:]
        for form, feeds in forms(alone, inputs):
            network = network_of(form, name=name)
            if not network.opaque:
                found += 1
                assert_close(evaluate(network, feeds)[0], outputs[0])
    assert found >= 15


def test_the_comparison_can_fail():
    with pytest.raises(AssertionError):
        assert_close(np.array([1.0, 2.0], np.float32), np.array([1.0, 2.00001], np.float32))
    with pytest.raises(AssertionError):
        assert_close(np.array([np.nan]), np.array([1.0]))


@pytest.mark.parametrize(
    ("operator", "opset", "label", "numbers"),
    [
        ("LeakyRelu", 16, "leaky_relu", [0.01]),
        ("HardSigmoid", 6, "hardsigmoid_affine", [0.2, 0.5]),
        ("Selu", 6, "selu", [1.6732632423543772, 1.0507009873554805]),
        ("Selu", 1, "selu(alpha=1.6732, scale=1.0507)", [1.6732, 1.0507]),
    ],
)
def test_a_default_is_the_standards_float32(operator, opset, label, numbers):
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [6])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [6])
    graph = onnx.helper.make_graph([onnx.helper.make_node(operator, ["x"], ["y"])], "g", [x], [y])
    opsets = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    network = network_of(model, name="default")
    (node,) = network.nodes
    assert node.operator.function.label == label
    assert list(node.operator.function.parameters.values()) == [float(np.float32(v)) for v in numbers]
    if operator == "Selu":  # ONNX Runtime computes it with a cancellation, and not at all in opset 1
        return
    u = np.array([-1e30, -3.3, -1e-3, 0.4, 2.4999998, 1e30], np.float32)
    (wanted,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": u})
    (got,) = evaluate(network, {"x": u})
    np.testing.assert_array_max_ulp(got, wanted, maxulp=2)
