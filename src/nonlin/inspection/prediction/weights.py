"""The weights behind each call, as the mean-field recursion counts them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nonlin.inspection.prediction.signal import AFFINE
from nonlin.networks import Node
from nonlin.networks.affine import Dense
from nonlin.networks.array import Array
from nonlin.networks.window import Convolution

__all__ = ["Spread", "spread_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How the weights of a layer are spread.

    Args:
        layer: its name.
        weight_variance: σ²w, the variance of the weights times the number of inputs of a unit.
        bias_variance: σ²b, 0 without biases.
    """

    layer: str
    weight_variance: float
    bias_variance: float


def spread_of(call: Node, makers: Mapping[str, Node]) -> Spread | None:
    """Return the spread of the layer that makes what a call is given; None behind a sum of branches or no layer.

    Args:
        call: its node.
        makers: every node of the network, by output.
    """
    before = makers.get(call.inputs[0])
    while before is not None:
        operator = before.operator
        if isinstance(operator, Dense | Convolution):
            return _spread(before.name, operator.weight, operator.bias)
        if not isinstance(operator, AFFINE) or len(before.inputs) != 1:
            return None
        before = makers.get(before.inputs[0])
    return None


def _spread(name: str, weight: Array, bias: Array | None) -> Spread:
    return Spread(
        layer=name,
        weight_variance=float(weight.var(dtype=np.float64)) * weight[0].size,
        bias_variance=0.0 if bias is None else float(bias.var(dtype=np.float64)),
    )
