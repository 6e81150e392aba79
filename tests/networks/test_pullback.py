"""Cotangents pulled back, against central differences in float64 and against PyTorch's autograd."""

import numpy as np
import pytest
import torch

from nonlin import read
from nonlin.errors import UnsupportedModelError
from nonlin.functions import function
from nonlin.networks import Network, Node, Tensor, pullback, trace
from nonlin.networks import window as windows
from nonlin.networks.activation import (
    Activation,
    Divide,
    MatrixProduct,
    Multiply,
    Opaque,
    ParametricRelu,
    Select,
    Softmax,
)
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.network import Operator
from nonlin.networks.normalization import Normalize
from nonlin.networks.shape import Cast, Concatenate, Identity, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import AveragePool, Convolution, MaxPool, Window

RANDOM = np.random.default_rng(0)


def numbers(*shape):
    return RANDOM.standard_normal(shape)


def window(size, strides=None, dilations=None, padding=None):
    n = len(size)
    return Window(
        size=size,
        strides=strides or (1,) * n,
        dilations=dilations or (1,) * n,
        padding=padding or ((0, 0),) * n,
    )


UNEVEN = window((3, 2), (2, 1), (1, 2), ((1, 0), (0, 2)))
CASES = {
    "dense": (Dense(weight=numbers(4, 3), bias=numbers(4)), [(2, 5, 3)]),
    "scale and shift": (Elementwise(scale=numbers(3, 1), shift=numbers(1, 4)), [(2, 3, 4)]),
    "scale that broadcasts the input": (Elementwise(scale=numbers(3, 4), shift=numbers(4)), [(2, 1, 4)]),
    "scale that adds an axis": (Elementwise(scale=numbers(2, 3, 4), shift=np.zeros(())), [(4,)]),
    "sum": (Sum(signs=(1, -1, 1)), [(2, 3), (2, 3), (2, 3)]),
    "sum that broadcasts": (Sum(signs=(-1, 1)), [(2, 3, 1), (4,)]),
    "mean": (Reduce(axes=(1, -1), mean=True, keepdims=False), [(2, 3, 4)]),
    "total": (Reduce(axes=(-2,), mean=False, keepdims=True), [(2, 3, 4)]),
    "convolution": (Convolution(weight=numbers(4, 3, 3, 2), bias=numbers(4), window=UNEVEN), [(2, 3, 5, 6)]),
    "convolution in groups": (
        Convolution(weight=numbers(6, 2, 3), bias=None, window=window((3,), (2,), (2,), ((2, 1),)), groups=3),
        [(2, 6, 9)],
    ),
    "mean of windows": (AveragePool(window=UNEVEN, count_padding=False), [(2, 3, 5, 6)]),
    "mean of windows and padding": (AveragePool(window=UNEVEN, count_padding=True), [(2, 3, 5, 6)]),
    "windows with a rest": (AveragePool(window=window((2,), (3,))), [(1, 2, 9)]),
    "largest of windows": (MaxPool(window=UNEVEN), [(2, 3, 5, 6)]),
    "largest in volumes": (MaxPool(window=window((2, 2, 2), (1, 2, 1))), [(1, 2, 3, 4, 3)]),
    "concatenation": (Concatenate(axis=-2), [(2, 3, 4), (2, 1, 4), (2, 2, 4)]),
    "identity": (Identity(), [(2, 3)]),
    "cast": (Cast(dtype="float64"), [(2, 3)]),
    "padding": (Pad(widths=((0, 0), (1, 2)), value=3.0), [(2, 3)]),
    "padding that crops": (Pad(widths=((0, 0), (-1, 2), (1, -2))), [(2, 3, 4)]),
    "reshape": (Reshape(shape=(0, 2, -1)), [(2, 6, 3)]),
    "slice": (Slice(ranges=((1, -3, None, 2), (-1, 0, 3, 1))), [(2, 5, 4)]),
    "take, some twice": (Take(indices=np.array([0, 2, 2, -1, 0]), axis=1), [(2, 4, 3)]),
    "take a table": (Take(indices=np.array([[0, 1], [1, 1]]), axis=-1), [(2, 3, 2)]),
    "take one": (Take(indices=np.array(1), axis=1), [(2, 3, 4)]),
    "transpose": (Transpose(permutation=(0, 2, 3, 1)), [(2, 3, 4, 5)]),
    "transpose, reversed": (Transpose(), [(2, 3, 4)]),
    "smooth activation": (Activation(function=function("gelu")), [(2, 3)]),
    "root": (Activation(function=function("softplus", beta=2.0), called=False), [(2, 3)]),
    "parametric relu": (ParametricRelu(slopes=numbers(3, 1)), [(2, 3, 4)]),
    "softmax": (Softmax(axis=1), [(2, 3, 4)]),
    "logarithm of softmax": (Softmax(axis=-1, logarithm=True), [(2, 3, 4)]),
    "product": (Multiply(), [(2, 3, 4), (2, 3, 4)]),
    "product that broadcasts": (Multiply(), [(2, 3, 4), (3, 1)]),
    "quotient": (Divide(), [(2, 3, 4), (2, 3, 4)]),
    "quotient that broadcasts": (Divide(), [(3, 1), (2, 3, 4)]),
    "one of two": (Select(threshold=0.5, equal=True), [(2, 3, 4), (2, 3, 4), (2, 3, 4)]),
    "one of a number and another": (Select(threshold=0.5, equal=False, above=2.0), [(2, 3, 4), (4,)]),
    "matrix product": (MatrixProduct(), [(2, 3, 4), (2, 4, 5)]),
    "matrix product that broadcasts": (MatrixProduct(), [(2, 1, 3, 4), (5, 4, 2)]),
    "normalisation": (Normalize(axes=1, epsilon=1e-5), [(2, 3, 4)]),
    "normalisation over two axes": (Normalize(axes=2, epsilon=0.1), [(2, 3, 4)]),
}


