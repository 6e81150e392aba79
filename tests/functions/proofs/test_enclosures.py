"""Intervals and expansions hold what they say, for every function, its slope, its curvature and the next."""

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st

import nonlin
from nonlin.functions.arb import BALLS, evaluate_ball
from nonlin.functions.expression import Call, Variable
from nonlin.functions.parsing import parse
from nonlin.functions.primitives import SLOPES
from nonlin.functions.proofs.derivative import derivative
from nonlin.functions.proofs.expand import expand
from nonlin.functions.proofs.expansion_primitives import AT_INFINITY
from nonlin.functions.proofs.interval_evaluation import enclose_range
from nonlin.functions.proofs.interval_primitives import PRIMITIVES
from nonlin.functions.proofs.intervals import interval

SCALAR = [f for f in nonlin.functions() if not f.vector]
NO_EXPANSION = {"log", "log1p"}  # log y is no sum of terms yᵏ·exp(p(y))


@pytest.fixture(autouse=True)
def precision():
    with ctx.workprec(128):
        yield


def misses(enclosure, value):
    """Whether the ball of a value lies outside an interval."""
    return value.upper() < enclosure[0] or value.lower() > enclosure[1]


def derivatives(f, count):
    expression = f.expression
    for _ in range(count):
        yield expression
        expression = derivative(expression)


def test_every_primitive_has_every_form():
    assert not set(SLOPES) - set(BALLS)
    assert not set(SLOPES) - set(PRIMITIVES)
    assert not set(SLOPES) - NO_EXPANSION - {name for name, _ in AT_INFINITY} - {"sin", "cos"}


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
def test_an_interval_holds_the_values_of_its_points(f):
    rng = np.random.default_rng(1)
    for expression in derivatives(f, 3):
        for _ in range(40):
            low = rng.uniform(-12, 12)
            high = low + float(rng.choice([0.0, 1e-6, 0.1, 1.0, 20.0]))
            enclosure = enclose_range(expression, interval(low, high))
            for share in (0.0, rng.random(), rng.random(), 1.0):
                x = min(max(low + (high - low) * share, low), high)
                assert not misses(enclosure, evaluate_ball(expression, arb(x)))


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
def test_an_expansion_holds_the_values_on_its_tail(f):
    found = 0
    for expression in derivatives(f, 3):
        for side in (-1, 1):
            for start in (4, 8, 32):
                expansion = expand(expression, side=side, start=arb(start))
                if expansion is None:
                    continue
                found += 1
                for factor in (1, 1.07, 1.5, 3, 50):
                    value = evaluate_ball(expression, side * arb(start) * arb(factor))
                    assert not misses(expansion.bound(), value)
                    assert not (expansion.sign() == "+" and value < 0)
                    assert not (expansion.sign() == "-" and value > 0)
    assert found >= 6


def test_the_check_of_enclosures_can_fail():
    enclosure = enclose_range(parse("sigmoid(x)"), interval(0.0, 1.0))
    assert misses(enclosure, evaluate_ball(parse("sigmoid(x)"), arb(1.001)))
    tail = expand(parse("x * sigmoid(x)"), side=-1, start=arb(8))
    assert misses(tail.bound(), evaluate_ball(parse("x * sigmoid(x)"), arb(-2)))


@settings(max_examples=60)
@given(st.sampled_from(sorted(set(SLOPES))), st.floats(-30, 30), st.floats(0, 40), st.floats(0, 1))
def test_every_primitive_on_intervals(name, low, width, share):
    if name == "log" or (name == "sqrt" and low < 0) or (name == "log1p" and low <= -1):
        low = abs(low) + 0.5
    x = min(low + width * share, low + width)
    expression = Call(name, (Variable(),))
    with ctx.workprec(128):
        assert not misses(
            enclose_range(expression, interval(low, low + width)), evaluate_ball(expression, arb(x))
        )


def test_limits_by_expansion():
    cases = {"x * (1 - tanh(x))": 0.0, "sqrt(x**2 + x) - x": 0.5, "x * (sigmoid(x) - 1) * exp(x)": None}
    for formula, goal in cases.items():
        limit = expand(parse(formula), side=1, start=arb(16)).limit()
        if goal is None:  # −x·e⁰: diverges
            assert limit[1] < 0
            assert not limit[1].is_finite()
        else:
            assert limit[0] == limit[1] == goal
