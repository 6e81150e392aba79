"""Arithmetic on float32 that carries along what roundings leave out, against extended precision."""

import numpy as np
import pytest

import nonlin
from nonlin.functions.differentiation import differentiate
from nonlin.functions.kernels import compiled
from nonlin.functions.kernels.short import is_short

torch = pytest.importorskip("torch")

SHORT = ("hardsigmoid", "hardswish", "hardmish", "relu6", "prelu")
# a tiny x times 0.01 is subnormal: only the product with a gradient is short
ON_A_RAY = ("leaky_relu", "rrelu", "srelu")


def points():
    """Return float32 of every magnitude, dense around the kinks and roots, as a column of at least 4,096."""
    generator = np.random.default_rng(0)
    around = [
        np.float32(k) + np.arange(-200, 201) * np.spacing(np.float32(k)) for k in (-3, -2, -1.5, -1, 0, 3, 6)
    ]
    signs, exponents = generator.choice([-1, 1], 20_000), generator.uniform(-45, 38, 20_000)
    spread = signs * 10.0**exponents
    u = np.concatenate([*around, spread, generator.uniform(-7, 7, 20_000), [0.0, -0.0]])
    with np.errstate(under="ignore"):
        return u.astype(np.float32)


def places(got, true):
    """Return the largest error in units of the last place of float32."""
    ulp = np.spacing(np.abs(true).astype(np.float32)).astype(np.longdouble)
    return float(np.max(np.abs(got.astype(np.longdouble) - true) / ulp))


TRUE = {
    "hardsigmoid": lambda u: (
        np.clip((u + 3) / 6, 0, 1),
        np.where((u > -3) & (u < 3), np.longdouble(1) / 6, 0),
    ),
    "hardswish": lambda u: (
        np.where(u <= -3, 0, np.where(u < 3, u * (u + 3) / 6, u)),
        np.where(u <= -3, 0, np.where(u < 3, (2 * u + 3) / 6, 1)),
    ),
    "leaky_relu": lambda u: (
        np.where(u <= 0, np.longdouble(0.01) * u, u),
        np.where(u <= 0, np.longdouble(0.01), np.longdouble(1)),
    ),
}


@pytest.mark.parametrize("name", SHORT)
def test_which_functions_are_short(name):
    expression = nonlin.function(name).expression
    assert is_short(expression, pull=False)
    assert is_short(differentiate(expression), pull=True)


@pytest.mark.parametrize("name", ON_A_RAY)
def test_what_may_be_subnormal_and_is_no_float32_is_not_short(name):
    expression = nonlin.function(name).expression
    assert not is_short(expression, pull=False)
    assert is_short(differentiate(expression), pull=True)


@pytest.mark.parametrize("name", TRUE)
def test_values_slopes_and_products_with_a_gradient_are_rounded_once(name):
    u, f = points(), nonlin.function(name)
    value, slope = TRUE[name](u.astype(np.longdouble))
    assert places(f(u), value) <= 0.5 + 1e-6
    assert places(f.slope(u), slope) <= 0.5 + 1e-6
    gradient = np.random.default_rng(1).standard_normal(u.size).astype(np.float32)
    x = torch.from_numpy(u).requires_grad_()
    f(x).backward(torch.from_numpy(gradient))
    product = slope * gradient
    regular = (product == 0) | (np.abs(product) > 1e-30)  # of a subnormal product the low part is lost
    assert places(x.grad.numpy()[regular], product[regular]) <= 0.5 + 1e-6


@pytest.mark.parametrize("name", ["hardsigmoid", "hardswish", "hardmish", "relu6"])
def test_infinities_nan_and_the_sign_of_zero_are_those_of_the_formula(name):
    f = nonlin.function(name)
    ends = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 3e38, -3e38])
    for form in (f, f.slope):
        single, double = form(np.resize(ends, 7000).astype(np.float32)), form(np.resize(ends, 7000))
        assert np.array_equal(single, double.astype(np.float32), equal_nan=True)
        numbers = ~np.isnan(single)
        assert (np.signbit(single) == np.signbit(double))[numbers].all()


@pytest.mark.parametrize(
    "formula",
    [
        "where(x < 1e300, x / 0.5, 1e300 * x)",
        "where(x < 0, 1e300, -x)",
        "where(x < -3, 0, where(x < 3, x * (x + 3) * 0.1666, x))",
        "where(x < 0, 1e-44 * x, x)",
        "where(x < 2, x * x * x, 8)",
        "where(x < 0.1, x, 0.1)",
    ],
)
def test_what_float32_cannot_hold_or_carry_is_left_to_float64(formula):
    assert not is_short(nonlin.define(formula).expression, pull=False)


def test_a_gradient_that_is_infinite_stays_so_where_the_slope_is_not_zero():
    slope = differentiate(nonlin.function("leaky_relu").expression)
    u, gradient = np.linspace(-2, 2, 5000, dtype=np.float32), np.full(5000, -np.inf, np.float32)
    out = np.empty_like(u)
    compiled((slope,), "float32", "accurate", pull=True)(u, gradient, out)
    assert (out == -np.inf).all()
