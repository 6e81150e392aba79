"""A softmax is a call behind a layer; in an attention it weighs positions, and has no units."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from nonlin.inspection import inspect


def test_only_a_softmax_behind_a_layer_is_a_call(tmp_path):
    rng = np.random.default_rng(0)
    stored = [
        numpy_helper.from_array(rng.standard_normal((6, 6)).astype(np.float32), name) for name in "qkvo"
    ]
    nodes = [
        *[helper.make_node("MatMul", ["x", w], [f"x{w}"], name=f"layer_{w}") for w in "qkv"],
        helper.make_node("Transpose", ["xk"], ["kt"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["xq", "kt"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["weights"], name="attention", axis=-1),
        helper.make_node("MatMul", ["weights", "xv"], ["mixed"]),
        helper.make_node("MatMul", ["mixed", "o"], ["logits"], name="layer_o"),
        helper.make_node("Softmax", ["logits"], ["y"], name="answer", axis=-1),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4, 6])], stored,
    )  # fmt: skip
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        tmp_path / "a.onnx",
    )
    (call,) = inspect(tmp_path / "a.onnx", rng.standard_normal((40, 4, 6)).astype(np.float32)).calls
    assert (call.name, call.function, call.units, call.dead, call.gradient) == (
        "answer",
        "softmax",
        6,
        None,
        None,
    )
