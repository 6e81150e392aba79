import json

import numpy as np
import pytest

import nonlin
from nonlin import demonstration
from nonlin.errors import InvalidInputError
from nonlin.functions import function
from nonlin.inspection.prediction import predict
from nonlin.networks import Node
from nonlin.networks.activation import Activation, ParametricRelu, Softmax
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.shape import Reshape
from nonlin.networks.window import AveragePool, Convolution, MaxPool, Window

from .made import chain, measure, network

CALLS = {"relu": 2.0, "gelu": 1.7, "silu": 2.0, "elu": 1.5, "tanh": 1.5, "sigmoid": 4.0}


def dense(rng, units, inputs, *, gain=2.0, bias=0.0, mean=0.0):
    weight = rng.standard_normal((units, inputs)) * np.sqrt(gain / inputs) + mean / inputs
    return Dense(weight=weight, bias=bias * rng.standard_normal(units))


def call(name):
    return Activation(function=function(name))


def mlp(rng, name, *, depth=8, width=64, **kwargs):
    gain = CALLS.get(name, 2.0)
    layers = [x for _ in range(depth) for x in (dense(rng, width, width, gain=gain, **kwargs), call(name))]
    return chain([*layers, dense(rng, 5, width)], (width,))


def compare(made, *, decades=0.05, lengths=0.1, **inputs):
    length, gradient = measure(made, **inputs)
    statistics = {f"input_{k}": v for k, v in inputs.items()}
    prediction = predict(made, measured=gradient, **statistics)
    for row in prediction.calls:
        assert row.length == pytest.approx(length[row.name], rel=lengths), row
        assert abs(row.decades) < decades, row
    return prediction


@pytest.mark.parametrize("name", CALLS)
def test_dense_networks(name):
    compare(mlp(np.random.default_rng(1), name, bias=0.1))


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_weights_with_a_mean(name):
    # a ReLU's mean meets the sums of the rows; a recursion with the variances alone is off by decades
    compare(mlp(np.random.default_rng(2), name, mean=1.5, depth=5), lengths=0.15, decades=0.1)


def test_inputs_with_statistics_of_their_own():
    compare(mlp(np.random.default_rng(3), "gelu"), mean=2.0, variance=0.25)


def test_a_wrong_slope_would_be_seen():
    made = mlp(np.random.default_rng(1), "tanh")
    other = mlp(np.random.default_rng(1), "sigmoid")
    _, gradient = measure(made)
    rows = predict(other, measured=gradient).calls
    assert abs(rows[0].decades) > 1


def test_learned_slopes_and_scales_of_each_unit():
    rng = np.random.default_rng(4)
    slopes = rng.uniform(-0.5, 1.0, 64)
    scale, shift = rng.uniform(0.5, 2.0, 64), rng.standard_normal(64)
    layers = [dense(rng, 64, 64), Elementwise(scale=scale, shift=shift), ParametricRelu(slopes=slopes)]
    compare(chain([*layers, *layers, dense(rng, 64, 64), call("silu"), dense(rng, 5, 64)], (64,)))


def test_a_residual_network():
    rng = np.random.default_rng(5)
    nodes, last = [Node(name="first", operator=dense(rng, 64, 64), inputs=("x",), output="h0")], "h0"
    for i in range(4):
        steps = (
            (f"call{i}", call("relu"), (last,)),
            (f"dense{i}", dense(rng, 64, 64, gain=1.0), (f"call{i}",)),
            (f"sum{i}", Sum(signs=(1, 1)), (f"dense{i}", last)),
        )
        nodes += [Node(name=n, operator=o, inputs=inputs, output=n) for n, o, inputs in steps]
        last = f"sum{i}"
    compare(network(nodes, (64,)))


def convolution(rng, out, channels, *, stride=1):
    weight = rng.standard_normal((out, channels, 3, 3)) * np.sqrt(2 / (9 * channels))
    window = Window(size=(3, 3), strides=(stride, stride), dilations=(1, 1), padding=((1, 1), (1, 1)))
    return Convolution(weight=weight, bias=0.1 * rng.standard_normal(out), window=window)


def test_a_convolutional_network():
    rng = np.random.default_rng(6)
    pool = AveragePool(window=Window(size=(2, 2), strides=(2, 2), dilations=(1, 1), padding=((0, 0), (0, 0))))
    made = chain(
        [
            *(convolution(rng, 16, 3), call("relu"), convolution(rng, 24, 16, stride=2), call("gelu"), pool),
            *(convolution(rng, 24, 24), call("relu"), Reduce(axes=(2, 3), mean=True, keepdims=False)),
            *(dense(rng, 32, 24), call("tanh"), dense(rng, 5, 32)),
        ],
        (3, 12, 12),
    )
    # behind the mean over a channel the positions' correlation shows
    compare(made, decades=0.1, lengths=0.2)


def test_what_is_not_covered_is_named():
    rng = np.random.default_rng(7)
    pool = MaxPool(window=Window(size=(2, 2), strides=(2, 2), dilations=(1, 1), padding=((0, 0), (0, 0))))
    operators = [
        convolution(rng, 4, 1),
        call("relu"),
        convolution(rng, 4, 4),
        call("relu"),
        pool,
        call("tanh"),
    ]
    made = chain([*operators, Reshape(shape=(0, -1))], (1, 8, 8))
    prediction = predict(made)
    assert [row.confidence for row in prediction.calls] == ["stable", "stable", "not covered"]
    assert prediction.uncovered == ("MaxPool (node 'n4')",)
    assert [row.gradient is None for row in prediction.calls] == [False, False, True]
    assert prediction.calls[1].gradient == 1
    assert "not covered: MaxPool (node 'n4')" in str(prediction)


