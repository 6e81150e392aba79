"""From a `Network` to a PyTorch module, and to the bytes of a .pt2 program."""

import io
import re
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from nonlin.errors import UnsupportedModelError
from nonlin.networks.activation import Activation, ParametricRelu, Softmax
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.network import Network, Node
from nonlin.networks.normalization import Normalize
from nonlin.networks.shape import Cast, Concatenate, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import AveragePool, Convolution, MaxPool, Window

__all__ = ["module_of", "program_bytes"]


def module_of(network: Network) -> nn.Module:
    """Return a network as a PyTorch module in evaluation mode; its weights are parameters, in float32 or as stored.

    Raises:
        UnsupportedModelError: if a node has no counterpart; it is named.
    """
    return _Module(network).eval()


def program_bytes(network: Network) -> bytes:
    """Return what `torch.export.save` writes of a network."""
    module = module_of(network)
    shapes = [[2 if n is None else n for n in tensor.shape] for tensor in network.inputs]
    example = tuple(
        torch.zeros(shape, dtype=getattr(torch, tensor.dtype))
        for shape, tensor in zip(shapes, network.inputs, strict=True)
    )
    batch = torch.export.Dim("batch")
    free = tuple({0: batch} if t.shape and t.shape[0] is None else {} for t in network.inputs)
    try:
        program = torch.export.export(module, example, dynamic_shapes=(free,))
    except Exception as error:
        raise UnsupportedModelError(
            f"PyTorch cannot export {network.name} as a program ({str(error).strip().splitlines()[0]}); write .onnx"
        ) from error
    stream = io.BytesIO()
    torch.export.save(program, stream)
    return stream.getvalue()


