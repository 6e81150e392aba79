"""The language: parsing, differentiation, pieces, kinks, printing, recognition."""

import subprocess
import sys

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nonlin
from nonlin.errors import InvalidInputError
from nonlin.functions import Variable, identify
from nonlin.functions.construction import call, clip, maximum, where
from nonlin.functions.parsing import parse
from nonlin.functions.printing import text

x = Variable()
SCALAR = [f for f in nonlin.functions() if not f.vector]


@pytest.mark.parametrize(
    ("formula", "part"),
    [
        ("__import__('os').system('true')", "__import__"),
        ("x.real", "x.real"),
        ("[x for x in y]", "x for x"),
        ("x if x > 0 else 0", "x if x"),
        ("lambda: x", "lambda"),
        ("x ** x", r"x \*\* x"),
        ("y * x", "'y'"),
        ("x +", "invalid syntax"),
        ("'x'", "'x'"),
        ("1e400 * x", "1e400"),
        ("x / 0", "divisor"),
        ("softmax(x)", "not of a whole vector"),
        ("x * sigmiod(x)", "got 'sigmiod'; did you mean sigmoid"),
        ("leaky_rleu(x)", "did you mean leaky_relu"),
        ("X * 2", "did you mean x"),
        ("where(x > 0, x)", r"where\(condition, yes, no\)"),
        ("(" * 90 + "x" + ")" * 90 + "+1" * 100, "nesting"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(formula, part):
    with pytest.raises(InvalidInputError, match=part):
        nonlin.define(formula)


def test_definitions_of_the_users_own():
    f = nonlin.define("x * sigmoid(beta * x)", beta=1.5)
    assert f.name == "x * sigmoid(beta * x)"
    assert f(2.0) == nonlin.function("swish", beta=1.5)(2.0)
    assert nonlin.define("relu(x) ** 2")(3.0) == 9.0
    assert nonlin.define("leaky_relu(x - 1, negative_slope=0.5)")(0.0) == -0.5
    with pytest.raises(InvalidInputError, match="gamma"):
        nonlin.define("x * beta", beta=1.0, gamma=2.0)


@pytest.mark.parametrize(
    ("formula", "name"),
    [
        ("x / (1 + exp(-x))", "silu"),
        ("0.5 * x * (1 + erf(x / 1.4142135381698608))", "gelu"),
        ("x * tanh(log(1 + exp(x)))", "mish"),
        ("log(1 + exp(x))", "softplus"),
        ("x - tanh(x)", "tanhshrink"),
        ("exp(x) / (1 + exp(x))", "sigmoid"),
        ("x * exp(x) / (exp(x) + 1)", "silu"),
        ("(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "tanh"),
        ("(exp(x) - exp(-x)) / (exp(-x) + exp(x))", "tanh"),
        ("(exp(2*x) - 1) / (exp(2*x) + 1)", "tanh"),
        ("(1 - exp(-2*x)) / (1 + exp(-2*x))", "tanh"),
        ("log(exp(x) + 1)", "softplus"),
        ("-log(1 / (1 + exp(x)))", "softplus"),
        ("x * exp(0.5*x) / (exp(0.5*x) + exp(-0.5*x))", "silu"),
        ("exp(x) / (exp(0) + exp(x))", "sigmoid"),
    ],
)
def test_a_textbook_formula_is_made_stable(formula, name):
    f, known = nonlin.define(formula), nonlin.function(name)
    u = np.array([-np.inf, -800.0, -100.0, -5.0, -1e-8, 1e-8, 5.0, 100.0, 800.0, np.inf])
    np.testing.assert_allclose(f(u), known(u), rtol=1e-15)
    np.testing.assert_allclose(f.slope(u), known.slope(u), rtol=1e-15)


@pytest.mark.parametrize(
    ("formula", "exact"),
    [
        ("log(exp(x) + exp(-x))", lambda u: mpmath.log(2 * mpmath.cosh(u))),
        ("log((exp(x) + exp(-x)) / 2)", lambda u: mpmath.log(mpmath.cosh(u))),
        ("log(0.5*exp(x) + 0.5*exp(-x))", lambda u: mpmath.log(mpmath.cosh(u))),
        ("log(2 + exp(x))", lambda u: mpmath.log(2 + mpmath.exp(u))),
        ("log(exp(x) + exp(2*x) + 3)", lambda u: mpmath.log(mpmath.exp(u) + mpmath.exp(2 * u) + 3)),
        ("log(sigmoid(x))", lambda u: -mpmath.log1p(mpmath.exp(-u))),
        ("exp(x) / (1 + exp(x))**2", lambda u: mpmath.sech(u / 2) ** 2 / 4),
        ("exp(2*x) / (exp(2*x) + exp(-x))", lambda u: 1 / (1 + mpmath.exp(-3 * u))),
    ],
)
def test_exponentials_in_a_logarithm_or_a_quotient_do_not_overflow(formula, exact):
    f, u = nonlin.define(formula), np.array([-800.0, -300.0, -2.0, 0.5, 300.0, 800.0])
    with mpmath.workdps(800):  # 1 + exp(−800) and 1 are different numbers
        values = [float(exact(mpmath.mpf(x))) for x in u]
        slopes = [float((exact(mpmath.mpf(x) + 1e-9) - exact(mpmath.mpf(x) - 1e-9)) / 2e-9) for x in u]
    np.testing.assert_allclose(f(u), values, rtol=1e-14)
    np.testing.assert_allclose(f.slope(u), slopes, rtol=1e-9, atol=1e-300)
    assert nonlin.define("log(2)")(0.0) == np.log(2)


def test_declared_slopes_at_kinks_are_pytorchs():
    zero = {"relu": 0, "leaky_relu": 0.01, "abs": 0, "hardswish": 0.5, "step": 0, "elu": 1, "softshrink": 0}
    for name, slope in zero.items():
        assert nonlin.function(name).slope(0.0) == slope
    assert nonlin.function("elu", alpha=2.0).slope(0.0) == 2.0
    assert nonlin.function("hardtanh").slope(np.array([-1.0, 1.0])).tolist() == [0, 0]
    assert nonlin.function("relu6").slope(np.array([0.0, 6.0])).tolist() == [0, 0]
    assert nonlin.function("softshrink").slope(np.array([-0.5, 0.5])).tolist() == [0, 0]


def test_kinks():
    expected = {
        "relu": (0.0,),
        "hardtanh": (-1.0, 1.0),
        "hardsigmoid_affine": (-2.5, 2.5),
        "hardswish": (-3.0, 3.0),
        "step": (0.0,),
        "elu": (),
        "sqnl": (),
        "selu": (0.0,),
        "gelu": (),
    }
    assert {name: nonlin.function(name).kinks for name in expected} == expected
    assert nonlin.function("elu", alpha=0.5).kinks == (0.0,)
    assert nonlin.define("relu(x**2 - 4)").kinks == pytest.approx((-2.0, 2.0), abs=1e-12)


@pytest.mark.parametrize("f", [f for f in SCALAR if f.pieces], ids=lambda f: f.name)
def test_pieces_cover_the_line_and_are_the_function(f):
    assert f.pieces[0].low == -np.inf
    assert f.pieces[-1].high == np.inf
    assert all(a.high == b.low for a, b in zip(f.pieces, f.pieces[1:], strict=False))
    for piece in f.pieces:
        low, high = max(piece.low, -50.0), min(piece.high, 50.0)
        u = low + (high - low) * np.linspace(0.01, 0.99, 9)
        np.testing.assert_allclose(f(u), piece.slope * u + piece.intercept, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(f.slope(u), piece.slope, rtol=1e-14)


def test_only_piecewise_linear_functions_have_pieces():
    assert nonlin.function("hardswish").pieces is None
    assert nonlin.function("silu").pieces is None
    two = nonlin.define("relu(2 * x - 1) - relu(x) / 2").pieces
    assert [(p.low, p.slope, p.intercept) for p in two] == [(-np.inf, 0, 0), (0, -0.5, 0), (0.5, 1.5, -1)]


def test_largest_slope():
    expected = {
        "sigmoid": 0.25,
        "tanh": 1.0,
        "relu": 1.0,
        "silu": 1.0998393194985,
        "hardswish": 1.5,
        "gcu": np.inf,
    }
    expected |= {"relu2": np.inf, "identity": 1.0, "gelu": 1.12890414518515, "step": 0.0, "sine": 1.0}
    for name, bound in expected.items():
        assert nonlin.function(name).largest_slope == pytest.approx(bound, rel=1e-8)


def test_rests_at_zero_tells_off_from_saturated():
    off = ["relu", "relu6", "gelu", "silu", "mish", "softplus", "hardswish", "softshrink"]
    saturated = ["sigmoid", "tanh", "hardsigmoid", "hardtanh", "elu", "identity", "sinc", "leaky_relu"]
    assert [name for name in off if not nonlin.function(name).rests_at_zero] == []
    assert [name for name in saturated if nonlin.function(name).rests_at_zero] == []


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
def test_printed_text_reads_back(f):
    again = parse(text(f.expression))
    u = np.linspace(-9, 9, 101)
    np.testing.assert_allclose(nonlin.define(text(f.expression))(u), f(u), rtol=1e-14)
    assert identify(again) is not None


@pytest.mark.parametrize(
    ("expression", "label"),
    [
        (x * call("sigmoid", x), "silu"),
        (x * clip(x + 3, 0, 6) / 6, "hardswish"),
        (0.5 * x * (1 + call("erf", x / 1.4142135381698608)), "gelu"),
        (x * call("tanh", call("softplus", x)), "mish"),
        (call("sigmoid", 1.702 * x) * x, "quick_gelu"),
        (maximum(x, 0), "relu"),
        (where(x > 0, x, 0.2 * x), "leaky_relu(negative_slope=0.2)"),
        (x * call("sigmoid", 1.5 * x), "swish(beta=1.5)"),
        (clip(x, -2, 2), None),
        (x * x, None),
    ],
)
def test_identify(expression, label):
    found = identify(expression)
    assert (found and found.label) == label


@given(st.floats(-40, 40), st.floats(0.25, 4))
def test_swish_scales(u, beta):
    f = nonlin.function("swish", beta=beta)
    assert f(u) == pytest.approx(nonlin.function("silu")(beta * u) / beta, rel=2e-14, abs=1e-300)


def test_a_vector_function_has_a_value_and_says_why_it_has_no_slope():
    softmax = nonlin.function("softmax")
    assert softmax.vector
    assert softmax(np.array([[1000.0, 1000.0]], np.float32)).tolist() == [[0.5, 0.5]]
    with pytest.raises(InvalidInputError, match="whole vector"):
        softmax.slope(1.0)


def test_out_is_written_into_and_checked():
    u = np.array([-1.0, 2.0], np.float32)
    out = np.empty_like(u)
    assert nonlin.function("relu")(u, out=out) is out
    assert out.tolist() == [0.0, 2.0]
    with pytest.raises(InvalidInputError, match="float32"):
        nonlin.function("relu")(u, out=np.empty(2))


def test_what_is_not_a_real_number_is_refused():
    with pytest.raises(InvalidInputError, match="complex128"):
        nonlin.function("relu")(np.array([1j]))
    assert nonlin.function("relu")(np.array([-1, 2])).dtype == np.float64


def test_the_import_is_light():
    code = (
        "import sys; from nonlin.functions import function; function('gelu').kinks;"
        "print([m for m in ('scipy', 'numba', 'torch', 'jax', 'sympy', 'flint') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


FORMULAS = {
    # formula: range, its status, kinks, monotone, verdict on linearity
    "3": ((3.0, 3.0), "proved", (), "constant", "affine"),
    "1/x": ((-np.inf, np.inf), "numeric", (0.0,), "no", "nonlinear"),
    "1/(x - 1)": ((-np.inf, np.inf), "numeric", (1.0,), "no", "nonlinear"),
    "x/x": ((1.0, 1.0), "numeric", (0.0,), "constant", "affine"),
    "tanh(x)/x": ((0.0, 1.0), "numeric", (0.0,), "no", "nonlinear"),
    "log(x)": ((-np.inf, np.inf), "numeric", (), "increasing", "nonlinear"),
    "exp(exp(x))": ((1.0, np.inf), "numeric", (), "strictly increasing", "nonlinear"),
    "min(max(x, 0), 6)": ((0.0, 6.0), "proved", (0.0, 6.0), "increasing", "piecewise linear"),
    "abs(abs(abs(x) - 1) - 1)": (
        (0.0, np.inf),
        "proved",
        (-2.0, -1.0, 0.0, 1.0, 2.0),
        "no",
        "piecewise linear",
    ),
    "relu(relu(relu(x) - 1) - 1)": ((0.0, np.inf), "proved", (2.0,), "increasing", "piecewise linear"),
    "x**64": ((0.0, np.inf), "proved", (), "no", "nonlinear"),
    "where(x > 0, where(x > 2, 3, x), where(x < -1, -1, x))": (
        (-1.0, 3.0),
        "proved",
        (-1.0, 2.0),
        "increasing",
        "piecewise linear",
    ),
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_odd_formulas_get_right_answers(formula):
    span, status, kinks, monotone, verdict = FORMULAS[formula]
    f = nonlin.define(formula)
    found = f.properties
    assert found.range.value == span
    assert found.range.status == status
    assert found.kinks.value == kinks
    assert found.monotone.value == monotone
    assert nonlin.linearity(f).verdict == found.linearity.value == verdict


@pytest.mark.parametrize("formula", ["1/x", "1/(x - 1)", "where(x > 0, 1/x, 0)", "log(x)", "sqrt(x)"])
def test_a_moment_that_diverges_or_is_not_real_is_not_a_number(formula):
    m = nonlin.define(formula).moments()
    assert np.isnan([m.mean, m.second, m.gain, m.chi1]).all()


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("foo(x)", "function of the catalogue"),
        ("b * x", r"b=1\.0"),
        ("x^2", r"\*\*"),
        ("2**x", "power by a whole number"),
        ("x**1000", "at most 64"),
        ("x +", "invalid syntax"),
        ("0/0", "divisor other than 0"),
        ("1e400 * x", "finite number"),
        ("x if x > 0 else 0", "numbers, x, parameters"),
        ("softmax(x)", "of x alone"),
        ("relu", r"as in relu\(x\)"),
        ("x * exp", r"as in exp\(x\)"),
        ("max(x)", r"max with 2 argument"),
        ("gelu(x, beta=2)", "gelu with one argument and those parameters"),
        ("(" * 80 + "x" + "+1)" * 80, "60 levels"),
        ("__import__('os')", "number|catalogue"),
    ],
)
def test_a_formula_that_is_not_understood_is_one_clear_line(formula, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        nonlin.define(formula)
    assert "\n" not in str(caught.value)


def test_a_slope_beyond_all_floats_is_refused():
    with pytest.raises(InvalidInputError, match="scale the formula down"):
        nonlin.linearity("x * 1e308 * 10")


@pytest.mark.parametrize(
    "formula", ["where(1e-300*x > 1e10, 1, 0)", "relu(1e-300*x - 1e10)", "tanh(x) * sign(1e-300*x - 1e10)"]
)
@pytest.mark.parametrize("asked", ["kinks", "properties"])
def test_a_breakpoint_beyond_all_floats_is_refused(formula, asked):
    with pytest.raises(InvalidInputError, match=r"expected breakpoints.*scale the formula down"):
        getattr(nonlin.define(formula), asked)


@pytest.mark.parametrize(
    "formula", ["x * (x * 2 / 3)", "x + (x - 1)", "x * (2 * x)", "x - (x - 1)", "x / (x * 2)"]
)
def test_text_keeps_what_is_done_first(formula):
    # x * x * 2 / 3 overflows where x * (x * 2 / 3) does not; kernels are kept by their text
    assert text(parse(formula)) == formula
    assert parse(text(parse(formula))) == parse(formula)


@pytest.mark.parametrize(
    ("formula", "match"),
    [
        ("hardtanh(x, min_val=2, max_val=1)", "min_val < max_val"),
        ("hardtanh(x, min_val=2)", "min_val < max_val"),
        ("softplus(x, beta=-1)", "beta of softplus"),
    ],
)
def test_a_function_in_a_formula_takes_what_it_takes_alone(formula, match):
    with pytest.raises(InvalidInputError, match=match):
        nonlin.define(formula)


def test_a_division_by_a_parameter_that_is_0_is_refused_at_once():
    with pytest.raises(InvalidInputError, match="divisor other than 0"):
        nonlin.define("x / a", a=0)


@pytest.mark.parametrize(
    "grown", [lambda part: part * part + 1, lambda part: where(part > 1, part, part * 2)]
)
def test_equal_expressions_with_parts_that_occur_many_times_are_compared_part_by_part(grown):
    first, second = Variable(), Variable()
    for _ in range(64):  # to the bottom of each there are 2⁶⁴ ways
        first, second = grown(first), grown(second)
    assert first is not second
    assert first == second
    assert first != second + 1
