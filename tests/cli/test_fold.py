"""`nonlin fold` as a user runs it."""

import json
import sys

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from nonlin import demonstration, geometry, read
from nonlin.cli.fold import fold
from nonlin.cli.folding import Asked, fold_asked
from nonlin.errors import InvalidInputError, MissingInputError, NonlinError
from nonlin.inspection.folding import without_final

MODEL, DATA = str(demonstration.model_path()), str(demonstration.data_path())


def run(*words):
    return CliRunner().invoke(
        fold, [str(word) for word in words], standalone_mode=False, catch_exceptions=False
    )


@pytest.fixture(scope="module")
def images():
    with np.load(DATA) as data:
        return data["images"].astype(np.float64)


@pytest.fixture
def small(tmp_path):
    """Return the path of a network with two inputs, as ONNX."""
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(2, 8)), "v": rng.normal(size=(8, 3)), "b": rng.normal(size=8)}
    held = [onnx.numpy_helper.from_array(x.astype(np.float32), k) for k, x in weights.items()]
    nodes = [
        onnx.helper.make_node("Gemm", ["x", "w", "b"], ["h"], name="hidden"),
        onnx.helper.make_node("Relu", ["h"], ["a"], name="relu"),
        onnx.helper.make_node("MatMul", ["a", "v"], ["y"], name="out"),
        onnx.helper.make_node("Softmax", ["y"], ["z"], name="softmax"),
    ]
    ends = [
        onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["batch", m])
        for n, m in (("x", 2), ("z", 3))
    ]
    model = onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "small", ends[:1], ends[1:], held),
        opset_imports=[onnx.helper.make_opsetid("", 17)],
        ir_version=9,
    )
    onnx.save(model, tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


def test_without_a_model_the_demonstration_is_folded():
    result = run()
    assert result.return_value == 0
    assert "1,723 linear regions (certified)" in result.output
    assert "plane through sample 0, sample 1 and sample 2" in result.output
    assert "This was the demonstration" in result.output


def test_a_line_as_json_is_what_python_says(images):
    found = json.loads(run(MODEL, "--data", DATA, "--line", 3, 5, "--format", "json").stdout)
    direct = geometry.line(read(MODEL), images[3], images[5])
    assert found["count"] == direct.count
    assert [step["t"] for step in found["breakpoints"]] == direct.breakpoints.tolist()
    assert [step["call"] for step in found["breakpoints"]] == list(direct.calls)


def test_points_from_files_are_as_good_as_samples(images, tmp_path):
    np.save(tmp_path / "a.npy", images[3])
    np.save(tmp_path / "b.npy", images[5])
    named = run(MODEL, "--line", tmp_path / "a.npy", tmp_path / "b.npy", "--format", "json")
    numbered = run(MODEL, "--data", DATA, "--line", 3, 5, "--format", "json")
    assert json.loads(named.stdout)["breakpoints"] == json.loads(numbered.stdout)["breakpoints"]


def test_a_plane_as_json(images):
    words = ["--plane", 0, 1, 2, "--window", 0, 0.5, 0, 0.5, "--of", 4, "--format", "json"]
    found = json.loads(run(MODEL, "--data", DATA, *words).stdout)
    direct = geometry.plane(read(MODEL), *images[:3], window=(0, 0.5, 0, 0.5))
    assert found["count"] == found["after"]["relu4"] == direct.count
    assert found["outputs"]["4"]["low"] == direct.output_range(4)[0]
    assert sum(call["segments"] for call in found["folds"].values()) == len(geometry.folds(direct).segments)
    assert found["boundary"]


def test_a_box_and_the_whole_space(small):
    text = run(small, "--box", -1, 1).output
    assert "in the box of inputs between -1 and 1" in text
    assert "Folded before the last call" in text
    assert "37 linear regions (certified)" in run(small, "--space").output


def test_where_nothing_folds_no_bounds_are_told(tmp_path):
    layer = onnx.helper.make_node("Gemm", ["x", "w"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["batch", 2]) for n in "xy"]
    weight = onnx.numpy_helper.from_array(np.array([[1, 2], [3, 4]], np.float32), "w")
    graph = onnx.helper.make_graph([layer], "affine", ends[:1], ends[1:], [weight])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path / "affine.onnx")
    text = run(tmp_path / "affine.onnx", "--box", -1, 1).output
    assert "1 linear region (certified)" in text
    assert "Nothing in this network folds." in text
    assert "No network with these calls" not in text


def test_the_region_of_a_sample_is_what_python_says(images):
    found = json.loads(run(MODEL, "--data", DATA, "--region", 3, "--format", "json").stdout)
    direct = geometry.region(read(MODEL), images[3])
    assert found["certified"]
    np.testing.assert_array_equal(found["weight"], direct.weight)
    np.testing.assert_array_equal(found["halfspaces"]["offsets"], direct.offsets)
    for name, norm in {"1": 1, "2": 2, "inf": np.inf}.items():
        fold, nearest = found["nearest"][name], direct.nearest(norm)
        assert (fold["distance"], fold["call"], fold["unit"]) == (
            nearest.distance,
            nearest.call,
            nearest.unit,
        )
        assert fold["decision_holds_within"] == direct.margin(norm)


def test_the_region_of_a_file_of_one_sample_as_text_and_page(small, tmp_path):
    np.save(tmp_path / "a.npy", np.array([0.25, -0.5]))
    direct = geometry.region(without_final(read(small))[0], [0.25, -0.5])
    text = run(small, "--region", tmp_path / "a.npy").output
    assert f"a region within {len(direct.offsets)} half-spaces (certified)" in text
    assert f"L2      relu, unit {direct.nearest(2).unit}" in text
    page = run(small, "--region", tmp_path / "a.npy", "--format", "html").stdout
    assert "The nearest folds" in page
    assert "<svg" not in page


