"""`nonlin approximate` as a user runs it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from nonlin import read
from nonlin.networks import evaluate

RUN = [sys.executable, "-W", "error", "-m", "nonlin", "approximate"]


def approximate(*arguments):
    return subprocess.run([*RUN, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_a_network_for_a_formula_that_keeps_the_tolerance(tmp_path):
    place = tmp_path / "square.onnx"
    result = approximate("x * x", -1, 1, "--tolerance", 0.01, "-o", place)
    assert result.returncode == 0, result.stderr
    assert "(proved)" in result.stdout
    x = np.linspace(-1, 1, 1001)[:, None]
    (y,) = evaluate(read(place), {"x": x})
    assert np.abs(y - x * x).max() <= 0.0100001


def test_as_json_and_as_a_picture(tmp_path):
    result = approximate("gelu", -4, 4, "--pieces", 5, "--format", "json", "-o", tmp_path / "gelu.svg")
    data = json.loads(result.stdout)
    assert data["pieces"] == len(data["knots"]) - 1 == 5
    assert (tmp_path / "gelu.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gelu", -4, 4), "either pieces or tolerance"),
        (("gelu", 4, -4, "--pieces", 3), "low < high"),
        (("gelo", -4, 4, "--pieces", 3), "gelu"),
        (("gelu", -4, 4, "--peces", 3), "Did you mean '--pieces'"),
        (("gelu", -4, 4, "--pieces", 3, "-o", "net.txt"), ".onnx"),
    ],
)
def test_wrong_use_is_one_line(arguments, words):
    result = approximate(*arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
