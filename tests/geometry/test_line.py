import numpy as np
import pytest
from networks_strategy import Building

from nonlin import demonstration, read
from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.functions import function
from nonlin.geometry import line
from nonlin.networks import evaluate
from nonlin.networks.activation import Activation, Multiply, Opaque
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.shape import Concatenate, Pad, Slice, Take, Transpose

RELU = Activation(function=function("relu"))


def network_of(*operators, inputs=1):
    made = Building((inputs,))
    for operator in operators:
        made.add(operator, (operator.weight.shape[0],) if isinstance(operator, Dense) else None)
    return made.network()


def dense(weight, bias=None):
    return Dense(
        weight=np.array(weight, np.float64), bias=None if bias is None else np.array(bias, np.float64)
    )


def count(network, a, b):
    found = line(network, np.atleast_1d(a).astype(float), np.atleast_1d(b).astype(float))
    assert found.certified
    return found.count


def test_a_line_of_the_demonstration_is_certified_and_affine_between_its_breakpoints():
    network = read(demonstration.model_path())
    with np.load(demonstration.data_path()) as data:
        a, b = data["images"][:2].astype(np.float64)
    found = line(network, a, b)
    assert found.certified
    assert found.count == len(found.calls) + 1 > 10
    t = np.random.default_rng(0).random(200)
    (direct,) = evaluate(network, {network.inputs[0].name: a + t[:, None] * (b - a)})
    between = np.stack([np.interp(t, found.positions, column) for column in found.outputs.T], axis=1)
    np.testing.assert_allclose(between, direct, rtol=1e-9, atol=1e-9 * np.abs(direct).max())


def test_two_folds_closer_than_a_float_are_two():
    # at t = 1/3 and at t = 1/3 as float64: 1.8e-17 apart, less than their spacing of 5.6e-17
    third = 1 / 3
    network = network_of(dense([[3], [1]], [-1, -third]), RELU)
    found = line(network, np.zeros(1), np.ones(1))
    assert found.count == 3
    assert found.certified
    assert found.breakpoints[0] == found.breakpoints[1]


def test_folds_at_one_point_are_one():
    assert count(network_of(dense([[3], [1], [-7]], [-1.5, -0.5, 3.5]), RELU), 0, 1) == 2


def test_a_unit_that_touches_its_kink_makes_no_fold_of_its_own():
    # abs(x − ½) reaches 0 at the fold that the first layer makes already, and turns back
    network = network_of(dense([[1]], [-0.5]), Activation(function=function("abs")), dense([[1]]), RELU)
    assert count(network, 0, 1) == 2


def test_a_fold_that_later_layers_cancel_still_counts():
    assert count(network_of(dense([[1]], [-0.5]), RELU, dense([[0]])), 0, 1) == 2


def test_relu_of_relu_folds_once():
    assert count(network_of(dense([[1]], [-0.5]), RELU, RELU), 0, 1) == 2


@pytest.mark.parametrize(("a", "b"), [(0, 1), (-1, 0), (0, 0), (0.5, 0.5)])
def test_ends_on_a_fold_and_a_point_are_one_piece(a, b):
    assert count(network_of(RELU), a, b) == 1


def test_hardtanh_folds_twice_and_a_step_jumps():
    assert count(network_of(Activation(function=function("hardtanh"))), -3, 3) == 3
    found = line(network_of(Activation(function=function("step"))), np.array([-1.0]), np.array([3.0]))
    assert found.count == 2
    np.testing.assert_array_equal(found.positions, [0, 0.25, 0.25, 1])
    np.testing.assert_array_equal(found.outputs.ravel(), [0, 0, 1, 1])
    np.testing.assert_array_equal(found.jumps, [False, True, False])


def test_a_step_that_rests_on_its_kink_has_the_value_declared_there():
    network = network_of(dense([[0]]), Activation(function=function("step", at_zero=0.5)))
    assert line(network, np.zeros(1), np.ones(1)).outputs.ravel().tolist() == [0.5, 0.5]


