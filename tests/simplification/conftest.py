"""Small models to simplify."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture
def build():
    """Return what makes a model of nodes and weights."""

    def make(nodes, weights, shape, outputs=("y",), opset=17):
        graph = helper.make_graph(
            nodes,
            "made",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            [numpy_helper.from_array(np.asarray(v, v.dtype), k) for k, v in weights.items()],
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("of.nobody", 1)],
            ir_version=9,
        )
        model.metadata_props.add(key="author", value="someone")
        # shapes of the outputs as inferred
        inferred = onnx.shape_inference.infer_shapes(model)
        model.graph.ClearField("output")
        model.graph.output.extend(inferred.graph.output)
        return model

    return make
