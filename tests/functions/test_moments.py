"""Moments against mpmath, against what is known exactly, and against a simulated network."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook import TEXTBOOK

import nonlin
from nonlin.errors import InvalidInputError
from nonlin.functions.gaussian_quadrature import expectation

SCALAR = [f for f in nonlin.functions() if not f.vector]

EXACT = {  # gain, χ₁ and dQ/dq under N(0, 1), to the digits of the published tables
    "relu": (1.41421, 1.000, 1.00),
    "gelu": (1.533530, 1.072, 1.14),
    "silu": (1.676532, 1.067, 1.17),
    "mish": (1.486848, 1.059, 1.08),
    "elu": (1.245198, 1.036, 0.89),
    "selu": (1.000, 1.072, 0.78),
    "tanh": (1.592537, 1.178, 0.46),
    "sigmoid": (1.846, 0.153, 0.11),
}
DIGITS = {"relu": 5, "selu": 3, "sigmoid": 3}


def integral(name, power, points, *, of=None):
    """Integrate in 20 digits by mpmath's own rule: an oracle that shares nothing with ours."""
    f = of or TEXTBOOK[name]
    with mpmath.workdps(20):
        return float(
            mpmath.quad(
                lambda z: mpmath.mpf(f(z)) ** power * mpmath.npdf(z),
                [-12, *sorted({*range(-4, 5), *points}), 12],
            )
        )


@pytest.mark.parametrize("name", EXACT)
def test_the_published_table(name):
    gain, chi1, moved = EXACT[name]
    m = nonlin.function(name).moments()
    assert round(m.gain, DIGITS.get(name, 6)) == gain
    assert round(m.chi1, 3) == chi1
    assert round(m.length_slope, 2) == moved


@pytest.mark.parametrize("f", [f for f in SCALAR if f.name not in ("step", "telu")], ids=lambda f: f.name)
def test_against_mpmath(f):
    points = [k for k in f.kinks if abs(k) < 12]
    m = f.moments()
    assert m.error < 1e-13
    assert m.second == pytest.approx(integral(f.name, 2, points), rel=1e-12)
    assert m.mean == pytest.approx(integral(f.name, 1, points), rel=1e-12, abs=1e-13 * m.second**0.5)


def test_the_oracle_notices_another_function():
    assert nonlin.function("gelu").moments().second != pytest.approx(integral("silu", 2, []), rel=1e-2)


def test_closed_forms():
    assert nonlin.function("gelu").moments().mean == pytest.approx(1 / (2 * np.pi**0.5), rel=1e-15)
    sine = nonlin.function("sine").moments(variance=3.0)
    assert sine.second == pytest.approx((1 - np.exp(-6.0)) / 2, rel=1e-14)
    assert sine.slope_second == pytest.approx((1 + np.exp(-6.0)) / 2, rel=1e-14)
    cube = nonlin.define("x**3").moments(variance=2.0)
    assert cube.second == pytest.approx(15 * 2.0**3, rel=1e-14)
    assert cube.slope_second == pytest.approx(9 * 3 * 2.0**2, rel=1e-14)
    assert nonlin.define("exp(x)").moments().second == pytest.approx(np.exp(2.0), rel=1e-14)


def test_a_jump_makes_the_slope_infinite():
    m = nonlin.function("step").moments()
    assert m.second == pytest.approx(0.5, rel=1e-15)
    assert m.slope_second == m.chi1 == np.inf
    assert m.depth == 0


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["tanh", "gelu", "silu", "elu", "hardtanh", "softshrink"]), st.floats(0.01, 50))
def test_the_slope_of_the_length_map_is_its_derivative(name, q):
    f = nonlin.function(name)
    m, h = f.moments(q, weight_variance=1.7, bias_variance=0.2), 1e-4 * q
    up = f.moments(q + h, weight_variance=1.7, bias_variance=0.2).length
    down = f.moments(q - h, weight_variance=1.7, bias_variance=0.2).length
    assert m.length == pytest.approx(1.7 * m.second + 0.2, rel=1e-15)
    assert m.chi1 == pytest.approx(1.7 * m.slope_second, rel=1e-15)
    assert m.length_slope == pytest.approx((up - down) / (2 * h), rel=1e-5)


def test_the_variance_is_kept_by_default():
    m = nonlin.function("tanh").moments(0.7, bias_variance=0.1)
    assert m.length == pytest.approx(0.7, rel=1e-15)
    with pytest.raises(InvalidInputError, match="variance above 0"):
        nonlin.function("tanh").moments(0.0)
    with pytest.raises(InvalidInputError, match="bias_variance of at least 0"):
        nonlin.function("tanh").moments(1.0, bias_variance=-1.0)


def test_the_error_estimate_covers_the_error():
    # a kink that is not told: the panels around it are halved until it does not matter
    found, nodes = expectation(lambda z: np.maximum(z - 0.3, 0.0)[None, :])
    true = np.exp(-0.045) / np.sqrt(2 * np.pi) - 0.3 * float(1 - mpmath.ncdf(0.3))
    assert abs(found[0] - true) <= nodes.error[0] + 4e-16


def test_signals_as_schoenholz_has_them():
    tanh = nonlin.function("tanh")
    ordered = tanh.propagation(weight_variance=0.9, bias_variance=0.05)
    assert ordered.correlation == 1
    assert ordered.chi1 < 1
    assert ordered.correlation_depth == pytest.approx(-1 / np.log(ordered.chi1))
    relu = nonlin.function("relu").propagation(weight_variance=2.0)
    assert (relu.correlation, relu.gradient_depth, relu.length_depth) == (1, np.inf, np.inf)
    assert nonlin.function("relu").propagation(weight_variance=2.5, bias_variance=0.1).variance == np.inf
    assert nonlin.function("relu").propagation(weight_variance=1.5).variance == 0


