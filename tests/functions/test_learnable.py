"""Modules whose parameters learn: one value or one a channel, against PyTorch's PReLU, differences, and formulas."""

import copy
import pickle

import numpy as np
import pytest

import nonlin
from nonlin.errors import InvalidInputError
from nonlin.functions.kernels import cache_folder

torch = pytest.importorskip("torch")

LEARNABLE = [f for f in nonlin.functions() if f.entry and any(p.learnable for p in f.entry.parameters)]
SHAPES = [(4,), (3, 5), (2, 5, 3), (2, 5, 3, 7)]


def differing(module, seed=0):
    """Return the module with parameters that differ between channels."""
    with torch.no_grad():
        generator = torch.Generator().manual_seed(seed)
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.rand(parameter.shape, generator=generator))
    return module


def gradients(output, inputs):
    return torch.autograd.grad(output, inputs, torch.linspace(-1, 2, output.numel()).reshape(output.shape))


@pytest.mark.parametrize(("shape", "channels"), [*((s, 1) for s in SHAPES), *((s, 5) for s in SHAPES[1:])])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_prelu_is_torchs(shape, channels, dtype):
    theirs = differing(torch.nn.PReLU(channels)).to(dtype)
    ours = nonlin.function("prelu").module(channels=channels).to(dtype)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(dtype).requires_grad_()
    y, z = ours(x), theirs(x)
    torch.testing.assert_close(y, z, rtol=0, atol=0)
    mine, wanted = gradients(y.float(), [x, ours.weight]), gradients(z.float(), [x, theirs.weight])
    torch.testing.assert_close(mine[0], wanted[0], rtol=0, atol=0)
    torch.testing.assert_close(mine[1], wanted[1], rtol=1e-5, atol=1e-6)
    assert mine[1].dtype == dtype


