"""Plants a fault in a network, with everything else kept healthy. Importing this loads torch."""

from __future__ import annotations

from typing import Any

import torch

from nonlin.testing.architectures import ARCHITECTURES, build, measured

__all__ = ["make_data", "make_model"]

SPREAD = 1.2
"""The standard deviation of a healthy pre-activation."""

FAR = 30.0
"""A bias that keeps a unit on one side of every function, however the data falls."""

ON = 0.97
"""The share of values that is off in a sparse layer, for each unit."""


def make_data(architecture: str) -> Any:
    """Return the batch of an architecture."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return torch.randn(ARCHITECTURES[architecture].shape)


def make_model(architecture: str, function: str, form: str, fault: str) -> Any:
    """Return a network in evaluation mode with one fault at its first call, or with none."""
    data = make_data(architecture)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        net = build(architecture, function, form, between=fault == "collapse").eval()
        last = net.a if net.between is None else net.between
        _calibrate(last, net, data)
        if fault == "sparse":
            last.bias.sub_(measured(last, net, data).quantile(ON, dim=0))
        else:
            _plant(last, function, fault)
        if fault != "nonfinite":
            _calibrate(net.b, net, data)
    return net


def _calibrate(layer: Any, net: Any, data: Any) -> None:
    # so that what is planted before a layer does no harm behind it
    output = measured(layer, net, data)
    scale = SPREAD / (output - output.mean(0)).std()
    layer.bias.copy_((layer.bias - output.mean(0)) * scale)
    layer.weight.mul_(scale)


def _plant(layer: Any, function: str, fault: str) -> None:
    units = len(layer.bias)
    if fault == "dead":
        layer.bias[: units // 4] = -FAR
    elif fault == "saturated":
        if function == "elu":
            layer.bias.sub_(6)  # flat from -4.6 on, and dead only from -6.9 on
        else:
            layer.weight.mul_(20)
            layer.bias.mul_(20)
    elif fault == "linear":
        _straighten(layer, function)
    elif fault in ("exploding", "vanishing"):
        scale = 1e-4 if fault == "exploding" else 1e4
        layer.weight.mul_(scale)
        layer.bias.mul_(scale)
    elif fault == "low-rank":
        # every unit reads the same, with one sign or the other
        signs = torch.ones(units)
        signs[::2] = -1
        layer.weight.copy_(layer.weight[:1] * signs.reshape(-1, *[1] * (layer.weight.dim() - 1)))
        layer.bias.copy_(layer.bias[:1] * signs)
    elif fault == "nonfinite":
        layer.weight.fill_(3e38)


def _straighten(layer: Any, function: str) -> None:
    if function in ("sigmoid", "tanh"):
        layer.weight.mul_(0.01)
        layer.bias.mul_(0.01)
    else:
        layer.bias.add_(-FAR if function in ("leaky_relu", "prelu") else FAR)
