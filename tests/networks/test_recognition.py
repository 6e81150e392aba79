"""Activations that exporters take apart are one call again; what only looks like one is left alone."""

import math

import numpy as np
import pytest
import scipy.special
from onnx import TensorProto, helper, numpy_helper

from nonlin.networks import evaluate, network_of
from nonlin.networks.activation import Activation, ParametricRelu

X = np.concatenate([np.linspace(-12, 12, 481), [-2e4, -300.0, -60.0, 60.0, 300.0, 2e4]]).reshape(1, -1)


class Formula:
    """A tensor; arithmetic on it writes ONNX nodes, numbers as float32 constants."""

    def __init__(self, name, nodes, constants):
        self.name, self.nodes, self.constants = name, nodes, constants

    def apply(self, operator, *others, first=False, **attributes):
        names = [self.name]
        for other in others:
            if isinstance(other, Formula):
                names.append(other.name)
            else:
                names.append(f"c{len(self.constants)}")
                self.constants.append(numpy_helper.from_array(np.asarray(other, np.float32), names[-1]))
        made = f"t{len(self.nodes)}"
        order = names[::-1] if first else names
        self.nodes.append(
            helper.make_node(operator, order, [made], name=f"{operator}_{len(self.nodes)}", **attributes)
        )
        return Formula(made, self.nodes, self.constants)

    def __add__(self, other):
        return self.apply("Add", other)

    def __radd__(self, other):
        return self.apply("Add", other, first=True)

    def __sub__(self, other):
        return self.apply("Sub", other)

    def __rsub__(self, other):
        return self.apply("Sub", other, first=True)

    def __mul__(self, other):
        return self.apply("Mul", other)

    def __rmul__(self, other):
        return self.apply("Mul", other, first=True)

    def __truediv__(self, other):
        return self.apply("Div", other)

    def __pow__(self, other):
        return self.apply("Pow", other)

    def __neg__(self):
        return self.apply("Neg")

    def __getattr__(self, operator):
        return lambda *others, **attributes: self.apply(operator, *others, **attributes)


