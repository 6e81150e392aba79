"""How a network ends: whether a softmax or the like turns its last numbers into its answer."""

from nonlin.networks import Network, Node
from nonlin.networks.activation import Activation, Softmax
from nonlin.networks.shape import Identity

__all__ = ["FINAL", "final_call"]

FINAL = ("softmax", "log_softmax", "sigmoid", "logsigmoid")
"""Functions that turn scores into an answer; gradients begin before them."""


def final_call(network: Network, functions: tuple[str, ...]) -> Node | None:
    """Return the softmax, or the call of one of these functions, whose output the network's first output is.

    Args:
        network: the graph.
        functions: names of the catalogue, besides softmax and log-softmax.
    """
    producers = network.producers()
    last = producers.get(network.outputs[0].name)
    while last is not None and isinstance(last.operator, Identity):
        last = producers.get(last.inputs[0])
    if last is None:
        return None
    named = isinstance(last.operator, Activation) and last.operator.function.name in functions
    return last if named or isinstance(last.operator, Softmax) else None
