"""`nonlin vanishing` as a user runs it."""

import json
import subprocess
import sys

import pytest

import nonlin

RUN = [sys.executable, "-W", "error", "-m", "nonlin", "vanishing"]


def vanishing(*arguments):
    return subprocess.run([*RUN, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_a_table_and_a_picture(tmp_path):
    place = tmp_path / "vanishing.svg"
    result = vanishing("sigmoid", "relu", "-i", "xavier", "--depth", 10, "--width", 16, "-o", place)
    assert result.returncode == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == ["function", "sigmoid", "relu"]
    assert float(rows[1][5]) == round(nonlin.function("sigmoid").layers(10, weight_variance=1.0).decades, 2)
    assert place.read_text().startswith("<?xml")


def test_as_json():
    (found,) = json.loads(vanishing("tanh", "--depth", 5, "--format", "json").stdout)
    assert found["predicted"] == nonlin.function("tanh").layers(5).to_dict()
    assert found["tried"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tanh", "-o", "v.txt"), ".svg"),
        (("softmax",), "of a whole vector"),
        (("tanh", "--depth", 0), "a depth of at least 1"),
        (("tanhh",), "tanh"),
    ],
)
def test_wrong_use_is_said(arguments, words):
    result = vanishing(*arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
