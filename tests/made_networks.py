"""Small networks for the tests of pictures and reports: affine layers, each with a call after it, as ONNX files."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def write_network(path: Path, calls: list[tuple[str, str]], *, width: int = 6, classes: int = 0) -> Path:
    """Write a network of (name, operator) calls in this order; with `classes`, so many outputs behind them."""
    rng = np.random.default_rng(0)
    nodes, weights, last, size = [], [], "x", 4
    for number, (name, operator) in enumerate([*calls, *([("", "")] if classes else [])]):
        wide = width if operator else classes
        matrix = rng.normal(size=(size, wide)) * np.sqrt(2 / size)
        tensors = {f"w{number}": matrix, f"b{number}": 0.1 * rng.normal(size=wide)}
        weights += [numpy_helper.from_array(v.astype(np.float32), k) for k, v in tensors.items()]
        affine = f"affine{number}"
        nodes.append(helper.make_node("Gemm", [last, *tensors], [affine], name=f"dense{number}"))
        last, size = affine, wide
        if operator:
            last = f"call{number}"
            nodes.append(helper.make_node(operator, [affine], [last], name=name))
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["n", size])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def some_data(samples: int = 80, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(1).normal(0, scale, (samples, 4)).astype(np.float32)
