"""What is claimed of functions with poles, removable gaps, breakpoints that are no float64, and very small waves."""

from math import inf, isinf, isnan

import mpmath
import numpy as np
import pytest

import nonlin
from nonlin.functions.kinks import jumps
from nonlin.functions.properties import derive

TRUE = {  # (formula, property): what is so, by hand; a proof has to say it, anything else may stay open
    ("where(x < 0, 1/x, 0)", "range"): (-inf, 0.0),
    ("where(x < 0, 1/x, 0)", "monotone"): "no",
    ("where(x < 1, 1/(x - 1)**3, 0)", "range"): (-inf, 0.0),
    ("where(x > 0, 1/x, 0)", "range"): (0.0, inf),
    ("where(x > 0, 1/(x - 1)**2, 0)", "range"): (0.0, inf),
    ("where(x < 0, atan(1/x), 0)", "range"): (-np.pi / 2, 0.0),
    ("where(x < 0, atan(1/x), 0)", "monotone"): "no",
    ("where(x > 0, x/x, 5)", "range"): (1.0, 5.0),
    ("where(x > 0, expm1(x)/x, 1)", "range"): (1.0, inf),
    ("where(x > 0, expm1(x)/x, 1)", "monotone"): "increasing",
    ("where(x > 0, expm1(x)/x, 1)", "smoothness"): 0.0,
    ("where(x > 0, sin(x)/x, 1)", "smoothness"): 1.0,
    ("where(x > 0, x**2/x, 0)", "convex"): "convex",
    ("where(x > 0, x**2/x, 0)", "linearity"): "piecewise linear",
    ("where(x < 2, (x**2 - 4)/(x - 2), x + 2)", "smoothness"): inf,
    ("where(x < 2, (x**2 - 4)/(x - 2), x + 2)", "convex"): "affine",
    ("abs(x)/x", "monotone"): "increasing",
    ("abs(x)/x", "convex"): "no",
    ("abs(x)/x", "lipschitz"): inf,
    ("abs(x)/x", "linearity"): "nonlinear",
    ("where(x > 0, 1/x, -1/x)", "range"): (-inf, inf),
    ("x*log(abs(x))", "smoothness"): -1.0,
    ("where(x > 0, sqrt(x), -sqrt(-x))", "smoothness"): 0.0,
    ("sign(x)*sqrt(abs(x))", "kinks"): (0.0,),
    ("relu(3*x - 1)**2", "monotone"): "increasing",
    ("relu(3*x - 1)**3", "convex"): "convex",
    ("abs(3*x - 1)**3", "convex"): "convex",
    ("where(3*x > 1, (3*x - 1)**2, 0)", "monotone"): "increasing",
    ("where(x < 0, exp(1), where(x > 0, 3, exp(1) - 1e-60))", "monotone"): "no",
    ("where(x < 0, exp(1) + x, where(x > 0, exp(1) + x, exp(1) - 1e-60))", "smoothness"): -1.0,
    ("where(x > 1000, exp(1000), exp(x))", "bounded"): True,
    ("exp(800)*tanh(x)", "bounded"): True,
    ("exp(800)*tanh(x)", "limits"): None,
    ("where(x > 0, 1, where(x < 0, -1, 2))", "odd"): False,
    ("x + 1e-300", "odd"): False,
    ("0.5*(1 + erf(x/1.4142135))", "range"): (0.0, 1.0),
}
PROVED = {
    ("where(x < 0, 1/x, 0)", "range"),
    ("where(x < 0, 1/x, 0)", "monotone"),
    ("where(x < 1, 1/(x - 1)**3, 0)", "range"),
    ("where(x > 0, 1/x, 0)", "range"),
    ("where(x > 0, sqrt(x), -sqrt(-x))", "smoothness"),
    ("sign(x)*sqrt(abs(x))", "kinks"),
    ("where(x > 0, 1, where(x < 0, -1, 2))", "odd"),
    ("x + 1e-300", "odd"),
}


@pytest.mark.parametrize(("formula", "name"), TRUE)
def test_no_false_proof(formula, name):
    found = derive(nonlin.define(formula).expression, name)
    assert found.status != "proved" or found.value == pytest.approx(
        TRUE[formula, name], abs=found.error + 1e-300
    )
    assert found.status == "proved" or (formula, name) not in PROVED


@pytest.mark.parametrize("formula", ["1e-10*sin(x)", "1 + 1e-12*cos(x)", "1e-30*sin(x)", "1 + 1e-45*cos(x)"])
def test_a_small_wave_has_no_limit(formula):
    limits = nonlin.define(formula).properties.limits
    assert limits.status != "proved" or all(isnan(limit) for limit in limits.value)


@pytest.mark.parametrize(
    "formula",
    ["1 + erf(x / 1.414213)", "tanh_exp(x)", "tanh(1e-8*x)", "x + sin(x)", "x + cos(3*x)/3", "sigmoid(x)**3"],
)
def test_what_nowhere_is_level_increases_strictly(formula):
    p = nonlin.define(formula).properties
    assert (p.monotone.value, p.monotone.status) == ("strictly increasing", "proved")
    assert p.attained.value == (False, False)


@pytest.mark.parametrize("formula", ["1/relu(x)", "x/abs(x)", "1/max(x, 0)", "where(x > 0, 1/relu(x), 2)"])
def test_a_division_by_a_piece_that_is_0_has_properties(formula):
    p = nonlin.define(formula).properties
    assert p.range.value is not None


