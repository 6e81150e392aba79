"""Every function of the catalogue by its name, against formulas from the literature in high precision."""

import pickle

import mpmath
import numpy as np
import pytest
from textbook import TEXTBOOK

import nonlin
from nonlin.errors import InvalidInputError, UnknownFunctionError
from nonlin.functions.catalogue import ENTRIES

SCALAR = [f for f in nonlin.functions() if not f.vector]
POINTS = [-30.0, -7.5, -3.3, -2.6, -1.25, -0.6, -0.1, -1e-9, 1e-9, 0.1, 0.4, 0.75, 1.5, 2.6, 3.7, 8.0, 30.0]

ISSUE = [
    "identity",
    "step",
    "relu",
    "leaky_relu",
    "elu",
    "prelu",
    "rrelu",
    "relu6",
    "relun",
    "relu²",
    "threshold",
    "crelu",
    "srelu",
    "selu",
    "celu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardmish",
    "sigmoid",
    "tanh",
    "silu",
    "swish",
    "gelu",
    "gelu_tanh",
    "quick_gelu",
    "softsign",
    "softplus",
    "logsigmoid",
    "squareplus",
    "mish",
    "glu",
    "swiglu",
    "geglu",
    "reglu",
    "hardshrink",
    "softshrink",
    "tanhshrink",
    "softmax",
    "log_softmax",
    "softmin",
    "sparsemax",
    "entmax",
    "isru",
    "isrlu",
    "sqnl",
    "apl",
    "bent_identity",
    "elish",
    "softclip",
    "maxout",
    "sine",
    "snake",
    "lisht",
    "gcu",
    "sinc",
    "tanhexp",
    "serf",
    "smish",
    "logish",
    "phish",
    "telu",
    "rational",
]


@pytest.mark.parametrize("name", ISSUE)
def test_every_function_that_was_promised_is_there(name):
    assert nonlin.function(name) in nonlin.functions()


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
def test_value_and_slope_agree_with_the_textbook_formula(f):
    with mpmath.workdps(60):
        for u in POINTS:
            value = float(TEXTBOOK[f.name](mpmath.mpf(u)))
            slope = float(mpmath.diff(TEXTBOOK[f.name], mpmath.mpf(u), h=mpmath.mpf(10) ** -25))
            assert f(u) == pytest.approx(value, rel=1e-13, abs=1e-300)
            assert f.slope(u) == pytest.approx(slope, rel=1e-12, abs=1e-16)


def test_a_wrong_textbook_formula_is_noticed():
    with mpmath.workdps(60):
        wrong = float(TEXTBOOK["silu"](mpmath.mpf(1.0)))
    assert nonlin.function("gelu")(1.0) != pytest.approx(wrong, rel=1e-3)


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
def test_curvature_is_the_slope_of_the_slope(f):
    for u in (u for u in POINTS if abs(u) > 1e-6):
        h = 1e-6 * max(1.0, abs(u))
        estimate = (f.slope(u + h) - f.slope(u - h)) / (2 * h)
        assert f.curvature(u) == pytest.approx(estimate, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_nan_gives_nan_and_the_type_and_shape_are_kept(f, dtype):
    u = np.array([[np.nan, 1.0, -2.0]], dtype)
    for compute in (f, f.slope, f.curvature):
        result = compute(u)
        assert result.dtype == dtype
        assert result.shape == (1, 3)
        assert np.isnan(result).tolist() == [[True, False, False]]
    assert np.isnan(f.slope(float("nan")))


@pytest.mark.parametrize(
    ("name", "value", "slope"),
    [
        ("silu", (0, np.inf), (0, 1)),
        ("gelu", (0, np.inf), (0, 1)),
        ("gelu_tanh", (0, np.inf), (0, 1)),
        ("mish", (0, np.inf), (0, 1)),
        ("hardswish", (0, np.inf), (0, 1)),
        ("tanhexp", (0, np.inf), (0, 1)),
        ("tanh", (-1, 1), (0, 0)),
        ("softsign", (-1, 1), (0, 0)),
        ("tanhshrink", (-np.inf, np.inf), (1, 1)),
        ("squareplus", (0, np.inf), (0, 1)),
        ("sinc", (0, 0), (0, 0)),
        ("logsigmoid", (-np.inf, 0), (1, 0)),
        ("bent_identity", (-np.inf, np.inf), (0.5, 1.5)),
        ("relu2", (0, np.inf), (0, np.inf)),
        ("sine", (np.nan, np.nan), (np.nan, np.nan)),
        ("gcu", (np.nan, np.nan), (np.nan, np.nan)),
        ("snake", (-np.inf, np.inf), (np.nan, np.nan)),
    ],
)
def test_limits_at_infinity(name, value, slope):
    ends = np.array([-np.inf, np.inf])
    np.testing.assert_array_equal(nonlin.function(name)(ends), value)
    np.testing.assert_array_equal(nonlin.function(name).slope(ends), slope)


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
def test_nothing_overflows_at_the_largest_numbers(f):
    huge = np.array([-1.7e308, -1e200, -1e155, -1e100, 1e100, 1e155, 1e200, 1.7e308])
    assert not np.isnan(f(huge)).any()
    assert not np.isnan(f.slope(huge)).any()


def test_aliases_case_and_parameters():
    assert nonlin.function("Leaky-ReLU", negative_slope=0.1).label == "leaky_relu(negative_slope=0.1)"
    assert nonlin.function("leaky_relu").label == "leaky_relu"
    assert nonlin.function("swish").name == "silu"
    assert nonlin.function("swish", beta=2).label == "swish(beta=2)"
    assert dict(nonlin.function("prelu").parameters) == {"weight": 0.25}
    with pytest.raises(TypeError):
        nonlin.function("prelu").parameters["weight"] = 1.0


def test_wrong_names_and_parameters_say_what_is_right():
    with pytest.raises(UnknownFunctionError, match="did you mean gelu"):
        nonlin.function("gelluu")
    with pytest.raises(InvalidInputError, match="negative_slope"):
        nonlin.function("leaky_relu", slope=0.1)
    with pytest.raises(InvalidInputError, match="no parameters"):
        nonlin.function("relu", alpha=1)
    with pytest.raises(InvalidInputError, match="finite number"):
        nonlin.function("elu", alpha=float("nan"))
    with pytest.raises(InvalidInputError, match=r"in \[1e-30, inf\]"):
        nonlin.function("softplus", beta=-1.0)
    with pytest.raises(InvalidInputError, match="min_val < max_val"):
        nonlin.function("hardtanh", min_val=2.0)


def test_every_entry_has_its_paper_and_aliases_lead_to_it():
    for entry in ENTRIES.values():
        assert entry.paper
        assert 1940 < entry.year < 2027
        for alias in entry.aliases:
            assert nonlin.function(alias).name == entry.name


@pytest.mark.parametrize("f", nonlin.functions(), ids=lambda f: f.name)
def test_functions_are_values(f):
    assert pickle.loads(pickle.dumps(f)) == f  # noqa: S301 - our own bytes
    assert hash(nonlin.function(f.name, **f.parameters)) == hash(f)
