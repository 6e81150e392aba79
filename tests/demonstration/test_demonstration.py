"""What is shipped is what the README says, read without torch, by two runtimes."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

from nonlin import demonstration

HIDDEN = ("hidden1", "hidden2", "hidden3", "hidden4")


def by_onnxruntime(model, images):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"images": images})


def by_reference(model, images):
    return ReferenceEvaluator(model).run(None, {"images": images})


RUNTIMES = pytest.mark.parametrize("evaluate", [by_onnxruntime, by_reference])


@pytest.fixture(scope="module")
def model():
    return onnx.load(demonstration.model_path())


@pytest.fixture(scope="module")
def data():
    with np.load(demonstration.data_path(), allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def exposed(model):
    """The same model with its pre-activations as outputs, before the logits."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    shown = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in HIDDEN]
    logits = copy.graph.output.pop()
    copy.graph.output.extend([*shown, logits])
    return copy


def counts(outputs, labels):
    """Count as the README does: images right, and dead units of each layer."""
    *hidden, logits = outputs
    dead = {
        f"dead in relu{i}": (int((values <= 0).all(axis=0).sum()), values.shape[1])
        for i, values in enumerate(hidden, start=1)
    }
    return {"images right": (int((logits.argmax(axis=1) == labels).sum()), len(labels)), **dead}


def test_counting_tells_dead_from_rarely_on():
    values = np.array([[-1.0, -1.0, 0.0], [-2.0, 3.0, 0.0]])
    logits = np.array([[0.0, 1.0], [0.0, 1.0]])
    assert counts([values, logits], np.array([1, 0])) == {"images right": (1, 2), "dead in relu1": (2, 3)}


@RUNTIMES
def test_accuracy_and_dead_units_are_as_stated(evaluate, exposed, data, stated):
    assert counts(evaluate(exposed, data["images"]), data["labels"]) == stated["shipped, held out"]


@RUNTIMES
def test_no_unit_is_always_on_as_stated(evaluate, exposed, data, readme):
    assert "No unit of the shipped network is always on." in readme
    *hidden, _ = evaluate(exposed, data["images"])
    assert not any((values > 0).all(axis=0).any() for values in hidden)


def test_dead_units_are_decided_far_from_rounding(exposed, data):
    *hidden, _ = by_onnxruntime(exposed, data["images"])
    for values in hidden:
        nearest = np.abs(values.max(axis=0)).min()
        assert nearest > 1000 * np.finfo(np.float32).eps * values.std()


def test_percentages_are_as_stated(readme, stated):
    counted = [stated[column]["images right"] for column in ("shipped, held out", "twin, held out")]
    shown = re.search(r"So ([\d.]+) % of the held-out images are right, ([\d.]+) % by the twin", readme)
    assert [f"{100 * right / images:.1f}" for right, images in counted] == list(shown.groups())


def test_faults_make_an_instructive_report(stated):
    right, images = stated["shipped, held out"]["images right"]
    assert right / images > 0.85
    shares = [dead / units for name, (dead, units) in stated["shipped, held out"].items() if "dead" in name]
    assert max(shares) > 0.4
    assert min(shares) < 0.1


def test_data_is_as_documented_and_feeds_the_network(model, data):
    images, labels = data["images"], data["labels"]
    assert sorted(data) == ["images", "labels"]
    assert (images.dtype, images.shape) == (np.float32, (540, 64))
    assert (labels.dtype, labels.shape) == (np.int64, (540,))
    assert images.min() == 0
    assert images.max() == 16
    assert np.array_equal(images, np.round(images))
    assert set(labels.tolist()) == set(range(10))
    assert by_onnxruntime(model, images[:1])[0].shape == (1, 10)
    assert by_onnxruntime(model, images)[0].shape == (540, 10)


def test_model_is_plain_onnx_with_readable_names(model):
    onnx.checker.check_model(model, full_check=True)
    assert [node.name for node in model.graph.node] == [
        *(name for i in range(1, 5) for name in (f"hidden{i}", f"relu{i}")),
        "logits",
    ]
    assert {(node.op_type, node.domain) for node in model.graph.node} == {("Gemm", ""), ("Relu", "")}
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]


def test_the_shipped_files_are_small():
    folder = demonstration.model_path().parent
    shipped = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    assert set(shipped) == {"__init__.py", "README.md", "digits.npz", "digits.onnx"}
    assert sum(shipped.values()) < 100_000


def test_it_opens_without_torch():
    program = (
        "import sys, numpy, onnx, nonlin.demonstration as d;"
        "onnx.load(d.model_path()); numpy.load(d.data_path())['images'];"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_only_the_standard_library_is_imported():
    tree = ast.parse(Path(demonstration.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    named = {
        name.split(".")[0]
        for node in imports
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    }
    assert named
    assert named <= sys.stdlib_module_names
