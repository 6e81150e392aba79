"""Gain and initialisation, and the laws of linearity."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

import nonlin
from nonlin.errors import InvalidInputError, UnknownFunctionError


def test_gain_takes_a_function_a_name_a_formula_and_a_callable():
    values = [nonlin.gain(f) for f in (nonlin.function("tanh"), "tanh", "tanh(x)", np.tanh)]
    assert values == pytest.approx([values[0]] * 4, rel=1e-14)
    assert nonlin.gain("x") == nonlin.gain("identity") == pytest.approx(1.0, rel=1e-15)
    assert nonlin.gain(lambda x: np.maximum(x, 0.3)) == pytest.approx(nonlin.gain("max(x, 0.3)"), rel=1e-13)
    assert nonlin.gain("leaky-relu") == pytest.approx(math.sqrt(2 / 1.0001), rel=1e-14)


def test_wrong_arguments_say_what_is_right():
    with pytest.raises(UnknownFunctionError, match="did you mean gelu"):
        nonlin.gain("gelluu")
    with pytest.raises(InvalidInputError, match="whole vector"):
        nonlin.gain("softmax")
    with pytest.raises(InvalidInputError, match="formula in x or a callable, got int"):
        nonlin.gain(3)
    with pytest.raises(InvalidInputError, match="gain of inf"):
        nonlin.gain("0 * x")
    with pytest.raises(InvalidInputError, match="act on each element"):
        nonlin.gain(np.sum)
    with pytest.raises(InvalidInputError, match="linear or convolutional"):
        nonlin.initialize_(torch.nn.ReLU(), "relu")
    with pytest.raises(InvalidInputError, match="lazy"):
        nonlin.initialize_(torch.nn.LazyLinear(3), "relu")
    with pytest.raises(InvalidInputError, match="normal or uniform"):
        nonlin.initialize_(torch.nn.Linear(3, 3), "relu", distribution="cauchy")


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize("name", ["gelu", "mish", "tanh", "softplus"])
def test_signals_keep_their_size_through_many_layers(name, distribution):
    width, depth = 512, 6  # gelu multiplies an error of the variance by 1.14 a layer
    layers = [torch.nn.Linear(width, width) for _ in range(depth)]
    module = torch.nn.Sequential(*layers)
    random = torch.Generator().manual_seed(0)
    assert nonlin.initialize_(module, name, distribution=distribution, generator=random) is module
    f = nonlin.function(name)
    u = torch.randn(64, width, generator=random)
    with torch.no_grad():
        for layer in layers:
            u = layer(torch.from_numpy(np.asarray(f(u.numpy()), np.float32)))
    assert 0.5 < float((u * u).mean()) < 2.0
    assert all(layer.bias.abs().max().item() == 0 for layer in layers)


def test_the_variance_of_every_kind_of_layer():
    random = torch.Generator().manual_seed(0)
    kinds = {
        torch.nn.Linear(300, 200): 300,
        torch.nn.Conv2d(32, 64, 3, groups=2): 16 * 9,
        torch.nn.Conv1d(64, 64, 5, bias=False): 320,
        torch.nn.ConvTranspose2d(32, 64, 4, stride=2): 32 * 16 / 4,
    }
    for layer, fan_in in kinds.items():
        nonlin.initialize_(layer, "relu", generator=random)
        assert layer.weight.var().item() == pytest.approx(2 / fan_in, rel=0.05)


@pytest.mark.parametrize(
    ("f", "verdict"),
    [
        ("identity", "linear"),
        ("10 * x", "linear"),
        ("3 * x + 1", "affine"),
        ("relu", "piecewise linear"),
        ("hardtanh", "piecewise linear"),
        ("step", "piecewise linear"),
        ("x * x", "nonlinear"),
        ("gelu", "nonlinear"),
    ],
)
def test_verdicts(f, verdict):
    found = nonlin.linearity(f)
    assert (found.verdict, found.status) == (verdict, "proved")
    assert (found.additivity is None) == (found.homogeneity is None) == (verdict == "linear")


@pytest.mark.parametrize("f", [f for f in nonlin.functions() if not f.vector], ids=lambda f: f.name)
def test_every_counterexample_breaks_its_law(f):
    found = nonlin.linearity(f)
    assert found.verdict == f.properties.linearity.value
    if found.verdict == "linear":
        return
    a, b = found.additivity.first, found.additivity.second
    assert f(a + b) == pytest.approx(found.additivity.left, rel=1e-13)
    assert f(a) + f(b) == pytest.approx(found.additivity.right, rel=1e-13)
    assert found.additivity.left != pytest.approx(found.additivity.right, rel=1e-7)
    c, a = found.homogeneity.first, found.homogeneity.second
    assert f(c * a) == pytest.approx(found.homogeneity.left, rel=1e-13)
    assert c * f(a) == pytest.approx(found.homogeneity.right, rel=1e-13)
    assert found.homogeneity.left != pytest.approx(found.homogeneity.right, rel=1e-7)


def test_the_worked_example_of_relu():
    assert nonlin.linearity("relu").additivity.text == "f(1 + -1) = f(0) = 0, but f(1) + f(-1) = 1 + 0 = 1"


@pytest.mark.parametrize(
    ("f", "verdict"),
    [
        (lambda x: 2 * x, "linear"),
        (lambda x: 2 * x - 1, "affine"),
        (lambda x: np.float32(x) * np.float32(0.1), "linear"),
        (lambda x: torch.nn.functional.relu(torch.tensor(x)), "piecewise linear"),
        (abs, "piecewise linear"),
        (lambda x: np.float32(nonlin.function("gelu")(x)), "nonlinear"),
        (lambda x: np.float16(nonlin.function("gelu")(x)), "nonlinear"),
        (lambda x: np.float16(nonlin.function("relu")(x)), "piecewise linear"),
        (lambda x: np.float32(x) + np.float32(1) - np.float32(1), "linear"),
        (lambda x: 1e6 * x + 3, "affine"),
        (torch.nn.PReLU(), "piecewise linear"),
        (torch.nn.functional.silu, "nonlinear"),
        (lambda x: 3.0, "affine"),
        (math.sin, "nonlinear"),
        (lambda x: x + 1e-3 * x * x, "nonlinear"),
    ],
)
def test_a_callable_is_judged_from_samples(f, verdict):
    found = nonlin.linearity(f)
    assert (found.verdict, found.status) == (verdict, "numeric")
    assert (found.additivity is None) == (verdict == "linear")


def test_a_callable_must_return_a_number():
    with pytest.raises(InvalidInputError, match="takes numbers and returns as many"):
        nonlin.linearity(lambda _: "no")


def test_torch_is_loaded_only_to_initialise():
    code = (
        "import sys, nonlin; nonlin.gain('gelu'); nonlin.linearity('relu'); nonlin.function('silu').properties;"
        "print([m for m in ('torch', 'jax', 'matplotlib', 'onnx', 'sympy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("f", [torch.nn.GELU(), torch.nn.functional.gelu])
def test_the_gain_of_pytorchs_own(f):
    assert nonlin.gain(f) == pytest.approx(nonlin.gain("gelu"), rel=1e-12)


@pytest.mark.parametrize("f", [math.tanh, torch.tanh, np.tanh])
def test_the_gain_of_a_callable_of_numbers_tensors_or_arrays(f):
    assert nonlin.gain(f) == pytest.approx(nonlin.gain("tanh"), rel=1e-12)


def test_what_is_no_module_is_refused():
    with pytest.raises(InvalidInputError, match=r"expected a torch\.nn\.Module, got int"):
        nonlin.initialize_(3, "relu")
