"""The derived properties, against brute force on the kernels and against what the literature knows."""

from dataclasses import fields
from fractions import Fraction
from math import inf, isfinite, isnan

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook import TEXTBOOK

import nonlin
from nonlin.functions.expression import Variable, nodes
from nonlin.functions.polynomial import polynomial, wronskian
from nonlin.functions.proofs.algebra import one_function
from nonlin.functions.proofs.derivative import derivative
from nonlin.functions.proofs.jets import order_of_zero
from nonlin.functions.proofs.segments import resolve
from nonlin.functions.properties import Properties, derive

SCALAR = [f for f in nonlin.functions() if not f.vector]
LINE = np.concatenate(
    [-np.logspace(9, -9, 3001), [0.0], np.logspace(-9, 9, 3001), np.linspace(-45, 45, 20001)]
)
LINE.sort()
ULPS = 8 * np.finfo(np.float64).eps
LARGE = 1e6


def contradictions(f, properties):
    """Name the properties that the values on a grid contradict: an oracle that knows nothing of proofs."""
    values, slopes = f(LINE), f.slope(LINE)
    wrong = {
        "range": _range_is_wrong(values, properties.range),
        "bounded": properties.bounded.value and np.abs(values).max() > LARGE,
        "monotone": _monotone_is_wrong(values, properties.monotone.value),
        "lipschitz": np.abs(slopes).max() > properties.lipschitz.value * (1 + 1e-12),
        "convex": _convex_is_wrong(slopes, properties.convex.value),
    }
    for name, sign in (("odd", -1), ("even", 1)):
        equal = np.allclose(f(-LINE), sign * values, rtol=1e-14, atol=0)
        wrong[name] = getattr(properties, name).value != equal
    return {name for name, is_wrong in wrong.items() if is_wrong}


def _range_is_wrong(values, span):
    low, high = span.value
    slack = ULPS * (np.abs(values) + 1e-300) + (0 if isnan(span.error) else span.error)
    outside = (values < low - slack).any() or (values > high + slack).any()
    return outside or (span.status == "proved" and not _reached(values, low, high))


def _monotone_is_wrong(values, verdict):
    steps = np.diff(values)
    noise = ULPS * np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
    rises, falls = (steps > noise).any(), (steps < -noise).any()
    return {
        "no": not (rises and falls),
        "constant": rises or falls,
        "increasing": falls,
        "decreasing": rises,
    }[verdict.removeprefix("strictly ")]


def _convex_is_wrong(slopes, verdict):
    bends, rough = np.diff(slopes), 1e-13 * np.abs(slopes).max(initial=0)
    return (verdict == "convex" and (bends < -rough).any()) or (
        verdict == "concave" and (bends > rough).any()
    )


def _reached(values, low, high):
    """Whether values come near to both ends of a range, or grow large where an end is infinite."""
    near = [values.min() < -LARGE if low == -inf else values.min() <= low + 1e-6 * max(1, abs(low))]
    near.append(values.max() > LARGE if high == inf else values.max() >= high - 1e-6 * max(1, abs(high)))
    return all(near)


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
def test_brute_force_does_not_contradict(f):
    assert contradictions(f, f.properties) == set()


@pytest.mark.parametrize(
    ("name", "other", "wrong"),
    [
        ("silu", "relu", {"range", "monotone", "lipschitz", "convex"}),
        ("tanh", "sigmoid", {"range", "lipschitz", "odd"}),
        ("abs", "identity", {"range", "monotone", "odd", "even"}),
        ("relu", "silu", {"range", "monotone", "odd", "even"} - {"odd", "even"}),
        ("softplus", "logsigmoid", {"range", "convex"}),
        ("identity", "hardtanh", {"range", "bounded"}),
    ],
)
def test_the_oracle_notices_the_properties_of_another_function(name, other, wrong):
    assert contradictions(nonlin.function(name), nonlin.function(other).properties) >= wrong


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
def test_nearly_everything_is_proved(f):
    open_ones = {
        "gcu": {"fixed_points"},  # infinitely many
        "snake": {"fixed_points"},  # infinitely many
    }
    found = {
        field.name for field in fields(Properties) if getattr(f.properties, field.name).status != "proved"
    }
    assert found <= open_ones.get(f.name, set())


def _smallest(name, near):
    with mpmath.workdps(40):
        f = TEXTBOOK[name]
        return float(f(mpmath.findroot(lambda x: mpmath.diff(f, x), near)))