def test_bounds_that_float64_does_not_hold_are_breakpoints():
    f = nonlin.define("clip(x, -1/3, 1/3)")
    p = f.properties
    assert f.kinks == p.kinks.value == (-1 / 3, 1 / 3)
    assert (p.linearity.value, p.linearity.status) == ("piecewise linear", "proved")
    assert (p.odd.value, p.odd.status) == (True, "proved")


@pytest.mark.parametrize(
    ("formula", "verdict"),
    [
        ("softplus(x) - softplus(-x)", "linear"),
        ("sin(x)**2 + cos(x)**2", "affine"),
        ("x*log(x**2)", "nonlinear"),
    ],
)
def test_samples_tell_rounding_from_a_bend(formula, verdict):
    p = nonlin.define(formula).properties
    assert p.linearity.value == verdict
    assert nonlin.linearity(formula).verdict == verdict
    assert (p.convex.value == "affine") == (verdict != "nonlinear")


def test_a_constant_that_only_resembles_the_root_of_2_stays():
    f = nonlin.define("x * 0.5 * (1 + erf(x * 0.7071067))")
    with mpmath.workdps(30):
        exact = mpmath.mpf(1.5) / 2 * (1 + mpmath.erf(mpmath.mpf(1.5) * mpmath.mpf(0.7071067)))
        assert abs(f(1.5) - exact) <= np.spacing(float(exact))
    assert nonlin.define("x * 0.5 * (1 + erf(x / 1.4142135381698608))")(1.5) == nonlin.function("gelu")(1.5)


@pytest.mark.parametrize("formula", ["log(-1)", "sqrt(-2)*x", "log(-1 - x*x)"])
def test_a_formula_without_any_value_has_no_range(formula):
    low, high = nonlin.define(formula).properties.range.value
    assert isnan(low)
    assert isnan(high)


def test_what_lies_outside_the_domain_does_not_count():
    assert nonlin.define("log(x)").properties.convex.value == "concave"


def test_samples_see_a_wave_that_grows_and_a_bump_far_out():
    wave = nonlin.define("sinc(x) * x**2").properties
    assert wave.range.value == (-inf, inf)
    assert nonlin.define("sin(x**2)").properties.lipschitz.value == inf
    bump = nonlin.define("gaussian(x - 1e6)").properties
    assert bump.range.value == pytest.approx((0.0, 1.0), abs=1e-12)
    assert bump.convex.value == "no"
    assert bump.lipschitz.value == pytest.approx((2 / np.e) ** 0.5, rel=1e-6)


@pytest.mark.parametrize("formula", ["abs(x)/x", "where(x > 0, sin(x)/x, 0)", "where(x > 0, log1p(x)/x, 0)"])
def test_what_jumps_has_no_lipschitz_constant_by_samples_either(formula):
    assert nonlin.define(formula).properties.lipschitz.value == inf


@pytest.mark.parametrize(
    ("formula", "kinks", "jumping"),
    [
        ("1e-8*abs(x)", (0.0,), ()),
        ("1e-10*sign(x)", (0.0,), (0.0,)),
        ("where(x**5 > 0, 1, 0)", (0.0,), (0.0,)),
        ("where(0.2*x + 0.5 > 0.5, 1, 0)", (0.0,), (0.0,)),
        ("clip(0.2*x + 0.5, 0, 1)", (-2.5, 2.5), ()),
        ("relu(x - 1e8)", (1e8,), ()),
        ("relu(x - 1e8)**2", (), ()),
        ("hardtanh(1e11*x)", (-1e-11, 1e-11), ()),
        ("where(x > 1, sqrt(x - 1), 0)", (1.0,), ()),
        ("where(x > 0, sqrt(sqrt(x)), 0)", (0.0,), ()),
        ("where(x > 0, 1/x, 0)", (0.0,), (0.0,)),
        ("where(x > 3, x*x - 9, 0)", (3.0,), ()),
    ],
)
def test_a_jump_is_told_from_what_is_steep_small_or_rounded(formula, kinks, jumping):
    f = nonlin.define(formula)
    assert f.kinks == kinks
    assert jumps(f.expression) == jumping
    assert isinf(f.moments().slope_second) or not jumping


@pytest.mark.parametrize(
    ("formula", "off"), [("sign(x)*sign(x)", 0), ("where(x > 1, 2*x, where(x < 1, 2*x, 3))", 1)]
)
def test_a_line_with_another_value_at_one_point_is_none(formula, off):
    f = nonlin.define(formula)
    assert (f.properties.linearity.value, f.properties.linearity.status) == ("piecewise linear", "proved")
    assert f"value at {off}" in f.properties.linearity.reason
    judged = nonlin.linearity(f)
    assert (judged.verdict, judged.status) == ("piecewise linear", "proved")


def test_a_point_that_is_not_fixed_parts_an_interval_that_is():
    found = nonlin.define("where(x > 0, x, where(x < 0, x, 1))").properties.fixed_points
    assert (found.value, found.status) == (((-inf, 0.0), (0.0, inf)), "proved")
    assert nonlin.define("where(x > 0, x, where(x < 0, x, x))").properties.fixed_points.value == (
        (-inf, inf),
    )
