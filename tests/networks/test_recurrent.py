"""The gates of ONNX's recurrent operators add up to the states that ONNX Runtime computes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from nonlin.inspection import inspect
from nonlin.networks import network_of

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
TIME, BATCH, INPUTS, UNITS = 7, 4, 3, 5


def model(kind, direction="forward", *, initial=False, **attributes):
    rng = np.random.default_rng(0)
    directions = 2 if direction == "bidirectional" else 1
    rows = GATES[kind] * UNITS
    stored = {
        "w": rng.standard_normal((directions, rows, INPUTS)),
        "r": rng.standard_normal((directions, rows, UNITS)),
        "b": rng.standard_normal((directions, 2 * rows)),
    }
    names = ["x", "w", "r", "b"]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [TIME, BATCH, INPUTS])]
    if initial:
        names += ["", "h"] + ["c"] * (kind == "LSTM")
        states = [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, [directions, BATCH, UNITS]) for n in names[5:]
        ]
        inputs += states
    node = helper.make_node(
        kind, names, ["y"], name="layer", hidden_size=UNITS, direction=direction, **attributes
    )
    graph = helper.make_graph(
        [node], "g", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(a.astype(np.float32), n) for n, a in stored.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


CASES = [
    *[(kind, direction, {}) for kind in GATES for direction in ("forward", "reverse", "bidirectional")],
    ("GRU", "bidirectional", {"linear_before_reset": 1}),
    ("LSTM", "bidirectional", {"initial": True}),
    ("GRU", "forward", {"initial": True}),
    ("RNN", "forward", {"activations": ["Relu"]}),
    ("LSTM", "forward", {"activations": ["Sigmoid", "Relu", "Tanh"]}),
]


@pytest.mark.parametrize(("kind", "direction", "attributes"), CASES)
def test_the_states_are_those_of_onnx_runtime(kind, direction, attributes):
    made = model(kind, direction, **attributes)
    rng = np.random.default_rng(1)
    feeds = {
        v.name: rng.standard_normal([d.dim_value for d in v.type.tensor_type.shape.dim]).astype(np.float32)
        for v in made.graph.input
    }
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, feeds)
    (node,) = network_of(made, name="recurrent").nodes
    gates, hidden = node.operator.recurrence.gates(feeds)
    np.testing.assert_allclose(hidden, wanted, rtol=1e-5, atol=1e-6)
    sides = 2 if direction == "bidirectional" else 1
    assert len(gates) == sides * {"LSTM": 5, "GRU": 3, "RNN": 1}[kind]
    for gate in gates:
        assert gate.pre_activation.shape == (BATCH, TIME, UNITS)
        np.testing.assert_allclose(gate.function(gate.pre_activation), gate.output, rtol=1e-6)


@pytest.mark.parametrize(
    "attributes", [{"clip": 3.0}, {"input_forget": 1}, {"activations": ["Sigmoid", "Affine", "Tanh"]}]
)
def test_what_is_not_understood_is_not_seen(attributes, tmp_path):
    onnx.save(model("LSTM", **attributes), tmp_path / "odd.onnx")
    (node,) = network_of(model("LSTM", **attributes), name="odd").nodes
    assert node.operator.recurrence is None
    inspection = inspect(tmp_path / "odd.onnx", np.ones((TIME, BATCH, INPUTS), np.float32))
    assert inspection.unseen == ("LSTM layer",)
    assert inspection.calls == ()


def test_the_gates_are_calls_of_the_report(tmp_path):
    onnx.save(model("GRU"), tmp_path / "gru.onnx")
    inspection = inspect(tmp_path / "gru.onnx", np.ones((TIME, BATCH, INPUTS), np.float32))
    names = [(call.name, call.function, call.shape, call.units) for call in inspection.calls]
    assert names == [
        ("layer.update_gate", "sigmoid", (TIME, UNITS), UNITS),
        ("layer.reset_gate", "sigmoid", (TIME, UNITS), UNITS),
        ("layer.new_gate", "tanh", (TIME, UNITS), UNITS),
    ]
    assert inspection.unseen == ()
