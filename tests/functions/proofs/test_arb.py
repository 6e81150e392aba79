"""Ball arithmetic over the whole catalogue, against the literature's formulas in high precision."""

import mpmath
import numpy as np
import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st
from textbook import TEXTBOOK

import nonlin
from nonlin.functions.arb import enclose, evaluate_ball
from nonlin.functions.differentiation import differentiate
from nonlin.functions.parsing import parse

SCALAR = [f for f in nonlin.functions() if not f.vector]
POINTS = [-30.0, -7.5, -2.6, -0.6, -1e-9, 1e-9, 0.4, 1.5, 3.7, 30.0]


def exact(value):
    """Return a ball's midpoint as mpmath's number."""
    mantissa, exponent = value.mid().man_exp()
    return mpmath.ldexp(mpmath.mpf(int(mantissa)), int(exponent))


def agrees(ball, value):
    """Whether the ball is thin and at the value, but for the constants that a definition holds in float64."""
    near = abs(exact(ball) - value)
    return ball.rad() <= abs(ball.mid()) * 1e-30 and near <= abs(value) * mpmath.mpf(10) ** -13


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
def test_the_ball_contains_the_textbook_value(f):
    with mpmath.workdps(900):
        for u in POINTS:
            assert agrees(enclose(f.expression, u), TEXTBOOK[f.name](mpmath.mpf(u)))


@pytest.mark.parametrize("name", ["gelu", "mish", "tanhshrink", "squareplus", "smish"])
def test_a_ball_of_another_function_is_noticed(name):
    with mpmath.workdps(900):
        assert not agrees(enclose(parse("sinc(x)"), 0.4), TEXTBOOK[name](mpmath.mpf(0.4)))


def test_accuracy_is_relative_down_to_the_subnormals():
    value = enclose(parse("tanhshrink(x)"), 5e-324, bits=200)
    assert value.rel_accuracy_bits() >= 200
    assert value.overlaps(arb(5e-324) ** 3 / 3 * (1 + arb(0, 1e-300)))


@given(st.floats(-20, 20), st.floats(0, 3), st.floats(-1, 1))
def test_a_wide_ball_contains_the_values_of_its_points(middle, radius, where):
    ball = arb(middle, radius)
    point = arb(middle) + arb(radius) * arb(where)
    for f in SCALAR:
        for expression in (f.expression, differentiate(f.expression)):
            assert evaluate_ball(expression, ball).overlaps(evaluate_ball(expression, point)), f.name


def test_a_ball_across_a_breakpoint_holds_both_pieces():
    step = parse("where(x > 0, 2, where(x < 0, -1, 7))")
    wide = evaluate_ball(step, arb(0, 1e-9))
    assert all(wide.contains(value) for value in (-1, 2, 7))
    assert evaluate_ball(step, arb(0)) == 7
    assert evaluate_ball(step, arb(1e-9)) == 2


def test_the_kernels_agree():
    for f in SCALAR:
        u = np.array(POINTS)
        balls = [float(enclose(f.expression, x).mid()) for x in POINTS]
        np.testing.assert_allclose(f(u), balls, rtol=1e-13)