CHAOTIC = [("tanh", 4.0, 0.05), ("erf", 3.0, 0.2), ("sine", 2.0, 0.3)]


def correlation_after(f, p, c):
    """Return the correlation after a layer, by a product rule in the plane: no Hermite coefficients here."""
    z, w = np.polynomial.hermite_e.hermegauss(120)
    w = w / w.sum()
    u = np.sqrt(p.variance) * z[:, None] * np.ones(120)
    v = np.sqrt(p.variance) * (c * z[:, None] + np.sqrt(1 - c * c) * z[None, :])
    return (p.weight_variance * (w @ (f(u) * f(v)) @ w) + p.bias_variance) / p.variance


@pytest.mark.parametrize(("name", "weight", "bias"), CHAOTIC)
def test_the_correlation_is_a_fixed_point_and_its_depth_the_slope_there(name, weight, bias):
    f, p = (
        nonlin.function(name),
        nonlin.function(name).propagation(weight_variance=weight, bias_variance=bias),
    )
    assert p.chi1 > 1
    assert correlation_after(f, p, p.correlation) == pytest.approx(p.correlation, abs=1e-9)
    assert correlation_after(f, p, p.correlation + 0.02) != pytest.approx(p.correlation + 0.02, abs=1e-4)
    h = 1e-4
    slope = (correlation_after(f, p, p.correlation + h) - correlation_after(f, p, p.correlation - h)) / (
        2 * h
    )
    assert p.correlation_depth == pytest.approx(-1 / np.log(slope), rel=1e-4)


@pytest.mark.parametrize(("name", "weight", "bias"), CHAOTIC)
def test_wide_networks_have_the_variance_that_is_predicted(name, weight, bias):
    f, rng, width = nonlin.function(name), np.random.default_rng(0), 800
    u, found = rng.standard_normal((2, width)), []
    for layer in range(30):
        u = f(u) @ rng.standard_normal((width, width)) * np.sqrt(weight / width)
        u += rng.standard_normal(width) * np.sqrt(bias)
        if layer >= 10:
            found.append((u * u).mean())
    assert f.propagation(weight_variance=weight, bias_variance=bias).variance == pytest.approx(
        np.mean(found), rel=0.03
    )


@pytest.mark.parametrize(
    ("formula", "mean", "slope_second"),
    [  # by mpmath, 15 digits
        ("tanh(1e6*x)", 0.0, 531923.040535),
        ("gaussian(1e4*(x - 1))", 4.28881942480354e-5, 3032.65329856),
    ],
)
def test_what_happens_within_a_millionth_is_seen(formula, mean, slope_second):
    m = nonlin.define(formula).moments()
    assert m.mean == pytest.approx(mean, rel=1e-10, abs=1e-14)
    assert m.slope_second == pytest.approx(slope_second, rel=1e-10)


def test_bounds_that_float64_does_not_hold_split_the_integral():
    m = nonlin.define("clip(x, -1/3, 1/3)").moments()
    exact = 2 * mpmath.ncdf(mpmath.mpf(1) / 3) - 1
    assert m.slope_second == pytest.approx(float(exact), rel=1e-14)


@pytest.mark.parametrize("ask", [nonlin.function("gelu").moments, lambda v: nonlin.gain(abs, variance=v)])
@pytest.mark.parametrize("variance", ["a", None, [1], 1j, -1])
def test_a_variance_that_is_none_is_refused(ask, variance):
    with pytest.raises(InvalidInputError, match=r"expected a (number for|finite) variance"):
        ask(variance)


def test_variances_of_the_weights_are_numbers():
    f = nonlin.function("gelu")
    with pytest.raises(InvalidInputError, match="number for weight_variance, got 'a'"):
        f.moments(weight_variance="a")
    with pytest.raises(InvalidInputError, match="number for bias_variance, got 'b'"):
        f.propagation(weight_variance=1.0, bias_variance="b")


@pytest.mark.parametrize("variance", [1.0, 1e4, 1e-4])
@pytest.mark.parametrize(
    ("formula", "value", "slope"),
    [
        (
            "tanh(1e9*abs(x))",
            lambda x: mpmath.tanh(1e9 * x),
            lambda x: 1e9 * mpmath.sech(min(1e9 * x, 1000)) ** 2,
        ),
        ("x/(1e-10 + abs(x))", lambda x: x / (x + mpmath.mpf(1e-10)), lambda x: 1e-10 / (x + 1e-10) ** 2),
        ("sqrt(x*x + 1e-20)", lambda x: mpmath.sqrt(x * x + 1e-20), lambda x: x / mpmath.sqrt(x * x + 1e-20)),
    ],
)
def test_what_is_narrow_beside_a_kink_or_a_root_that_is_not_real_is_seen(formula, variance, value, slope):
    m, places = nonlin.define(formula).moments(variance), [0, *(10.0**k for k in range(-16, 2)), 40]

    def mean_square(f):
        scale = mpmath.sqrt(variance)
        return 2 * mpmath.quad(lambda z: mpmath.npdf(z) * f(scale * z) ** 2, places)

    with mpmath.workdps(25):
        assert m.second == pytest.approx(float(mean_square(value)), rel=1e-13)
        assert m.slope_second == pytest.approx(float(mean_square(slope)), rel=1e-11)
