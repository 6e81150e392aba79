"""The way backwards: the gradient's second moment at every tensor between the input and where it starts."""

import numpy as np

from nonlin.inspection.prediction.bending import through
from nonlin.inspection.prediction.forwards import Passed
from nonlin.inspection.prediction.signal import Gradient, Signal, with_gradient
from nonlin.networks import Network, Node
from nonlin.networks.array import Array

__all__ = ["pulled_back"]

_Pulled = tuple[Gradient, Array]
"""A gradient at the mean length, and its square for each sample's length relative to that."""


def pulled_back(network: Network, passed: Passed) -> dict[str, tuple[float, float]]:
    """Return E[‖g‖²] at the mean length, and the factor for the spread of lengths, by tensor.

    The gradient starts in a random direction at the outputs that are covered; where none is, at the last tensors
    that are.
    """
    samples = len(next(iter(passed.lengths.values())).relative)
    pending: dict[str, _Pulled] = {
        name: (_isotropic(passed.signals[name]), np.ones(samples)) for name in _starts(network, passed)
    }
    sizes = {}
    for node in reversed(network.nodes):
        pulled = pending.pop(node.output, None)
        if pulled is None:
            continue
        sizes[node.output] = (pulled[0].size, float(pulled[1].mean()))
        for name, part in zip(node.inputs, _pulled(node, passed, pulled), strict=True):
            pending[name] = _joined(pending[name], part) if name in pending else part
    return sizes


def _pulled(node: Node, passed: Passed, pulled: _Pulled) -> list[_Pulled]:
    gradient, factor = pulled
    call = passed.calls.get(node.name)
    if call is not None:
        return [(through(call.bent, gradient), factor * call.slopes)]
    inputs = [passed.signals[name] for name in node.inputs]
    return [(part, factor) for part in with_gradient(node.operator, gradient, inputs)]


def _joined(a: _Pulled, b: _Pulled) -> _Pulled:
    total = a[0].size + b[0].size
    factor = (a[1] * a[0].size + b[1] * b[0].size) / total if total else a[1]
    return a[0] + b[0], factor


def _starts(network: Network, passed: Passed) -> list[str]:
    outputs = [tensor.name for tensor in network.outputs if tensor.name in passed.signals]
    if outputs:
        return list(dict.fromkeys(outputs))
    stopped = [node for node in network.nodes if node.output not in passed.signals]
    return list(dict.fromkeys(name for node in stopped for name in node.inputs if name in passed.signals))


def _isotropic(signal: Signal) -> Gradient:
    size = signal.mean.size
    covariance = None if signal.covariance is None else np.eye(size) / size
    return Gradient(second=np.full(signal.mean.shape, 1 / size), covariance=covariance)
