"""What the browser computes is what Python's NumPy evaluation computes, function by function."""

import numpy as np
import pytest

from nonlin.explore.catalogue import scalar_functions
from nonlin.functions import define, function
from nonlin.functions.differentiation import differentiate
from nonlin.functions.evaluation import evaluate
from nonlin.functions.javascript import javascript
from nonlin.functions.kinks import breakpoints

RELATIVE = 1e-12
SIZES = np.logspace(-12, 6, 109)
POINTS = np.concatenate([[0.0], SIZES, -SIZES, np.linspace(-60, 60, 1201)])

ROOTS = {
    (
        "bent_identity",
        "curvature",
    ): "beyond 1e5 the curvature is a difference of equal numbers, in Python too",
    ("phish", "value"): "a subnormal number has fewer digits",
    ("sigmoid", "curvature"): "a root at 0",
    ("snake", "slope"): "1 + sin(2x) has double roots",
}
"""Where Python's evaluation has no small relative error either, so that an absolute one stands instead."""
ABSOLUTE = 1e-15

CHANGED = {
    "leaky_relu": {"negative_slope": 0.3},
    "swish": {"beta": 1.7},
    "srelu": {"left": -2.0, "right": 0.5},
}
CHANGED |= {
    "apl": {"b1": 0.3, "a2": -0.4},
    "celu": {"alpha": 2.5},
    "softplus": {"beta": 3.0},
    "squareplus": {"b": 1.0},
}
CHANGED |= {"hardsigmoid_affine": {"alpha": 0.7}, "softclip": {"alpha": 5.0}, "snake": {"alpha": 2.0}}

ASK = """([name, parameters, points]) => Object.fromEntries(["value", "slope", "curvature"].map((order) =>
    [order, points.map((x) => String(nonlin.CATALOGUE[name][order](x, parameters)))]))"""


def numbers(texts):
    return np.array([float(text.replace("Infinity", "inf")) for text in texts])


def assert_same(found, wanted, key):
    with np.errstate(all="ignore"):
        error = np.abs(found - wanted)
        same = (found == wanted) | (np.isnan(found) & np.isnan(wanted)) | (error <= RELATIVE * np.abs(wanted))
    if key in ROOTS:
        same |= error <= ABSOLUTE
    worst = np.flatnonzero(~same)
    assert not len(worst), (key, POINTS[worst[:3]], found[worst[:3]], wanted[worst[:3]])


def wanted(f):
    expressions = [f.expression, differentiate(f.expression), differentiate(differentiate(f.expression))]
    return [evaluate(expression, POINTS) for expression in expressions]


def compare(tab, f):
    asked = [f.name, dict(f.parameters), POINTS.tolist()]
    found = tab.evaluate(ASK, asked)
    for order, right in zip(("value", "slope", "curvature"), wanted(f), strict=True):
        assert_same(numbers(found[order]), right, (f.name, order))


def test_every_function_of_the_catalogue(opened):
    for f in scalar_functions():
        compare(opened.tab, f)


def test_other_parameters(opened):
    for f in scalar_functions():
        if f.name in CHANGED:
            compare(opened.tab, function(f.name, **CHANGED[f.name]))


def test_breakpoints(opened):
    for f in scalar_functions():
        asked = "([name, p]) => nonlin.CATALOGUE[name].breakpoints(p)"
        found = opened.tab.evaluate(asked, [f.name, dict(f.parameters)])
        for point in breakpoints(f.expression):
            assert min(abs(x - point) for x in found) <= 4e-16 * abs(point), f.name


def test_a_wrong_value_is_seen():
    right = np.array([1.0, np.nan])
    assert_same(right * (1 + 1e-13), right, ("tanh", "value"))
    with pytest.raises(AssertionError):
        assert_same(right * (1 + 1e-11), right, ("tanh", "value"))
    with pytest.raises(AssertionError):
        assert_same(np.array([1.0, 0.0]), right, ("sigmoid", "curvature"))


def test_javascript_of_a_formula():
    written = javascript(define("2 * tanh(x) - x").expression)
    assert written == "(x, p) => { const v0 = P.tanh(x); const v1 = 2.0 * v0; const v2 = v1 - x; return v2; }"
