"""Answers against every region of the network, and against samples where anything may coincide: none is wrong."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks_strategy import Building, networks
from scipy.optimize import linprog

from nonlin.functions import function
from nonlin.geometry import box, output_range, region, verify
from nonlin.geometry.bounds import bounds
from nonlin.geometry.cells.lowering import lower
from nonlin.geometry.verification.points import Exactly
from nonlin.networks import evaluate
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense, Elementwise
from nonlin.networks.shape import Concatenate, Reshape
from nonlin.networks.window import MaxPool, Window


def written(path, network, low, high, rows):
    """A property: each of some rows (factors of Y, factors of X, constant) is not negative."""
    inputs, outputs = (int(np.prod(t.shape[1:])) for t in (network.inputs[0], network.outputs[0]))
    names = [f"X_{i}" for i in range(inputs)], [f"Y_{i}" for i in range(outputs)]
    lines = [f"(declare-const {name} Real)" for name in (*names[0], *names[1])]
    for name, a, b in zip(names[0], low, high, strict=True):
        lines.append(f"(assert (and (>= {name} {a!r}) (<= {name} {b!r})))")
    for of_outputs, of_inputs, constant in rows:
        pairs = [*zip(of_outputs, names[1], strict=True), *zip(of_inputs, names[0], strict=True)]
        terms = " ".join(f"(* {factor!r} {name})" for factor, name in pairs)
        lines.append(f"(assert (>= (+ {terms} {constant!r}) 0))")
    path.write_text("\n".join(lines))
    return path


def mixed_network(seed, sizes, call):
    rng = np.random.default_rng(seed)
    made = Building((sizes[0],))
    for i, (n, m) in enumerate(itertools.pairwise(sizes)):
        made.add(Dense(weight=rng.normal(size=(m, n)) / np.sqrt(n), bias=0.3 * rng.normal(size=m)), (m,))
        if i < len(sizes) - 2:
            made.add(Activation(function=function(call)))
    return made.network()


def highest_over_regions(network, of_outputs, of_inputs):
    """The largest value, over the box, of the least row: one linear program over the vertices of each region."""
    best = -np.inf
    for cell in box(network, -1.0, 1.0).cells:
        values = (cell.vertices @ cell.weight.T + cell.bias) @ of_outputs.T + cell.vertices @ of_inputs.T
        count = len(values)
        found = linprog(
            [*np.zeros(count), -1.0],
            A_ub=np.column_stack([-values.T, np.ones(len(of_outputs))]),
            b_ub=np.zeros(len(of_outputs)),
            A_eq=[[1.0] * count + [0.0]],
            b_eq=[1.0],
            bounds=[*[(0, None)] * count, (None, None)],
        )
        best = max(best, -found.fun)
    return best


@pytest.mark.parametrize(
    ("seed", "call"), [(0, "relu"), (1, "relu"), (2, "hardtanh"), (3, "abs"), (4, "relu")]
)
def test_the_answer_is_that_of_all_regions(seed, call, tmp_path):
    network = mixed_network(seed, (2, 6, 5, 3), call)
    rng = np.random.default_rng(seed)
    of_outputs, of_inputs = rng.integers(-3, 4, (3, 3)) / 2, rng.integers(-2, 3, (3, 2)) / 8
    top = highest_over_regions(network, of_outputs, of_inputs)
    for constant, status in ((-top + 1e-6, "sat"), (-top - 1e-6, "unsat")):
        rows = [(y.tolist(), x.tolist(), constant) for y, x in zip(of_outputs, of_inputs, strict=True)]
        prop = written(tmp_path / "p.vnnlib", network, [-1.0, -1.0], [1.0, 1.0], rows)
        assert verify(network, prop).status == status


@given(networks(), st.integers(0, 2**32), st.sampled_from([0.0, 1e-12, 1e-3]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_a_sample_meets_is_never_called_unsat(tmp_path, drawn, seed, slack):
    network, start, _ = drawn
    rng = np.random.default_rng(seed)
    middle = start.ravel()
    low, high = middle - rng.random(middle.size), middle + rng.random(middle.size)
    x = low + rng.choice([0.0, 0.25, 0.5, 1.0], (500, middle.size)) * (high - low)
    x = np.clip(np.concatenate([x, middle[None]]), low, high)
    y = evaluate(network, {"x": x.reshape(-1, *start.shape)})[0].reshape(len(x), -1)
    of_outputs = rng.choice([-1.0, 1.0, 2.0], (2, y.shape[1]))
    of_inputs = rng.choice([0.0, 0.0, 0.5, -1.0], (2, middle.size))
    values = y @ of_outputs.T + x @ of_inputs.T
    best = values[values.min(axis=1).argmax()]
    # the sample meets both rows by the slack, but for the rounding of its own evaluation
    rounding = 1e-12 * (1 + np.abs(y).max() + np.abs(x).max()) * (1 + middle.size)
    rows = [
        (a.tolist(), b.tolist(), float(-v + slack + rounding))
        for a, b, v in zip(of_outputs, of_inputs, best, strict=True)
    ]
    prop = written(tmp_path / "p.vnnlib", network, low.tolist(), high.tolist(), rows)
    verdict = verify(network, prop, timeout=2.0)
    assert verdict.status != "unsat"
    if verdict.status == "sat":
        point = verdict.counterexample.ravel()
        assert np.all((low <= point) & (point <= high))


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0, 7.0, -2.0])
def test_a_value_that_only_a_jump_has_is_not_missed(at_zero, tmp_path):
    made = Building((1,))
    made.add(Dense(weight=np.array([[1.0]]), bias=None), (1,))
    made.add(Activation(function=function("step", at_zero=at_zero)))
    network = made.network()
    rows = [([1.0], [0.0], -at_zero + 0.1), ([-1.0], [0.0], at_zero + 0.1)]
    prop = written(tmp_path / "p.vnnlib", network, [-1.0], [1.0], rows)
    verdict = verify(network, prop)
    assert verdict.status == "sat"
    if at_zero not in {0.0, 1.0}:
        assert verdict.counterexample.tolist() == [0.0]
        assert verdict.outputs.tolist() == [at_zero]
    found = output_range(network, -1.0, 1.0, timeout=0.3)
    assert found.minimum[0] <= min(at_zero, 0.0)
    assert found.maximum[1] >= max(at_zero, 1.0)
    low, high = bounds(network, 0.0, 0.0).outputs["n1"]
    assert low <= at_zero <= high


@pytest.mark.parametrize("seed", range(8))
def test_what_a_sample_on_jumps_meets_is_found(seed, tmp_path):
    # small whole weights on quarters: the sample's own evaluation is exact, and pre-activations are often 0
    rng = np.random.default_rng(seed)
    made = Building((2,))
    for n, m in ((2, 4), (4, 3)):
        made.add(
            Dense(weight=rng.integers(-2, 3, (m, n)).astype(float), bias=rng.integers(-1, 2, m) * 1.0), (m,)
        )
        made.add(Activation(function=function("step", at_zero=rng.choice([-3.0, 0.5, 2.0]))))
    made.add(Dense(weight=rng.integers(-2, 3, (2, 3)).astype(float), bias=None), (2,))
    network = made.network()
    x = rng.integers(-4, 5, (20, 2)) / 4
    y = evaluate(network, {"x": x})[0]
    for sample, value in zip(x[:3], y[:3], strict=True):
        signs = rng.choice([-1.0, 1.0], 2)
        rows = [
            ([s * (i == 0), s * (i == 1)], [0.0, 0.0], float(-s * value[i]))
            for i, s in enumerate(signs.tolist())
        ]
        prop = written(
            tmp_path / "p.vnnlib", network, (sample - 0.375).tolist(), (sample + 0.5).tolist(), rows
        )
        assert verify(network, prop, timeout=2.0).status == "sat"


@pytest.mark.parametrize(("offset", "status"), [(0.25, "sat"), (2.0, "sat"), (2.25, "unsat")])
def test_a_jump_counts_only_where_the_box_reaches_it(offset, status, tmp_path):
    # x + y = offset, on which alone the output is ½, meets [−1, 1]² up to 2
    made = Building((2,))
    made.add(Dense(weight=np.array([[1.0, 1.0]]), bias=np.array([-offset])), (1,))
    made.add(Activation(function=function("step", at_zero=0.5)))
    rows = [([1.0], [0.0, 0.0], -0.4), ([-1.0], [0.0, 0.0], 0.6)]
    prop = written(tmp_path / "p.vnnlib", made.network(), [-1.0, -1.0], [1.0, 1.0], rows)
    verdict = verify(made.network(), prop)
    assert verdict.status == status
    if status == "sat":
        assert verdict.counterexample.sum() == offset


def test_an_edge_that_is_met_exactly_is_met(tmp_path):
    network = mixed_network(0, (2, 6, 5, 1), "relu")
    x = np.array([0.25, -0.5])
    exact = Exactly(lower(network, (2,))).outputs(x)[0]
    text = """(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)
    (assert (and (<= X_0 0.25) (>= X_0 0.25) (<= X_1 -0.5) (>= X_1 -0.5)))"""
    prop = tmp_path / "p.vnnlib"
    prop.write_text(text + f"(assert (>= (* {exact.denominator} Y_0) {exact.numerator}))")
    assert verify(network, prop).status == "sat"
    # one part in the denominator more is far below the rounding of float64, and no input meets it
    prop.write_text(text + f"(assert (>= (* {exact.denominator} Y_0) {exact.numerator + 1}))")
    assert verify(network, prop).status != "sat"


def test_factors_that_no_float_has_are_enclosed(tmp_path):
    # 0.1 · 3 − 0.3 · 1 is 0 in decimals, and in floats is not
    made = Building((2,))
    made.add(Dense(weight=np.eye(2), bias=None), (2,))
    for constant, status in (("0.0", "sat"), ("1e-12", "unsat"), ("-1e-12", "sat")):
        text = """(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)
        (assert (and (<= X_0 3) (>= X_0 2) (<= X_1 2) (>= X_1 1)))"""
        prop = tmp_path / "p.vnnlib"
        prop.write_text(text + f"(assert (>= (- (* 0.1 Y_0) (* 0.3 Y_1)) {constant}))")
        assert verify(made.network(), prop, timeout=5.0).status == status


def test_what_passes_beside_a_pool_is_taken_from_its_own_place():
    rng = np.random.default_rng(0)
    made = Building((1, 4))
    made.add(Elementwise(scale=np.array([[0.5]]), shift=np.zeros(())))
    beside = made.last
    made.add(Elementwise(scale=np.array([[-2.0]]), shift=np.ones(())))
    made.add(MaxPool(window=Window(size=(2,), strides=(2,), dilations=(1,), padding=((0, 0),))), (1, 2))
    pooled = made.add(Reshape(shape=(0, -1)), (2,))
    flat = made.add(Reshape(shape=(0, -1)), (4,), inputs=(beside,))
    made.add(Concatenate(axis=1), (6,), inputs=(pooled, flat))
    made.add(Dense(weight=rng.normal(size=(1, 6)), bias=None), (1,))
    network = made.network()
    x = rng.uniform(-1, 1, (2000, 1, 4))
    y = evaluate(network, {"x": x})[0][:, 0]
    found = output_range(network, -1.0, 1.0)
    assert found.closed
    assert found.minimum[0] <= y.min() <= found.minimum[1] + 0.2
    assert found.maximum[0] - 0.2 <= y.max() <= found.maximum[1]
    low, high = np.array([[-1.0, -1.0, 0.3, 0.2]]), np.array([[1.0, 1.0, 0.3, 0.2]])
    narrow = output_range(network, low, high)
    np.testing.assert_allclose(
        (narrow.minimum[1], narrow.maximum[0]), box(network, low, high).output_range(0), atol=1e-6
    )
    for sample in region(network, x[:20]):
        np.testing.assert_allclose(sample.map(sample.x), run(network, sample.x))


def run(network, x):
    return evaluate(network, {"x": x[None]})[0][0]