def test_a_network_too_large_for_fractions_says_that_it_is_not_certified():
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((800, 800))
    weight[1] = 3 * weight[0]  # exact up to one rounding an entry: nearly, but not quite, the same fold
    wide = network_of(Dense(weight=weight), RELU, Dense(weight=weight), RELU, inputs=800)
    found = line(wide, rng.standard_normal(800), rng.standard_normal(800))
    assert not found.certified
    assert found.undecided > 0
    assert "not certified" in str(found)


@pytest.mark.parametrize(
    "operator",
    [
        Transpose(),
        Slice(ranges=((0, 0, 1, 1),)),
        Slice(ranges=((-2, 0, 1, 1),)),
        Take(indices=np.array([0, 0]), axis=0),
        Reduce(axes=(0,), mean=True, keepdims=True),
        Reduce(axes=(-2,), mean=False, keepdims=True),
        Pad(widths=((1, -1), (0, 0))),
        Elementwise(scale=np.ones((2, 1)), shift=np.zeros(())),
        Elementwise(scale=np.ones((1, 1, 1)), shift=np.zeros(())),
        Concatenate(axis=0),
    ],
    ids=lambda operator: type(operator).__name__,
)
def test_an_operator_that_mixes_the_samples_is_refused(operator):
    with pytest.raises(
        UnsupportedModelError, match=r"node 'n0' mixes or drops.*export the network with a batch axis"
    ):
        line(network_of(operator, inputs=2), np.zeros(2), np.ones(2))


def test_a_sum_that_broadcasts_over_the_samples_is_refused():
    made = Building((2,))
    made.add(Slice(ranges=((1, 0, 1, 1),)))
    made.add(Reduce(axes=(1,), mean=True, keepdims=False))
    made.add(Sum(signs=(1, 1)), inputs=("x", "n1"))
    with pytest.raises(UnsupportedModelError, match="batch axis"):
        line(made.network(), np.zeros(2), np.ones(2))


@pytest.mark.parametrize(
    ("operator", "what"),
    [
        (Activation(function=function("silu")), "silu"),
        (Opaque(operator="LSTM", node="n0"), "LSTM"),
        (Multiply(), "product"),
    ],
)
def test_what_is_not_piecewise_linear_is_refused_by_name(operator, what):
    made = Building((2,))
    made.add(operator, inputs=("x", "x") if isinstance(operator, Multiply) else ("x",))
    with pytest.raises(UnsupportedModelError, match=rf"'n0' is not \(.*{what}"):
        line(made.network(), np.zeros(2), np.ones(2))


def test_an_operator_without_a_bound_is_never_taken_for_affine():
    class Strange:
        kind = "affine"

        def apply(self, x):
            return np.abs(x)

    made = Building((2,))
    made.add(Strange())
    with pytest.raises(UnsupportedModelError, match="got Strange"):
        line(made.network(), np.zeros(2), np.ones(2))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros(2), np.zeros(3), "two finite points of one shape"),
        (np.zeros(2), np.array([0, np.nan]), "two finite points of one shape"),
        (np.zeros(3), np.ones(3), r"points for the input x \(any, 2\) float64"),
        (np.zeros((1, 2)), np.ones((1, 2)), r"got shape \(1, 2\)"),
    ],
)
def test_points_that_do_not_fit_are_refused(a, b, message):
    with pytest.raises(InvalidInputError, match=message):
        line(network_of(dense([[1, 1]]), inputs=2), a, b)


def test_an_overflow_is_not_counted_around():
    network = network_of(dense([[1e200]]), dense([[1e200]]), RELU)
    with pytest.raises(InvalidInputError, match="overflow of float64 at node 'n1'"):
        line(network, np.array([-1.0]), np.array([1.0]))


def test_products_that_underflow_are_left_to_fractions():
    # the exact pre-activation is 1e-400 (t − ½), which float64 calls 0
    network = network_of(dense([[1e-200]], [-0.5e-200]), dense([[1e-200]]), RELU)
    assert count(network, 0, 1) == 2
