"""The functions of a whole vector: values and Jacobians against high precision, in NumPy, PyTorch and JAX."""

import mpmath
import numpy as np
import pytest

import nonlin
from nonlin.errors import InvalidInputError

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jnp = jax.numpy

VECTORS = [f for f in nonlin.functions() if f.vector]
VECTORS += [nonlin.function("entmax", alpha=alpha) for alpha in (1.2, 3.0)]
SIMPLEX = ["softmax", "softmin", "log_softmax", "sparsemax", "entmax"]
LIBRARIES = {"numpy": np.array, "torch": torch.tensor, "jax": jnp.asarray}
BUDGET = 0.51  # ULP of float32
GATED_BY_TORCH = (
    1.52  # a product of two numbers of the tensor's own type: half a unit, and 0.51 that may count twice
)
BOUNDARY = 4e-16  # absolute, of a probability that begins at 0 with the support
FLUSHED = 1.2e-38  # XLA takes subnormal numbers for 0

mpf = mpmath.mpf

# torch's own, in its forward mode and in its compiler
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated"),
    pytest.mark.filterwarnings("ignore:.*autograd.function.Function.*should not be instantiated"),
]


def vectors(count=40):
    """Return float32 vectors of 6 elements: ordinary, spread, nearly equal, and far from 0."""
    generator = np.random.default_rng(7)
    scales = 10.0 ** generator.uniform(-3, 2, count)
    shifts = generator.choice([0.0, 100.0, -3000.0], count)
    rows = generator.normal(0, 1, (count, 6)) * scales[:, None] + shifts[:, None]
    return np.concatenate([rows, [[40, 0, 0, 0, 0, 0], [-1e30, 0, 1e30, 1, 2, 3]]]).astype(np.float32)


def exponentials(row):
    total = mpmath.fsum(mpmath.exp(v) for v in row)
    return [mpmath.exp(v) / total for v in row], total


def projected(row, alpha):
    """Return max((alpha − 1)·x − tau, 0)^(1/(alpha − 1)) by bisection in high precision."""
    k = 1 / (mpf(alpha) - 1)
    z = [v / k for v in row]
    low, high = max(z) - 1, max(z)
    for _ in range(200):
        middle = (low + high) / 2
        above = mpmath.fsum(max(v - middle, 0) ** k for v in z) >= 1
        low, high = (middle, high) if above else (low, middle)
    return [max(v - low, 0) ** k for v in z]


def textbook(name, row):
    """Return the value and the weights of the Jacobian diag(w) − w·wᵀ/Σw."""
    if name in ("softmax", "softmin", "log_softmax"):
        p, total = exponentials([-v for v in row] if name == "softmin" else row)
        return ([v - mpmath.log(total) for v in row] if name == "log_softmax" else p), p
    if name == "sparsemax":
        p = projected(row, 2)
        return p, [mpf(v > 0) for v in p]
    p = projected(row, 1.5)
    return p, [mpmath.sqrt(v) for v in p]


def jacobian(name, weights):
    n, total = len(weights), mpmath.fsum(weights)
    if name == "log_softmax":
        return [[(i == j) - weights[j] for j in range(n)] for i in range(n)]
    sign = -1 if name == "softmin" else 1
    return [[sign * weights[i] * ((i == j) - weights[j] / total) for j in range(n)] for i in range(n)]


def ulp(got, true):
    """Return the error in units of a float32's last place; 0 where what is left is a boundary's rounding."""
    place = mpf(2) ** max((mpmath.frexp(true)[1] if true else -149) - 24, -149)
    return float(abs(mpf(float(got)) - true) / place)


def worst(got, true, absolute=0.0):
    pairs = zip(np.asarray(got).ravel(), true, strict=True)
    return max((ulp(g, t) for g, t in pairs if abs(mpf(float(g)) - t) > absolute), default=0.0)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", SIMPLEX)
