import numpy as np
import onnx
import onnxruntime
import pytest

import nonlin
from nonlin.errors import InvalidInputError
from nonlin.inspection.curing.change import Change
from nonlin.inspection.curing.onnx_editing import OnnxCopy
from nonlin.inspection.curing.scales import InputScale

rng = np.random.default_rng(0)
X = rng.standard_normal((80, 6)).astype(np.float32)


def draw(units, inputs):
    return rng.standard_normal((units, inputs)) * np.sqrt(2 / inputs), np.zeros(units)


def run(proto, x):
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


@pytest.fixture
def dying(mlp):
    layers = [draw(12, 6), draw(12, 12), draw(3, 12)]
    layers[0][1][:4] = -40
    return mlp(layers, ["Relu", "Relu"])


def test_dead_units_come_back_and_the_answers_stay(dying, tmp_path):
    before = dying.read_bytes()
    cure = nonlin.cure(dying, X)
    best = cure.best
    assert best.after == ()
    np.testing.assert_allclose(run(best.model, X), run(onnx.load(dying), X), atol=1e-5)
    onnx.save(best.model, tmp_path / "cured.onnx")
    assert nonlin.inspect(tmp_path / "cured.onnx", X).calls[0].dead == 0
    assert dying.read_bytes() == before


def test_a_loss_wants_pytorch(dying):
    with pytest.raises(InvalidInputError, match="expected a PyTorch model to train"):
        nonlin.cure(dying, X, np.zeros(80, int), loss="cross_entropy")


def test_standardise_exchange_and_insert_do_what_they_say(dying):
    original = OnnxCopy(onnx.load(dying), "m")
    scaled = original.copy()
    scaled.standardise(InputScale(mean=2.0, std=4.0))
    np.testing.assert_allclose(run(scaled.proto, X * 4 + 2), run(original.proto, X), atol=1e-5)
    exchanged = original.copy()
    exchanged.exchange("act0", "leaky_relu")
    first = exchanged.opened.record(iter(batches()), None).calls[0].site.function
    assert first.name == "leaky_relu"
    assert run(exchanged.proto, X).shape == (80, 3)
    assert original.proto == onnx.load(dying)


def batches():
    from nonlin.inspection.data import batches_of

    return list(batches_of(X))


@pytest.mark.parametrize("kind", ["merge", "insert"])
def test_a_collapse_is_merged_or_bent(mlp, kind):
    path = mlp([draw(12, 6), draw(12, 12), draw(3, 12)], [None, "Relu"])
    cure = nonlin.cure(path, X)
    trial = next(trial for trial in cure.trials if trial.changes[0].kind == kind)
    assert trial.cured
    difference = np.abs(run(trial.model, X) - run(onnx.load(path), X)).max()
    assert (difference < 1e-5) == (kind == "merge")


def test_a_bias_is_added_where_there_is_none(mlp):
    path = mlp([draw(12, 6), draw(3, 12)], ["Relu"])
    proto = onnx.load(path)
    del proto.graph.node[0].input[2]
    edited = OnnxCopy(proto, "m")
    weights = edited.weights()["act0"]
    assert weights.bias is None
    edited.set_weights("act0", weights.weight, np.full(12, 5.0))
    assert edited.weights()["act0"].bias == pytest.approx(5.0)
    assert run(edited.proto, X).shape == (80, 3)


def test_a_shared_weight_changes_for_one_layer_only(mlp):
    path = mlp([draw(6, 6), draw(6, 6), draw(3, 6)], ["Relu", "Relu"])
    proto = onnx.load(path)
    proto.graph.node[2].input[1] = proto.graph.node[0].input[1]
    edited = OnnxCopy(proto, "m")
    before = edited.weights()
    edited.set_weights("act0", before["act0"].weight * 2, np.zeros(6))
    after = edited.weights()
    np.testing.assert_array_equal(after["act1"].weight, before["act1"].weight)
    np.testing.assert_allclose(after["act0"].weight, 2 * before["act0"].weight)


def test_change_words_name_the_place():
    assert (
        Change(kind="shift", call="relu1", units=(1, 2)).words
        == "shift the biases at 2 units of relu1 to mean 0"
    )