def test_known_values():
    p = {
        name: nonlin.function(name).properties for name in ("gelu", "silu", "mish", "sigmoid", "relu", "elu")
    }
    assert p["silu"].range.value[0] == pytest.approx(-0.27846454276107, abs=1e-14)  # −W(1/e)
    assert p["mish"].range.value[0] == pytest.approx(_smallest("mish", -1.2), abs=1e-15)
    assert p["gelu"].range.value[0] == pytest.approx(_smallest("gelu", -0.75), abs=1e-15)
    assert p["sigmoid"].range.value == (0.0, 1.0)
    assert p["sigmoid"].attained.value == (False, False)
    assert p["sigmoid"].lipschitz.value == 0.25
    assert p["sigmoid"].fixed_points.value[0][0] == pytest.approx(0.659046068407407, abs=1e-14)
    assert p["relu"].fixed_points.value == ((0.0, inf),)
    assert p["relu"].limits.value == (0.0, inf)
    assert p["elu"].smoothness.value == 1
    assert p["elu"].monotone.value == "strictly increasing"
    assert p["relu"].monotone.value == "increasing"
    assert [nonlin.function(n).properties.linearity.value for n in ("identity", "relu", "gelu")] == [
        "linear",
        "piecewise linear",
        "nonlinear",
    ]


def test_jumps():
    step = nonlin.function("step").properties
    assert step.smoothness.value == -1
    assert step.lipschitz.value == inf
    assert step.kinks.value == (0.0,)
    assert step.range.value == (0.0, 1.0)
    assert step.attained.value == (True, True)
    assert step.monotone.value == "increasing"
    half_open = nonlin.define("where(x < 0, x / (1 - x), 2)").properties
    assert half_open.range.value == (-1.0, 2.0)
    assert half_open.attained.value == (False, True)
    assert half_open.convex.value == "no"


def test_oscillation():
    sine, gcu = nonlin.function("sine").properties, nonlin.function("gcu").properties
    assert sine.limits.status == gcu.limits.status == "proved"
    assert all(isnan(end) for end in (*sine.limits.value, *gcu.limits.value))
    assert sine.range.value == pytest.approx((-1.0, 1.0), abs=1e-16)
    assert gcu.range.value == (-inf, inf)
    assert gcu.lipschitz.value == inf
    assert nonlin.function("snake").properties.lipschitz.value == pytest.approx(2.0, abs=1e-15)


@pytest.mark.parametrize("formula", ["1 / x", "log(x)", "sqrt(x**3)", "x / (x - 1)"])
def test_nothing_is_proved_where_the_formula_may_be_undefined(formula):
    p = nonlin.define(formula).properties
    for name in ("range", "limits", "monotone", "convex", "lipschitz", "smoothness", "kinks", "fixed_points"):
        assert getattr(p, name).status != "proved"


def test_a_kink_that_is_no_float_is_still_exact():
    p = nonlin.define("relu(3 * x - 1)").properties
    assert p.kinks.value == (1 / 3,)
    assert p.kinks.status == "proved"
    assert p.range.value == (0.0, inf)


def test_what_is_not_affine_inside_a_choice_is_sampled():
    p = nonlin.define("relu(x**2 - 4)").properties
    assert p.kinks.value == pytest.approx((-2.0, 2.0))
    assert p.kinks.status == p.range.status == "numeric"


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["tanh", "sigmoid", "softplus", "gelu", "relu", "abs", "elu", "sine"]),
    st.floats(0.25, 4),
    st.floats(-2, 2),
    # a smaller tilt turns a function around far outside the grid
    st.floats(-1.5, 1.5).filter(lambda tilt: tilt == 0 or abs(tilt) > 1e-3),
)
def test_brute_force_does_not_contradict_a_formula_of_ones_own(name, scale, shift, tilt):
    f = nonlin.define(f"{name}(a * x + b) + c * x", a=scale, b=shift, c=tilt)
    wrong = contradictions(f, f.properties) - {"odd", "even"}
    if not all(isfinite(end) for end in f.properties.range.value):
        wrong.discard("range")  # growth too slow for the grid: c may be tiny
    assert wrong == set()


def test_errors_are_errors_of_float64():
    p = nonlin.function("gelu").properties
    assert 0 < p.range.error < 1e-16
    assert p.lipschitz.error < 2.3e-16
    assert p.limits.error == 0


