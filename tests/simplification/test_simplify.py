"""Planted redundancy goes, what is needed stays, and what comes out computes the same."""

from itertools import pairwise

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import helper

import nonlin
from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.networks import network_of
from nonlin.networks.onnx_writer import model_of
from nonlin.simplification import simplify, verify

node = helper.make_node


def run(model, x):
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})


def same(model, result, shape, box=(-1.0, 1.0)):
    rng = np.random.default_rng(3)
    made = model_of(result.network)
    for _ in range(3):
        x = rng.uniform(*box, shape).astype(np.float32)
        for a, b in zip(run(model, x), run(made, x), strict=True):
            assert a.shape == b.shape
            assert np.max(np.abs(a - b)) <= 1e-5 * max(np.max(np.abs(a)), 1e-6)
    assert result.agreement.holds
    assert result.agreement.difference_float64 is not None
    assert result.agreement.difference_float64 <= 1e-12
    return made


def layers(rng, *widths):
    return {
        f"{kind}{i}": rng.standard_normal((b, a) if kind == "w" else b).astype(np.float32)
        for i, (a, b) in enumerate(pairwise(widths))
        for kind in "wb"
    }


def mlp(count, activation="Relu"):
    nodes, last = [], "x"
    for i in range(count):
        end = i == count - 1
        nodes.append(
            node("Gemm", [last, f"w{i}", f"b{i}"], ["y" if end else f"u{i}"], name=f"l{i}", transB=1)
        )
        if not end:
            nodes.append(node(activation, [f"u{i}"], [f"h{i}"], name=f"a{i}"))
            last = f"h{i}"
    return nodes


def units(result):
    return [len(n.operator.weight) for n in result.network.nodes if hasattr(n.operator, "weight")]


def test_a_stack_of_linear_layers_is_one(build):
    rng = np.random.default_rng(0)
    weights = layers(rng, 6, 9, 8, 7, 5)
    nodes = [n for n in mlp(4) if n.op_type == "Gemm"]
    for i, n in enumerate(nodes):
        n.input[0] = "x" if i == 0 else f"u{i - 1}"
    model = build(nodes, weights, ["n", 6])
    result = simplify(network_of(model, name="stack"))
    made = same(model, result, (4, 6))
    assert len(made.graph.node) == 1
    assert result.after.parameters == 35


def test_planted_units_go(build):
    rng = np.random.default_rng(1)
    weights = layers(rng, 5, 12, 8, 3)
    weights["w0"][0] = 0  # constant
    weights["w0"][1] = 2 * weights["w0"][2]  # a multiple
    weights["b0"][1] = 2 * weights["b0"][2]
    weights["w0"][3] = weights["w0"][4]  # the same twice
    weights["b0"][3] = weights["b0"][4]
    weights["w1"][:, 5] = 0  # unread
    weights["w2"][:, 7] = 0
    model = build(mlp(3), weights, ["n", 5])
    result = simplify(network_of(model, name="planted"))
    same(model, result, (4, 5))
    assert units(result) == [8, 7, 3]
    assert result.counts() == {"constant": 1, "duplicate": 2, "unread": 2}
    assert result.proven


def test_negative_multiples_are_not_merged(build):
    rng = np.random.default_rng(1)
    weights = layers(rng, 5, 6, 3)
    weights["w0"][1], weights["b0"][1] = -weights["w0"][2], -weights["b0"][2]
    model = build(mlp(2), weights, ["n", 5])
    assert simplify(network_of(model, name="n")).removed == ()


def test_names_shapes_and_metadata_stay(build):
    weights = layers(np.random.default_rng(0), 5, 7, 3)
    weights["w0"][0] = 0
    model = build(mlp(2), weights, ["n", 5])
    made = model_of(simplify(network_of(model, name="n")).network)
    onnx.checker.check_model(made, full_check=True)
    assert made.graph.input == model.graph.input
    assert made.graph.output == model.graph.output
    assert made.metadata_props == model.metadata_props


