"""Arrays of every kind that NumPy has: read-only, of another order of bytes, with gaps, overlapping, empty."""

import numpy as np
import pytest

import nonlin
from nonlin.errors import InvalidInputError
from nonlin.functions.dispatch import WORTH_COMPILING
from nonlin.functions.primitives import SLOPES

SIZES = [10, WORTH_COMPILING + 1]
TYPES = [np.float16, np.float32, np.float64]


@pytest.fixture(params=SIZES, ids=["small", "compiled"])
def size(request):
    return request.param


@pytest.mark.parametrize("dtype", TYPES)
def test_layouts(size, dtype):
    f = nonlin.function("silu")
    u = np.linspace(-6, 6, 2 * size).astype(dtype)
    wanted = f(u.copy())
    np.testing.assert_array_equal(f(u[::2]), wanted[::2])
    np.testing.assert_array_equal(f(u[::-1]), wanted[::-1])
    np.testing.assert_array_equal(f(u.reshape(2, size).T), wanted.reshape(2, size).T)
    np.testing.assert_array_equal(f(np.broadcast_to(u[:1], (size,))), np.full(size, wanted[0]))


@pytest.mark.parametrize("dtype", TYPES)
def test_an_array_that_is_read_only(size, dtype, tmp_path):
    u = np.linspace(-6, 6, size).astype(dtype)
    np.save(tmp_path / "u.npy", u)
    mapped = np.load(tmp_path / "u.npy", mmap_mode="r")
    for compute in (nonlin.function("gelu"), nonlin.function("gelu").slope):
        np.testing.assert_array_equal(compute(mapped), compute(u))


@pytest.mark.parametrize("dtype", TYPES)
def test_the_other_order_of_bytes(size, dtype):
    f, u = nonlin.function("tanh"), np.linspace(-6, 6, size).astype(dtype)
    result = f(u.astype(u.dtype.newbyteorder()))
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, f(u))


@pytest.mark.parametrize("dtype", TYPES)
def test_out_that_overlaps(size, dtype):
    f, u = nonlin.function("mish"), np.linspace(-6, 6, 2 * size).astype(dtype)
    wanted = f(u)
    shifted, turned, sparse = u.copy(), u.copy(), np.zeros(4 * size, dtype)
    f(shifted[:-1], out=shifted[1:])
    np.testing.assert_array_equal(shifted[1:], wanted[:-1])
    f(turned, out=turned[::-1])
    np.testing.assert_array_equal(turned[::-1], wanted)
    f(u, out=sparse[::2])
    np.testing.assert_array_equal(sparse[::2], wanted)


def test_out_of_a_vector_function_that_overlaps():
    f = nonlin.function("softmax")
    held = np.linspace(-3, 3, 25)
    wanted = f(held[:24].reshape(4, 6).copy())
    f(held[:24].reshape(4, 6), out=held[1:].reshape(4, 6))
    np.testing.assert_array_equal(held[1:].reshape(4, 6), wanted)


@pytest.mark.parametrize(
    "number", [1.5, 3, True, np.float16(1.5), np.float32(1.5), np.float64(1.5), np.int8(3)]
)
def test_a_number_comes_back_as_its_kind(number):
    result = nonlin.function("gelu")(number)
    kind = type(number) if isinstance(number, np.floating) else np.float64
    assert type(result) is (kind if isinstance(number, np.generic) else float)
    assert float(result) == pytest.approx(nonlin.function("gelu")(float(number)), rel=1e-3)


def test_nothing_and_one_number_without_an_axis():
    f = nonlin.function("gelu")
    assert f(np.zeros((0, 3), np.float32)).shape == (0, 3)
    assert f(np.array(1.5)).shape == ()


@pytest.mark.parametrize(
    ("name", "u", "words"),
    [
        ("gelu", [[1, 2], [3]], "differ in length"),
        ("softmax", [[1, 2], [3]], "differ in length"),
        ("gelu", 10**400, "scale it"),
        ("gelu", "1.0", "real numbers"),
    ],
)
def test_what_are_no_numbers_is_refused(name, u, words):
    with pytest.raises(InvalidInputError, match=words):
        nonlin.function(name)(u)


