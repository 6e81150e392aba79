"""Small networks of each kind, with two calls of an activation. Importing this loads torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from nonlin.testing.forms import Activated

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ARCHITECTURES", "Architecture", "build", "measured"]

WIDTH, HIDDEN = 16, 32


class _Net(Activated):
    """Two layers, `a` and `b`, with an activation behind each; `between` is affine, and there only where planted."""

    def __init__(self, function: str, form: str, *, between: bool) -> None:
        super().__init__(function, form)
        self.make()
        self.between = self.affine() if between else None

    def make(self) -> None:
        self.a, self.b = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.out = nn.Linear(HIDDEN, 1)

    def affine(self) -> Any:
        return nn.Linear(HIDDEN, HIDDEN)

    def both(self, x: Any) -> Any:
        u = self.a(x)
        x = self.activate(u if self.between is None else self.between(u), 0)
        return self.activate(self.b(x), 1)

    def forward(self, x: Any) -> Any:
        return self.out(self.both(x))


class _Cnn(_Net):
    def make(self) -> None:
        self.a, self.b = nn.Conv2d(2, HIDDEN, 3), nn.Conv2d(HIDDEN, HIDDEN, 3)
        self.out = nn.Linear(HIDDEN, 1)

    def affine(self) -> Any:
        return nn.Conv2d(HIDDEN, HIDDEN, 1)

    def forward(self, x: Any) -> Any:
        return self.out(self.both(x).mean((2, 3)))


class _Lstm(_Net):
    def make(self) -> None:
        super().make()
        self.lstm = nn.LSTM(4, WIDTH, batch_first=True)

    def forward(self, x: Any) -> Any:
        return self.out(self.both(self.lstm(x)[0]))


class _Attention(_Net):
    def make(self) -> None:
        super().make()
        self.norm, self.mix = nn.LayerNorm(WIDTH), nn.MultiheadAttention(WIDTH, 2, batch_first=True)
        self.norm2, self.back = nn.LayerNorm(WIDTH), nn.Linear(HIDDEN, WIDTH)
        self.out = nn.Linear(WIDTH, 1)

    def forward(self, x: Any) -> Any:
        normed = self.norm(x)
        x = x + self.mix(normed, normed, normed, need_weights=False)[0]
        return self.out(x + self.back(self.both(self.norm2(x))))


class _Residual(_Net):
    def make(self) -> None:
        self.norm, self.a = nn.LayerNorm(HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.norm2, self.b = nn.LayerNorm(HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.out = nn.Linear(HIDDEN, 1)

    def forward(self, x: Any) -> Any:
        u = self.a(self.norm(x))
        x = x + self.activate(u if self.between is None else self.between(u), 0)
        return self.out(x + self.activate(self.b(self.norm2(x)), 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A kind of network, and the shape of its data, (samples, ...)."""

    net: Callable[..., _Net]
    shape: tuple[int, ...]


ARCHITECTURES = {
    "mlp": Architecture(net=_Net, shape=(512, WIDTH)),
    "cnn": Architecture(net=_Cnn, shape=(64, 2, 9, 9)),
    "sequence": Architecture(net=_Net, shape=(64, 10, WIDTH)),
    "lstm": Architecture(net=_Lstm, shape=(64, 10, 4)),
    "attention": Architecture(net=_Attention, shape=(64, 10, WIDTH)),
    "residual": Architecture(net=_Residual, shape=(512, HIDDEN)),
}


def build(architecture: str, function: str, form: str, *, between: bool = False) -> _Net:
    """Return a network whose weights are as PyTorch makes them."""
    return ARCHITECTURES[architecture].net(function, form, between=between)


def measured(layer: Any, net: Any, data: Any) -> Any:
    """Return what a layer gives on the data, shape (values, units)."""
    seen: list[Any] = []
    hook = layer.register_forward_hook(lambda _module, _inputs, output: seen.append(output.detach().clone()))
    try:
        with torch.no_grad():
            net(data.clone())
    finally:
        hook.remove()
    output = seen[0]
    return (output.movedim(1, -1) if output.dim() == 4 else output).reshape(-1, len(layer.bias))