def test_the_gradient_starts_before_a_softmax():
    rng = np.random.default_rng(8)
    made = chain([dense(rng, 32, 32), call("relu"), dense(rng, 5, 32), Softmax(axis=-1)], (32,))
    prediction = predict(made)
    assert prediction.uncovered == ("Softmax (node 'n3')",)
    assert prediction.calls[0].gradient == 1


def test_nothing_comes_back_through_a_step():
    rng = np.random.default_rng(8)
    calls = [x for name in ("relu", "step", "relu") for x in (dense(rng, 32, 32), call(name))]
    rows = predict(chain(calls, (32,))).calls
    assert rows[0].gradient == 0
    assert rows[1].gradient > 0


def test_unstable_lengths_are_said_so():
    rng = np.random.default_rng(9)
    gain = function("gelu").moments().gain ** 2
    layers = [x for _ in range(12) for x in (dense(rng, 32, 32, gain=gain), call("gelu"))]
    rows = predict(chain([*layers, dense(rng, 5, 32)], (32,)), input_variance=1 / gain).calls
    assert rows[0].confidence == "stable"
    assert rows[-1].confidence == "unstable"
    assert rows[0].length == pytest.approx(1, rel=0.2)
    assert rows[0].length_slope == pytest.approx(function("gelu").moments().length_slope, rel=0.1)
    relu = predict(mlp(rng, "relu", depth=12, width=32)).calls
    assert {row.confidence for row in relu} == {"stable"}


def test_the_stretch_is_what_an_error_of_the_input_does():
    made = mlp(np.random.default_rng(10), "silu", depth=6, bias=0.2)
    rows, moved = predict(made).calls, predict(made, input_variance=1.01).calls
    for row, other in zip(rows, moved, strict=True):
        assert np.log(other.length / row.length) / np.log(1.01) == pytest.approx(row.stretch, rel=0.2)


def test_the_spread_of_the_weights_in_front():
    rng = np.random.default_rng(11)
    first, second = dense(rng, 64, 16, bias=0.5), convolution(rng, 8, 4)
    scale = Elementwise(scale=np.array(3.0), shift=np.array(0.0))
    rows = predict(chain([first, scale, call("relu"), call("tanh")], (16,))).calls
    assert rows[0].layer == "n0"
    assert rows[0].weight_variance == pytest.approx(16 * np.mean((first.weight - first.weight.mean()) ** 2))
    assert rows[0].bias_variance == pytest.approx(np.mean((first.bias - first.bias.mean()) ** 2))
    assert (rows[1].layer, rows[1].weight_variance, rows[1].bias_variance) == (None, None, None)
    (row,) = predict(chain([second, call("relu")], (4, 6, 6))).calls
    assert row.weight_variance == pytest.approx(36 * second.weight.var())


def test_no_layer_alone_stands_behind_a_sum():
    rng = np.random.default_rng(12)
    nodes = [
        Node(name="a", operator=dense(rng, 8, 8), inputs=("x",), output="a"),
        Node(name="b", operator=dense(rng, 8, 8), inputs=("x",), output="b"),
        Node(name="sum", operator=Sum(signs=(1, 1)), inputs=("a", "b"), output="sum"),
        Node(name="call", operator=call("relu"), inputs=("sum",), output="call"),
    ]
    assert predict(network(nodes, (8,))).calls[0].weight_variance is None


def test_a_path_is_read():
    assert predict(demonstration.model_path()) == predict(nonlin.read(demonstration.model_path()))
    found = predict(str(demonstration.model_path()))
    assert found.decades == pytest.approx(np.log10(found.calls[0].gradient / found.calls[-1].gradient))


def test_wrong_input():
    made = mlp(np.random.default_rng(1), "relu", depth=2)
    with pytest.raises(InvalidInputError, match="at least 0"):
        predict(made, input_variance=-1.0)
    with pytest.raises(InvalidInputError, match="broadcast to the shape"):
        predict(made, input_variance=np.ones(3))
    with pytest.raises(InvalidInputError, match="names of calls, got 'nobody'"):
        predict(made, measured={"nobody": 1.0})


def test_beside_an_inspection():
    made = nonlin.read(demonstration.model_path())
    data = np.load(demonstration.data_path())["images"].astype(float)
    inspection = nonlin.inspect(demonstration.model_path(), data.astype(np.float32))
    prediction = predict(
        made, input_mean=data.mean(axis=0), input_variance=data.var(axis=0), measured=inspection
    )
    gradients = [call.gradient for call in inspection.calls]
    assert [row.measured for row in prediction.calls] == pytest.approx([g / gradients[-1] for g in gradients])
    assert max(abs(row.decades) for row in prediction.calls) < 0.2
    assert json.loads(prediction.to_json()) == prediction.to_dict()
    assert "measured" in str(prediction)
    assert "measured" not in str(predict(made))


def test_an_attention_in_between_does_not_confuse_the_calls():
    torch = pytest.importorskip("torch")

    class Attending(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Linear(6, 6), torch.nn.Linear(6, 6)

        def forward(self, x):
            h = torch.nn.functional.gelu(self.first(x))
            weights = torch.softmax(h @ h.transpose(1, 2), dim=-1)
            return torch.relu(self.second(weights @ h))

    torch.manual_seed(0)
    module, data = Attending(), np.random.default_rng(0).standard_normal((40, 3, 6)).astype(np.float32)
    prediction = predict(nonlin.read(module, data), measured=nonlin.inspect(module, data))
    assert prediction.calls[0].measured == pytest.approx(1)
    assert prediction.calls[-1].confidence == "not covered"
    assert any("MatrixProduct" in name for name in prediction.uncovered)
