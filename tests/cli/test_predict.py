"""`nonlin predict` as a user runs it."""

import json
import subprocess
import sys

import numpy as np
import pytest

import nonlin
from nonlin import demonstration
from nonlin.cli.predict import predict as command
from nonlin.errors import InvalidInputError

RUN = [sys.executable, "-W", "error", "-m", "nonlin", "predict"]
MODEL = demonstration.model_path()


def predict(*arguments, cwd=None):
    return subprocess.run([*RUN, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd)


def test_a_row_a_call_for_the_inputs_of_the_data():
    result = predict(MODEL, "--data", demonstration.data_path())
    assert result.returncode == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("relu")]
    with np.load(demonstration.data_path()) as data:
        images = data["images"]
    calls = nonlin.predict(MODEL, input_mean=images.mean(axis=0), input_variance=images.var(axis=0)).calls
    assert [row[0] for row in rows] == [call.name for call in calls]
    assert [float(row[2]) for row in rows] == pytest.approx([c.weight_variance for c in calls], rel=1e-2)
    assert [float(row[4]) for row in rows] == pytest.approx([c.length for c in calls], rel=1e-2)
    assert f"variances of {len(images)} samples" in result.stdout


def test_numbers_for_the_inputs_as_json():
    found = json.loads(predict(MODEL, "--input-mean", 1, "--input-variance", 0.5, "--format", "json").stdout)
    assert found == nonlin.predict(MODEL, input_mean=1.0, input_variance=0.5).to_dict()
    assert found["calls"][0]["length"] != nonlin.predict(MODEL).calls[0].length


def test_a_page_and_a_picture(tmp_path):
    assert predict(MODEL, "-o", tmp_path / "p.svg").returncode == 0
    assert (tmp_path / "p.svg").read_text().startswith("<?xml")
    result = predict(MODEL, "-o", tmp_path / "p.html")
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "p.html").read_text()
    assert "<svg" in page
    assert "independent and standard normal" in page
    first = nonlin.predict(MODEL).calls[0]
    assert f'<td class="n">{first.weight_variance:.3g}</td>' in page


def test_a_module_of_the_user(tmp_path, monkeypatch):
    pytest.importorskip("onnxscript")
    (tmp_path / "made.py").write_text(
        "import torch\n"
        "def model():\n"
        "    print('building')\n"
        "    return torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))\n"
        "def data():\n"
        "    return torch.ones(5, 3)\n"
    )
    result = predict("made:model", "--data", "made:data", "--format", "json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (call,) = json.loads(result.stdout)["calls"]
    assert call["function"] == "tanh"
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidInputError, match="shape of the input of made:model, got none; add --data"):
        command.main(["made:model"], standalone_mode=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((MODEL, "-o", "v.doc"), ".html"),
        (("nowhere.onnx",), "there is no nowhere.onnx"),
        (("--data", demonstration.data_path()), "name the model first"),
        ((MODEL, "--data", demonstration.data_path(), "--input-mean", 1), "leave one of them out"),
        ((MODEL, "--input-variance", -1), "at least 0"),
    ],
)
def test_wrong_use_is_said(arguments, words):
    result = predict(*arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
