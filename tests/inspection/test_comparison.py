import json

import numpy as np
import pytest

from nonlin.errors import InvalidInputError, MissingInputError
from nonlin.inspection import changes, inspect, read_report

SAMPLES = np.random.default_rng(7).standard_normal((200, 16)).astype(np.float32)


def test_nothing_changes_between_two_runs(mlp, he):
    path = mlp([he(8, 16, 0), he(4, 8, 1)], ["Relu"])
    first, second = inspect(path, SAMPLES), inspect(path, SAMPLES)
    assert not changes(first.to_dict(), second)


def test_what_changed_is_named(mlp, he, tmp_path):
    weight, bias = he(8, 16, 0)
    before = inspect(mlp([(weight, bias), he(4, 8, 1)], ["Relu"], "before.onnx"), SAMPLES)
    (tmp_path / "old.json").write_text(before.to_json())
    worse = bias.copy()
    worse[:3] = -100
    after = inspect(mlp([(weight, worse), he(4, 8, 1)], ["Relu"], "after.onnx"), SAMPLES)
    found = changes(read_report(tmp_path / "old.json"), after)
    assert any("3 of 8 units (38%) are dead" in message for message in found.appeared)
    assert ("act0", "dead", 0, 3) in [(c.call, c.figure, c.before, c.after) for c in found.calls]
    back = changes(after.to_dict(), before)
    assert any("3 of 8 units (38%) are dead" in message for message in back.gone)


def test_gradients_of_other_things_are_not_compared(mlp, he):
    path = mlp([he(8, 16, 0), he(4, 8, 1)], ["Relu"])
    of_a_direction = inspect(path, SAMPLES).to_dict()
    of_the_loss = inspect(path, SAMPLES, np.arange(len(SAMPLES)) % 4)
    assert of_a_direction["calls"][0]["gradient"] != pytest.approx(
        of_the_loss.calls[0].gradient, rel=0.05
    )  # 9 %
    assert not changes(of_a_direction, of_the_loss)


def test_calls_that_come_and_go(mlp, he):
    short = inspect(mlp([he(8, 16, 0), he(4, 8, 1)], ["Relu"], "a.onnx"), SAMPLES)
    long = inspect(mlp([he(8, 16, 0), he(8, 8, 1), he(4, 8, 2)], ["Relu", "Relu"], "b.onnx"), SAMPLES)
    assert ("act1", "units", None, 8) in [
        (c.call, c.figure, c.before, c.after) for c in changes(short.to_dict(), long).calls
    ]
    assert ("act1", "units", 8, None) in [
        (c.call, c.figure, c.before, c.after) for c in changes(long.to_dict(), short).calls
    ]


def test_other_files_are_refused(tmp_path):
    with pytest.raises(MissingInputError, match="there is no"):
        read_report(tmp_path / "no.json")
    for text in ("{", "[]", json.dumps({"calls": []})):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InvalidInputError, match="expected a report that nonlin wrote"):
            read_report(tmp_path / "bad.json")
