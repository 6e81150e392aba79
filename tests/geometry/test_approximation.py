"""ReLU networks for given functions: closed forms, brute force, and functions with a known number of pieces."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import nonlin
from nonlin.errors import InvalidInputError, UnknownFunctionError
from nonlin.functions.proofs.deviation import Piece, deviations
from nonlin.geometry.tunnel import Tunnel, fewest_lines
from nonlin.networks import evaluate


def deviation(found, f, points=100_001):
    """Return the largest abs(f − network) on a dense grid: an oracle that knows nothing of tunnels or proofs."""
    x = np.linspace(found.low, found.high, points)
    (y,) = evaluate(found.network, {"x": x[:, None]})
    values = f(x) if isinstance(f, nonlin.Function) else np.array([f(element) for element in x])
    return float(np.abs(values - y[:, 0]).max())


@pytest.mark.parametrize("pieces", [1, 2, 3, 5, 8, 13])
def test_the_parabola_has_the_error_of_the_textbook(pieces):
    found = nonlin.approximate("x * x", (0, 1), pieces=pieces)
    assert found.status == "proved"
    assert found.error == pytest.approx(1 / (8 * pieces**2), rel=2e-4)
    assert found.least_error <= 1 / (8 * pieces**2) <= found.error * (1 + 1e-15)
    np.testing.assert_allclose(found.knots, np.linspace(0, 1, pieces + 1), atol=1e-3)


@pytest.mark.parametrize(
    ("f", "interval"),
    [("gelu", (-4, 4)), ("sin(x)", (0, 7)), ("tanh", (-3, 2)), ("exp(x)", (-1, 2)), ("mish", (-5, 5))],
)
@pytest.mark.parametrize("tolerance", [0.1, 0.01, 0.001])
def test_fewest_pieces_for_a_tolerance(f, interval, tolerance):
    found = nonlin.approximate(f, interval, tolerance=tolerance)
    value = nonlin.function(f) if f in ("gelu", "tanh", "mish") else nonlin.define(f)
    assert found.status == "proved"
    assert found.pieces == found.fewest_pieces
    seen = deviation(found, value)
    assert 0.9 * tolerance < seen <= found.error + 1e-15 <= tolerance + 1e-15
    if found.pieces > 1:
        assert nonlin.approximate(f, interval, pieces=found.pieces - 1).least_error > tolerance * (1 - 1e-6)


def test_the_oracle_notices_a_wrong_network():
    found = nonlin.approximate("gelu", (-4, 4), tolerance=0.01)
    assert deviation(found, nonlin.function("silu")) > 0.1


def test_no_knots_and_values_do_better():
    found = nonlin.approximate("gelu", (-3, 3), pieces=4)
    rng, x = np.random.default_rng(0), np.linspace(-3, 3, 3001)
    y = nonlin.function("gelu")(x)
    best = math.inf
    for _ in range(3000):
        size = 10.0 ** rng.uniform(-5, -0.5)
        knots = np.sort(np.clip(found.knots + size * rng.standard_normal(5), -3, 3))
        knots[0], knots[-1] = -3, 3
        values = found.values + size * 0.1 * rng.standard_normal(5)
        best = min(best, float(np.abs(np.interp(x, knots, values) - y).max()))
    assert best >= found.least_error * (1 - 1e-5)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 15), st.integers(-8, 8)), min_size=1, max_size=5, unique_by=lambda p: p[0]
    )
)
@example([(1, 1), (2, -8), (3, 8)])
def test_a_piecewise_linear_function_needs_no_more_pieces_than_it_has(hinges):
    formula = "0.5 * x" + "".join(f" + {slope} * relu(x - {place})" for place, slope in hinges)
    f = nonlin.define(formula)
    inside = len([p for p in f.pieces if p.high > 0 and p.low < 16])
    found = nonlin.approximate(f, (0, 16), tolerance=1e-6)
    assert found.pieces <= inside
    assert found.fewest_pieces <= found.pieces
    assert deviation(found, f, 1601) <= 1e-6 + 1e-12
    exact = nonlin.approximate(f, (0, 16), pieces=inside)
    assert exact.error < 1e-12


def test_the_network_is_one_that_every_other_part_takes():
    found = nonlin.approximate("sin(x)", (0, 6), pieces=9)
    assert found.network.piecewise_linear
    line = nonlin.geometry.line(found.network, np.array([0.0]), np.array([6.0]))
    assert line.count == found.pieces
    np.testing.assert_allclose(6.0 * np.asarray(line.breakpoints), found.knots[1:-1], rtol=1e-12)


def test_a_callable_is_approximated_and_the_error_is_called_numeric():
    found = nonlin.approximate(math.sin, (0, 3), tolerance=1e-2)
    assert found.status == "numeric"
    assert deviation(found, math.sin) <= 1.01e-2
    assert found.pieces == nonlin.approximate("sin(x)", (0, 3), tolerance=1e-2).pieces


def test_what_is_undefined_outside_the_interval_does_not_matter():
    found = nonlin.approximate("sqrt(x)", (0.01, 1), tolerance=1e-3)
    assert found.status == "proved"
    assert found.pieces == found.fewest_pieces


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("gelu", (0, 1)), {}, "either pieces or tolerance"),
        (("gelu", (0, 1)), {"pieces": 2, "tolerance": 0.1}, "either pieces or tolerance"),
        (("gelu", (1, 1)), {"pieces": 2}, "low < high"),
        (("gelu", (0, math.inf)), {"pieces": 2}, "finite"),
        (("gelu", 3), {"pieces": 2}, "two numbers"),
        (("gelu", (0, 1)), {"pieces": 0}, "from 1 to 4096"),
        (("gelu", (0, 1)), {"tolerance": 1e-13}, "tolerance of at least"),
        (("gelu", (0, 1)), {"tolerance": -1.0}, "tolerance of at least"),
        (("step", (-1, 1)), {"tolerance": 0.1}, "jumps at 0"),
        (("softmax", (-1, 1)), {"tolerance": 0.1}, "softmax"),
        (("log(x)", (0, 1)), {"tolerance": 0.1}, "finite values"),
        ((lambda _: "no", (0, 1)), {"tolerance": 0.1}, "returns one"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, options, message):
    with pytest.raises(InvalidInputError, match=message):
        nonlin.approximate(*arguments, **options)


def test_too_many_pieces_are_refused(monkeypatch):
    monkeypatch.setattr("nonlin.geometry.approximation.MOST_PIECES", 50)
    with pytest.raises(InvalidInputError, match=r"that 50 pieces can keep, got 0\.001; raise it"):
        nonlin.approximate("sin(9 * x)", (0, 20), tolerance=1e-3)


def test_a_wrong_name_gets_the_nearest():
    with pytest.raises(UnknownFunctionError, match="did you mean gelu"):
        nonlin.approximate("geluu", (0, 1), pieces=2)


def smallest_count(x, low, high, finest=41):
    """Count lines by trying all knots on the places and heights on a grid: slow, and an upper bound only."""
    heights = [np.linspace(a, b, finest) for a, b in zip(low, high, strict=True)]
    count, front = 0, {0: heights[0]}
    while True:
        count += 1
        after = {}
        for i, starts in front.items():
            for j in range(i + 1, len(x)):
                ok = []
                for end in heights[j]:
                    slope = (end - starts) / (x[j] - x[i])
                    inner = starts[:, None] + slope[:, None] * (x[i + 1 : j] - x[i])
                    fits = ((inner >= low[i + 1 : j] - 1e-12) & (inner <= high[i + 1 : j] + 1e-12)).all(
                        axis=1
                    )
                    if fits.any():
                        ok.append(end)
                if ok:
                    after[j] = np.union1d(after.get(j, []), ok)
        if len(x) - 1 in after:
            return count
        front = after


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-6, 6), min_size=3, max_size=8), st.sampled_from([0.35, 0.8, 1.3]))
def test_no_search_on_a_grid_finds_fewer_lines(values, room):
    x = np.linspace(0, 1, len(values))
    y = np.array(values) / 6
    low, high = y - room / 6, y + room / 6
    lines = fewest_lines(Tunnel(x=x, low=low, high=high), most=50, inside=False)
    assert len(lines) <= smallest_count(x, low, high, 9)
    strict = fewest_lines(Tunnel(x=x, low=low, high=high), most=50)
    assert len(lines) <= len(strict) <= smallest_count(x, low, high, 9)


def test_a_stationary_point_that_is_a_float_is_among_those_that_may_be_extreme():
    line = Piece(Fraction(-3, 2), Fraction(3, 2), Fraction(0), Fraction(0))
    found = list(deviations(nonlin.define("x**3 - 3*x").expression, [line]))
    assert {d.x for d in found if d is not None} == {-1.5, -1.0, 1.0, 1.5}


@pytest.mark.parametrize(
    ("formula", "interval"),
    [
        ("where(x > 0, 1, 0)", (0, 1)),
        ("where(x >= 0, 1, 0)", (-1, 0)),
        ("where(x > 0, x, where(x < 0, x, 1))", (-1, 1)),
    ],
)
def test_a_jump_at_an_end_or_at_one_point_is_refused(formula, interval):
    with pytest.raises(InvalidInputError, match="jumps at 0"):
        nonlin.approximate(formula, interval, pieces=1)


def test_the_error_counts_the_value_at_a_breakpoint():
    found = nonlin.approximate("where(x > 0, x, where(x < 0, x, 1e-10))", (-1, 1), pieces=1)
    assert found.status == "proved"
    assert 1e-10 <= found.error < 1.001e-10


@pytest.mark.parametrize(
    ("interval", "wanted", "match"),
    [
        ((0, 1), {"tolerance": "x"}, "got 'x'"),
        ((0, 1), {"pieces": "3"}, "got '3'"),
        ((0, 1), {"pieces": float("nan")}, "got nan"),
        ((-1e308, 1e308), {"pieces": 3}, "less than 1.8e308 apart"),
    ],
)
def test_what_is_no_number_or_too_wide_is_refused(interval, wanted, match):
    with pytest.raises(InvalidInputError, match=match):
        nonlin.approximate("tanh(x)", interval, **wanted)


@pytest.mark.parametrize("width", [1e-15, 1e-30, 1e-100])
def test_the_parabola_looks_the_same_from_nearby(width):
    found = nonlin.approximate("x * x", (0, width), pieces=4)
    assert found.status == "proved"
    assert found.error / width**2 == pytest.approx(1 / 128, rel=2e-4)
    assert nonlin.approximate("x * x", (0, width), tolerance=width**2 / 100).pieces == 4
