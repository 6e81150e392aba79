"""Each activation in each of the ways in which people call it. Importing this loads torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

__all__ = ["FORMS", "FUNCTIONS", "IN_PLACE", "Activated"]

FORMS = ("module", "functional", "shared", "inplace", "decomposed")
LEAK = 0.1
PRELU = 0.25

_Call = Callable[[Any], Any]

_MODULES: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(LEAK),
    "prelu": nn.PReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "elu": nn.ELU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}

FUNCTIONS = tuple(_MODULES)

_FUNCTIONAL: dict[str, _Call] = {
    "relu": functional.relu,
    "leaky_relu": lambda u: functional.leaky_relu(u, LEAK),
    "prelu": lambda u: functional.prelu(u, u.new_full((1,), PRELU)),
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": functional.mish,
    "elu": functional.elu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}

_IN_PLACE: dict[str, _Call] = {
    "relu": functional.relu_,
    "leaky_relu": lambda u: functional.leaky_relu_(u, LEAK),
    "silu": lambda u: functional.silu(u, inplace=True),
    "mish": lambda u: functional.mish(u, inplace=True),
    "elu": functional.elu_,
    "sigmoid": torch.sigmoid_,
    "tanh": torch.tanh_,
}

IN_PLACE = tuple(_IN_PLACE)
"""The functions that PyTorch has in place."""

_DECOMPOSED: dict[str, _Call] = {
    "relu": lambda u: torch.clamp(u, min=0),
    "leaky_relu": lambda u: torch.where(u > 0, u, LEAK * u),
    "prelu": lambda u: torch.clamp(u, min=0) + PRELU * torch.clamp(u, max=0),
    "gelu": lambda u: 0.5 * u * (1 + torch.erf(u / 2**0.5)),
    "silu": lambda u: u * torch.sigmoid(u),
    "mish": lambda u: u * torch.tanh(functional.softplus(u)),
    "elu": lambda u: torch.where(u > 0, u, torch.expm1(u)),
    "sigmoid": lambda u: 1 / (1 + torch.exp(-u)),
    "tanh": lambda u: 2 * torch.sigmoid(2 * u) - 1,
}


class Activated(nn.Module):  # type: ignore[misc]  # torch is not followed, so its type is Any
    """A network that calls its activation in one form."""

    def __init__(self, function: str, form: str) -> None:
        """Call this function in this form; `activate` is to be called in the forward pass."""
        super().__init__()
        if form == "shared":
            self.act = _MODULES[function]()
        if form == "module":
            self.first, self.second = _MODULES[function](), _MODULES[function]()
        self.function, self.form = function, form

    def activate(self, u: Any, place: int) -> Any:
        """Call the activation at the first or second place, 0 or 1."""
        if self.form == "shared":
            return self.act(u)
        if self.form == "module":
            return (self.first, self.second)[place](u)
        table = {"functional": _FUNCTIONAL, "inplace": _IN_PLACE, "decomposed": _DECOMPOSED}[self.form]
        return table[self.function](u)
