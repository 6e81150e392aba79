"""torch's own samples for its activations, OpInfo's and ModuleInfo's: shapes, layouts, arguments and references."""

import numpy as np
import pytest

import nonlin

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
]


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
        if _refused(given):
            continue
        f = nonlin.function("gelu_tanh" if form == "tanh" else ours, **given)
        theirs = operators[name].op(sample.input, *sample.args, **{**sample.kwargs, **_in_place(sample)})
        if name == "nn.functional.softplus" and _cut_off(sample):
            continue
        _same(f, sample.input, theirs, dtype)
        count += 1
    assert count


def _refused(given):
    # torch takes an empty interval for hardtanh, and a negative threshold for hardshrink; we say that they are wrong
    return given.get("min_val", -1.0) >= given.get("max_val", 1.0) or given.get("lambd", 0.5) < 0


def _cut_off(sample):
    # torch's softplus becomes the identity beyond a threshold, up to log(2) off; ours has none
    beta, threshold = sample.kwargs.get("beta", 1.0), sample.kwargs.get("threshold", 20.0)
    return bool((sample.input.detach() * beta > threshold).any())


def _in_place(sample):
    return {"inplace": False} if "inplace" in sample.kwargs else {}


def _same(f, x, theirs, dtype):
    # torch's own errors are up to 2e-7 relative in float32, more where it cancels
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 1e-9, "atol": 3e-9}
    if getattr(f, "name", "") == "hardsigmoid":
        tolerance |= {"rtol": 1e-7}  # torch's 1/6 is a float32 in float64, too
    y = f(x)
    assert y.shape == theirs.shape
    torch.testing.assert_close(y, theirs, **tolerance)
    if x.requires_grad and x.numel():
        mine = torch.autograd.grad(y.sum(), x)[0]
        torch.testing.assert_close(mine, torch.autograd.grad(theirs.sum(), x)[0], **tolerance)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODULES)
def test_module_samples(name):
    from torch.testing._internal.common_modules import module_db

    (info,) = [info for info in module_db if info.module_cls.__name__ == name]
    samples = info.module_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=True, training=True
    )
    count = 0
    for sample in samples:
        module = info.module_cls(*sample.constructor_input.args, **sample.constructor_input.kwargs)
        f = _function_of(module)
        if f is None:
            continue
        x = sample.forward_input.args[0]
        if bool((x.detach() * getattr(module, "beta", 1.0) > getattr(module, "threshold", np.inf)).any()):
            continue  # as in _cut_off
        _same(f.module(), x, module(x), torch.float64)
        count += 1
    assert count


def _function_of(module):
    name = type(module).__name__.lower()
    keys = {"leakyrelu": ["negative_slope"], "elu": ["alpha"], "celu": ["alpha"], "softplus": ["beta"]}
    keys |= {"hardshrink": ["lambd"], "softshrink": ["lambd"], "hardtanh": ["min_val", "max_val"]}
    if getattr(module, "approximate", "none") == "tanh":
        return nonlin.function("gelu_tanh")
    return nonlin.function(name, **{k: float(getattr(module, k)) for k in keys.get(name, [])})


def test_a_wrong_function_is_noticed():
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)
    with pytest.raises(AssertionError):
        _same(nonlin.function("silu"), x, torch.nn.functional.gelu(x), torch.float64)
    assert np.isfinite(nonlin.function("silu")(x).numpy()).all()
