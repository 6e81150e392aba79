import copy
import random
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch.nn.utils import prune

from nonlin import read, simplify, write
from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.inspection import inspect
from nonlin.networks import evaluate
from nonlin.networks.activation import Activation, ParametricRelu


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = torch.nn.Linear(6, 5), torch.nn.Linear(5, 3)
        self.drop, self.norm = torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(5)

    def forward(self, x):
        return self.last(self.drop(torch.nn.functional.relu(self.norm(self.first(x)))))


class Branching(torch.nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


FUNCTIONS = {
    "relu": torch.nn.ReLU(),
    "silu": torch.nn.SiLU(),
    "gelu": torch.nn.GELU(),
    "gelu_tanh": torch.nn.GELU(approximate="tanh"),
    "hardswish": torch.nn.Hardswish(),
    "hardsigmoid": torch.nn.Hardsigmoid(),
    "hardtanh": torch.nn.Hardtanh(),
    "relu6": torch.nn.ReLU6(),
    "mish": torch.nn.Mish(),
    "softplus": torch.nn.Softplus(),
    "elu": torch.nn.ELU(),
    "selu": torch.nn.SELU(),
    "softsign": torch.nn.Softsign(),
    "tanhshrink": torch.nn.Tanhshrink(),
    "logsigmoid": torch.nn.LogSigmoid(),
    "leaky_relu": torch.nn.LeakyReLU(),
    "prelu": torch.nn.PReLU(),
    "threshold": torch.nn.Threshold(0.5, 2.0),
    "hardshrink": torch.nn.Hardshrink(),
    "softshrink": torch.nn.Softshrink(),
    "celu": torch.nn.CELU(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_pytorch_is_one_call_of_ours(name):
    x = np.random.default_rng(0).standard_normal((7, 4)).astype(np.float32) * 3
    network = read(torch.nn.Sequential(torch.nn.Linear(4, 5), FUNCTIONS[name]), x)
    calls = [n.operator for n in network.nodes if isinstance(n.operator, Activation | ParametricRelu)]
    assert [call.function.name for call in calls] == [name]
    assert not network.opaque


def test_a_network_is_read_for_any_batch_and_does_the_same():
    torch.manual_seed(0)
    module = Small()
    module(torch.randn(50, 6))  # BatchNorm has seen something
    x = np.random.default_rng(0).standard_normal((9, 6)).astype(np.float32)
    network = read(module, x[:1])
    expected = module.eval()(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(evaluate(network, {network.inputs[0].name: x})[0], expected, rtol=0, atol=1e-6)


def test_the_module_is_left_as_it_was():
    module = Small().train()
    module.drop.eval()
    before = copy.deepcopy(module.state_dict())
    read(module, np.zeros((1, 6), np.float32))
    assert [m.training for m in module.modules()] == [True, True, True, False, True]
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
    assert all(p.grad is None and p.requires_grad for p in module.parameters())


def test_without_an_example_or_a_graph_one_line_says_so(capsys):
    with pytest.raises(InvalidInputError, match=r"expected an example.*give example=array"):
        read(Small())
    with pytest.raises(UnsupportedModelError, match="PyTorch cannot export Branching") as raised:
        read(Branching(), np.zeros((1, 6), np.float32))
    assert "\n" not in str(raised.value)
    assert "data-dependent" in str(raised.value)
    assert capsys.readouterr() == ("", "")


class Keeps(Small):
    """Keeps a hidden tensor, with its graph, as many models do for a picture or a second loss."""

    def forward(self, x):
        self.hidden = [torch.nn.functional.relu(self.norm(self.first(x)))]
        return self.last(self.hidden[0])


def weight_normed():
    module = Small()
    with pytest.warns(FutureWarning):
        torch.nn.utils.weight_norm(module.first)
    return module


def pruned():
    module = Small()
    prune.l1_unstructured(module.first, "weight", 0.5)
    return module


@pytest.mark.parametrize("made", [Keeps, weight_normed, pruned])
def test_a_module_that_holds_results_of_a_forward_pass_is_read(made):
    module, x = made(), torch.randn(4, 6)
    module(x).sum().backward()
    held = module.hidden[0] if made is Keeps else module.first.weight
    network = read(module, x.numpy())
    expected = module.eval()(x).detach().numpy()
    np.testing.assert_allclose(
        evaluate(network, {network.inputs[0].name: x.numpy()})[0], expected, rtol=0, atol=1e-6
    )
    assert held.grad_fn is not None


def test_a_compiled_module_is_read_as_its_original():
    module, x = Small().eval(), np.ones((2, 6), np.float32)
    network = read(torch.compile(module, backend="eager"), x)
    assert network.name == "Small"
    np.testing.assert_array_equal(
        *(evaluate(n, {n.inputs[0].name: x})[0] for n in (network, read(module, x)))
    )


class Draws(Small):
    def forward(self, x):
        random.random(), np.random.rand(), torch.rand(1)  # noqa: NPY002, S311 - the states that are kept
        return super().forward(x)


def test_the_random_states_are_left_as_they_were():
    def states():
        return str((random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()))  # noqa: NPY002

    module, before = Draws(), states()
    read(module, np.zeros((1, 6), np.float32))
    assert states() == before


class Twice(torch.nn.Module):
    """Uses one module, and one operation of its own, twice each."""

    def __init__(self):
        super().__init__()
        self.layer, self.act = torch.nn.Linear(6, 6), torch.nn.ReLU()

    def forward(self, x):
        x = self.act(self.layer(self.act(self.layer(x))))
        return torch.cat([torch.sigmoid(x), torch.sigmoid(x - 1)], 1)


def test_what_is_read_twice_can_be_written_for_onnx_runtime(tmp_path):
    module, x = Twice().eval(), np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    network = read(module, x)
    assert [n.name for n in network.nodes if isinstance(n.operator, Activation)] == [
        "act",
        "act#2",
        "sigmoid",
        "sigmoid#2",
    ]
    for one in (network, simplify(module, data=x).network):
        write(one, tmp_path / "twice.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "twice.onnx")
        (got,) = session.run(None, {network.inputs[0].name: x})
        np.testing.assert_allclose(got, module(torch.tensor(x)).detach().numpy(), rtol=0, atol=1e-6)


class Divides(torch.nn.Module):
    def forward(self, x):
        return torch.relu(x) / torch.zeros(6)


def test_a_module_that_divides_by_0_is_read_without_a_warning():
    network, x = read(Divides(), np.ones((1, 6), np.float32)), np.ones((2, 6))
    assert np.isinf(evaluate(network, {network.inputs[0].name: x})[0]).all()


class Limited(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.block = torch.nn.Linear(6, 6), torch.nn.Hardtanh(0.0, 6.0)

    def forward(self, x):
        limits = [
            self.block,
            torch.nn.functional.relu6,
            lambda u: u.clamp(0, 6),
            lambda u: u.clamp(min=0),
            lambda u: u.clamp(0.0, 2.5),
            lambda u: torch.nn.functional.hardtanh(u, 0.0, 1.5),
            lambda u: u.clamp(-1, 1),
        ]
        for limit in limits:
            x = limit(self.layer(x))
        return self.layer(x)


def test_a_limit_is_called_by_its_function_as_an_inspection_calls_it():
    torch.manual_seed(0)
    data, model = np.random.default_rng(0).standard_normal((8, 6)).astype(np.float32), Limited().eval()
    network = read(model, data)
    activations = [
        (n.name, n.operator.function.label) for n in network.nodes if isinstance(n.operator, Activation)
    ]
    assert activations == [
        ("block", "relu6"),
        ("relu6", "relu6"),
        ("relu6#2", "relu6"),
        ("relu", "relu"),
        ("relun", "relun(n=2.5)"),
        ("relun#2", "relun(n=1.5)"),
        ("hardtanh", "hardtanh"),
    ]
    assert activations == [(call.name, call.function) for call in inspect(model, data).calls]


def test_a_limit_is_written_as_one_operator(tmp_path):
    data = np.random.default_rng(0).standard_normal((8, 6)).astype(np.float32)
    network = read(Limited().eval(), data)
    nodes = tuple(
        replace(node, output=f"{node.output}_") if node is network.nodes[-1] else node
        for node in network.nodes
    )
    outputs = (replace(network.outputs[0], name=nodes[-1].output),)
    write(replace(network, nodes=nodes, outputs=outputs, origin=None), tmp_path / "limited.onnx")
    written = [node.op_type for node in onnx.load(tmp_path / "limited.onnx").graph.node]
    assert written.count("Clip") == 6
    assert "Where" not in written