def network_for(formula, *more_outputs, inputs=1):
    nodes, constants = [], []
    given = [Formula(f"x{i}", nodes, constants) for i in range(inputs)]
    results = formula(*given)
    results = results if isinstance(results, tuple) else (results,)
    values = [helper.make_tensor_value_info(x.name, TensorProto.FLOAT, ["N", "M"]) for x in given]
    outputs = [helper.make_tensor_value_info(y.name, TensorProto.FLOAT, ["N", "M"]) for y in results]
    graph = helper.make_graph(nodes, "written out", values, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return network_of(model, name="written out")


def calls(network):
    return [
        n.operator.function.label
        for n in network.nodes
        if isinstance(n.operator, Activation) and n.operator.called
    ]


ROOT = math.sqrt(2)
TANH = math.sqrt(2 / math.pi)
WRITTEN_OUT = {
    "silu": [lambda x: x * x.Sigmoid(), lambda x: x.Sigmoid() * x, lambda x: x / (1 + (-x).Exp())],
    "quick_gelu": [lambda x: x * (1.702 * x).Sigmoid(), lambda x: (x * 1.702).Sigmoid() * x],
    "gelu": [
        lambda x: 0.5 * x * (1 + (x / ROOT).Erf()),
        lambda x: x * 0.5 * (1 + (x / ROOT).Erf()),
        lambda x: x * (0.5 * (1 + (x / ROOT).Erf())),
        lambda x: x * ((x * (1 / ROOT)).Erf() + 1) * 0.5,
        lambda x: ((x / ROOT).Erf() + 1) * x * 0.5,
        lambda x: ((x / ROOT).Erf() + 1) * (x * 0.5),
        lambda x: x * ((x / ROOT).Erf() * 0.5 + 0.5),
    ],
    "gelu_tanh": [
        lambda x: 0.5 * x * (1 + (TANH * (x + 0.044715 * x**3)).Tanh()),
        lambda x: 0.5 * x * (1 + (TANH * (x + 0.044715 * (x * x * x))).Tanh()),
        lambda x: 0.5 * x * (1 + ((x + x * x * x * 0.044715) * TANH).Tanh()),
        lambda x: x * (0.5 * (1 + (TANH * x * (1 + 0.044715 * (x * x))).Tanh())),
    ],
    "hardswish": [
        lambda x: x * (x + 3).Clip(0, 6) / 6,
        lambda x: x * ((x + 3).Clip(0, 6) / 6),
        lambda x: x * (x + 3).Clip(0, 6) * (1 / 6),
        lambda x: (x + 3).Clip(0, 6) * x * (1 / 6),
        lambda x: x * ((x + 3).Clip(0, 6) * (1 / 6)),
        lambda x: x * x.HardSigmoid(alpha=1 / 6, beta=0.5),
        lambda x: x * (x / 6 + 0.5).Clip(0, 1),
    ],
    "hardsigmoid": [
        lambda x: (x + 3).Clip(0, 6) / 6,
        lambda x: (x + 3).Clip(0, 6) * (1 / 6),
        lambda x: (x * (1 / 6) + 0.5).Clip(0, 1),
        lambda x: (x / 6 + 0.5).Clip(0, 1),
    ],
    "mish": [
        lambda x: x * x.Softplus().Tanh(),
        lambda x: x.Softplus().Tanh() * x,
        lambda x: x * (1 + x.Exp()).Log().Tanh(),
    ],
    "softplus": [lambda x: (1 + x.Exp()).Log(), lambda x: (x.Exp() + 1).Log()],
    "tanhshrink": [lambda x: x - x.Tanh()],
    "softsign": [lambda x: x / (1 + x.Abs())],
    "logsigmoid": [lambda x: x.Sigmoid().Log(), lambda x: -((-x).Softplus())],
    "abs": [lambda x: x.Relu() + (-x).Relu()],
    "relu6": [lambda x: x.Clip(0, 6)],
    "hardtanh": [lambda x: x.Clip(-1, 1)],
    "leaky_relu(negative_slope=0.125)": [lambda x: x.Relu() - 0.125 * (-x).Relu()],
}
FORMS = [(name, i) for name, forms in WRITTEN_OUT.items() for i in range(len(forms))]


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_a_function_written_out_is_one_call(name, form):
    network = network_for(WRITTEN_OUT[name][form])
    assert calls(network) == [name]
    assert len(network.nodes) == 1


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_it_has_the_values_of_what_was_written(name, form):
    from onnx.reference import ReferenceEvaluator

    nodes, constants = [], []
    result = WRITTEN_OUT[name][form](Formula("x0", nodes, constants))
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", "M"]) for n in ("x0", result.name)]
    graph = helper.make_graph(nodes, "written out", values[:1], values[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    x = X[np.abs(X) < 20].reshape(1, -1)
    with np.errstate(all="ignore"):
        (expected,) = ReferenceEvaluator(model).run(None, {"x0": x.astype(np.float32)})
    (got,) = evaluate(network_for(WRITTEN_OUT[name][form]), {"x0": x.astype(np.float32).astype(np.float64)})
    # float32 rounding of what was written, worst where 1 + erf cancels
    np.testing.assert_allclose(got, expected, rtol=0, atol=3e-6)


LOOKALIKES = {
    "a function of two tensors": (lambda x, y: x * y.Sigmoid(), ["sigmoid"]),
    "relu twice": (lambda x: x.Relu().Relu(), ["relu", "relu"]),
    "sigmoid of relu": (lambda x: x.Relu().Sigmoid(), ["relu", "sigmoid"]),
    "the gate is read elsewhere too": (lambda x: ((s := x.Sigmoid()) * x, s), ["sigmoid"]),
    "a step is read elsewhere too": (lambda x: ((p := x + 3).Clip(0, 6) * x / 6, p), ["relu6"]),
    "a limit far out": (lambda x: (x * 0.1).Clip(0, 10) * 10, None),
    "a limit farther out": (lambda x: (x * 0.001).Clip(0, 10) * 1000, None),
    "a limit on both sides": (lambda x: (x * 0.001).Clip(-10, 10) * 1000, None),
    "nearly silu": (lambda x: x * (1.01 * x).Sigmoid(), None),
    "silu with a shift": (lambda x: x * (x + 0.001).Sigmoid(), None),
    "a scale for each unit": (lambda x: x * (x * np.linspace(1, 2, X.size)).Sigmoid(), ["sigmoid"]),
}


@pytest.mark.parametrize("name", LOOKALIKES)
def test_what_only_looks_like_one_is_left_alone(name):
    formula, expected = LOOKALIKES[name]
    inputs = formula.__code__.co_argcount
    network = network_for(formula, inputs=inputs)
    if expected is not None:
        assert calls(network) == expected
    direct = evaluate(network, {f"x{i}": X * (i + 1) for i in range(inputs)})
    for got, plain in zip(direct, written(name, inputs), strict=True):
        np.testing.assert_allclose(got, plain, rtol=1e-6, atol=1e-7)


def written(name, inputs):
    """Return the look-alike's values by NumPy."""
    formula, _ = LOOKALIKES[name]
    results = formula(*(Plain(X * (i + 1)) for i in range(inputs)))
    return [y.values for y in (results if isinstance(results, tuple) else (results,))]


class Plain:
    """The same formulas on NumPy arrays."""

    def __init__(self, values):
        self.values = values

    def __add__(self, other):
        return Plain(self.values + getattr(other, "values", other))

    def __mul__(self, other):
        return Plain(self.values * getattr(other, "values", other))

    __rmul__ = __mul__

    def __truediv__(self, other):
        return Plain(self.values / other)

    def Relu(self):  # noqa: N802 - ONNX's name
        return Plain(np.maximum(self.values, 0))

    def Sigmoid(self):  # noqa: N802
        return Plain(scipy.special.expit(self.values))

    def Clip(self, low, high):  # noqa: N802
        return Plain(np.clip(self.values, low, high))


def test_prelu_with_one_slope_and_with_one_for_each_channel():
    one = network_for(lambda x: x.PRelu(np.array([0.125])))
    assert calls(one) == ["prelu(weight=0.125)"]
    several = network_for(lambda x: x.PRelu(np.array([0.5, -1.0, 2.0])))
    (node,) = several.nodes
    assert isinstance(node.operator, ParametricRelu)
    x = np.array([[-1.0, -2.0, -3.0], [1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(evaluate(several, {"x0": x})[0], [[-0.5, 2.0, -6.0], [1.0, 2.0, 3.0]])
