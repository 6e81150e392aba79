"""Over a box: single units that are always on, exact bounds, several inputs."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from nonlin.errors import InvalidInputError
from nonlin.networks import network_of, trace
from nonlin.networks.onnx_writer import model_of
from nonlin.simplification import simplify, verify

node = helper.make_node


def model_of_layers(*layers, activation="Relu"):
    """Return a chain of (weight, bias) with activations between them."""
    nodes, tensors, last = [], [], "x"
    for i, (weight, bias) in enumerate(layers):
        tensors += [
            numpy_helper.from_array(np.asarray(v, np.float32), f"{k}{i}")
            for k, v in (("w", weight), ("b", bias))
        ]
        end = i == len(layers) - 1
        nodes.append(
            node("Gemm", [last, f"w{i}", f"b{i}"], ["y" if end else f"u{i}"], name=f"l{i}", transB=1)
        )
        if not end:
            nodes.append(node(activation, [f"u{i}"], [f"h{i}"], name=f"a{i}"))
            last = f"h{i}"
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
        for name, width in (("x", np.shape(layers[0][0])[1]), ("y", len(layers[-1][1])))
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def units(network):
    return [len(n.operator.weight) for n in network.nodes if hasattr(n.operator, "weight")]


def agrees(model, result, low=0.0, high=1.0):
    """Compare in float64 at corners and inside, before the weights are rounded."""
    network = network_of(model, name="original")
    shape = (400, network.inputs[0].shape[1])
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(low, high, shape), rng.choice([low, high], shape)])
    one, other = (trace(n, {"x": x})["y"] for n in (network, result.network))
    assert np.abs(one - other).max() <= 1e-12 * np.abs(one).max()
    assert result.agreement.holds
    assert result.proven


@pytest.mark.parametrize("activation", ["Relu", "LeakyRelu"])
def test_always_on_units_beside_others_are_carried_by_as_few_as_the_next_layer_has(activation):
    rng = np.random.default_rng(0)
    w, b = rng.standard_normal((12, 6)), np.zeros(12)
    b[:9] = 40  # nine are always on, three are not
    model = model_of_layers((w, b), (rng.standard_normal((2, 12)), [1, 2]), activation=activation)
    result = simplify(network_of(model, name="n"), over=(0.0, 1.0))
    assert units(result.network) == [5, 2]
    agrees(model, result)
    (removal,) = [r for r in result.removed if r.kind == "always on"]
    assert removal.units == tuple(range(9))
    assert removal.certificate == "interval"
    assert "2 units carry what these 9 did" in removal.reason
    # outside of the box it is another function, so that the units were needed there
    far = {"x": np.full((1, 6), -50.0) * np.sign(w[0])}
    one, other = (
        trace(n, far)["y"]
        for n in (network_of(model, name="n"), network_of(model_of(result.network), name="s"))
    )
    assert not np.allclose(one, other)


def test_dependent_rows_of_always_on_units_go():
    rng = np.random.default_rng(3)
    base = rng.integers(-8, 9, (3, 6)).astype(float)
    w = np.concatenate([base, [base[0] + base[1], 2 * base[2] - base[0]], rng.standard_normal((2, 6))])
    model = model_of_layers((w, [100, 100, 100, 7, 100, 0, 0]), (rng.standard_normal((20, 7)), np.zeros(20)))
    # unit 3 is not always on with that bias, so that it is the same plane but no dependence
    result = simplify(network_of(model, name="n"), over=(0.0, 1.0))
    assert units(result.network) == [6, 20]
    agrees(model, result)


def test_the_same_rows_stay_where_units_may_be_off():
    rng = np.random.default_rng(3)
    model = model_of_layers(
        (rng.standard_normal((12, 6)), np.zeros(12)), (rng.standard_normal((2, 12)), [1, 2])
    )
    assert units(simplify(network_of(model, name="n"), over=(-1.0, 1.0)).network) == [12, 2]


def test_two_layers_are_carried_one_after_the_other():
    rng = np.random.default_rng(4)
    first, second = rng.uniform(0, 1, (30, 6)), rng.uniform(0, 1, (20, 30))
    first[0], second[0] = -first[0], -second[0]  # one unit of each layer is on two pieces
    model = model_of_layers(
        (first, [1.0] * 30), (second, [30.0, *[5.0] * 19]), (rng.standard_normal((3, 20)), np.zeros(3))
    )
    result = simplify(network_of(model, name="n"), over=(0.0, 1.0))
    # the three of the last layer carry 19 of the second; the four of the second then carry 29 of the first
    assert units(result.network) == [5, 4, 3]
    agrees(model, result)


def hidden_difference():
    """u = relu(x) − relu(x − 1) − 1.1 < 0 over [−3, 3], which no linear bound shows."""
    first = ([[1.0], [1.0], [1.0]], [0.0, -1.0, 0.5])
    second = ([[1.0, -1.0, 0.0], [0.3, 0.2, 1.0], [1.0, -1.0, 0.0]], [-1.1, -0.25, -0.5])
    return model_of_layers(first, second, ([[1.0, 1.0, 1.0]], [0.0]))


def test_exact_bounds_prove_what_linear_ones_do_not():
    model = hidden_difference()
    network = network_of(model, name="n")
    assert units(simplify(network, over=(-3.0, 3.0)).network)[1] == 3
    result = simplify(network, over=(-3.0, 3.0), effort="exact")
    assert (
        units(result.network)[1] == 2
    )  # unit 0 is at most −0.1; unit 2, the same but for its bias, is needed
    (removal,) = [r for r in result.removed if r.node == "l1" and r.kind == "constant"]
    assert removal.units == (0,)
    assert removal.certificate == "exact"
    assert any("exact bounds: 1 of" in note for note in result.notes)
    agrees(model, result, -3.0, 3.0)


def test_exact_bounds_stop_when_the_time_is_over():
    network = network_of(hidden_difference(), name="n")
    result = simplify(network, over=(-3.0, 3.0), effort="exact", seconds=0.0)
    assert units(result.network)[1] == 3
    assert any("left open after 0 s" in note for note in result.notes)


def two_inputs():
    weights = {
        "wa": np.array([[1.0, 2.0], [1.0, -1.0], [0.5, 0.5]]),
        "wb": np.array([[1.0], [1.0], [-1.0]]),
        "c": np.array([0.5, 0.0, -9.0]),
        "v": np.array([[1.0, 2.0, 3.0]]),
    }
    nodes = [
        node("Gemm", ["a", "wa"], ["p"], name="of a", transB=1),
        node("Gemm", ["b", "wb", "c"], ["q"], name="of b", transB=1),
        node("Add", ["p", "q"], ["u"], name="sum"),
        node("Relu", ["u"], ["h"], name="call"),
        node("Gemm", ["h", "v"], ["y"], name="last", transB=1),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
        for name, width in (("a", 2), ("b", 1), ("y", 1))
    ]
    tensors = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()]
    graph = helper.make_graph(nodes, "g", ends[:2], ends[2:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_a_box_of_several_inputs():
    network = network_of(two_inputs(), name="two")
    everywhere = simplify(network)
    assert everywhere.removed == ()
    result = simplify(network, over={"a": (0.0, 1.0), "b": (0.0, 2.0)})
    # of three units one is always off: 0.5 + 0.5 − 9 < 0; one always on
    assert result.counts()["constant"] == 1
    assert result.agreement.samples["adversarial"] > 0
    assert result.agreement.holds
    # over another box all three are needed
    assert simplify(network, over={"a": (0.0, 30.0), "b": (0.0, 2.0)}).counts() == {}


def test_a_network_whose_units_are_all_stable_is_one_affine_map():
    rng = np.random.default_rng(3)
    sizes = (4, 9, 8, 2)
    layers = [
        (rng.standard_normal((b, a)), np.full(b, 20.0 * 8**i)) for i, (a, b) in enumerate(pairwise(sizes))
    ]
    model = model_of_layers(*layers)
    result = simplify(network_of(model, name="n"), over=(-1.0, 1.0))
    (only,) = result.network.nodes
    weights = [np.float32(w).astype(float) for w, _ in layers]
    assert np.allclose(only.operator.weight, weights[2] @ weights[1] @ weights[0], rtol=1e-12)
    assert result.after.operations == 1
    assert {r.certificate for r in result.removed if r.kind == "always on"} <= {"interval", "linear"}
    assert 0 < result.largest_difference <= 1e-5
    agrees(model, result, -1.0, 1.0)


def test_files_of_several_floating_types_are_left_as_they_are():
    model = model_of_layers((np.eye(3), np.zeros(3)), (np.eye(3), np.zeros(3)))
    half = np.ones((3, 2), np.float16)
    model.graph.initializer.append(numpy_helper.from_array(half, "half"))
    model.graph.node.append(node("Cast", ["y"], ["narrow"], to=TensorProto.FLOAT16))
    model.graph.node.append(node("MatMul", ["narrow", "half"], ["z"]))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("z", TensorProto.FLOAT16, ["n", 2]))
    result = simplify(network_of(model, name="mixed"))
    assert result.removed == ()
    assert result.agreement.holds
    assert any("left as it is" in note for note in result.notes)


def test_a_box_of_arrays_tells_the_shape_of_a_sample():
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(36, 2)
    )
    with torch.no_grad():
        module[0].bias[1] = -40
    low, high = np.zeros((1, 5, 5)), np.ones((1, 5, 5))
    assert units(simplify(module.eval(), over=(low, high)).network) == [3, 2]
    with pytest.raises(InvalidInputError, match="give data=, or over= with arrays"):
        simplify(module, over=(0.0, 1.0))
    # also where an ONNX file does not tell it
    model = model_of_layers((np.eye(3), [-5, 0, 0]), (np.ones((2, 3)), [0, 0]))
    model.graph.input[0].type.tensor_type.shape.dim[1].ClearField("value")
    assert units(simplify(network_of(model, name="n"), over=(np.zeros(3), np.ones(3))).network)[-1] == 2


def test_verify_tries_corners_of_the_box():
    layers = (np.eye(2), [0, -1.5]), (np.ones((1, 2)), [0])
    one, other = (
        network_of(model_of_layers(layers[0], last), name="n") for last in (layers[1], ([[1, 1.001]], [0]))
    )
    assert verify(one, one, over=(0.0, 1.0)).samples["adversarial"] >= 2
    assert not verify(one, other, over=(0.0, 2.0)).holds