@pytest.mark.parametrize(
    ("formula", "monotone"),
    [
        ("x + sin(x)**2", "strictly increasing"),
        ("3*x + 2*sin(x)*cos(x) - sin(x)**2", "strictly increasing"),
        ("-x - cos(x)**2", "strictly decreasing"),
        ("x + 1.0001*sin(x)**2", "no"),
    ],
)
def test_a_slope_that_touches_zero_is_told_from_one_that_crosses_it(formula, monotone):
    found = nonlin.define(formula).properties.monotone
    assert (found.value, found.status) == (monotone, "proved")


@pytest.mark.parametrize(
    ("formula", "order"),
    [
        ("x / (1 + x**6)", 7),
        ("x / (1 + abs(x)**7)", 8),
        ("x / (1 + x**30)", 31),
        ("x / sqrt(1 + x**8)", 9),
        ("x * exp(-x**8)", 9),
        ("x - tanh(x)**9", 9),
        ("x + x**9 * gelu(x)", 10),
    ],
)
def test_a_fixed_point_at_which_the_slope_and_many_derivatives_are_those_of_the_identity(formula, order):
    f = nonlin.define(formula)
    found = derive(f.expression, "fixed_points")
    assert (found.value, found.status) == (((0.0, 0.0),), "proved")
    right = resolve(f.expression, Fraction(1)) - Variable()
    assert order_of_zero(right, Fraction(0)) == order


def test_a_zero_of_high_order_beside_which_the_sign_changes_is_no_turning_point():
    falls = derive(nonlin.define("x**9 * exp(-x)").expression, "monotone")
    assert (falls.value, falls.status) == ("no", "proved")
    rises = derive(nonlin.define("tanh(x)**9 + x**9").expression, "monotone")
    assert (rises.value, rises.status) == ("strictly increasing", "proved")


def test_fixed_points_of_a_product_with_a_factor_below_one():
    for name in ("tanhexp", "telu"):
        found = nonlin.function(name).properties.fixed_points
        assert (found.value, found.status) == (((0.0, 0.0),), "proved")
    assert nonlin.define("x * tanh_exp(x) + 0.5").properties.fixed_points.value != ((0.0, 0.0),)


@pytest.mark.parametrize(
    ("formula", "smoothness", "status"),
    [
        ("where(x < 0, 1 / (sqrt(x*x + 1) - x), sqrt(x*x + 1) + x)", inf, "proved"),
        ("where(x < 1, x*x / (sqrt(x*x + 3) + sqrt(3)), sqrt(x*x + 3) - sqrt(3))", inf, "proved"),
        ("where(x < 0, (x + 1)**2, x**2 + 2*x + 1)", inf, "proved"),
        ("where(x < 0, x**8, x**9)", 7, "proved"),
        ("where(x < 0, x**9, x**9 + x**11)", 10, "proved"),
        ("where(x < 0, 1 / (sqrt(x*x + 1) - x), sqrt(x*x + 1) + 1.5*x)", 0, "proved"),
        ("where(x < 0, exp(x) * exp(x), exp(2*x))", None, "unknown"),
        ("where(x > 0, softplus(x), x + softplus(-x))", inf, "proved"),
        ("abs(x)**40 * exp(x)", inf, "proved"),
        ("normal_density(abs(x - 0.1))", inf, "proved"),
        ("exp(abs(x)) + exp(-abs(x))", inf, "proved"),
        ("sigmoid(abs(x)) + sigmoid(-abs(x)) + gaussian(x)", inf, "proved"),
        ("x**5 / (1 + abs(x)**5)", 9, "proved"),
        ("abs(x)**7 / (1 + x**8)", 6, "proved"),
        ("where(x < 1, x / (1 + x**2), 1 / (1 + x**2))", 0, "proved"),
        ("where(x < 1, x / (1 + x**2), x**2 / (x + x**3))", inf, "proved"),
    ],
)
def test_two_pieces_may_be_one_function(formula, smoothness, status):
    found = derive(nonlin.define(formula).expression, "smoothness")
    assert (found.value, found.status) == (smoothness, status)


