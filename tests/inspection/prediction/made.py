"""Networks with drawn weights, and their lengths and gradients measured on normal inputs by plain NumPy."""

import numpy as np

from nonlin.networks import Network, Node, Tensor, pullback, trace
from nonlin.networks.activation import Activation, ParametricRelu


def chain(operators, shape, names=()):
    """A network of operators one after the other; calls are named call0, call1, …"""
    nodes, last, calls = [], "x", 0
    for i, operator in enumerate(operators):
        name = f"n{i}"
        if isinstance(operator, Activation | ParametricRelu):
            name, calls = f"call{calls}", calls + 1
        nodes.append(Node(name=name, operator=operator, inputs=(last,), output=name))
        last = name
    return network(nodes, shape)


def network(nodes, shape):
    return Network(
        name="made up",
        inputs=(Tensor(name="x", shape=(None, *shape), dtype="float64"),),
        outputs=(Tensor(name=nodes[-1].output, shape=(None,), dtype="float64"),),
        nodes=tuple(nodes),
        parameters=0,
    )


def measure(network, *, samples=400, mean=0.0, variance=1.0):
    """The second moment of every call's pre-activation, and the norm of the gradient at its output, by name."""
    rng = np.random.default_rng(11)
    shape = network.inputs[0].shape[1:]
    values = trace(network, {"x": mean + np.sqrt(variance) * rng.standard_normal((samples, *shape))})
    output = network.outputs[0].name
    direction = rng.standard_normal(values[output].shape)
    norms = np.sqrt(np.square(direction).reshape(samples, -1).sum(axis=1))
    direction /= norms.reshape(-1, *[1] * (direction.ndim - 1))
    sizes = {}

    def visit(name, gradient):
        sizes[name] = float(np.sqrt(np.square(gradient).sum() / samples))

    pullback(network, values, {output: direction}, visit)
    calls = [node for node in network.nodes if node.name.startswith("call")]
    lengths = {node.name: float(np.mean(values[node.inputs[0]] ** 2)) for node in calls}
    return lengths, {node.name: sizes[node.output] for node in calls}
