"""`nonlin simplify`: what it writes, refuses and answers."""

import json

import onnx
import pytest

from nonlin import demonstration
from nonlin.cli.main import main

MODEL = str(demonstration.model_path())


def code(*words):
    with pytest.raises(SystemExit) as end:
        main(["simplify", *words])
    return end.value.code


def test_it_writes_what_verify_accepts(tmp_path, capsys):
    small = str(tmp_path / "small.onnx")
    assert code(MODEL, "--output", small, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["proven"] is True
    assert code("--verify", MODEL, small) == 0
    model = onnx.load(small)
    model.graph.initializer[0].raw_data = bytes(len(model.graph.initializer[0].raw_data))
    onnx.save(model, small)
    assert code("--verify", MODEL, small) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["small.onnx"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output", MODEL], "expected another file than the model"),
        (["--output", "x.txt"], "expected --output to end in"),
        (["--over", "1", "0"], "expected a finite box"),
        (["--remove-silent"], "expected data"),
        (["--verify"], "expected two models"),
        (["--box", "nowhere.json"], "there is no nowhere.json"),
    ],
)
def test_wrong_use_is_said(words, message, capsys):
    assert code(MODEL, *words) == 2
    assert message in capsys.readouterr().err
