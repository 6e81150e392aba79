"""torch's own samples for its activations, OpInfo's and ModuleInfo's: shapes, layouts, arguments and references."""

import numpy as np
import pytest

import nonlin
from nonlin.errors import InvalidInputError
from nonlin.functions.choice import as_function

torch = pytest.importorskip("torch")

# torch's operator, our function, and how its arguments are called here
OPERATORS = {
    "nn.functional.relu": ("relu", {}),
    "nn.functional.relu6": ("relu6", {}),
    "nn.functional.leaky_relu": ("leaky_relu", {"negative_slope": "negative_slope"}),
    "nn.functional.elu": ("elu", {"alpha": "alpha"}),
    "nn.functional.celu": ("celu", {"alpha": "alpha"}),
    "nn.functional.selu": ("selu", {}),
    "nn.functional.silu": ("silu", {}),
    "nn.functional.mish": ("mish", {}),
    "nn.functional.gelu": ("gelu", {}),
    "nn.functional.softplus": ("softplus", {"beta": "beta"}),
    "nn.functional.softsign": ("softsign", {}),
    "nn.functional.logsigmoid": ("logsigmoid", {}),
    "nn.functional.hardswish": ("hardswish", {}),
    "nn.functional.hardsigmoid": ("hardsigmoid", {}),
    "nn.functional.hardtanh": ("hardtanh", {"min_val": "min_val", "max_val": "max_val"}),
    "nn.functional.hardshrink": ("hardshrink", {"lambd": "lambd"}),
    "nn.functional.softshrink": ("softshrink", {"lambd": "lambd"}),
    "nn.functional.tanhshrink": ("tanhshrink", {}),
    "nn.functional.threshold": ("threshold", {"threshold": "threshold", "value": "value"}),
    "nn.functional.rrelu": ("rrelu", {"lower": "lower", "upper": "upper"}),
    "sign": ("sign(x)", {}),
    "sinc": ("sinc(pi * x)", {}),
    "special.ndtr": ("normal_cdf(x)", {}),
    "sigmoid": ("sigmoid", {}),
    "tanh": ("tanh", {}),
    "abs": ("abs", {}),
    "erf": ("erf", {}),
    "sin": ("sine", {}),
    "cos": ("cosine", {}),
    "atan": ("arctan", {}),
}
MODULES = [
    "CELU",
    "ELU",
    "GELU",
    "Hardshrink",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "Mish",
]
MODULES += [
    "ReLU",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]
# of a whole vector: by value only, along the dimension that torch is told
VECTORS = {
    "softmax": "softmax",
    "log_softmax": "log_softmax",
    "nn.functional.softmin": "softmin",
    "nn.functional.glu": "glu",
}
VECTOR_MODULES = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Softmin": "softmin", "GLU": "glu"}
VECTOR_MODULES |= {"Softmax2d": "softmax"}


@pytest.fixture(scope="module")
def operators():
    from torch.testing._internal.common_methods_invocations import op_db

    return {info.name: info for info in op_db if info.variant_test_name == ""}


@pytest.mark.filterwarnings("ignore")  # torch's own, while it makes its samples
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", OPERATORS)
def test_operator_samples(operators, name, dtype):
    ours, arguments = OPERATORS[name]
    count = 0
    for sample in operators[name].sample_inputs("cpu", dtype, requires_grad=True):
        given = {k: v for k, v in sample.kwargs.items() if k in arguments}
        form = sample.kwargs.get("approximate", "none")
        if sample.args:
            given |= dict(zip(arguments, sample.args, strict=False))
        given = {k: float(v) for k, v in given.items()}
        theirs = operators[name].op(sample.input, *sample.args, **{**sample.kwargs, **_in_place(sample)})
        count += 1
        if sample.kwargs.get("training"):
            _drawn_between(sample.input, theirs, (given.get("lower", 1 / 8), given.get("upper", 1 / 3)))
        elif _senseless(given):
            with pytest.raises(InvalidInputError):
                nonlin.function(ours, **given)
        else:
            f = as_function("gelu_tanh" if form == "tanh" else ours, **given)
            _same(f, sample.input, theirs, dtype, within=_right(name, sample))
    assert count


def _senseless(given):
    # torch takes an empty interval for hardtanh, and a negative threshold for hardshrink; we say that they are wrong
    return given.get("min_val", -1.0) >= given.get("max_val", 1.0) or given.get("lambd", 0.5) < 0


def _right(name, sample):
    """Return where torch is right: its softplus becomes the identity beyond a threshold, up to log(2) off."""
    if name != "nn.functional.softplus":
        return None
    beta, threshold = sample.kwargs.get("beta", 1.0), sample.kwargs.get("threshold", 20.0)
    return sample.input.detach() * beta <= threshold


def _drawn_between(x, y, ends):
    x, y = x.detach(), y.detach()
    torch.testing.assert_close(y[x >= 0], x[x >= 0], rtol=0, atol=0)
    slopes = y[x < 0] / x[x < 0]
    assert ((slopes >= ends[0] - 1e-6) & (slopes <= ends[1] + 1e-6)).all()


def _in_place(sample):
    return {"inplace": False} if "inplace" in sample.kwargs else {}


