"""The lowering to PyTorch: the same values as NumPy's, right derivatives of any order, and torch's transformations."""

import numpy as np
import pytest

import nonlin
from nonlin.errors import InvalidInputError
from nonlin.functions.accuracy import sample
from nonlin.functions.kinks import breakpoints

torch = pytest.importorskip("torch")

SCALAR = [f for f in nonlin.functions() if not f.vector]
SOME = ["relu", "elu", "silu", "gelu", "mish", "softplus", "tanh", "snake", "hardswish"]


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
def test_a_tensor_gives_what_an_array_gives(f):
    u = np.linspace(-9.1, 9.3, 5000, dtype=np.float32)
    x = torch.tensor(u, requires_grad=True)
    y = f(x)
    y.sum().backward()
    # value and slope come from one loop here, which may round a near tie the other way
    np.testing.assert_array_max_ulp(y.detach().numpy(), f(u), maxulp=1)
    np.testing.assert_allclose(x.grad.numpy(), f.slope(u), rtol=2e-7, atol=1e-9)
    assert f(torch.tensor(u)).grad_fn is None


@pytest.mark.parametrize("name", [n for n in SOME if n not in ("relu", "hardswish")])
def test_first_and_second_derivatives_against_differences(name):
    f = nonlin.function(name)
    x = torch.linspace(-3.1, 3.3, 20, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(f, (x,))
    assert torch.autograd.gradgradcheck(f, (x,))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own, in its forward mode
@pytest.mark.parametrize("name", SOME)
def test_function_transformations(name):
    f = nonlin.function(name)
    x = torch.linspace(-3.1, 3.3, 20, dtype=torch.float64)
    slope = torch.tensor(f.slope(x.numpy()))
    torch.testing.assert_close(torch.func.grad(lambda t: f(t).sum())(x), slope)
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(f))(x), slope)
    torch.testing.assert_close(torch.func.jvp(f, (x,), (torch.ones_like(x),))[1], slope)
    hessian = torch.func.hessian(lambda t: f(t).sum())(x)
    torch.testing.assert_close(torch.diagonal(hessian), torch.tensor(f.curvature(x.numpy())))


def test_the_fast_mode_has_a_second_derivative():
    f = nonlin.function("mish")  # of several exponentials
    x = torch.linspace(-60, 60, 5000, requires_grad=True)
    (slope,) = torch.autograd.grad(f(x, fast=True).sum(), x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), x)
    wanted = f.curvature(x.detach().double().numpy())
    np.testing.assert_allclose(curvature.numpy(), wanted, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["silu", "elu"])
def test_compiled_graphs_hold_it_whole(name):
    module = torch.nn.Sequential(torch.nn.Linear(4, 4), nonlin.function(name).module())
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    x = torch.randn(3, 4)
    torch.testing.assert_close(compiled(x), module(x))
    wanted = torch.autograd.grad(module(x).sum(), module[0].weight)[0]
    torch.testing.assert_close(torch.autograd.grad(compiled(x).sum(), module[0].weight)[0], wanted)


@pytest.mark.parametrize("name", ["silu", "elu", "prelu", "entmax"])
def test_recorded_operators_compute_it_anew(name):
    from torch.fx.experimental.proxy_tensor import make_fx

    module = nonlin.function(name).module()
    x, other = torch.randn(3, 4), torch.randn(3, 4)

    def slope(x):
        return torch.func.grad(lambda x: module(x).square().sum())(x)

    for compute in (module, slope):
        torch.testing.assert_close(make_fx(compute)(x)(other), compute(other))
    if name in ("silu", "elu"):
        torch.testing.assert_close(make_fx(torch.func.vmap(module))(x)(other), module(other))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_types_are_rounded_from_the_exact_value(dtype):
    x = torch.linspace(-6, 6, 5000).to(dtype)
    y = nonlin.function("gelu")(x)
    assert y.dtype == dtype
    exact = torch.tensor(nonlin.function("gelu")(x.double().numpy()))
    torch.testing.assert_close(y, exact.to(dtype), rtol=0, atol=0)


def test_autocast_and_layouts():
    module = torch.nn.Sequential(torch.nn.Linear(4, 4), nonlin.function("mish").module())
    with torch.autocast("cpu", torch.bfloat16):
        assert module(torch.randn(2, 4)).dtype == torch.bfloat16
    x = torch.randn(6, 8).t()
    torch.testing.assert_close(nonlin.function("tanh")(x), torch.tanh(x))
    assert nonlin.function("tanh")(torch.empty(0, 3)).shape == (0, 3)
    nan = nonlin.function("relu")(torch.tensor([float("nan")], requires_grad=True))
    nan.backward()
    assert torch.isnan(nan).all()


