"""`nonlin verify` as a user runs it, and its counterexample in ONNX Runtime."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from nonlin.cli.verify import verify
from nonlin.errors import InvalidInputError, MissingInputError

INPUTS = 16


def run(*words):
    return CliRunner().invoke(
        verify, [str(word) for word in words], standalone_mode=False, catch_exceptions=False
    )


def onnx_model(path, pooled):
    """A convolution, its ReLU, a maximum over windows where asked for, and a linear layer."""
    onnx = pytest.importorskip("onnx")
    rng = np.random.default_rng(0)
    weights = {
        "k": rng.normal(size=(2, 1, 3, 3)),
        "w": rng.normal(size=(2 if pooled else 8, 2)),
    }
    held = [onnx.numpy_helper.from_array(x.astype(np.float32), name) for name, x in weights.items()]
    node, last = onnx.helper.make_node, "p" if pooled else "a"
    nodes = [node("Conv", ["x", "k"], ["h"]), node("Relu", ["h"], ["a"])]
    nodes += [node("MaxPool", ["a"], ["p"], kernel_shape=[2, 2])] if pooled else []
    nodes += [node("Flatten", [last], ["f"]), node("MatMul", ["f", "w"], ["y"])]
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("x", ["n", 1, 4, 4]), ("y", ["n", 2]))
    ]
    graph = onnx.helper.make_graph(nodes, "small", ends[:1], ends[1:], held)
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    made.ir_version = 8
    onnx.save(made, path)
    return path


def outputs(model, x):
    runtime = pytest.importorskip("onnxruntime").InferenceSession(
        str(model), providers=["CPUExecutionProvider"]
    )
    return runtime.run(None, {"x": np.asarray(x, np.float32)})[0]


def write(path, least):
    lines = [f"(declare-const {v}_{i} Real)" for v, n in (("X", INPUTS), ("Y", 2)) for i in range(n)]
    lines += [f"(assert (>= X_{i} -0.1)) (assert (<= X_{i} 0.1))" for i in range(INPUTS)]
    path.write_text("\n".join([*lines, f"(assert (>= Y_0 {least}))"]))
    return path


@pytest.mark.parametrize("pooled", [False, True])
def test_sat_and_unsat_of_a_convolution_and_a_pool(pooled, tmp_path):
    model = onnx_model(tmp_path / "model.onnx", pooled)
    rng = np.random.default_rng(1)
    reached = outputs(model, rng.uniform(-0.1, 0.1, (2000, 1, 4, 4)))[:, 0].max()
    met = run(model, write(tmp_path / "met.vnnlib", f"{reached - 0.01:.6f}"), "--format", "json")
    found = json.loads(met.stdout)
    assert (met.return_value, found["status"], found["runtime"]) == (1, "sat", True)
    point = np.array(found["counterexample"])
    assert np.abs(point).max() <= 0.1
    assert outputs(model, point[None])[0, 0] >= reached - 0.01001
    never = run(model, write(tmp_path / "never.vnnlib", "50"))
    assert (never.return_value, never.stdout.strip()) == (0, "unsat: no input meets them")


def test_out_of_time_is_exit_code_1(tmp_path):
    model = onnx_model(tmp_path / "model.onnx", pooled=False)
    result = run(model, write(tmp_path / "p.vnnlib", "0.3"), "--timeout", "1e-9")
    assert (result.return_value, result.stdout.startswith("unknown: out of time")) == (1, True)


def test_a_file_that_is_not_there(tmp_path):
    model = onnx_model(tmp_path / "model.onnx", pooled=False)
    with pytest.raises(MissingInputError, match="no such file"):
        run(model, tmp_path / "none.vnnlib")


def test_the_range_and_the_slope_over_a_box(tmp_path):
    model = onnx_model(tmp_path / "m.onnx", pooled=False)
    result = run(model, "--box", "-0.1", "0.1", "--of", "1", "--norm", "inf", "--format", "json")
    assert result.return_value == 0
    found = json.loads(result.stdout)
    x = np.random.default_rng(0).uniform(-0.1, 0.1, (500, 1, 4, 4))
    y = outputs(model, x)[:, 1]
    assert found["range"]["minimum"][0] <= y.min()
    assert y.max() <= found["range"]["maximum"][1]
    steepest = found["lipschitz"]["constant"][1]
    steps = np.abs(y[:, None] - y[None]) / (np.abs(x[:, None] - x[None]).max(axis=(2, 3, 4)) + np.eye(500))
    assert 0.1 * steepest < steps.max() <= steepest
    np.save(tmp_path / "low.npy", np.full((1, 4, 4), -0.1))
    text = run(model, "--box", tmp_path / "low.npy", "0.1", "--of", "1").stdout
    assert text.splitlines()[0] == "output 1 in the box; each figure lies in its interval, proven"
    assert text.splitlines()[-1] == "all closed"


def test_an_open_interval_has_its_reason_and_exit_code(tmp_path):
    model = onnx_model(tmp_path / "m.onnx", pooled=True)
    result = run(model, "--box", "-1", "1", "--timeout", "0.05")
    assert result.return_value == 1
    assert result.stdout.splitlines()[-1] == "not closed: out of time"


def test_a_property_or_a_box(tmp_path):
    model = onnx_model(tmp_path / "m.onnx", pooled=False)
    with pytest.raises(InvalidInputError, match="property or --box LOW HIGH, got neither"):
        run(model)
    with pytest.raises(InvalidInputError, match="property or --box LOW HIGH, got both"):
        run(model, write(tmp_path / "p.vnnlib", 0.0), "--box", "0", "1")


@pytest.mark.parametrize(("least", "status"), [(-1e3, "sat"), (1e3, "unsat")])
def test_a_page_and_a_picture_of_a_property(least, status, tmp_path):
    model, prop = onnx_model(tmp_path / "m.onnx", pooled=False), write(tmp_path / "p.vnnlib", least)
    for name in ("page.html", "picture.svg", "same.json", "same.txt"):
        done = run(model, prop, "-o", tmp_path / name)
        assert done.output.splitlines()[-1].startswith(status)
    found = json.loads((tmp_path / "same.json").read_text())
    low, high = np.array(found["ranges"]).T
    values = outputs(model, np.random.default_rng(0).uniform(-0.1, 0.1, (200, 1, 4, 4)))
    assert (low <= values).all()
    assert (values <= high).all()
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert ("at the counterexample" in page) == (status == "sat")
    assert "<svg" in page
    assert "Y_1" in (tmp_path / "picture.svg").read_text(encoding="utf-8")
    assert status in (tmp_path / "same.txt").read_text(encoding="utf-8")


def test_what_cannot_be_written_is_refused_first(tmp_path):
    model, prop = onnx_model(tmp_path / "m.onnx", pooled=False), write(tmp_path / "p.vnnlib", 1.0)
    with pytest.raises(InvalidInputError, match=r"expected --output to end in .html"):
        run(model, prop, "-o", tmp_path / "page.xyz")
    with pytest.raises(InvalidInputError, match="expected a property for a page"):
        run(model, "--box", -1, 1, "-o", tmp_path / "page.html")
