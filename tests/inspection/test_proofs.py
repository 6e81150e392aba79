import numpy as np
import pytest

from nonlin.functions import function
from nonlin.geometry.bounds import CallBounds, bounds
from nonlin.inspection.proofs import prove
from nonlin.networks import Network, Node, Tensor, trace
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.affine import Dense


def proven(operator, low, high, *, axis=1):
    node = Node(name="call", operator=operator, inputs=("u",), output="y")
    call = CallBounds(node=node, low=np.array(low), high=np.array(high), certificate="linear")
    found = prove(call, unit_axis=axis, constant_slope=0.01)
    return found.dead, found.linear


@pytest.mark.parametrize(
    ("name", "dead", "linear"),
    [
        ("relu", (0, 1), (3, 4, 5)),
        ("leaky_relu", (), (0, 1, 3, 4, 5)),
        ("hardtanh", (0, 5), (2, 3)),
        ("sigmoid", (0, 5), ()),
        ("gelu", (0,), (5,)),
        ("step", (0, 5), ()),
    ],
)
def test_each_interval(name, dead, linear):
    low, high = [-60.0, -2.0, -1.0, 0.0, 0.5, 30.0], [-50.0, 0.0, 1.0, 0.9, 2.0, 40.0]
    found = proven(Activation(function=function(name)), low, high)
    if name == "step":  # flat on both sides of its jump, and not at it
        assert found == ((0, 4, 5), ())
    else:
        assert found == (dead, linear)


def test_learned_slopes():
    operator = ParametricRelu(slopes=np.array([0.0, 0.5, 1.0]))
    assert proven(operator, [-2.0] * 3, [-1.0] * 3) == ((0,), (1, 2))
    assert proven(operator, [-2.0] * 3, [1.0] * 3) == ((), (2,))


def test_a_channel_is_dead_where_all_its_positions_are():
    low, high = [[-2.0, -1.0], [-2.0, 1.0]], [[-1.0, -0.5], [-1.0, 2.0]]
    assert proven(Activation(function=function("relu")), low, high) == ((0,), ())
    assert proven(Activation(function=function("relu")), low, high, axis=-1) == ((0,), ())


def test_a_unit_proven_dead_never_fires_and_planted_ones_are_found():
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal((24, 8)) / 3, rng.standard_normal((24, 24)) / 5]
    biases = [0.2 * rng.standard_normal(24), 0.2 * rng.standard_normal(24)]
    biases[0][:3], biases[1][5:7] = -9.0, -40.0
    biases[0][10:12] = 9.0
    names, nodes = ["x"], []
    for weight, bias in zip(weights, biases, strict=True):
        for operator in (Dense(weight=weight, bias=bias), Activation(function=function("relu"))):
            nodes.append(
                Node(name=f"n{len(nodes)}", operator=operator, inputs=(names[-1],), output=f"n{len(nodes)}")
            )
            names.append(nodes[-1].output)
    made = Network(
        name="made up",
        inputs=(Tensor(name="x", shape=(None, 8), dtype="float64"),),
        outputs=(Tensor(name="n3", shape=(None, 24), dtype="float64"),),
        nodes=tuple(nodes),
        parameters=0,
    )
    first, second = (prove(c, unit_axis=1, constant_slope=0.01) for c in bounds(made, 0.0, 1.0).calls)
    assert {0, 1, 2} <= set(first.dead)
    assert {5, 6} <= set(second.dead)
    assert {10, 11} <= set(first.linear)
    values = trace(made, {"x": rng.uniform(0, 1, (100_000, 8))})
    assert not np.any(values["n1"][:, first.dead])
    assert not np.any(values["n3"][:, second.dead])
    assert np.all(values["n0"][:, first.linear] >= 0)
    assert np.any(values["n1"][:, 3])
