import json

import click
import onnx
import pytest
from click.testing import CliRunner

from nonlin import demonstration
from nonlin.cli.cure import cure
from nonlin.errors import InvalidInputError

MODEL, DATA = str(demonstration.model_path()), str(demonstration.data_path())


def run(*words):
    return CliRunner().invoke(
        cure, [str(word) for word in words], standalone_mode=False, catch_exceptions=False
    )


def test_the_best_copy_is_written_and_the_model_is_not(tmp_path):
    before = demonstration.model_path().read_bytes()
    result = run(MODEL, DATA, "--trials", 2, "--output", tmp_path / "cured.onnx")
    assert result.return_value == 0
    assert "Best  leaky_relu at relu1, relu2, relu3, relu4" in result.output
    operators = [node.op_type for node in onnx.load(tmp_path / "cured.onnx").graph.node]
    assert operators.count("LeakyRelu") == 4
    assert demonstration.model_path().read_bytes() == before


def test_nothing_helps_is_exit_code_1_and_no_file(tmp_path):
    result = run(MODEL, DATA, "--trials", 1, "--output", tmp_path / "cured.onnx")
    assert result.return_value == 1
    assert "Nothing that was tried helps." in result.output
    assert not (tmp_path / "cured.onnx").exists()


def test_json_says_what_was_tried():
    found = json.loads(run(MODEL, DATA, "--trials", 1, "--format", "json").stdout)
    assert [trial["helps"] for trial in found["trials"]] == [False]
    assert found["best"] is None
    assert all(change["reason"] for change in found["untried"])


@pytest.mark.parametrize("output", ["cured.pt", "cured.onnx"])
def test_a_file_that_cannot_be_meant_is_refused(output, tmp_path):
    with pytest.raises(InvalidInputError, match="expected"):
        run("package.module:function", DATA, "--output", tmp_path / output)


def test_a_learning_rate_below_0_is_refused_before_anything_runs():
    with pytest.raises(click.BadParameter, match="x>0"):
        run("model.onnx", "data.npy", "--rate", -1)