@pytest.mark.parametrize("f", LEARNABLE, ids=lambda f: f.name)
def test_derivatives_by_the_input_and_by_every_parameter(f):
    module = differing(f.module(channels=3).double())
    x = torch.linspace(-2.93, 3.11, 24, dtype=torch.float64).reshape(2, 3, 4).requires_grad_()
    names = [name for name, _ in module.named_parameters()]

    def applied(x, *values):
        return torch.func.functional_call(module, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(applied, (x, *module.parameters()))


@pytest.mark.parametrize("name", ["prelu", "swish"])
def test_second_derivatives(name):
    f = next(f for f in LEARNABLE if f.name == name)
    module = differing(f.module(channels=3).double())
    x = torch.linspace(-2.93, 3.11, 12, dtype=torch.float64).reshape(4, 3).requires_grad_()
    (key,) = dict(module.named_parameters())

    def applied(x, value):
        return torch.func.functional_call(module, {key: value}, (x,))

    assert torch.autograd.gradgradcheck(applied, (x, getattr(module, key)))


@pytest.mark.parametrize("layout", [(2, 3, 4), (2, 3, 40), (6, 3)], ids=str)
def test_each_channel_is_the_function_with_its_parameters(layout):
    module = differing(nonlin.function("srelu").module(channels=3))
    x = 3 * torch.randn(layout, generator=torch.Generator().manual_seed(2))
    x.view(-1)[:3] = torch.tensor([torch.inf, -torch.inf, torch.nan])
    y = module(x).detach()
    for c in range(3):
        values = {name: float(value[c].detach()) for name, value in module.named_parameters()}
        expected = nonlin.function("srelu", **values)(x[:, c].numpy())
        np.testing.assert_array_max_ulp(y[:, c].numpy(), expected, maxulp=1)


def test_infinite_inputs_have_the_limits_also_in_the_gradient():
    module = nonlin.function("swish", beta=2.0).module()
    x = torch.tensor([torch.inf, -torch.inf, 1.0], requires_grad=True)
    module(x).backward(torch.ones(3))
    assert module(x).tolist()[:2] == [torch.inf, 0.0]
    assert x.grad.tolist()[:2] == [1.0, 0.0]
    finite = nonlin.function("swish", beta=2.0).module()
    finite(torch.tensor([1.0])).backward()
    assert module.beta.grad == finite.beta.grad


def test_any_parameter_may_learn_also_of_a_formula():
    module = nonlin.function("elu", alpha=0.7).module(learn=["alpha"], channels=2)
    assert {name: value.tolist() for name, value in module.named_parameters()} == {
        "alpha": pytest.approx([0.7, 0.7])
    }
    mine = nonlin.define("x * sigmoid(b * x)", b=1.5).module(learn="b").double()
    theirs = nonlin.function("swish", beta=1.5).module().double()
    x = torch.linspace(-3, 3, 30, dtype=torch.float64)
    torch.testing.assert_close(mine(x), theirs(x), rtol=1e-15, atol=0)


def test_a_step_of_training_compiles_nothing():
    module = nonlin.function("swish", beta=1.0).module(channels=4)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    x = torch.randn(8, 4)

    def step():
        optimiser.zero_grad()
        module(x).square().mean().backward()
        optimiser.step()

    step()
    kernels = set(cache_folder().rglob("*"))
    before = module.beta.tolist()
    for _ in range(5):
        step()
    assert module.beta.tolist() != before
    assert set(cache_folder().rglob("*")) == kernels


def test_a_sweep_over_a_parameter_compiles_once():
    x = np.linspace(-3, 3, 5000, dtype=np.float32)
    values = []
    for i, slope in enumerate(np.linspace(0.013, 0.4, 30)):
        f = nonlin.function("leaky_relu", negative_slope=float(slope))
        values.append((f(x)[0], f.slope(x)[0], slope))
        if i == 0:
            kernels = set(cache_folder().rglob("*"))
    assert set(cache_folder().rglob("*")) == kernels
    assert all(value == np.float32(-3 * s) and slope == np.float32(s) for value, slope, s in values)


def test_transformations_of_functions():
    module = differing(nonlin.function("swish", beta=1.0).module(channels=3).double())
    x = torch.linspace(-3, 3, 12, dtype=torch.float64).reshape(4, 3)
    beta = module.beta.detach()

    def total(beta, x):
        return torch.func.functional_call(module, {"beta": beta}, (x,)).sum()

    wanted = torch.autograd.grad(module(x).sum(), module.beta)[0]
    torch.testing.assert_close(torch.func.grad(total)(beta, x), wanted)
    each = torch.func.vmap(torch.func.grad(total), in_dims=(None, 0))(beta, x.reshape(4, 1, 3))
    torch.testing.assert_close(each.sum(0), wanted)
    ensemble = torch.stack([beta, 2 * beta])
    both = torch.func.vmap(total, in_dims=(0, None))(ensemble, x)
    torch.testing.assert_close(both, torch.stack([total(beta, x), total(2 * beta, x)]))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own, in its forward mode
def test_forward_mode_goes_through_the_parameters():
    module = differing(nonlin.function("snake").module(channels=3).double())
    x = torch.linspace(-3, 3, 12, dtype=torch.float64).reshape(4, 3)

    def applied(alpha):
        return torch.func.functional_call(module, {"alpha": alpha}, (x,))

    tangent = torch.tensor([1.0, 0.5, -2.0], dtype=torch.float64)
    alpha = module.alpha.detach()
    _, moved = torch.func.jvp(applied, (alpha,), (tangent,))
    torch.testing.assert_close(moved, torch.autograd.functional.jacobian(applied, alpha) @ tangent)


def test_a_compiled_graph_holds_it_whole():
    module = torch.nn.Sequential(torch.nn.Linear(4, 4), nonlin.function("apl").module(channels=4))
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    x = torch.randn(3, 4)
    torch.testing.assert_close(compiled(x), module(x))
    wanted = torch.autograd.grad(module(x).sum(), list(module.parameters()))
    found = torch.autograd.grad(compiled(x).sum(), list(module.parameters()))
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_state_copies_and_types():
    module = differing(nonlin.function("rational").module(channels=2))
    twin = nonlin.function("rational").module(channels=2)
    twin.load_state_dict(module.state_dict())
    x = torch.randn(5, 2)
    for other in (twin, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):  # noqa: S301 - our own
        torch.testing.assert_close(other(x), module(x), rtol=0, atol=0)
    assert copy.deepcopy(module).to(torch.float64)(x.double()).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.nn.Sequential(torch.nn.Linear(2, 2), module)(x).dtype == torch.bfloat16
    narrow = nonlin.function("prelu").module().to(torch.bfloat16)
    narrow(torch.randn(4, 2, dtype=torch.bfloat16)).sum().backward()
    assert narrow.weight.grad.dtype == torch.bfloat16
    assert "learns" in repr(module)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learn": ["beta"]}, "no parameters|alpha"),
        ({"channels": 3}, "learn="),
        ({"learn": ["alpha"], "channels": 0}, "above 0"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        nonlin.function("elu").module(**options)


def test_wrong_shapes_and_names_are_refused():
    module = nonlin.function("prelu").module(channels=3)
    with pytest.raises(InvalidInputError, match=r"3 channels along axis 1.*\(2, 4\)"):
        module(torch.randn(2, 4))
    with pytest.raises(InvalidInputError, match="3 channels"):
        module(torch.randn(3))
    with pytest.raises(InvalidInputError, match="training"):
        nonlin.define("training * x", training=1.0).module(learn=["training"])


@pytest.mark.parametrize(
    ("name", "value"), [("prelu", 0.7), ("prelu", -1.3), ("elu", 0.7), ("elu", -1.3), ("swish", 2.0)]
)
def test_a_zero_at_zero_has_the_sign_of_the_definition(name, value):
    f = nonlin.function(name)
    f = nonlin.function(name, **dict.fromkeys(f.parameters, value))
    zeros = np.tile([0.0, -0.0], 3000)
    for compute in (f, f.slope):
        signs = [bool(np.signbit(compute(zero))) for zero in (0.0, -0.0)]
        assert np.signbit(compute(zeros))[:2].tolist() == signs
        assert np.signbit(compute(zeros[:2])).tolist() == signs


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 20)], ids=["along", "rows"])
def test_each_channel_gives_a_zero_its_own_sign(shape):
    module = nonlin.function("elu").module(learn=["alpha"], channels=3).double()
    (alpha,) = module.parameters()
    with torch.no_grad():
        alpha.copy_(torch.tensor([1.0, -1.0, 2.0]))
    x = torch.full(shape, -0.0, dtype=torch.float64)
    negative = torch.signbit(module(x)).reshape(2, 3, -1)
    assert negative[:, [0, 2]].all()
    assert not negative[:, 1].any()


def test_a_pulled_gradient_at_zero_has_the_sign_of_the_definition():
    module = nonlin.define("a * x * tanh(x)", a=2.0).module(learn=["a"]).double()
    x = torch.tensor([0.0, -0.0], dtype=torch.float64, requires_grad=True)
    module(x).backward(torch.tensor([-1.0, 1.0], dtype=torch.float64))
    slope = nonlin.define("a * x * tanh(x)", a=2.0).slope
    expected = [bool(np.signbit(slope(z))) != pulled for z, pulled in ((0.0, True), (-0.0, False))]
    assert torch.signbit(x.grad).tolist() == expected
