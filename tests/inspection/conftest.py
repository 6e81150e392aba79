"""Small ONNX models with planted faults."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

Layer = tuple[np.ndarray, np.ndarray]
Mlp = Callable[..., Path]


@pytest.fixture
def mlp(tmp_path: Path) -> Mlp:
    """Return a function that writes a dense network: layers of (weight, bias), an activation's operator after each
    but the last; None for no activation."""

    def write(layers: list[Layer], activations: list[str | None], name: str = "mlp.onnx") -> Path:
        nodes, stored, before = [], [], "x"
        for i, (weight, bias) in enumerate(layers):
            stored += [
                numpy_helper.from_array(weight.astype(np.float32), f"w{i}"),
                numpy_helper.from_array(bias.astype(np.float32), f"b{i}"),
            ]
            made = f"dense{i}"
            nodes.append(helper.make_node("Gemm", [before, f"w{i}", f"b{i}"], [made], name=made, transB=1))
            before = made
            if i < len(activations) and activations[i] is not None:
                nodes.append(helper.make_node(activations[i], [before], [f"act{i}"], name=f"act{i}"))
                before = f"act{i}"
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", layers[0][0].shape[1]])]
        outputs = [helper.make_tensor_value_info(before, TensorProto.FLOAT, ["n", layers[-1][0].shape[0]])]
        graph = helper.make_graph(nodes, "mlp", inputs, outputs, stored)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path = tmp_path / name
        onnx.save(model, path)
        return path

    return write


@pytest.fixture
def he() -> Callable[[int, int, int], Layer]:
    """Return a function that draws a layer by He et al. 2015: (units, inputs, seed)."""

    def draw(units: int, inputs: int, seed: int) -> Layer:
        rng = np.random.default_rng(seed)
        return rng.standard_normal((units, inputs)) * np.sqrt(2 / inputs), np.zeros(units)

    return draw