def test_values_are_right_to_half_a_unit(name, library):
    f = nonlin.function(name)
    # where the support of a projection begins, nothing is known to a last place
    absolute = {"sparsemax": BOUNDARY, "entmax": BOUNDARY}.get(name, 0.0)
    rows = vectors()
    results = np.asarray(f(LIBRARIES[library](rows)))
    with mpmath.workdps(60):
        for row, result in zip(rows, results, strict=True):
            true, _ = textbook(name, [mpf(float(v)) for v in row])
            assert worst(result, true, absolute) <= BUDGET


@pytest.mark.parametrize("library", ["torch", "jax"])
@pytest.mark.parametrize("name", SIMPLEX)
def test_jacobians_are_right_to_half_a_unit(name, library):
    f = nonlin.function(name)
    rows = vectors(12)
    if library == "torch":
        found = [torch.func.jacrev(f)(torch.tensor(row)).numpy() for row in rows]
        found_forward = [torch.func.jacfwd(f)(torch.tensor(row)).numpy() for row in rows]
    else:
        found = np.asarray(jax.jit(jax.vmap(jax.jacrev(f)))(rows))
        found_forward = np.asarray(jax.vmap(jax.jacfwd(f))(jnp.asarray(rows)))
    with mpmath.workdps(60):
        for k, row in enumerate(rows):
            _, weights = textbook(name, [mpf(float(v)) for v in row])
            true = [entry for line in jacobian(name, weights) for entry in line]
            # the root of a probability near 0 has the root of its error
            absolute = 2e-8 if name == "entmax" and min(w for w in weights if w) < 1e-6 else 0.0
            absolute = max(absolute, FLUSHED if library == "jax" else 0.0)
            for matrix in (found[k], found_forward[k]):
                assert worst(matrix, true, absolute) <= BUDGET


def test_an_error_of_one_unit_is_noticed():
    row = vectors()[0]
    result = np.nextafter(nonlin.function("softmax")(row), np.float32(1))
    with mpmath.workdps(60):
        assert worst(result, textbook("softmax", [mpf(float(v)) for v in row])[0]) > BUDGET


def test_softmax_in_float64():
    rows = vectors().astype(np.float64)
    with mpmath.workdps(60):
        for name in ("softmax", "log_softmax"):
            for row, result in zip(rows, nonlin.function(name)(rows), strict=True):
                true, _ = textbook(name, [mpf(float(v)) for v in row])
                errors = [abs(mpf(g) - t) / abs(t) for g, t in zip(result, true, strict=True) if t > 1e-300]
                assert max(errors, default=0) <= 8 * 2.0**-53


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("name", "gate"),
    [
        ("glu", lambda b: 1 / (1 + mpmath.exp(-b))),
        ("reglu", lambda b: max(b, 0)),
        ("geglu", lambda b: b * mpmath.erfc(-b / mpmath.sqrt(2)) / 2),
        ("swiglu", lambda b: b / (1 + mpmath.exp(-b))),
    ],
)
def test_gated_values(name, gate, library):
    row = np.random.default_rng(3).normal(0, 3, 200).astype(np.float32)
    result = nonlin.function(name)(LIBRARIES[library](row))
    with mpmath.workdps(60):
        true = [mpf(float(a)) * gate(mpf(float(b))) for a, b in zip(row[:100], row[100:], strict=True)]
        assert worst(result, true) <= (GATED_BY_TORCH if library == "torch" else 0.51)


@pytest.mark.parametrize("f", VECTORS, ids=lambda f: f.label)
def test_the_libraries_agree_along_every_axis(f):
    u = np.random.default_rng(5).normal(0, 2, (2, 6, 4)).astype(np.float32)
    for axis in (-1, 1, -2):
        wanted = np.moveaxis(f(np.moveaxis(u, axis, -1).copy()), -1, axis)
        for make in LIBRARIES.values():
            np.testing.assert_array_max_ulp(np.asarray(f(make(u), axis=axis)), wanted, maxulp=1)
    torch.testing.assert_close(f.module(axis=1)(torch.tensor(u)), f(torch.tensor(u), axis=1))


