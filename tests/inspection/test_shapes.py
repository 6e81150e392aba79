"""Graphs whose shapes only a run shows, and inputs that are no samples."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nonlin.errors import InvalidInputError
from nonlin.inspection import inspect

RNG = np.random.default_rng(3)


def save(path: Path, nodes, inputs, output, stored, opset=11) -> Path:
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()]
    graph = helper.make_graph(nodes, "made", infos, outputs, initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


@pytest.fixture
def flattening(tmp_path: Path) -> Path:
    """A classifier of pictures of any size, flattened by its own computed shape, with an old softmax at its end."""
    pytest.importorskip("onnxruntime")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["conv"], name="conv", kernel_shape=[1, 1]),
        helper.make_node("Relu", ["conv"], ["on"], name="relu"),
        helper.make_node("GlobalAveragePool", ["on"], ["mean"], name="mean"),
        helper.make_node("Shape", ["mean"], ["sizes"]),
        helper.make_node("Slice", ["sizes", "zero", "one"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["mean", "wanted"], ["flat"], name="flat"),
        helper.make_node("MatMul", ["flat", "v"], ["logits"], name="dense"),
        helper.make_node("Softmax", ["logits"], ["y"], name="softmax"),
    ]
    stored = {
        "w": RNG.standard_normal((6, 2, 1, 1)).astype(np.float32),
        "v": RNG.standard_normal((6, 3)).astype(np.float32),
        "zero": np.array([0]),
        "one": np.array([1]),
        "rest": np.array([6]),
    }
    return save(tmp_path / "flattening.onnx", nodes, {"x": [None, 2, None, None]}, "y", stored)


@pytest.fixture
def routed(tmp_path: Path) -> Path:
    """A second branch that only the rows with a large entry go through, as to an expert, or behind a detector."""
    pytest.importorskip("onnxruntime")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["u"]),
        helper.make_node("Relu", ["u"], ["a"], name="all"),
        helper.make_node("ReduceMax", ["x"], ["most"], axes=[1], keepdims=0),
        helper.make_node("Greater", ["most", "large"], ["chosen"]),
        helper.make_node("Compress", ["x", "chosen"], ["rows"], axis=0),
        helper.make_node("MatMul", ["rows", "w"], ["v"]),
        helper.make_node("Relu", ["v"], ["b"], name="chosen"),
        helper.make_node("ReduceSum", ["b"], ["sum"], axes=[0], keepdims=1),
        helper.make_node("Add", ["a", "sum"], ["y"]),
    ]
    stored = {"w": RNG.standard_normal((4, 8)).astype(np.float32), "large": np.float32(1.5)}
    return save(tmp_path / "routed.onnx", nodes, {"x": [None, 4]}, "y", stored)


@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize("size", [1, 3, 64])
def test_rows_that_are_no_samples_are_counted_however_many_they_are(routed, size, first):
    data = np.roll(np.random.default_rng(1).standard_normal((64, 4)).astype(np.float32), first, axis=0)
    chosen = np.maximum(
        data[data.max(1) > 1.5] @ numpy_helper.to_array(onnx.load(routed).graph.initializer[0]), 0
    )
    calls = {call.name: call for call in inspect(routed, data, batch_size=size).calls}
    assert (calls["chosen"].units, calls["all"].units) == (8, 8)
    assert calls["chosen"].mean == pytest.approx(chosen.mean(), rel=1e-5)
    assert calls["chosen"].dead == (chosen.max(0) == 0).sum()


def test_a_branch_that_nothing_goes_through_is_left_out(routed):
    data = np.random.default_rng(1).uniform(-1, 1, (64, 4)).astype(np.float32)
    assert [call.name for call in inspect(routed, data).calls] == ["all"]


@pytest.mark.parametrize("samples", [1, 3, 70])
def test_what_a_run_shows_is_understood(flattening, samples):
    data = RNG.standard_normal((samples, 2, 4, 5)).astype(np.float32)
    inspection = inspect(flattening, data)
    assert [(call.name, call.function, call.units) for call in inspection.calls] == [
        ("relu", "relu", 6),
        ("softmax", "softmax", 3),
    ]
    assert inspection.calls[0].gradient is not None
    assert inspection.samples == samples


def test_batches_of_another_size_follow_the_first(flattening):
    data = RNG.standard_normal((5, 2, 4, 5)).astype(np.float32)
    whole, parts = inspect(flattening, data), inspect(flattening, [data[:1], data[1:]])
    assert whole.calls[0].gradient == pytest.approx(parts.calls[0].gradient)
    assert whole.calls[0].mean == pytest.approx(parts.calls[0].mean)


def test_one_number_a_sample_is_one_unit(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["dense"], name="dense"),
        helper.make_node("Squeeze", ["dense"], ["flat"], name="squeeze", axes=[1]),
        helper.make_node("Sigmoid", ["flat"], ["y"], name="sigmoid"),
    ]
    stored = {"w": np.ones((4, 1), np.float32)}
    path = save(tmp_path / "one.onnx", nodes, {"x": [None, 4]}, "y", stored)
    (call,) = inspect(path, RNG.standard_normal((7, 4)).astype(np.float32)).calls
    assert (call.units, call.samples, call.values) == (1, 7, 7)


def test_a_state_of_as_many_rows_as_samples_is_no_sample(tmp_path):
    pytest.importorskip("onnxruntime")
    nodes = [
        helper.make_node("ReduceSum", ["state"], ["start"], name="sum", keepdims=0),
        helper.make_node("Add", ["x", "start"], ["moved"], name="add"),
        helper.make_node("Tanh", ["moved"], ["y"], name="tanh"),
    ]
    path = save(tmp_path / "state.onnx", nodes, {"x": [None, 5], "state": [3, 1]}, "y", {})
    data = {"x": np.zeros((3, 5), np.float32), "state": np.full((3, 1), 0.1, np.float32)}
    (call,) = inspect(path, data).calls
    assert call.input_mean == pytest.approx(0.3)


def test_a_guard_of_a_root_is_no_call(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["dense"], name="dense"),
        helper.make_node("Relu", ["dense"], ["on"], name="relu"),
        helper.make_node("Max", ["on", "zero"], ["above"], name="guard"),
        helper.make_node("Add", ["above", "small"], ["moved"], name="add"),
        helper.make_node("Sqrt", ["moved"], ["y"], name="root"),
    ]
    stored = {"w": np.eye(4, dtype=np.float32), "zero": np.float32(0), "small": np.float32(1e-3)}
    path = save(tmp_path / "norm.onnx", nodes, {"x": [None, 4]}, "y", stored, opset=13)
    inspection = inspect(path, RNG.standard_normal((40, 4)).astype(np.float32))
    assert [call.name for call in inspection.calls] == ["relu"]


@pytest.mark.parametrize("end", ["divisor", "reciprocal", "dividend"])
def test_a_guard_of_a_divisor_is_no_call(tmp_path, end):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["dense"], name="dense"),
        helper.make_node("Relu", ["dense"], ["on"], name="relu"),
        helper.make_node("ReduceL2", ["on"], ["norm"], name="norm", axes=[1], keepdims=1),
        helper.make_node("Clip", ["norm", "small"], ["above"], name="guard"),
    ]
    if end == "reciprocal":
        nodes.append(helper.make_node("Reciprocal", ["above"], ["inverse"], name="inverse"))
        nodes.append(helper.make_node("Mul", ["on", "inverse"], ["y"], name="scaled"))
    else:
        pair = ["on", "above"] if end == "divisor" else ["above", "on"]
        nodes.append(helper.make_node("Div", pair, ["y"], name="scaled"))
    stored = {"w": np.eye(4, dtype=np.float32), "small": np.float32(1e-9)}
    path = save(tmp_path / "norm.onnx", nodes, {"x": [None, 4]}, "y", stored, opset=13)
    inspection = inspect(path, RNG.standard_normal((40, 4)).astype(np.float32) + 2)
    assert [call.name for call in inspection.calls] == ["relu", "guard"][: 1 + (end == "dividend")]


def test_a_mean_of_answers_is_an_answer(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["dense"], name="dense"),
        helper.make_node("Sigmoid", ["dense"], ["sure"], name="sigmoid"),
        helper.make_node("ReduceMean", ["sure"], ["y"], name="mean", axes=[1]),
    ]
    path = save(
        tmp_path / "sure.onnx", nodes, {"x": [None, 4]}, "y", {"w": 100 * np.eye(4, dtype=np.float32)}
    )
    (finding,) = inspect(path, RNG.standard_normal((4000, 4)).astype(np.float32)).findings
    assert (finding.kind, finding.severity) == ("saturated", "note")


def test_a_softmax_written_out_is_named_as_not_measured(tmp_path):
    pytest.importorskip("onnxruntime")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["dense"], name="dense"),
        helper.make_node("Exp", ["dense"], ["each"], name="exp"),
        helper.make_node("ReduceSum", ["each"], ["all"], name="sum", axes=[1]),
        helper.make_node("Div", ["each", "all"], ["y"], name="share"),
    ]
    path = save(tmp_path / "apart.onnx", nodes, {"x": [None, 4]}, "y", {"w": np.eye(4, dtype=np.float32)})
    inspection = inspect(path, RNG.standard_normal((40, 4)).astype(np.float32))
    assert inspection.unseen == ("a function written out around exp",)


def test_folds_are_those_of_the_first_output(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["dense"], name="dense"),
        helper.make_node("Relu", ["dense"], ["y"], name="relu"),
        helper.make_node("Softmax", ["y"], ["share"], name="softmax"),
    ]
    path = save(tmp_path / "two.onnx", nodes, {"x": [None, 4]}, "y", {"w": np.eye(4, dtype=np.float32)})
    model = onnx.load(path)
    model.graph.output.append(helper.make_tensor_value_info("share", TensorProto.FLOAT, None))
    onnx.save(model, path)
    data = np.array([[1, -1, 1, 1], [-1, 2, 1, 1]], np.float32)
    folds = inspect(path, data).folds
    assert folds.line is not None
    assert folds.line.breakpoints.tolist() == pytest.approx([1 / 3, 1 / 2])
    assert not folds.on_logits


def test_a_sequence_with_a_state_is_not_cut(tmp_path):
    """An LSTM over the first axis: its gates see the whole sequence, not its steps one by one."""
    pytest.importorskip("onnxruntime")
    nodes = [
        helper.make_node("Unsqueeze", ["x", "one"], ["steps"], name="steps"),
        helper.make_node("LSTM", ["steps", "W", "R", "", "", "h", "c"], ["y"], name="lstm", hidden_size=3),
    ]
    stored = {
        "W": RNG.standard_normal((1, 12, 4)).astype(np.float32),
        "R": RNG.standard_normal((1, 12, 3)).astype(np.float32),
        "one": np.array([1]),
    }
    inputs = {"x": [None, 4], "h": [1, 1, 3], "c": [1, 1, 3]}
    path = save(tmp_path / "lstm.onnx", nodes, inputs, "y", stored, opset=14)
    nothing = np.zeros((1, 1, 3), np.float32)
    data = {"x": RNG.standard_normal((9, 4)).astype(np.float32), "h": nothing, "c": nothing}
    inspection = inspect(path, [data])
    session = pytest.importorskip("onnxruntime").InferenceSession(path.read_bytes())
    (hidden,) = session.run(None, data)
    last = next(c for c in inspection.recording.calls if c.site.name == "lstm.cell_output")
    assert (last.statistics.samples, last.statistics.values) == (9, 9)
    assert last.statistics.largest.max() >= np.abs(hidden).max()
    alone = np.concatenate([session.run(None, {**data, "x": data["x"][i : i + 1]})[0] for i in range(9)])
    assert not np.allclose(alone, hidden)
    whole = inspect(path, [data]).calls[0].input_std
    parts = inspect(path, [{**data, "x": data["x"][i : i + 1]} for i in range(9)]).calls[0].input_std
    assert whole != pytest.approx(parts)


def test_a_network_that_mixes_its_samples_gets_one_at_a_time(tmp_path):
    nodes = [
        helper.make_node("Reshape", ["x", "pairs"], ["two"], name="two"),
        helper.make_node("MatMul", ["two", "w"], ["dense"], name="dense"),
        helper.make_node("Reshape", ["dense", "row"], ["flat"], name="flat"),
        helper.make_node("Relu", ["flat"], ["y"], name="relu"),
    ]
    stored = {
        "w": RNG.standard_normal((2, 2)).astype(np.float32),
        "pairs": np.array([-1, 2]),
        "row": np.array([1, -1]),
    }
    path = save(tmp_path / "mixing.onnx", nodes, {"x": [1, 4]}, "y", stored)
    (call,) = inspect(path, RNG.standard_normal((9, 4)).astype(np.float32)).calls
    assert (call.samples, call.units) == (9, 4)


@pytest.mark.parametrize(
    ("wanted", "given", "remedy"),
    [
        ((3, 5, 6), (2, 5, 6, 3), r"np.moveaxis\(data, -1, 1\)"),
        ((5, 6, 3), (2, 3, 5, 6), r"np.moveaxis\(data, 1, -1\)"),
        ((90,), (2, 3, 5, 6), r"data.reshape\(-1, 90\)"),
        ((4,), (2, 5), "give 4 numbers a sample, not 5$"),
        ((5, 6), (5, 6), r"put an axis in front: data\[None\]$"),
        ((None, 6), (2, 5), "reshape it$"),
    ],
)
def test_data_of_another_shape_is_refused_with_what_mends_it(tmp_path, wanted, given, remedy):
    nodes = [helper.make_node("Relu", ["x"], ["y"], name="relu")]
    path = save(tmp_path / "shaped.onnx", nodes, {"x": [None, *wanted]}, "y", {})
    with pytest.raises(InvalidInputError, match=remedy):
        inspect(path, np.zeros(given, np.float32))