@pytest.mark.parametrize("axis", [2, -3, 1.0, "rows"])
def test_an_axis_that_is_none_is_refused(axis):
    with pytest.raises(InvalidInputError, match="expected an axis of an array with 2 axes"):
        nonlin.function("softmax")(np.ones((2, 3)), axis=axis)


@pytest.mark.parametrize("name", ["tanh", "lisht", "phish", "scaled_tanh", "penalized_tanh", "silu"])
def test_zero_stays_zero_of_the_same_sign(size, name):
    f = nonlin.function(name)
    for dtype in (np.float32, np.float64):
        assert not np.signbit(f(np.zeros(size, dtype))).any()
    assert not np.signbit(f(0.0))


@pytest.mark.parametrize("f", [f for f in nonlin.functions() if not f.vector], ids=lambda f: f.name)
def test_a_zero_at_zero_has_one_sign_in_every_type(f):
    for compute in (f, f.slope):
        for zero in (0.0, -0.0):
            kinds = [zero, np.float64(zero), *(np.array([zero], dtype) for dtype in TYPES)]
            values = [float(np.ravel(compute(kind))[0]) for kind in kinds]
            assert values[0] != 0 or len({bool(np.signbit(value)) for value in values}) == 1


@pytest.mark.parametrize("name", ["elu", "selu", "celu", "softsign", "leaky_relu"])
def test_minus_zero_stays_so_in_the_compiled_loops(size, name):
    f = nonlin.function(name)
    for fast in (False, True):
        assert np.signbit(f(np.full(size, -0.0, np.float32), fast=fast)).all()
    assert not np.signbit(f(np.zeros(size, np.float32))).any()
    assert np.signbit(f(-0.0))


@pytest.mark.parametrize("name", ["relu", "softmax"])
def test_a_mask_is_not_lost_in_silence(name):
    masked = np.ma.array([1.0, -2.0, 3.0], mask=[False, True, False])
    with pytest.raises(InvalidInputError, match="without a mask"):
        nonlin.function(name)(masked)
    unmasked = np.ma.array([1.0, -2.0, 3.0])
    np.testing.assert_array_equal(
        nonlin.function(name)(unmasked), nonlin.function(name)(np.asarray(unmasked))
    )


@pytest.mark.parametrize("name", ["relu", "softmax"])
@pytest.mark.parametrize(
    "out", [np.empty((2, 4)), np.empty((2, 3), np.float32), [[0.0] * 3] * 2], ids=["shape", "type", "list"]
)
def test_an_out_that_does_not_fit_is_refused(name, out):
    with pytest.raises(
        InvalidInputError, match=r"expected out as an array of float64 \(2, 3\), got .*; make it fit"
    ):
        nonlin.function(name)(np.ones((2, 3)), out=out)


@pytest.mark.parametrize("name", ["relu", "softmax"])
def test_an_out_that_is_read_only_is_refused(name):
    out = np.empty((2, 3))
    out.flags.writeable = False
    with pytest.raises(
        InvalidInputError, match="expected out as an array to write into, got a read-only one"
    ):
        nonlin.function(name)(np.ones((2, 3)), out=out)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("primitive", sorted(SLOPES))
def test_nan_passes_through_every_primitive_and_its_slope(primitive, dtype):
    f, u = nonlin.define(f"{primitive}(x)"), np.full(WORTH_COMPILING, np.nan, dtype)
    assert np.isnan(f(u)).all()
    assert np.isnan(f.slope(u)).all()


@pytest.mark.parametrize(
    ("formula", "dtype", "u", "value", "slope"),
    [
        ("x * log(abs(x))", "float64", 1e300, 1e300 * np.log(1e300), np.log(1e300) + 1),
        ("max(x, 0.3 * x)", "float32", -np.inf, -np.inf, 0.3),
        ("exp(x) * exp(-x)", "float32", 1e4, 1.0, 0.0),
    ],
)
def test_far_out_a_formula_is_what_it_is_there(formula, dtype, u, value, slope):
    f, u = nonlin.define(formula), np.full(WORTH_COMPILING, u, dtype)
    np.testing.assert_allclose(f(u), np.full_like(u, value), rtol=1e-7)
    np.testing.assert_allclose(f.slope(u), np.full_like(u, slope), rtol=1e-7)