@pytest.mark.parametrize(
    ("formula", "smoothness", "status"),
    [
        ("x**7 * exp(-x) / (1 + abs(x)**7)", 13, "proved"),
        ("log(1 + x**20 * abs(x))", 20, "proved"),
        ("abs(x)**9 * gelu(x)", 9, "proved"),
        ("abs(x - 1)**9 * exp(x)", 8, "proved"),
        ("relu(3*x - 1)**9 * exp(x)", 8, "numeric"),
        ("where(x < 0, exp(x) * exp(x), exp(2*x) + x**64)", None, "unknown"),
        ("where(x < 0, sin(x) / x, 1)", 1, "proved"),
        ("where(x < 0, expm1(x) / x, exp(x))", 0, "proved"),
        ("where(x > 0, exp(-1 / x), 0)", None, "unknown"),
        ("where(x <= 0, sin(x) / x, 1)", None, "unknown"),
        ("where(x > 0, sqrt(x**6)/x**2, 0)", 0, "numeric"),
        ("abs(x**2 - 3)**9 * exp(x)", 8, "numeric"),
        ("abs(sin(x))**3", 2, "numeric"),
        ("sign(x**2 - 3)", -1, "numeric"),
        ("sign(x**2)", -1, "numeric"),
        ("relu(x**2 + 1)", inf, "numeric"),
        ("where(sin(x) < 0, exp(x) * exp(x), exp(2*x))", None, "unknown"),
    ],
)
def test_a_jump_in_a_high_derivative_is_found_or_left_open(formula, smoothness, status):
    found = derive(nonlin.define(formula).expression, "smoothness")
    assert (found.value, found.status) == (smoothness, status)


def test_a_kink_does_not_prove_the_smoothness_where_a_jump_elsewhere_is_not_ruled_out():
    found = derive(
        nonlin.define("abs(x) + where(x < 1, exp(1)*x, exp(1)*x + 1e-60)").expression, "smoothness"
    )
    assert found.status != "proved"
    gap = "where(x < 0, exp(1)*x/x, where(x > 0, exp(1)*x/x, exp(1) + 1e-60))"
    assert derive(nonlin.define(gap).expression, "smoothness").status != "proved"
    between = "where(x < 1, x, where(x > 1, x * exp(x) * exp(-x) + 1e-60, x))"
    assert derive(nonlin.define(between).expression, "kinks").status != "proved"


def test_two_pieces_that_are_one_formula_need_not_be_analytic():
    found = derive(
        nonlin.define("where(x < 0, sqrt(x**6)/x**2, where(x > 0, sqrt(x**6)/x**2, 0))").expression,
        "smoothness",
    )
    assert (found.value, found.status) == (0, "numeric")


def test_what_a_piece_tends_to_where_it_has_no_value_is_not_taken_for_0():
    meets = nonlin.define("where(x < 0, sin(x) / x, 1)").properties
    assert (meets.kinks.value, meets.kinks.status) == ((), "proved")
    assert meets.lipschitz.value == pytest.approx(0.43618, abs=1e-5)
    assert meets.convex.reason != "it jumps, and a convex function on the reals is continuous"
    relu = derive(nonlin.define("where(x > 0, sqrt(x**6)/x**2, 0)").expression, "kinks")
    assert (relu.value, relu.status) == ((0.0,), "numeric")
    lost = nonlin.define("where(x > 0, 1, where(x < 0, 2, 1 / x))").properties
    assert "proved" not in {lost.range.status, lost.smoothness.status, lost.kinks.status}


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("(x + 1) * (x - 1)", "x**2 - 1", True),
        ("sqrt(2) * sqrt(2) * x", "2 * x", True),
        ("x / (1 + sqrt(1 + x**2))", "(sqrt(1 + x**2) - 1) / x", True),
        ("1 / (sqrt(x*x + 1) - x)", "sqrt(x*x + 1) - x", False),
        ("x**2", "x**2 + 1e-30", False),
        ("sqrt(x*x + 1)", "sqrt(x*x + 2)", False),
        ("tanh(-x) * cos(x)", "-tanh(x) * cos(-x)", True),
        ("sigmoid(x**2 - x) + sigmoid(x - x**2)", "1 + 0*x", True),
        ("softplus(3*x) - softplus(-3*x)", "3 * x", True),
        ("exp(-x) * exp(x)", "(1 + x) / (1 + x)", True),
        ("expm1(-x)", "-expm1(x)", False),
        ("exp(-x)", "exp(x)", False),
        ("sigmoid(x)", "tanh(x)", False),
    ],
)
def test_algebraic_identities(a, b, same):
    assert one_function(nonlin.define(a).expression, nonlin.define(b).expression) == same


