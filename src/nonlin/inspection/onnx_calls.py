"""Which nodes of an ONNX network are calls of an activation, and which hide some."""

from nonlin.inspection.guards import guards
from nonlin.networks import Network, Node
from nonlin.networks.activation import Activation, Opaque, ParametricRelu, Softmax
from nonlin.networks.affine import Dense, Elementwise
from nonlin.networks.recurrent import Recurrence
from nonlin.networks.shape import Identity, Reshape, Transpose
from nonlin.networks.window import Convolution

__all__ = ["called", "calls_of", "measured", "recurrences", "unseen"]

_WITH_ACTIVATIONS_INSIDE = (
    *("LSTM", "GRU", "RNN", "Loop", "Scan", "If", "Attention", "MultiHeadAttention", "GroupQueryAttention"),
    *("FusedConv", "FusedGemm", "BiasGelu", "FastGelu", "QuickGelu", "QGemm", "EmbedLayerNormalization"),
)
"""ONNX operators, and some of ONNX Runtime's own, that apply an activation to something which no tensor shows."""

_OF_FUNCTIONS = ("exp(x)", "erf(x)")
"""Steps of activations that an exporter took apart; one that is left belongs to a function that was not recognised."""

_SCORES = (Elementwise, Identity, Reshape, Transpose)


def calls_of(network: Network) -> list[Node]:
    """Return the nodes that are calls of an activation, in their order.

    A softmax is one only behind an affine layer: in an attention it weighs positions, and has no units.
    """
    kept, producers = guards(network), network.producers()
    return [node for node in network.nodes if _is_call(node, producers) and node.name not in kept]


def called(node: Node) -> Activation | ParametricRelu | Softmax:
    """Return the activation that a node of `calls_of` calls."""
    operator = node.operator
    assert isinstance(operator, Activation | ParametricRelu | Softmax)  # noqa: S101 - as calls_of has it
    return operator


def _is_call(node: Node, producers: dict[str, Node]) -> bool:
    operator = node.operator
    if isinstance(operator, Softmax):
        before = producers.get(node.inputs[0])
        while before is not None and isinstance(before.operator, _SCORES):
            before = producers.get(before.inputs[0])
        return before is not None and isinstance(before.operator, Dense | Convolution)
    return isinstance(operator, ParametricRelu) or (isinstance(operator, Activation) and operator.called)


def recurrences(network: Network) -> list[tuple[Node, Recurrence]]:
    """Return the recurrent layers whose gates can be seen."""
    found = [(node, node.operator) for node in network.nodes if isinstance(node.operator, Opaque)]
    return [(node, operator.recurrence) for node, operator in found if operator.recurrence is not None]


def measured(network: Network) -> list[str]:
    """Return the tensors that are measured."""
    names = [name for node in calls_of(network) for name in (node.inputs[0], node.output)]
    for node, recurrence in recurrences(network):
        names += [*recurrence.inputs, node.output]
    return [*names, *(tensor.name for tensor in network.outputs)]


def unseen(network: Network) -> dict[str, str]:
    """Return what has activations inside that are not measured, in words, by the node's name."""
    hidden: dict[str, str] = {}
    for node in network.nodes:
        operator = node.operator
        if isinstance(operator, Opaque) and operator.recurrence is None:
            if operator.operator.split(".")[-1] in _WITH_ACTIVATIONS_INSIDE:
                hidden[node.name] = f"{operator.operator} {node.name}"
        elif isinstance(operator, Activation) and operator.function.name in _OF_FUNCTIONS:
            hidden[node.name] = f"a function written out around {node.name}"
    return hidden