def _same(f, x, theirs, dtype, *, within=None):
    # torch's own errors are up to 2e-7 relative in float32, more where it cancels
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 1e-9, "atol": 3e-9}
    if getattr(f, "name", "") == "hardsigmoid":
        tolerance |= {"rtol": 1e-7}  # torch's 1/6 is a float32 in float64, too
    y = f(x)
    assert y.shape == theirs.shape
    weight = torch.ones_like(theirs) if within is None else within.to(theirs.dtype)
    torch.testing.assert_close(y * weight, theirs * weight, **tolerance)
    if x.requires_grad and x.numel() and theirs.requires_grad:
        mine = torch.autograd.grad((y * weight).sum(), x)[0]
        torch.testing.assert_close(mine, torch.autograd.grad((theirs * weight).sum(), x)[0], **tolerance)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", VECTORS)
def test_vector_operator_samples(operators, name):
    count = 0
    for sample in operators[name].sample_inputs("cpu", torch.float64, requires_grad=False):
        theirs = operators[name].op(sample.input, *sample.args, **sample.kwargs)
        dim = sample.kwargs.get("dim", sample.args[0] if sample.args else -1)
        count += _same_along(VECTORS[name], sample.input, theirs, dim)
    assert count


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", VECTOR_MODULES)
def test_vector_module_samples(name):
    count = 0
    for module, sample in _modules(name):
        x = sample.forward_input.args[0]
        dim = -3 if name == "Softmax2d" else module.dim
        count += _same_along(VECTOR_MODULES[name], x.detach(), module(x).detach(), dim)
    assert count


def _same_along(name, x, theirs, dim):
    """Compare along a dimension, and return 1; torch takes a scalar for a vector of one element."""
    if x.dim() and x.shape[dim] == 0:
        with pytest.raises(InvalidInputError, match="at least one element"):
            nonlin.function(name)(np.moveaxis(x.numpy(), dim, -1))
        return 1
    array, wanted = (x.reshape(1), theirs.reshape(1)) if x.dim() == 0 else (x, theirs)
    found = np.moveaxis(nonlin.function(name)(np.moveaxis(array.numpy(), dim, -1)), -1, dim)
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-12, atol=1e-15)
    return 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_prelu_samples(operators, dtype):
    count = 0
    for sample in operators["nn.functional.prelu"].sample_inputs("cpu", dtype, requires_grad=True):
        (given,) = sample.args or (sample.kwargs["weight"],)
        weight = given.detach().requires_grad_()
        module = nonlin.function("prelu").module(channels=weight.numel()).to(dtype)
        theirs = torch.nn.functional.prelu(sample.input, weight)
        flat = weight.reshape(-1)
        y = torch.func.functional_call(module, {"weight": flat}, (sample.input,))
        torch.testing.assert_close(y, theirs, rtol=0, atol=0)
        mine = torch.autograd.grad(y.sum(), (sample.input, weight))
        wanted = torch.autograd.grad(theirs.sum(), (sample.input, weight))
        torch.testing.assert_close(mine, wanted, rtol=1e-5, atol=1e-6)
        count += 1
    assert count


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODULES)
def test_module_samples(name):
    count = 0
    for module, sample in _modules(name):
        x = sample.forward_input.args[0]
        beyond = x.detach() * getattr(module, "beta", 1.0) > getattr(module, "threshold", np.inf)
        within = ~beyond if name == "Softplus" else None  # as in _right
        _same(_function_of(module).module(), x, module(x), torch.float64, within=within)
        count += 1
    assert count


@pytest.mark.filterwarnings("ignore")
def test_prelu_module_samples():
    count = 0
    for module, sample in _modules("PReLU"):
        ours = nonlin.function("prelu").module(channels=module.num_parameters).double()
        ours.load_state_dict(module.state_dict())
        _same(ours, sample.forward_input.args[0], module(sample.forward_input.args[0]), torch.float64)
        count += 1
    assert count


def test_rrelu_draws_in_training_as_torchs_does():
    x = torch.linspace(-3, 3, 50)
    ours, theirs = nonlin.function("rrelu").module(), torch.nn.RReLU()
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))
    torch.manual_seed(0)
    drawn = ours.train()(x)
    torch.manual_seed(0)
    torch.testing.assert_close(drawn, theirs.train()(x), rtol=0, atol=0)
    assert not torch.equal(drawn, ours.train()(x))


def _modules(name):
    """Yield a module of torch's with each of its samples."""
    from torch.testing._internal.common_modules import module_db

    (info,) = [info for info in module_db if info.module_cls.__name__ == name]
    samples = info.module_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=True, training=True
    )
    for sample in samples:
        yield (
            info.module_cls(*sample.constructor_input.args, **sample.constructor_input.kwargs).double(),
            sample,
        )


def _function_of(module):
    name = type(module).__name__.lower()
    keys = {"leakyrelu": ["negative_slope"], "elu": ["alpha"], "celu": ["alpha"], "softplus": ["beta"]}
    keys |= {"hardshrink": ["lambd"], "softshrink": ["lambd"], "hardtanh": ["min_val", "max_val"]}
    keys |= {"threshold": ["threshold", "value"]}
    if getattr(module, "approximate", "none") == "tanh":
        return nonlin.function("gelu_tanh")
    return nonlin.function(name, **{k: float(getattr(module, k)) for k in keys.get(name, [])})


def test_a_wrong_function_is_noticed():
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)
    with pytest.raises(AssertionError):
        _same(nonlin.function("silu"), x, torch.nn.functional.gelu(x), torch.float64)
    assert np.isfinite(nonlin.function("silu")(x).numpy()).all()
