"""`nonlin bench` as a user runs it."""

import json
import subprocess
import sys

RUN = [sys.executable, "-W", "error", "-m", "nonlin", "bench"]


def bench(*arguments):
    return subprocess.run([*RUN, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_it_measures_and_draws(tmp_path):
    small = ("--elements", "5000", "--large", "0")
    result = bench("relu", "x * x", *small, "--format", "json", "-o", tmp_path / "costs.svg")
    assert result.returncode == 0, result.stderr
    assert [cost["name"] for cost in json.loads(result.stdout)] == ["relu", "x * x"]
    assert (tmp_path / "costs.svg").read_text().startswith("<?xml")
    table = bench("tanh", "--elements", "5000", "--large", "10000").stdout
    assert "training step: of an MLP" in table
    assert "memory: in copies" in table
    assert "with nodes in " in table
    assert max(map(len, table.splitlines())) <= 80
    assert "tanh" in table


def test_wrong_use_is_a_line():
    wrong = ((["geluu"], "gelu"), (["relu", "-o", "x.bmp"], ".png"), (["softmax"], "softmax"))
    wrong += ((["relu", "-o", "missing/x.png"], "no missing"),)
    for arguments, word in wrong:
        result = bench(*arguments)
        assert result.returncode == 2
        (line,) = result.stderr.strip().splitlines()
        assert word in line