def test_the_error_bounds_the_rounding_of_the_number_to_float64():
    exact = nonlin.define("hardswish(hardtanh(2 * x - 2))").properties.range  # the supremum is 2/3
    assert Fraction(2, 3) - Fraction(exact.value[1]) < Fraction(exact.error)
    kinks = nonlin.define("relu(3 * x - 1)").properties.kinks
    assert abs(Fraction(1, 3) - Fraction(kinks.value[0])) < Fraction(kinks.error) < Fraction(1, 10**16)
    fixed = nonlin.define("0.5 * cos(x)").properties.fixed_points
    with mpmath.workdps(40):
        root = mpmath.findroot(lambda x: mpmath.cos(x) / 2 - x, 0.45)
        assert abs(root - fixed.value[0][0]) <= fixed.error < 1e-16
        steepest = nonlin.function("erf").properties.lipschitz
        assert abs(2 / mpmath.sqrt(mpmath.pi) - steepest.value) <= steepest.error < 1e-16


def test_no_lipschitz_constant_is_proved_where_both_sides_are_only_known_to_be_near():
    assert nonlin.define("where(x < 1, tanh(x), tanh(2*x - 1))").properties.lipschitz.status == "numeric"
    alone = nonlin.define("where(x < 1, tanh(x), where(x > 1, tanh(2*x - 1), 5))").properties.lipschitz
    assert (alone.value, alone.status) == (inf, "proved")
    jumps = nonlin.define("where(x > 0, exp(-1 / x), 5)").properties.lipschitz
    assert (jumps.value, jumps.status) == (inf, "proved")


@pytest.mark.parametrize(
    ("formula", "fixed"),
    [
        ("(x - 1)**2 + x", (1.0,)),
        ("(x - 0.5)**2 * (x - 2) + x", (0.5, 2.0)),
        ("x + (x - 1)**2 * exp(x)", (1.0,)),
        ("min(x, 0.5) * (silu(2*x + 2) - x)", (-1.0, 0.0)),
    ],
)
def test_a_fixed_point_that_the_line_only_touches_is_found(formula, fixed):
    found = nonlin.define(formula).properties.fixed_points
    assert found.status == "proved"
    assert tuple(a for a, _ in found.value)[: len(fixed)] == fixed


@pytest.mark.parametrize("formula", ["1 / (x - 0.5)**2", "1 / ((x - 1)**2 * exp(x))", "1 / tanh(x - 1)**2"])
def test_a_divisor_that_only_touches_zero_is_seen(formula):
    found = nonlin.define(formula).properties
    assert {found.smoothness.status, found.range.status} <= {"numeric", "unknown"}


def test_zero_in_disguise_is_constant():
    found = nonlin.define("(x - x) / sqrt(1 + (x - 2)**2)").properties
    assert (found.monotone.value, found.monotone.status) == ("constant", "proved")
    assert found.range.value == (0.0, 0.0)
    assert nonlin.define("(x - x) / x").properties.range.status != "proved"


def test_parts_that_occur_many_times_are_read_once():
    shared = Variable()
    for _ in range(200):
        shared = shared + shared
    assert polynomial(shared) == (0, 2**200)


@pytest.mark.parametrize("formula", ["x / (1 + x**6)", "x**8 / (1 + x**8)", "1 / (1 + x**16)"])
def test_derivatives_of_a_quotient_grow_by_steps(formula):
    sizes, slope = [], nonlin.define(formula).expression
    for _ in range(4):
        slope = derivative(slope)
        sizes.append(sum(1 for _ in nodes(slope)))
    assert sizes[-1] <= 8 * sizes[0]


@pytest.mark.parametrize(("top", "power"), [((1, -2, 3), 1), ((0, 5), 3), ((7,), 2), ((), 4)])
def test_the_numerator_of_a_derivative(top, power):
    x, bottom = Fraction(3, 10), (2, 1, 1)
    t, b = (sum(c * x**i for i, c in enumerate(p)) for p in (top, bottom))
    dt, db = (sum(i * c * x ** (i - 1) for i, c in enumerate(p) if i) for p in (top, bottom))
    found = sum(c * x**i for i, c in enumerate(wronskian(top, bottom, power=power))) / b ** (power + 1)
    assert found == (dt * b**power - t * power * b ** (power - 1) * db) / b ** (2 * power)


