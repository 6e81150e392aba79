"""One framework-free description of a network, read from ONNX and PyTorch; its evaluation and its gradient."""

from nonlin.networks.evaluation import evaluate, pullback, trace
from nonlin.networks.network import Network, Node, Operator, Tensor
from nonlin.networks.onnx_reader import network_of
from nonlin.networks.read import read

__all__ = ["Network", "Node", "Operator", "Tensor", "evaluate", "network_of", "pullback", "read", "trace"]