def differences(operator, inputs, cotangent, step=1e-6):
    """Return the gradient of ⟨cotangent, output⟩ by central differences: their error is of the order of step²."""
    gradients = []
    for i, x in enumerate(inputs):
        gradient = np.zeros(x.shape)
        for index in np.ndindex(*x.shape):
            ends = []
            for sign in (1, -1):
                moved = [y.copy() for y in inputs]
                moved[i][index] += sign * step
                ends.append(float(np.sum(cotangent * operator.apply(*moved))))
            gradient[index] = (ends[0] - ends[1]) / (2 * step)
        gradients.append(gradient)
    return gradients


def assert_pulls_back(operator, inputs):
    cotangent = numbers(*operator.apply(*inputs).shape)
    pulled = operator.pullback(cotangent, *inputs)
    assert len(pulled) == len(inputs)
    for got, expected, x in zip(pulled, differences(operator, inputs, cotangent), inputs, strict=True):
        assert got.shape == x.shape
        # a sum of some tens of numbers near 1, each known to 1e-16, divided by the step of 2e-6
        np.testing.assert_allclose(got, expected, rtol=0, atol=2e-8)


@pytest.mark.parametrize("name", CASES)
def test_an_operator_pulls_back_what_differences_say(name):
    operator, shapes = CASES[name]
    inputs = [numbers(*shape) for shape in shapes]
    assert_pulls_back(operator, [x + np.copysign(0.5, x) for x in inputs])  # differences fail beside a pole


def test_every_operator_is_tried():
    tried = {type(operator) for operator, _ in CASES.values()}
    assert tried == set(Operator.__args__) - {Opaque}


def test_the_comparison_rejects_a_wrong_pullback():
    class Wrong:
        def apply(self, x):
            return x**2

        def pullback(self, cotangent, x):
            return (cotangent * x,)

    with pytest.raises(AssertionError):
        assert_pulls_back(Wrong(), [numbers(2, 3)])


