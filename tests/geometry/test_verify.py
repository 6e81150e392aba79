"""Properties against a mixed-integer program, wrong files, and what a counterexample must pass."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from networks_strategy import Building
from scipy.optimize import Bounds, LinearConstraint, milp

from nonlin.errors import InvalidInputError, MissingInputError
from nonlin.functions import function
from nonlin.geometry import output_range, verify
from nonlin.geometry.cells.lowering import lower
from nonlin.geometry.verification.linear import LeastOf, forward
from nonlin.geometry.verification.propagation import Boxes, prepare
from nonlin.geometry.verification.vnnlib import parse
from nonlin.networks import evaluate
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense

FAR = 1e3
"""Larger than any pre-activation of the networks here; the constant of the mixed-integer program."""


def dense_network(seed, sizes, call="relu"):
    rng = np.random.default_rng(seed)
    made, layers = Building((sizes[0],)), []
    for i, (n, m) in enumerate(itertools.pairwise(sizes)):
        weight, bias = rng.normal(size=(m, n)) / np.sqrt(n), 0.3 * rng.normal(size=m)
        layers.append((weight, bias))
        made.add(Dense(weight=weight, bias=bias), (m,))
        if i < len(sizes) - 2:
            made.add(Activation(function=function(call)))
    return made.network(), layers


def largest_by_milp(layers, row, low=-1.0, high=1.0):
    """The largest row · output over the box, of a ReLU network, by binary variables for the signs."""
    widths = [layers[0][0].shape[1], *(len(bias) for _, bias in layers)]
    numbers = [widths[0]] + [3 * w for w in widths[1:-1]] + [widths[-1]]
    start = np.cumsum([0, *numbers])
    total = int(start[-1])
    lower, upper, integer = np.full(total, -FAR), np.full(total, FAR), np.zeros(total)
    lower[: widths[0]], upper[: widths[0]] = low, high
    rows, lows, highs = [], [], []

    def add(entries, least, most):
        line = np.zeros(total)
        for at, value in entries:
            line[at] += value
        rows.append(line)
        lows.append(least)
        highs.append(most)

    before = list(range(widths[0]))
    for k, (weight, bias) in enumerate(layers):
        width, at = len(bias), start[k + 1]
        for j in range(width):
            z = at + j
            add([(z, -1.0), *zip(before, weight[j], strict=True)], -bias[j], -bias[j])
            if k < len(layers) - 1:
                y, on = at + width + j, at + 2 * width + j
                lower[y], lower[on], upper[on], integer[on] = 0, 0, 1, 1
                add([(y, 1), (z, -1)], 0, np.inf)
                add([(y, 1), (on, -FAR)], -np.inf, 0)
                add([(y, 1), (z, -1), (on, FAR)], -np.inf, FAR)
        before = list(range(at + width, at + 2 * width))
    objective = np.zeros(total)
    objective[start[-2] :] = -np.asarray(row)
    found = milp(
        objective,
        constraints=LinearConstraint(np.array(rows), lows, highs),
        bounds=Bounds(lower, upper),
        integrality=integer,
        options={"mip_rel_gap": 1e-9},
    )
    assert found.status == 0
    return -found.fun


def write(path, inputs, outputs, assertions):
    lines = [f"(declare-const {v}_{i} Real)" for v, n in (("X", inputs), ("Y", outputs)) for i in range(n)]
    lines += [f"(assert (>= X_{i} -1.0))\n(assert (<= X_{i} 1.0))" for i in range(inputs)]
    path.write_text("\n".join([*lines, *assertions]))
    return path


@pytest.mark.parametrize("seed", range(6))
def test_the_answer_is_that_of_a_mixed_integer_program(seed, tmp_path):
    network, layers = dense_network(seed, [3, 8, 6, 2])
    top = largest_by_milp(layers, [1.0, -1.0])
    for offset, status in ((-1e-3, "sat"), (1e-3, "unsat")):
        prop = write(tmp_path / "p.vnnlib", 3, 2, [f"(assert (>= (- Y_0 Y_1) {top + offset:.12f}))"])
        verdict = verify(network, prop)
        assert verdict.status == status
        assert verdict.margin[0] <= -offset + 1e-5
        assert verdict.margin[1] >= (-offset - 1e-5 if status == "unsat" else 0)
        if status == "sat":
            x = verdict.counterexample
            y = evaluate(network, {"x": x[None]})[0][0]
            assert np.all(np.abs(x) <= 1)
            assert y[0] - y[1] >= top + offset - 1e-12
            assert verdict.share == 0


@pytest.mark.parametrize("seed", range(4))
def test_no_sample_is_above_the_bound_of_its_box(seed):
    network, _layers = dense_network(seed, [3, 20, 20, 20, 4])
    rng = np.random.default_rng(seed)
    relaxation, _, first = prepare(lower(network, (3,)), -np.ones(3), np.ones(3))
    objective = LeastOf(
        relaxation=relaxation,
        outputs=np.eye(4)[:3] - np.eye(4)[3],
        inputs=np.zeros((3, 3)),
        constant=np.zeros(3),
        above=np.zeros(3),
    )
    middle, radius = rng.uniform(-0.7, 0.7, (40, 3)), rng.uniform(0.001, 0.3, (40, 3))
    boxes = Boxes(low=middle - radius, high=middle + radius, pieces=np.repeat(first.pieces, 40, axis=0))
    upper = objective.judge(boxes, [()] * 40, enough=np.inf).upper
    points = boxes.low[:, None] + rng.random((40, 2000, 3)) * 2 * radius[:, None]
    values = forward(relaxation, points.reshape(-1, 3)) @ objective.outputs.T
    assert np.all(values.min(axis=1).reshape(40, -1).max(axis=1) <= upper)


@pytest.mark.parametrize("seed", range(4))
def test_the_range_is_that_of_a_mixed_integer_program(seed):
    network, layers = dense_network(seed + 20, [4, 10, 8, 1])
    found = output_range(network, -1.0, 1.0)
    assert found.closed
    top, bottom = largest_by_milp(layers, [1.0]), -largest_by_milp(layers, [-1.0])
    assert found.maximum[0] - 1e-6 <= top <= found.maximum[1] + 1e-6
    assert found.minimum[0] - 1e-6 <= bottom <= found.minimum[1] + 1e-6
    assert found.maximum[1] - found.maximum[0] <= 1e-6 * max(1, abs(top)) * 1.01
    y = evaluate(network, {"x": np.stack([found.lowest, found.highest])})[0][:, 0]
    np.testing.assert_allclose(y, [found.minimum[1], found.maximum[0]], atol=1e-12)


@pytest.mark.parametrize("call", ["leaky_relu", "hardtanh", "abs", "hardsigmoid"])
def test_no_sample_leaves_the_range_of_other_functions(call):
    network, _ = dense_network(40, [2, 7, 5, 1], call)
    found = output_range(network, -2.0, 2.0, tolerance=1e-4)
    assert found.closed
    x = np.random.default_rng(0).uniform(-2, 2, (20000, 2))
    y = evaluate(network, {"x": x})[0]
    assert found.minimum[0] <= y.min()
    assert y.max() <= found.maximum[1]
    assert y.max() >= found.maximum[0] - 0.1 * (found.maximum[1] - found.minimum[0])


def test_alternatives_and_sums(tmp_path):
    network, layers = dense_network(50, [2, 6, 2])
    top = largest_by_milp(layers, [1.0, 0.0])
    never = f"(>= Y_0 {top + 1:.6f})"
    prop = write(tmp_path / "p.vnnlib", 2, 2, [f"(assert (or {never} (and (>= X_0 0.5) {never})))"])
    assert verify(network, prop).status == "unsat"
    prop = write(tmp_path / "q.vnnlib", 2, 2, [f"(assert (or {never} (>= (* 2 X_0) (+ X_1 1.5))))"])
    verdict = verify(network, prop)
    assert verdict.status == "sat"
    assert 2 * verdict.counterexample[0] >= verdict.counterexample[1] + 1.5


def test_many_inputs_are_decided_by_splitting_units(tmp_path):
    network, layers = dense_network(60, [20, 8, 6, 1])
    top = largest_by_milp(layers, [1.0])
    for offset, status in ((-1e-3, "sat"), (1e-3, "unsat")):
        prop = write(tmp_path / "p.vnnlib", 20, 1, [f"(assert (>= Y_0 {top + offset:.12f}))"])
        assert verify(network, prop).status == status


def test_a_property_on_the_very_edge_is_never_called_unsat(tmp_path):
    made = Building((1,))
    made.add(Dense(weight=np.array([[1.0]]), bias=None), (1,))
    made.add(Activation(function=function("relu")))
    prop = write(tmp_path / "p.vnnlib", 1, 1, ["(assert (>= Y_0 1.0))"])
    assert verify(made.network(), prop).status in ("sat", "unknown")
    prop = write(tmp_path / "q.vnnlib", 1, 1, ["(assert (>= Y_0 1.000000000001))"])
    assert verify(made.network(), prop).status == "unsat"


def test_out_of_time_is_unknown_with_an_interval(tmp_path):
    network, _layers = dense_network(70, [6, 40, 40, 1])
    prop = write(tmp_path / "p.vnnlib", 6, 1, ["(assert (>= Y_0 1.9))"])
    verdict = verify(network, prop, timeout=1e-9)
    assert (verdict.status, verdict.reason, verdict.share) == ("unknown", "out of time", 1.0)
    assert verdict.margin[0] <= verdict.margin[1]


def test_an_interrupt_keeps_what_is_known(tmp_path):
    network, _ = dense_network(70, [6, 40, 40, 1])

    def interrupt(_share, _seconds):
        raise KeyboardInterrupt

    prop = write(tmp_path / "p.vnnlib", 6, 1, ["(assert (>= Y_0 1.9))"])
    verdict = verify(network, prop, progress=interrupt)
    assert (verdict.status, verdict.reason) == ("unknown", "interrupted")
    assert np.isfinite(verdict.margin).all()


HEAD = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= X_0 0.1))(assert (>= X_0 -1e-1))"


def test_numbers_are_exact():
    (case,) = parse(HEAD + "(assert (<= Y_0 1))", 1, 1)
    assert (case.low, case.high) == ((Fraction(-1, 10),), (Fraction(1, 10),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + ")", "one '\\)' too many"),
        (HEAD + "(assert (<= Y_0 1)", "one '\\(' too many"),
        (HEAD + "(assert (< Y_0 1))", "got \\(< Y_0 1\\)"),
        (HEAD + "(assert (<= (* Y_0 Y_0) 1))", "got \\(\\* Y_0 Y_0\\)"),
        (HEAD + "(assert (<= Y_1 1))", "got Y_1"),
        (HEAD + "(check-sat)", "got \\(check-sat\\)"),
        (HEAD + "(declare-const Y_1 Real)", "Y_0 to Y_0 of this network"),
        ("(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= X_0 1))", "both bounds of X_0"),
        ("", "X_0 to X_0 of this network, got 0"),
        (HEAD + "(assert (<= X_0 1e999))", "numbers up to 1e300"),
        (HEAD + "(assert (>= X_0 (* 1e200 1e200)))", "numbers up to 1e300"),
        (HEAD + "(assert (>= (* 1e-200 X_0) 1e200))", "numbers up to 1e300"),
        (HEAD, "condition on the outputs Y_i in the property, got none: every input of the box meets it"),
    ],
)
def test_what_is_not_understood_is_named(text, message):
    with pytest.raises(InvalidInputError, match=message):
        parse(text, 1, 1)


def test_wrong_arguments(tmp_path):
    network, _ = dense_network(0, [1, 2, 1])
    with pytest.raises(MissingInputError, match="no such file"):
        verify(network, tmp_path / "none.vnnlib")
    with pytest.raises(InvalidInputError, match="timeout above 0"):
        verify(network, tmp_path / "none.vnnlib", timeout=0)
    with pytest.raises(InvalidInputError, match="output from 0 to 0"):
        output_range(network, -1, 1, output=1)
    with pytest.raises(InvalidInputError, match="none of low above high"):
        output_range(network, 1, -1)
