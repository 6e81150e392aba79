"""The error of every function and its slope against ball arithmetic, for every way in which they are computed.

By default on a few hundred points a function; `-m campaign` takes all float16 and bfloat16 values, 20,000 of float32
and of float64 against ball arithmetic, and every float32 from 2⁻²⁰ to 2⁷ against float64.
"""

import ml_dtypes
import mpmath
import numpy as np
import pytest

import nonlin
from nonlin.functions.accuracy import Errors, errors, sample
from nonlin.functions.arb import enclose
from nonlin.functions.catalogue.budgets import ALLOWANCES, FLOAT32, FLOAT64, ROOT
from nonlin.functions.differentiation import differentiate
from nonlin.functions.dispatch import WORTH_COMPILING
from nonlin.functions.kernels.compilation import precise
from nonlin.functions.kernels.precision import LOOSE
from nonlin.functions.kinks import breakpoints

SCALAR = [f for f in nonlin.functions() if not f.vector]
FAST = 4.0  # ULP, outside subnormal results and roots
FEW = 150


def computed(f, order, points, **how):
    """Return f or its slope at points, through the compiled loop and through NumPy."""
    compute = (f, f.slope)[order]
    many = np.resize(points, max(len(points), WORTH_COMPILING))
    small = [compute(part) for part in np.array_split(points, len(points) // (WORTH_COMPILING - 1) + 1)]
    return compute(many, **how)[: len(points)], np.concatenate(small)


def marks(f):
    """Return where points have to lie densely: 0, the kinks, and the roots that are allowed for."""
    middles = ((allowance.low + allowance.high) / 2 for allowance in ALLOWANCES.get(f.name, ()))
    return (0.0, *breakpoints(f.expression), *{m for m in middles if np.isfinite(m)})


def outside(name, kind, order, points, found):
    """Return where an error is over the budget and over every allowance, worst first."""
    bad = found.ulp > (FLOAT64 if kind == "float64" else FLOAT32)
    for allowance in ALLOWANCES.get(name, ()):
        if allowance.order == order:
            bound = allowance.absolute if kind == "float64" else allowance.single
            there = (points >= allowance.low) & (points <= allowance.high)
            with np.errstate(all="ignore"):
                bad &= ~(there & (found.absolute <= bound * np.abs(points) ** allowance.power))
    worst = np.flatnonzero(bad)[np.argsort(-found.ulp[bad])]
    return [(float(points[i]), float(found.ulp[i]), float(found.absolute[i])) for i in worst[:3]]


def check(f, kind, points):
    dtype = np.dtype(ml_dtypes.bfloat16 if kind == "bfloat16" else kind)
    for order, expression in enumerate((f.expression, differentiate(f.expression))):
        results = computed(f, order, points.astype(dtype))
        for found in errors((expression, expression), points, results):
            assert outside(f.name, kind, order, points, found) == []


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_value_and_slope_are_within_the_budget(f, kind):
    check(f, kind, sample(kind, FEW, marks(f)))


@pytest.mark.campaign
@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_value_and_slope_are_within_the_budget_at_twenty_thousand_points(f, kind):
    check(f, kind, sample(kind, 20_000, marks(f), seed=1))


@pytest.mark.campaign
@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_value_and_slope_are_within_the_budget_at_all_narrow_numbers(f, kind):
    dtype = np.float16 if kind == "float16" else ml_dtypes.bfloat16
    with np.errstate(invalid="ignore"):  # of the NaNs among the patterns
        points = np.arange(65536, dtype=np.uint16).view(dtype).astype(np.float64)
    check(f, kind, np.unique(points[np.isfinite(points)]))


FAST_ONES = [f for f in SCALAR if f.entry.fast]


def beside_a_root(u, true, error):
    """Return where a slope is small against its terms."""
    return (error < 2.0**-22) & (np.abs(true) < 0.25) & (np.abs(u) < 3) & (np.abs(u) > 0.5)


@pytest.mark.parametrize("f", FAST_ONES, ids=lambda f: f.name)
def test_the_fast_mode_is_within_four_ulp(f):
    points = sample("float32", FEW, (0.0, *breakpoints(f.expression)))
    for order, expression in enumerate((f.expression, differentiate(f.expression))):
        result, _ = computed(f, order, points.astype(np.float32), fast=True)
        (found,) = errors((expression,), points, (result,))
        subnormal = np.abs(found.true) < 2 * float(np.finfo(np.float32).tiny)
        root = beside_a_root(points, found.true, found.absolute) if order else False
        assert found.absolute[subnormal].max(initial=0.0) <= 2.4e-38
        assert found.ulp[~subnormal & ~root].max() <= FAST


def above_four_ulp(f, order, u, rounding=0.0):
    """Return where the fast mode errs more, against float64, whose own error is a billionth, and where it may."""
    compute = (f, f.slope)[order]
    true = compute(u.astype(np.float64))
    error = np.abs(compute(u, fast=True) - true)
    above = error > np.maximum(FAST * 2.0 ** (np.frexp(true)[1] - 24), 2.0**-148 + rounding)
    return above, above & beside_a_root(u, true, error) & (order == 1)


@pytest.mark.parametrize("f", FAST_ONES, ids=lambda f: f.name)
@pytest.mark.parametrize("order", [0, 1])
def test_the_fast_mode_is_within_four_ulp_at_many_points(f, order):
    # the worst points lie anywhere
    u = np.concatenate([np.linspace(-110, 110, 300_001), np.linspace(-9, 9, 300_001)]).astype(np.float32)
    above, allowed = above_four_ulp(f, order, u)
    assert u[above & ~allowed].tolist() == []
    assert allowed.mean() < 0.05


def every_float32():
    """Yield all from 2⁻²⁰ to 2⁷, and the negative ones, some millions at a time."""
    first, last = (int(np.float32(2.0**k).view(np.int32)) for k in (-20, 7))
    for start in range(first, last, 2**22):
        u = np.arange(start, min(start + 2**22, last), dtype=np.int32).view(np.float32)
        yield from (u, -u)


@pytest.mark.campaign
@pytest.mark.parametrize("f", FAST_ONES, ids=lambda f: f.name)
@pytest.mark.parametrize("order", [0, 1])
def test_the_fast_mode_is_within_four_ulp_everywhere(f, order):
    for u in every_float32():
        # a subnormal result is rounded once more, by half of the smallest number
        above, allowed = above_four_ulp(f, order, u, rounding=2.0**-150)
        assert u[above & ~allowed].tolist() == []


@pytest.mark.campaign
@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
@pytest.mark.parametrize("order", [0, 1])
def test_value_and_slope_are_within_the_budget_everywhere(f, order):
    compute = (f, f.slope)[order]
    for u in every_float32():
        true = compute(u.astype(np.float64))
        error = np.abs(compute(u) - true)
        # a float64 that is 4 ULP off moves this by 1e-8
        ulp = error * 2.0 ** (24 - np.maximum(np.frexp(true)[1], -125))
        found = Errors(ulp=ulp, absolute=error, true=true)
        assert outside(f.name, "float32", order, u.astype(np.float64), found) == []


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
def test_nan_and_infinity_are_the_same_in_the_compiled_loop(f, dtype):
    u = np.array([np.nan, np.inf, -np.inf], dtype)
    for compute in (f, f.slope):
        small = compute(u)
        large = compute(np.resize(u, 3 * WORTH_COMPILING))[-3:]
        assert large.dtype == small.dtype == u.dtype
        np.testing.assert_array_equal(large.astype(float), small.astype(float))
        assert np.isnan(large[0])
    if f.entry.fast and dtype == np.float32:
        np.testing.assert_array_equal(f(np.resize(u, 3 * WORTH_COMPILING), fast=True)[-3:], f(u))


@pytest.mark.parametrize("name", ALLOWANCES)
def test_what_is_allowed_for_as_a_root_is_one_of_that_curvature(name):
    f = nonlin.function(name)
    for allowance in ALLOWANCES[name]:
        center = (allowance.low + allowance.high) / 2
        if allowance.reason != ROOT or not np.isfinite(center):
            continue
        assert f.slope(center - 1e-15) * f.slope(center + 1e-15) < 0
        # at the ends the slope is as small as the bound makes it
        bits, bound = (53, allowance.absolute) if allowance.absolute else (24, allowance.single)
        assert 0.9 * abs(f.curvature(center)) * (allowance.high - center) < bound * 2.0**bits


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_sinc_has_derivatives_of_every_order(order):
    expression = nonlin.function("sinc").expression
    for _ in range(order):
        expression = differentiate(expression)
    for u in (0.0, 0.4, -2.9, 3.1, 12.0):
        # sinc(u) is half the integral of cos(t·u) over [-1, 1], and so are its derivatives, of t^n·cos(t·u + n·π/2)
        wanted = (
            mpmath.quad(lambda t, u=u: t**order * mpmath.cos(t * u + order * mpmath.pi / 2), [-1, 0, 1]) / 2
        )
        got = float(enclose(expression, u).mid())
        assert got == pytest.approx(float(wanted), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("left", range(9))
@pytest.mark.parametrize("fast", [False, True])
def test_a_loop_of_several_elements_a_step_reaches_every_element(left, fast):
    f = nonlin.function("silu")
    u = np.linspace(-9, 9, WORTH_COMPILING + left, dtype=np.float32)
    result = f(u, out=np.full_like(u, np.nan), fast=fast)
    np.testing.assert_array_max_ulp(
        result, f(u.astype(np.float64)).astype(np.float32), maxulp=4 if fast else 1
    )


def test_an_error_of_one_unit_is_noticed():
    f = nonlin.function("silu")
    points = sample("float32", FEW, (0.0,))
    result = np.nextafter(f(points.astype(np.float32)), np.float32(0))
    (found,) = errors((f.expression,), points, (result,))
    assert outside("silu", "float32", 0, points, found)


def test_the_sample_covers_what_it_should():
    points = sample("float32", FEW, (3.0,))
    below, above = (float(np.nextafter(np.float32(3), np.float32(side))) for side in (-np.inf, np.inf))
    wanted = [0.0, 3.0, below, above, float(np.finfo(np.float32).max), 2.0**-149]
    assert [u for u in wanted if u not in points] == []
    exponents = np.unique(np.frexp(points[points > 0])[1])
    assert exponents.min() == -148
    assert exponents.max() == 128
    assert len(exponents) > 30


@pytest.mark.parametrize(
    "formula", ["sigmoid(x)", "x * sigmoid(-2 * x)", "-3 * sigmoid(x / 2) * sigmoid(-(x / 2))"]
)
def test_a_product_of_sigmoids_has_the_shorter_polynomial_and_stays_within_the_budget(formula):
    f = nonlin.define(formula)
    assert precise((f.expression,), "float32", "accurate") is LOOSE
    points = np.random.default_rng(0).uniform(-80, 80, 1_000_000).astype(np.float32)
    true = f(points.astype(np.float64))  # its errors are a billionth of a unit
    units = np.abs(f(points) - true) / np.spacing(np.abs(true).astype(np.float32))
    assert units.max() <= FLOAT32


@pytest.mark.parametrize(
    "formula",
    ["sigmoid(x) ** 2", "sigmoid(x) + 1", "sigmoid(x) * sigmoid(2 * x)", "sigmoid(tanh(x))", "exp(x)"],
)
def test_where_errors_add_up_polynomials_are_as_long_as_ever(formula):
    assert precise((nonlin.define(formula).expression,), "float32", "accurate") is not LOOSE