SPECIAL = np.array(
    [
        [1e38, -1e38, 0, 3],
        [5, -np.inf, 1, 2],
        [-np.inf] * 4,
        [np.nan, 1, 2, 3],
        [np.inf, 1, 2, 3],
        [1, 1, 1, 1],
    ],
    np.float32,
)


@pytest.mark.parametrize("f", VECTORS, ids=lambda f: f.label)
def test_infinity_nan_and_ties(f):
    wanted = f(SPECIAL)
    for make in (torch.tensor, jnp.asarray):
        np.testing.assert_allclose(np.asarray(f(make(SPECIAL))), wanted, rtol=2.4e-7)
    theirs = {"softmax": torch.softmax, "log_softmax": torch.log_softmax}.get(f.name)
    if theirs is not None:
        np.testing.assert_allclose(wanted, theirs(torch.tensor(SPECIAL), -1).numpy(), rtol=1e-6)
    if f.name in SIMPLEX and f.name != "softmin":
        assert np.isnan(wanted[2:5]).all()
        assert not np.isnan(wanted[[0, 1, 5]]).any()


@pytest.mark.parametrize("f", VECTORS, ids=lambda f: f.label)
def test_derivatives_of_both_orders_and_transformations(f):
    u = np.random.default_rng(8).normal(0, 1.5, (3, 6))
    x = torch.tensor(u, requires_grad=True)
    assert torch.autograd.gradcheck(f, (x,))
    assert torch.autograd.gradgradcheck(f, (x,), atol=1e-4, fast_mode=True)
    row = torch.tensor(u[0])
    by_torch = torch.func.jacrev(f)(row)
    torch.testing.assert_close(torch.func.jacfwd(f)(row), by_torch)
    torch.testing.assert_close(torch.func.vmap(torch.func.jacrev(f))(torch.tensor(u))[0], by_torch)
    single = jnp.asarray(u[0].astype(np.float32))
    for by_jax in (jax.jacfwd(f)(single), jax.jit(jax.jacrev(f))(single)):
        np.testing.assert_allclose(by_jax, by_torch, rtol=1e-5, atol=1e-6)
    curved = jax.hessian(lambda t: (f(t) ** 2).sum())(single)
    wanted = torch.func.hessian(lambda t: (f(t) ** 2).sum())(row)
    np.testing.assert_allclose(curved, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["softmax", "entmax", "swiglu", "maxout"])
def test_compiled_graphs_hold_it_whole(name):
    torch._dynamo.reset()
    module = nonlin.function(name).module()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    x = torch.randn(3, 4, requires_grad=True)
    weight = torch.randn_like(module(x))
    grads = [torch.autograd.grad((form(x) * weight).sum(), x)[0] for form in (compiled, module)]
    torch.testing.assert_close(*grads)


def test_narrow_types_and_errors():
    f = nonlin.function("swiglu")
    for dtype in (torch.float16, torch.bfloat16):
        assert f(torch.ones(2, 4, dtype=dtype)).dtype == dtype
    assert nonlin.function("softmax")(jnp.ones(3, jnp.bfloat16)).dtype == jnp.bfloat16
    with pytest.raises(InvalidInputError, match="even number"):
        f(torch.ones(3))
    with pytest.raises(InvalidInputError, match="2 axes"):
        f(jnp.ones((2, 4)), axis=2)
    with pytest.raises(InvalidInputError, match="only for a function of a whole vector"):
        nonlin.function("relu")(np.ones(3), axis=0)
    with pytest.raises(InvalidInputError, match="out only with a NumPy array"):
        f(torch.ones(4), out=np.ones(2))
    assert repr(nonlin.function("softmax").module(axis=1)) == "VectorActivation(softmax, axis=1)"
