"""Taylor series hold the derivatives, for every function of the catalogue and every primitive."""

from fractions import Fraction
from math import factorial

import pytest
from flint import arb, arb_series, ctx

import nonlin
from nonlin.functions.construction import call
from nonlin.functions.expression import Variable
from nonlin.functions.parsing import parse
from nonlin.functions.primitives import SLOPES
from nonlin.functions.proofs.derivative import derivative
from nonlin.functions.proofs.extent import value_at
from nonlin.functions.proofs.jets import SERIES, balls, rationals
from nonlin.functions.proofs.segments import as_ball, resolve

SCALAR = [f for f in nonlin.functions() if not f.vector]
POINTS = (Fraction(0), Fraction(3, 8), Fraction(-5, 4), Fraction(1, 3))
TERMS = 12


@pytest.fixture(autouse=True)
def precision():
    with ctx.workprec(128):
        yield


def misses(coefficients, expression, at):
    """Return the orders at which a coefficient times k! is not the k-th derivative, of the first four."""
    wrong = []
    for order in range(4):
        low, high = value_at(expression, at)
        derived = arb(coefficients[order]) * factorial(order)
        if derived < low or derived > high:
            wrong.append(order)
        expression = derivative(expression)
    return wrong


def test_every_primitive_has_a_series():
    assert set(SLOPES) <= set(SERIES)


@pytest.mark.parametrize("at", POINTS, ids=str)
@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
def test_a_series_holds_the_derivatives(f, at):
    expression = resolve(f.expression, at)
    found = balls(expression, as_ball(at), terms=TERMS)
    assert misses(found, expression, at) == []
    exact = rationals(expression, at, terms=TERMS)
    if exact is not None:
        assert misses(exact, expression, at) == []
        assert all(ball.overlaps(arb(number)) for ball, number in zip(found, exact, strict=False))


@pytest.mark.parametrize("name", sorted(SLOPES))
def test_a_series_of_a_primitive_holds_its_value_beside_the_point(name):
    inner = parse("1 + x/2 + x**2/3")
    series = arb_series(balls(call(name, inner), arb(0), terms=40), prec=40)
    step = arb(2) ** -10
    at_step = value_at(call(name, inner), Fraction(1, 1024))
    total = sum(series[k] * step**k for k in range(40))
    assert abs(total - at_step[0]) < arb(2) ** -100


def test_the_check_of_series_can_fail():
    expression = parse("exp(x)")
    assert misses([1, 1, 0.5, 0.25], expression, Fraction(0)) == [3]


@pytest.mark.parametrize(
    ("formula", "numbers"),
    [
        ("sin(x) / x", [1, 0, Fraction(-1, 6)]),
        ("(x - sin(x)) / x**3", [Fraction(1, 6), 0, Fraction(-1, 120)]),
        ("x**11 / x**9", [0, 0, 1]),
        ("(x**2 * x) / x", [0, 0, 1]),
    ],
)
def test_what_is_0_over_0_is_continued(formula, numbers):
    found = rationals(parse(formula), Fraction(0), terms=TERMS)
    assert [Fraction(int(c.p), int(c.q)) for c in found[:3]] == numbers


@pytest.mark.parametrize(
    "formula", ["1 / x", "sqrt(x)", "log(x)", "exp(1/x)", "x / (x - x)", "x**14 / x**13"]
)
def test_where_there_is_no_series_or_too_little_of_it_none_is_given(formula):
    assert rationals(parse(formula), Fraction(0), terms=TERMS) is None
    assert balls(parse(formula), arb(0), terms=TERMS) is None


def test_of_a_quotient_no_more_is_said_than_is_known():
    assert len(rationals(parse("x**12 / x"), Fraction(0), terms=TERMS)) == TERMS - 1
    assert len(balls(parse("x**12 / x"), arb(0), terms=TERMS)) == TERMS - 1


def test_a_number_that_is_not_rational_is_not_taken_for_one():
    x = Variable()
    assert rationals(call("exp", x), Fraction(1, 2)) is None
    assert rationals(call("normal_cdf", x), Fraction(0)) is None
    assert rationals(call("exp", x), Fraction(0)) is not None
