"""`nonlin simplify`: what it writes, refuses and answers."""

import json
from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

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


def stack(path, activation):
    """Write four layers, with an activation between them whose units are all on for inputs in [0, 1], or without."""
    rng = np.random.default_rng(0)
    nodes, tensors, last = [], [], "x"
    for i, (a, b) in enumerate(pairwise((5, 9, 8, 7, 3))):
        tensors += [
            numpy_helper.from_array(rng.uniform(0.1, 1, (b, a)).astype(np.float32), f"w{i}"),
            numpy_helper.from_array(rng.uniform(0.1, 1, b).astype(np.float32), f"b{i}"),
        ]
        nodes.append(
            helper.make_node("Gemm", [last, f"w{i}", f"b{i}"], [last := "y" if i == 3 else f"u{i}"], transB=1)
        )
        if activation and i < 3:
            nodes.append(helper.make_node(activation, [last], [last := f"h{i}"]))
    ends = [helper.make_tensor_value_info(*end) for end in (("x", 1, ["n", 5]), ("y", 1, ["n", 3]))]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


@pytest.mark.parametrize(("activation", "over"), [(None, ()), ("Relu", ("--over", "0", "1"))])
def test_what_is_affine_becomes_one_layer(activation, over, tmp_path, capsys):
    model, small = str(tmp_path / "model.onnx"), str(tmp_path / "small.onnx")
    stack(model, activation)
    assert code(model, *over, "--output", small, "--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [proto.op_type for proto in onnx.load(small).graph.node] == ["Gemm"]
    assert report["after"]["parameters"] == 5 * 3 + 3
    assert 0 < report["agreement"]["difference"] <= 1e-5
    assert report["agreement"]["difference_float64"] <= 1e-12
    assert report["proven"]
    proofs = {removal["certificate"] for removal in report["removed"]}
    assert proofs == ({"structure", "interval"} if over else {"structure"})
    assert code("--verify", model, small, *over) == 0
    if activation:
        assert code("--verify", model, small, "--over", "-9", "-8") == 1


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