class _Module(nn.Module):  # type: ignore[misc] # torch is not followed, so its type is Any
    """Runs the nodes of a network in order."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._inputs = [tensor.name for tensor in network.inputs]
        self._outputs = [tensor.name for tensor in network.outputs]
        steps, taken = [], set()
        for node in network.nodes:
            layer = _layer(node)
            name = re.sub(r"\W", "_", node.name) or "node"
            while name in taken or hasattr(self, name):
                name += "_"
            taken.add(name)
            if isinstance(layer, nn.Module):
                self.add_module(name, layer)
            steps.append((layer, node.inputs, node.output))
        self._steps = [(i, *step[1:]) for i, step in enumerate(steps)]
        self._layers = [step[0] for step in steps]

    def forward(self, *inputs: Any) -> Any:
        """Return the output, or a tuple of several."""
        values = dict(zip(self._inputs, inputs, strict=True))
        for i, names, output in self._steps:
            values[output] = self._layers[i](*(values[name] for name in names))
        made = tuple(values[name] for name in self._outputs)
        return made[0] if len(made) == 1 else made


class _Layer(nn.Module):  # type: ignore[misc] # as above
    """A layer with weights of its own, and what it does with them."""

    def __init__(self, compute: Any, **weights: Any) -> None:
        super().__init__()
        self._compute = compute
        for name, array in weights.items():
            held = None if array is None else nn.Parameter(_tensor(array))
            self.register_parameter(name, held)

    def forward(self, *inputs: Any) -> Any:
        return self._compute(self, *inputs)


def _tensor(array: Any) -> Any:
    given = np.array(array)
    return torch.from_numpy(given.astype(np.float32) if given.dtype == np.float64 else given)


def _layer(node: Node) -> Any:
    operator = node.operator
    if isinstance(operator, Dense):
        return _Layer(
            lambda m, x: functional.linear(x, m.weight, m.bias), weight=operator.weight, bias=operator.bias
        )
    if isinstance(operator, Convolution):
        return _convolution(operator)
    if isinstance(operator, Elementwise):
        return _Layer(lambda m, x: x * m.scale + m.shift, scale=operator.scale, shift=operator.shift)
    if isinstance(operator, ParametricRelu):
        return _Layer(lambda m, x: torch.where(x > 0, x, m.slopes * x), slopes=operator.slopes)
    if isinstance(operator, Activation):
        return _activation(node)
    made = _moving(operator) or _gathering(operator)
    if made is None:
        raise UnsupportedModelError(
            f"node '{node.name}' ({getattr(operator, 'operator', type(operator).__name__)}) has no PyTorch counterpart "
            "here; write .onnx"
        )
    return made


def _activation(node: Node) -> Any:
    function = getattr(node.operator, "function")  # noqa: B009 - the operator is an Activation
    plain = {
        "relu": functional.relu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "softplus": functional.softplus,
        "silu": functional.silu,
        "gelu": functional.gelu,
        "identity": lambda x: x,
    }
    if function.name in plain and (function.name != "softplus" or function.parameters["beta"] == 1):
        return plain[function.name]
    if function.name in ("leaky_relu", "prelu"):
        slope = float(next(iter(function.parameters.values())))
        return lambda x: functional.leaky_relu(x, slope)
    return function.module()


def _convolution(operator: Convolution) -> Any:
    window, dimensions = operator.window, len(operator.window.size)
    if dimensions > 3:
        return None
    convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[dimensions - 1]

    def compute(m: Any, x: Any) -> Any:
        padded = functional.pad(x, _sides(window)) if any(map(any, window.padding)) else x
        return convolve(padded, m.weight, m.bias, window.strides, 0, window.dilations, operator.groups)

    return _Layer(compute, weight=operator.weight, bias=operator.bias)


def _sides(window: Window) -> list[int]:
    """Return the padding as PyTorch wants it, the last axis first."""
    return [n for pair in reversed(window.padding) for n in pair]


def _moving(operator: Any) -> Any:
    """Return what only moves entries."""
    if isinstance(operator, Reshape):
        return lambda x: x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(operator.shape)])
    if isinstance(operator, Transpose):
        return lambda x: x.permute(operator.axes(x.ndim))
    if isinstance(operator, Slice):
        return lambda x: x[operator.index(x.ndim)]
    if isinstance(operator, Take) and operator.indices.ndim == 1:
        indices = torch.from_numpy(np.array(operator.indices, np.int64))
        return lambda x: torch.index_select(x, operator.axis, indices)
    if isinstance(operator, Pad):
        sides = [n for pair in reversed(operator.widths) for n in pair]
        return lambda x: functional.pad(x, sides, value=operator.value)
    if isinstance(operator, Cast):
        return lambda x: x.to(getattr(torch, operator.dtype))
    if type(operator).__name__ == "Identity":
        return lambda x: x
    return None


def _gathering(operator: Any) -> Any:
    """Return what takes entries together."""
    if isinstance(operator, Sum):
        return lambda *xs: sum(x if sign > 0 else -x for sign, x in zip(operator.signs, xs, strict=True))
    if isinstance(operator, Concatenate):
        return lambda *xs: torch.cat(xs, dim=operator.axis)
    if isinstance(operator, Reduce):
        reduce = torch.mean if operator.mean else torch.sum
        return lambda x: reduce(x, dim=operator.axes, keepdim=operator.keepdims)
    if isinstance(operator, Softmax):
        soft = torch.log_softmax if operator.logarithm else torch.softmax
        return lambda x: soft(x, dim=operator.axis)
    if isinstance(operator, MaxPool | AveragePool):
        return _pool(operator)
    if isinstance(operator, Normalize):
        return lambda x: functional.layer_norm(x, x.shape[-operator.axes :], eps=operator.epsilon)
    products = {"Multiply": torch.mul, "Divide": torch.div, "MatrixProduct": torch.matmul}
    return products.get(type(operator).__name__)


def _pool(operator: MaxPool | AveragePool) -> Any:
    window, dimensions = operator.window, len(operator.window.size)
    sides, padded = _sides(window), any(map(any, window.padding))
    if isinstance(operator, MaxPool):
        pool = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)[dimensions - 1]
        return lambda x: pool(
            functional.pad(x, sides, value=-torch.inf) if padded else x,
            window.size,
            window.strides,
            0,
            window.dilations,
        )
    if (padded and not operator.count_padding) or any(d != 1 for d in window.dilations):
        return None
    mean = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)[dimensions - 1]
    return lambda x: mean(functional.pad(x, sides) if padded else x, window.size, window.strides)
