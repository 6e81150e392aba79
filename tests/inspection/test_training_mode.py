"""A network that was exported in training mode is refused: its numbers would be random."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nonlin.errors import UnsupportedModelError
from nonlin.inspection import inspect


@pytest.mark.parametrize("training", [True, False])
def test_dropout_in_training_mode_is_refused(training, tmp_path):
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["h"], name="layer"),
        helper.make_node("Dropout", ["h", "ratio", "training"], ["d"], name="drop"),
        helper.make_node("Relu", ["d"], ["y"], name="relu"),
    ]
    stored = {"w": np.eye(3, dtype=np.float32), "ratio": np.float32(0.5), "training": np.array(training)}
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "a.onnx")
    data = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    if training:
        with pytest.raises(
            UnsupportedModelError, match=r"node 'drop' of a.onnx is a Dropout in training mode"
        ):
            inspect(tmp_path / "a.onnx", data)
    else:
        (call,) = inspect(tmp_path / "a.onnx", data).calls
        assert call.mean == pytest.approx(np.maximum(data, 0).mean(), rel=1e-6)