def convolutional(build, rng):
    w = {
        "k0": rng.standard_normal((6, 2, 3, 3)),
        "c0": rng.standard_normal(6),
        "g": rng.uniform(0.5, 1, 6),
        "s": rng.standard_normal(6),
        "m": rng.standard_normal(6),
        "v": rng.uniform(0.5, 1, 6),
        "k1": rng.standard_normal((6, 6, 3, 3)),
        "k2": rng.standard_normal((4, 12, 1, 1)),
        "w": rng.standard_normal((3, 4 * 9)),
        "b": rng.standard_normal(3),
    }
    w["k0"][0], w["c0"][0] = 0, 0.5
    w["g"][1], w["s"][1] = 0, -1.0
    w["k1"][1] = 0
    weights = {k: v.astype(np.float32) for k, v in w.items()}
    pads = [1, 1, 1, 1]
    nodes = [
        node("Conv", ["x", "k0", "c0"], ["u0"], name="conv0", pads=pads),
        node("BatchNormalization", ["u0", "g", "s", "m", "v"], ["n0"], name="norm"),
        node("Relu", ["n0"], ["h0"], name="relu0"),
        node("Conv", ["h0", "k1"], ["u1"], name="conv1", pads=pads),
        node("Relu", ["u1"], ["h1"], name="relu1"),
        node("Add", ["h0", "h1"], ["sum"], name="sum"),
        node("Concat", ["sum", "h1"], ["both"], name="both", axis=1),
        node("Conv", ["both", "k2"], ["u2"], name="conv2"),
        node("MaxPool", ["u2"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Relu", ["p"], ["h2"], name="relu2"),
        node("Flatten", ["h2"], ["f"], name="flat"),
        node("Gemm", ["f", "w", "b"], ["y"], name="head", transB=1),
    ]
    return build(nodes, weights, ["n", 2, 6, 6])


def test_convolution_residual_and_concatenation(build):
    model = convolutional(build, np.random.default_rng(2))
    result = simplify(network_of(model, name="conv"))
    made = same(model, result, (2, 2, 6, 6))
    assert "BatchNormalization" not in {n.op_type for n in made.graph.node}
    # unit 1 is 0 in both summands and in the concatenation; unit 0 is constant, not 0, and padded
    assert units(result)[:2] == [5, 5]


def test_a_constant_that_is_not_zero_stays_where_it_is_padded(build):
    w = {"k0": np.zeros((2, 1, 1, 1)), "c0": np.array([0.5, -1]), "k1": np.ones((1, 2, 3, 3))}
    nodes = [
        node("Conv", ["x", "k0", "c0"], ["u"], name="a"),
        node("Relu", ["u"], ["h"], name="r"),
        node("Conv", ["h", "k1"], ["y"], name="b", pads=[1, 1, 1, 1]),
    ]
    model = build(nodes, {k: v.astype(np.float32) for k, v in w.items()}, ["n", 1, 4, 4])
    result = simplify(network_of(model, name="padded"))
    same(model, result, (2, 1, 4, 4))
    assert units(result) == [1, 1]


def test_repeated_activations_and_moves(build):
    weights = layers(np.random.default_rng(0), 4, 6, 3)
    nodes = [
        node("Gemm", ["x", "w0", "b0"], ["u"], name="l0", transB=1),
        node("Relu", ["u"], ["r"], name="r0"),
        node("Relu", ["r"], ["rr"], name="r1"),
        node("Identity", ["rr"], ["i"], name="i"),
        node("Abs", ["i"], ["a"], name="abs"),
        node("Gemm", ["a", "w1", "b1"], ["z"], name="l1", transB=1),
        node("Transpose", ["z"], ["t"], name="t0", perm=[1, 0]),
        node("Transpose", ["t"], ["y"], name="t1", perm=[1, 0]),
    ]
    model = build(nodes, weights, ["n", 4])
    made = same(model, simplify(network_of(model, name="n")), (5, 4))
    assert [n.op_type for n in made.graph.node] == ["Gemm", "Relu", "Gemm"]


def test_over_a_box_units_are_off_and_on(build):
    rng = np.random.default_rng(5)
    weights = layers(rng, 4, 10, 8, 2)
    weights["b0"][:3], weights["b0"][3:] = -30, 30  # three off, the others on
    weights["b1"][:] = 500
    model = build(mlp(3), weights, ["n", 4])
    network = network_of(model, name="box")
    assert simplify(network).removed == ()
    result = simplify(network, over=(0.0, 1.0))
    same(model, result, (8, 4), box=(0.0, 1.0))
    assert units(result) == [2]  # every unit is stable: one affine map
    assert {r.certificate for r in result.removed if r.kind in ("always on", "constant")} <= {
        "interval",
        "linear",
    }
    # outside of the box it is another function
    far = np.full((1, 4), 100.0, np.float32)
    assert not np.allclose(run(model, far)[0], run(model_of(result.network), -far)[0])


def test_silent_units_are_not_proven(build):
    weights = layers(np.random.default_rng(5), 4, 10, 2)
    weights["b0"][:3] = -4
    model = build(mlp(2), weights, ["n", 4])
    data = np.random.default_rng(0).normal(0, 0.1, (200, 4)).astype(np.float32)
    network = network_of(model, name="silent")
    assert simplify(network, data=data).removed == ()
    result = simplify(network, data=data, silent=True)
    assert not result.proven
    assert units(result)[0] <= 7
    assert any("not proven" in note for note in result.notes)
    with pytest.raises(InvalidInputError, match="expected data"):
        simplify(network, silent=True)


def test_verify_can_say_no(build):
    weights = layers(np.random.default_rng(5), 4, 6, 2)
    one = network_of(build(mlp(2), weights, ["n", 4]), name="one")
    other = {**weights, "b1": weights["b1"] + np.float32(1e-3)}
    two = network_of(build(mlp(2), other, ["n", 4]), name="two")
    assert verify(one, one).holds
    assert not verify(one, two).holds


def saturated(build, shift=0.0):
    """Return sigmoids that ONNX Runtime rounds to 0 where inputs are large."""
    rng = np.random.default_rng(2)
    weights = layers(rng, 6, 8, 6, 2)
    weights["w2"], weights["b2"] = -np.abs(weights["w2"]), np.float32([-3 - shift, -4])
    nodes = mlp(3)
    del nodes[1]
    nodes[1].input[0] = "u0"
    nodes[2] = node("Abs", ["u1"], ["h1"])
    nodes[3].output[0] = "z"
    return build([*nodes, node("Sigmoid", ["z"], ["y"])], weights, ["n", 6])


def test_inputs_of_which_float32_says_nothing_are_compared_in_float64(build):
    network = network_of(saturated(build), name="n")
    result = simplify(network, own_rounding=True)
    assert units(result) == [6, 2]
    assert result.agreement.float64_only == 2
    assert result.agreement.difference_float64 <= 1e-12
    other = network_of(saturated(build, shift=1e-4), name="m")
    assert not verify(network, other, own_rounding=True).holds


def test_float32_stays_within_the_limit_where_its_own_rounding_is_not_allowed(build):
    result = simplify(network_of(saturated(build), name="n"))
    assert result.agreement.float64_only == 0
    assert result.agreement.limit == 1e-5
    assert result.agreement.difference <= 1e-5
    assert any("--own-rounding" in note for note in result.notes)


def test_what_cannot_run_is_refused(build):
    nodes = [
        node("Mystery", ["x"], ["u"], name="m", domain="of.nobody"),
        node("Relu", ["u"], ["y"], name="r"),
    ]
    model = build(nodes, {}, ["n", 4])
    with pytest.raises(UnsupportedModelError, match="expected"):
        simplify(network_of(model, name="m"))


def test_what_is_not_understood_stays(build):
    weights = layers(np.random.default_rng(5), 4, 6, 6, 2)
    weights["w0"][2] = 0
    nodes = mlp(3)
    nodes[1] = node("CumSum", ["u0", "axis"], ["h0"], name="odd")
    weights["axis"] = np.asarray(1, np.int64)
    model = build(nodes, weights, ["n", 4])
    result = simplify(network_of(model, name="odd"))
    made = same(model, result, (3, 4))
    assert [n.op_type for n in made.graph.node] == [n.op_type for n in nodes]
    assert units(result) == [6, 6, 2]


def test_a_torch_module_in_and_out(tmp_path):
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(4, 6), torch.nn.BatchNorm1d(6), torch.nn.ReLU(), torch.nn.Linear(6, 3)
    ).eval()
    with torch.no_grad():
        module[0].weight[1] = 0
    x = torch.rand(5, 4)
    result = simplify(module, data=x.numpy())
    assert units(result) == [5, 3]
    nonlin.write(result.network, tmp_path / "small.pt2")
    program = torch.export.load(tmp_path / "small.pt2").module()
    assert torch.allclose(program(x), module(x), atol=1e-6)
    # a program is read back without an example, since it knows its shape
    again = simplify(tmp_path / "small.pt2")
    assert units(again) == [5, 3]
    assert again.removed == ()


@example(1293)  # a leaky slope is float32 in the file, also where it is left to its default
@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_random_networks_stay_the_same(seed):
    rng = np.random.default_rng(seed)
    widths = [int(n) for n in rng.integers(2, 7, rng.integers(3, 6))]
    weights = layers(rng, *widths)
    for i in range(len(widths) - 1):
        w, b = weights[f"w{i}"], weights[f"b{i}"]
        w[rng.random(w.shape) < rng.choice([0, 0.5, 0.8])] = 0
        if len(w) > 2 and rng.random() < 0.5:
            w[0], b[0] = 0.5 * w[1], 0.5 * b[1]
    activation = str(rng.choice(["Relu", "Tanh", "LeakyRelu", "Sigmoid"]))
    tensors = [onnx.numpy_helper.from_array(v, k) for k, v in weights.items()]
    nodes = mlp(len(widths) - 1, activation)
    ends = [
        helper.make_tensor_value_info(name, 1, ["n", width])
        for name, width in (("x", widths[0]), ("y", widths[-1]))
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    over = (-1.0, 1.0) if rng.random() < 0.5 else None
    same(model, simplify(network_of(model, name="random"), over=over), (6, widths[0]))


def test_weights_that_nodes_share_are_not_stored_twice(build):
    kernel = np.random.default_rng(2).standard_normal((8, 8)).astype(np.float32)
    nodes = [
        node("MatMul", ["x", "kernel"], ["a"]),
        node("Neg", ["a"], ["b"]),
        node("Relu", ["b"], ["c"]),
        node("MatMul", ["c", "kernel"], ["d"]),
        node("Relu", ["d"], ["e"]),
        node("MatMul", ["e", "kernel"], ["y"]),
    ]
    model = build(nodes, {"kernel": kernel}, (None, 8))
    result = simplify(network_of(model, name="shared"))
    assert result.after.parameters == result.before.parameters == 64
    assert any("share" in note for note in result.notes)
    same(model, result, (5, 8))


def test_a_product_and_a_bias_are_one_operation(build):
    weights = layers(np.random.default_rng(2), 4, 6, 3)
    weights = {k: v.T.copy() for k, v in weights.items()}
    nodes = [
        node("MatMul", ["x", "w0"], ["p"], name="product"),
        node("Add", ["p", "b0"], ["u"], name="bias"),
        node("Relu", ["u"], ["h"], name="relu"),
        node("MatMul", ["h", "w1"], ["q"]),
        node("Add", ["b1", "q"], ["y"], name="last"),
    ]
    model = build(nodes, weights, ["n", 4])
    result = simplify(network_of(model, name="spelled"))
    made = same(model, result, (5, 4))
    assert [n.op_type for n in made.graph.node] == ["Gemm", "Relu", "Gemm"]
    assert result.after.parameters == result.before.parameters
    assert result.counts() == {"merged": 2}


def test_biases_of_zeros_and_equal_weights_are_not_stored(build):
    weights = layers(np.random.default_rng(2), 4, 4, 4)
    weights["b0"][:] = 0
    weights["w1"] = weights["w0"].copy()
    model = build(mlp(2), weights, ["n", 4])
    result = simplify(network_of(model, name="zeros"))
    made = same(model, result, (5, 4))
    assert result.after.parameters == 16 + 4
    assert [len(n.input) for n in made.graph.node] == [2, 1, 3]
    assert [r.reason for r in result.removed] == ["a bias of 0"]


@pytest.mark.parametrize(
    ("opset", "operations"), [(10, ["MatMul", "Relu", "Gemm"]), (11, ["Gemm", "Relu", "Gemm"])]
)
def test_a_gemm_without_a_bias_is_written_where_there_is_one(build, opset, operations):
    weights = layers(np.random.default_rng(2), 4, 4, 4)
    weights["b0"][:] = 0
    model = build(mlp(2), weights, ["n", 4], opset=opset)
    assert [
        n.op_type for n in same(model, simplify(network_of(model, name="n")), (5, 4)).graph.node
    ] == operations


def test_reshapes_in_a_row_are_one(build):
    weights = layers(np.random.default_rng(2), 4, 6, 3)
    shapes = {"s0": [0, 2, 3, 1], "s1": [-1, 2, 0], "s2": [0, 6]}
    nodes = mlp(2)
    for i, name in enumerate(shapes):
        nodes.insert(2 + i, node("Reshape", [f"m{i}", name], [f"m{i + 1}"]))
    nodes[1].output[0], nodes[5].input[0] = "m0", "m3"
    model = build(nodes, weights | {k: np.array(v) for k, v in shapes.items()}, ["n", 4])
    made = same(model, simplify(network_of(model, name="n")), (5, 4))
    assert [n.op_type for n in made.graph.node] == ["Gemm", "Relu", "Reshape", "Gemm"]


def test_batch_norm_after_a_convolution_of_what_is_not_understood_is_merged(build):
    rng = np.random.default_rng(2)
    weights = {"k": rng.standard_normal((3, 2, 1, 1)), "axis": np.asarray(1)}
    weights |= {name: rng.uniform(0.5, 1, 3) for name in "gsmv"}
    nodes = [
        node("CumSum", ["x", "axis"], ["c"]),
        node("Conv", ["c", "k"], ["u"]),
        node("BatchNormalization", ["u", "g", "s", "m", "v"], ["y"]),
    ]
    model = build(
        nodes, {k: v if k == "axis" else v.astype(np.float32) for k, v in weights.items()}, ["n", 2, 4, 4]
    )
    made = same(model, simplify(network_of(model, name="n")), (5, 2, 4, 4))
    assert [n.op_type for n in made.graph.node] == ["CumSum", "Conv"]