@pytest.mark.parametrize("name", ["sigmoid", "hardswish"])
def test_a_gradient_may_lie_in_memory_as_it_likes(name):
    f, x, gradient = nonlin.function(name), torch.randn(60, 80), torch.randn(60, 80)
    apart = torch.randn(60, 160)[:, ::2].copy_(gradient)
    row = gradient[:1].expand(60, 80)
    for given, plain in (
        (apart, gradient),
        (gradient.t().contiguous().t(), gradient),
        (row, row.contiguous()),
    ):
        results = []
        for g in (given, plain):
            leaf = x.clone().requires_grad_()
            f(leaf).backward(g)
            results.append(leaf.grad)
        torch.testing.assert_close(*results, rtol=0, atol=0)
        torch.testing.assert_close(results[0], plain * torch.tensor(f.slope(x.numpy())))


@pytest.mark.parametrize("name", ["swish", "prelu", "apl", "srelu", "snake", "rational"])
def test_learnable_parameters_get_their_gradient(name):
    f = nonlin.function(name, **({"beta": 1.5} if name == "swish" else {}))
    module = f.module()
    x = torch.linspace(-2.93, 3.11, 41, dtype=torch.float64)
    module(x).sum().backward()
    learnable = dict(module.named_parameters())
    assert set(learnable) == {p.name for p in f.entry.parameters if p.learnable}
    for key, parameter in learnable.items():
        sides = [nonlin.function(name, **{**f.parameters, key: f.parameters[key] + h}) for h in (-1e-6, 1e-6)]
        low, high = (float(side(x.numpy()).sum()) for side in sides)
        assert float(parameter.grad) == pytest.approx((high - low) / 2e-6, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", ["relu", "relu6", "hardtanh", "hardshrink", "softshrink"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_what_is_handed_over_to_torch_is_as_right_at_every_point(name, dtype):
    f = nonlin.function(name)
    if dtype == torch.float32:
        marks = (0.0, *breakpoints(f.expression))
        points = [*sample("float32", 2000, marks), np.inf, -np.inf, -0.0]
        u = torch.tensor(np.array(points, np.float32))
    else:
        u = torch.arange(-(2**15), 2**15, dtype=torch.int16).view(dtype)
    x = u.clone().requires_grad_()
    f(x).sum().backward()
    number = ~torch.isnan(u)
    wide = u.double().numpy()  # in which float16 and bfloat16 lose nothing
    with np.errstate(over="ignore"):
        value, slope = (torch.from_numpy(compute(wide)).to(dtype) for compute in (f, f.slope))
    assert torch.equal(f(u)[number], value[number])
    assert torch.equal(x.grad[number], slope[number])
    assert torch.isnan(f(u)[~number]).all()


@pytest.mark.parametrize("name", ["silu", "leaky_relu"])
def test_a_graph_that_is_kept_gives_the_same_gradient_again(name):
    x = torch.linspace(-5, 5, 5001, requires_grad=True)
    gradient = torch.linspace(-1, 2, 5001)
    y = nonlin.function(name)(x)
    first, second = (torch.autograd.grad(y, x, gradient, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(gradient, torch.linspace(-1, 2, 5001))
    stacked = torch.stack([gradient, 2 * gradient])
    (both,) = torch.autograd.grad(y, x, stacked, is_grads_batched=True)
    torch.testing.assert_close(both, torch.stack([first, 2 * first]))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own, in its forward mode
@pytest.mark.parametrize("name", ["relu", "leaky_relu", "silu"])
def test_forward_mode_and_tensors_without_numbers(name):
    f, x = nonlin.function(name), torch.linspace(-2.5, 2.4, 7)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones(7))
        tangent = torch.autograd.forward_ad.unpack_dual(f(dual)).tangent
    torch.testing.assert_close(tangent, f.slope(x))
    assert f(x.to("meta")).is_meta
    with pytest.raises(InvalidInputError, match=r"real numbers, got torch\.complex64"):
        f(x.to(torch.complex64))


def test_a_view_of_negated_numbers_is_read_with_its_sign():
    f, x = nonlin.function("leaky_relu"), torch.linspace(-2.5, 2.4, 7)
    torch.testing.assert_close(f(torch._neg_view(x)), f(-x), rtol=0, atol=0)


def test_under_hooks_that_pack_what_is_saved_no_slope_is_kept():
    x, f = torch.linspace(-2.5, 2.4, 7, requires_grad=True), nonlin.function("silu")
    (wanted,) = torch.autograd.grad(f(x).sum(), x)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = f(x)
    assert y.grad_fn.slope is None
    assert torch.equal(torch.autograd.grad(y.sum(), x)[0], wanted)


def test_a_learnable_parameter_learns():
    module = nonlin.function("prelu").module()
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    x = torch.randn(1000)
    for _ in range(100):
        optimiser.zero_grad()
        ((module(x) - torch.where(x > 0, x, 0.7 * x)) ** 2).mean().backward()
        optimiser.step()
    assert float(module.weight.detach()) == pytest.approx(0.7, abs=0.01)