def test_of_equal_entries_the_first_gets_the_cotangent_as_in_pytorch():
    x = np.round(numbers(1, 2, 6, 6))
    operator = MaxPool(window=window((3, 3), (2, 2), padding=((1, 1), (1, 1))))
    leaf = torch.tensor(x, requires_grad=True)
    y = torch.nn.functional.max_pool2d(leaf, 3, 2, 1)
    cotangent = numbers(*y.shape)
    y.backward(torch.tensor(cotangent))
    np.testing.assert_allclose(operator.pullback(cotangent, x)[0], leaf.grad.numpy(), rtol=0, atol=1e-12)


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, padding=1),
            torch.nn.BatchNorm2d(8),
            torch.nn.PReLU(8),
            torch.nn.MaxPool2d(2),
        )
        self.second = torch.nn.Sequential(torch.nn.Conv2d(8, 8, 3, padding=1, groups=4), torch.nn.SiLU())
        self.pool = torch.nn.AvgPool2d(3, 2, padding=1)
        self.last = torch.nn.Linear(8 * 9, 5)

    def forward(self, x):
        x = self.first(x)
        x = self.pool(x + self.second(x))
        return torch.log_softmax(self.last(x.flatten(1)), 1)


class Attention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.LayerNorm(6)
        torch.nn.init.normal_(self.norm.weight)
        self.queries, self.keys, self.values = (torch.nn.Linear(6, 6) for _ in range(3))
        self.last = torch.nn.Linear(6, 6)

    def forward(self, x):
        x = self.norm(x)
        share = torch.softmax(self.queries(x) @ self.keys(x).transpose(1, 2) / 6**0.5, -1)
        x = x + share @ self.values(x)
        return x + torch.nn.functional.gelu(self.last(torch.nn.functional.layer_norm(x, (6,), eps=0.1)))


@pytest.mark.parametrize(("module", "shape"), [(Block, (4, 3, 12, 12)), (Attention, (3, 5, 6))])
def test_through_a_whole_module_as_autograd(module, shape):
    torch.manual_seed(0)
    module = module().double().eval()
    x = np.random.default_rng(0).standard_normal(shape)
    network = read(module.float(), x.astype(np.float32))
    assert not network.opaque
    module = module.double()
    leaf = torch.tensor(x, requires_grad=True)
    y = module(leaf)
    cotangent = np.random.default_rng(1).standard_normal(y.shape)
    y.backward(torch.tensor(cotangent))
    values = trace(network, {network.inputs[0].name: x})
    np.testing.assert_allclose(values[network.outputs[0].name], y.detach().numpy(), rtol=0, atol=1e-6)
    seen = {}
    pullback(network, values, {network.outputs[0].name: cotangent}, seen.__setitem__)
    # float32 constants of the export, such as the 1 / √6, are the difference
    np.testing.assert_allclose(seen[network.inputs[0].name], leaf.grad.numpy(), rtol=0, atol=1e-6)


def test_through_an_opaque_operator_there_is_no_way():
    node = Node(name="strange", operator=Opaque(operator="LSTM", node="strange"), inputs=("x",), output="y")
    tensors = [Tensor(name=name, shape=(None, 2), dtype="float64") for name in "xy"]
    network = Network(name="n", inputs=(tensors[0],), outputs=(tensors[1],), nodes=(node,), parameters=0)
    with pytest.raises(
        UnsupportedModelError, match="'strange' uses the operator LSTM, which nonlin does not evaluate"
    ):
        trace(network, {"x": np.zeros((1, 2))})
    with pytest.raises(UnsupportedModelError, match="'strange' uses the operator LSTM, through which"):
        pullback(network, {"x": np.zeros((1, 2))}, {"y": np.zeros((1, 2))}, lambda *_: None)


@pytest.mark.parametrize("at_once", [1, 40, 80])
@pytest.mark.parametrize("name", ["convolution", "convolution in groups"])
def test_a_convolution_in_pieces_is_the_same(name, at_once, monkeypatch):
    operator, (shape,) = CASES[name]
    x = numbers(*shape)
    whole = operator.apply(x)
    cotangent = numbers(*whole.shape)
    (pulled,) = operator.pullback(cotangent, x)
    monkeypatch.setattr(windows, "_NUMBERS_AT_ONCE", at_once)
    assert len(list(operator._pieces(whole.shape))) > 1
    np.testing.assert_allclose(operator.apply(x), whole, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(operator.pullback(cotangent, x)[0], pulled, rtol=1e-13, atol=1e-13)