@pytest.mark.parametrize(
    ("formula", "taken"),
    [
        ("tanh(exp(0.3*x + 3))", False),
        ("tanh(x) / (2 + sin(x))", False),
        ("cos(x) / (1 + exp(x))", False),
        ("erf(x / (1.5 + tanh(x)))", False),
        ("x / (1 + x**2)", True),
        ("where(x < 1, x / (1 + x**2), 1 / (1 + x**2))", True),
    ],
)
def test_an_end_that_values_only_come_near_is_not_proved_to_be_one(formula, taken):
    found = nonlin.define(formula).properties.attained
    assert (found.status == "proved" and found.value[1]) == taken


@pytest.mark.parametrize(
    ("formula", "verdict", "fixed"),
    [
        ("(x**3 + x) / (1 + x**2)", "linear", ((-inf, inf),)),
        ("(x**3 + x**2 + x + 1) / (1 + x**2)", "affine", ()),
        ("x*x - x*x + 2*x", "linear", ((0.0, 0.0),)),
    ],
)
def test_a_line_in_disguise_is_one(formula, verdict, fixed):
    found = nonlin.define(formula).properties
    assert (found.linearity.value, found.linearity.status) == (verdict, "proved")
    assert (found.piecewise_linear.value, found.piecewise_linear.status) == (True, "proved")
    assert (found.fixed_points.value, found.fixed_points.status) == (fixed, "proved")
    judged = nonlin.linearity(nonlin.define(formula))
    assert (judged.verdict, judged.status) == (verdict, "proved")


@pytest.mark.parametrize("formula", ["x - x**9/(1 + x**8)", "x / sqrt(1 + x**8)"])
def test_a_curvature_that_begins_with_a_high_power_has_a_sign(formula):
    found = nonlin.define(formula).properties.convex
    assert (found.value, found.status) == ("no", "proved")


@pytest.mark.parametrize(
    ("formula", "fixed", "status"),
    [
        ("where(x > 0, sqrt(x * x), 0)", (0.0, inf), "proved"),
        ("sqrt((x - 1)**2) + 1", (1.0, inf), "proved"),
        ("where(x > 0, sqrt(x) * sqrt(x), 0)", (0.0, inf), "proved"),
        ("where(x > 0, x * exp(x) * exp(-x), 0)", (0.0, inf), "proved"),
        ("softplus(x) - softplus(-x)", (-inf, inf), "proved"),
        ("x + sin(x)**2 + cos(x)**2 - 1", (-inf, inf), "numeric"),
        ("where(x > -3, where(x < 2, x * (sin(x)**2 + cos(x)**2), 1), 5)", (-3.0, 2.0), "numeric"),
    ],
)
def test_of_a_line_in_disguise_a_whole_interval_is_fixed(formula, fixed, status):
    found = nonlin.define(formula).properties.fixed_points
    assert (found.value, found.status) == ((fixed,), status)


@pytest.mark.parametrize("formula", ["sin(x)**2 + cos(x)**2", "sigmoid(x) + sigmoid(-x)", "exp(x) * exp(-x)"])
def test_one_in_disguise_is_constant(formula):
    found = nonlin.define(formula).properties
    assert (found.monotone.value, found.monotone.status) == ("constant", "proved")
    assert found.range.value == (1.0, 1.0)
    assert (found.attained.value, found.lipschitz.value) == ((True, True), 0.0)


def test_a_root_of_a_square_is_the_absolute_value():
    f = nonlin.define("sqrt((2*x - 1)**2)")
    assert f.expression == nonlin.define("abs(2*x - 1)").expression
    assert (f(-1e200), f.slope(0.5)) == (2e200, 0.0)
    assert nonlin.define("sqrt((1 + x*x)**2)").properties.smoothness.value == inf


@pytest.mark.parametrize(
    "formula",
    ["log(exp(x) + exp(-x))", "exp(x) / (1 + exp(x))**2", "softplus(x) - x/2", "log(1 + exp(-abs(x)))"],
)
def test_what_is_even_by_an_identity_is_proved_to_be(formula):
    found = nonlin.define(formula).properties
    assert (found.even.value, found.even.status) == (True, "proved")
    assert (found.odd.value, found.odd.status) == (False, "proved")


@pytest.mark.parametrize("formula", ["relu(x - 20)", "where(x > 50, x, 0)", "where(x < -30, exp(x), 0)"])
def test_what_begins_far_out_is_neither_odd_nor_even(formula):
    found = nonlin.define(formula).properties
    assert (found.odd.value, found.odd.status) == (False, "proved")
    assert (found.even.value, found.even.status) == (False, "proved")