@pytest.mark.campaign
def test_two_processes_count_the_same(small):
    pytest.importorskip("joblib")
    one, two = (
        json.loads(run(small, "--box", -1, 1, "--jobs", n, "--format", "json").stdout) for n in (1, 2)
    )
    assert one["count"] == two["count"]


@pytest.mark.parametrize("picture", ["creases", "map", "output", "active", "surface"])
@pytest.mark.parametrize("ending", ["png", "svg"])
def test_pictures_are_written(picture, ending, small, tmp_path):
    path = tmp_path / f"fold.{ending}"
    result = run(small, "--box", -1, 1, "--picture", picture, "-o", path)
    assert result.return_value == 0
    start = path.read_bytes()[:200]
    assert start.startswith(b"\x89PNG") if ending == "png" else b"<?xml" in start
    assert f"wrote {path}" in result.stderr
    assert "linear regions" in result.stdout


def test_a_page_holds_its_pictures_and_nothing_from_elsewhere(small, tmp_path):
    assert run(small, "--box", -1, 1, "-o", tmp_path / "fold.html").return_value == 0
    page = (tmp_path / "fold.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 5
    assert "<script" not in page
    assert 'src="http' not in page
    line = run(MODEL, "--data", DATA, "--line", 0, 1, "--format", "html").stdout
    assert line.count("<svg") == 1


def test_every_region_goes_into_a_file(small, tmp_path):
    pytest.importorskip("pyarrow")
    result = run(small, "--space", "-o", tmp_path / "cells.parquet")
    assert result.return_value == 0
    assert sum(1 for _ in geometry.read_cells(tmp_path / "cells.parquet")) == 37


@pytest.fixture
def maker(tmp_path, monkeypatch):
    """Return the word for a function that makes a module."""
    pytest.importorskip("torch")
    source = (
        "import torch\n\ndef make():\n    torch.manual_seed(0)\n"
        "    return torch.nn.Sequential(torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))\n"
    )
    (tmp_path / "made_for_fold.py").write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield "made_for_fold:make"
    sys.modules.pop("made_for_fold", None)


@pytest.mark.campaign  # PyTorch's exporter takes its time
def test_a_function_that_makes_a_module(maker):
    result = run(maker, "--data", DATA, "--plane", 0, 1, 2)
    assert result.return_value == 0
    assert "linear regions (certified)" in result.output


def test_a_module_needs_data_for_the_shape_of_its_input(maker):
    with pytest.raises(InvalidInputError, match="--data to learn the shape"):
        run(maker, "--box", 0, 1)


def test_stopped_it_says_how_far_it_came(monkeypatch):
    def stop(done, _known):
        if done:
            raise KeyboardInterrupt

    asked = Asked(
        model=MODEL,
        data=DATA,
        kind="plane",
        ends=("0", "1", "2"),
        window=(-3, 3, -3, 3),
        jobs=1,
        on=None,
        output=None,
    )
    folded = fold_asked(asked, pictured=False, listed=True, progress=stop)
    assert not folded.cells.certified
    assert "stopped after" in str(folded.cells)
    monkeypatch.setattr("nonlin.cli.fold.fold_asked", lambda *_, **__: folded)
    result = run()
    assert result.return_value == 130
    assert "stopped after" in result.output


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ([MODEL], InvalidInputError, "expected one of --line A B, --plane A B C, .* got none"),
        ([MODEL, "--space", "--box", 0, 1], InvalidInputError, "got --box and --space"),
        (["--data", DATA], InvalidInputError, "expected a model for the data"),
        ([MODEL, "--line", 0, 1], InvalidInputError, "add --data file.npy"),
        (["--line", 0, 999], InvalidInputError, "sample from 0 to 539, got 999"),
        (["--line", 0, "gone.npy"], MissingInputError, "there is no gone.npy"),
        (["gone.onnx", "--space"], MissingInputError, "there is no gone.onnx"),
        (["--box", 0, 16], InvalidInputError, "1 to 6 dimensions, got 64"),
        (["--plane", 0, 1, 2, "--window", 1, 0, 0, 1], InvalidInputError, "window"),
        (["--of", 10], InvalidInputError, "--of from 0 to 9, got 10"),
        (["-o", "fold.pt"], InvalidInputError, r"--output to end in \.html"),
        (["--line", 0, 1, "-o", "fold.parquet"], InvalidInputError, "got a line"),
        (["--region", 0, "-o", "fold.parquet"], InvalidInputError, "got the region of one sample"),
        (["--region", 0, "-o", "fold.png"], InvalidInputError, "to draw, got the region of one sample"),
        (["--region", 999], InvalidInputError, "sample from 0 to 539, got 999"),
        (["--on", "tcp://nowhere:1"], InvalidInputError, "--on with --box"),
        (["-o", "nowhere/fold.png"], MissingInputError, "there is no nowhere"),
    ],
)
def test_wrong_use_is_one_clear_error(words, error, message):
    with pytest.raises(error, match=message) as caught:
        run(*words)
    assert isinstance(caught.value, NonlinError)
    assert "\n" not in str(caught.value)


def test_a_line_tells_how_far_it_is():
    asked = Asked(
        model=str(demonstration.model_path()),
        data=str(demonstration.data_path()),
        kind="line",
        ends=("0", "1"),
        window=(0.0, 1.0, 0.0, 1.0),
        jobs=1,
        on=None,
        output=None,
    )
    told = []
    fold_asked(asked, pictured=False, listed=False, progress=lambda *shares: told.append(shares))
    assert told == sorted(set(told))
    assert told[-1] == (100, 100)
    assert len(told) == len(read(demonstration.model_path()).nodes)
