"""One model, trained as everybody trains one: a module, its optimizer, a loop. Loads torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from nonlin.experiments.objective import answers, losses
from nonlin.networks.torch_copy import copied

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nonlin.experiments.initial import State, Template
    from nonlin.experiments.plan import Plan

__all__ = ["PlainModels", "optimizer_of", "pieces"]

_AT_ONCE = 2048
"""Samples that are evaluated at once, at most."""


class PlainModels:
    """A stack of one."""

    def __init__(self, template: Template, states: list[State], rates: list[float], plan: Plan) -> None:
        """Take the only state."""
        self.model = copied(template.model)
        self.model.load_state_dict(states[0])
        self._rate = rates[0]
        self._trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self._optimizer = optimizer_of(self._trained, plan)
        self._kept = states[0]

    def step(self, x: torch.Tensor, y: torch.Tensor, factor: float) -> torch.Tensor:
        """Take a step on a batch of shape (1, samples, …), at a share of the rate; return the loss, shape (1,)."""
        self.model.train()
        self._optimizer.zero_grad()
        loss = losses(answers(self.model(x[0]), y[0])[None], y)
        loss.sum().backward()
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate * factor
        self._optimizer.step()
        return loss.detach()

    def evaluate(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the answers on data of shape (samples, …), shape (1, samples, …)."""
        self.model.eval()
        with torch.no_grad():
            return torch.cat([answers(self.model(a), b) for a, b in pieces(x, y, _AT_ONCE)])[None]

    def gradient(self, _member: int) -> torch.Tensor:
        """Return the gradient of the last step, all weights in a row."""
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._trained]
        return torch.cat([part.reshape(-1) for part in parts])

    def keep(self, better: torch.Tensor) -> None:
        """Keep the weights where they are better than those kept before."""
        if bool(better[0]):
            self._kept = {name: value.detach().clone() for name, value in self.model.state_dict().items()}

    def restore(self) -> None:
        """Go back to the weights that were kept."""
        self.model.load_state_dict(self._kept)

    def state(self, _member: int) -> dict[str, Any]:
        """Return the weights as they are."""
        return dict(self.model.state_dict())


def pieces(x: torch.Tensor, y: torch.Tensor, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Return inputs and targets in pieces of equal size, or one less, that are evaluated one after the other."""
    count = -(-len(x) // size)
    return zip(x.tensor_split(count), y.tensor_split(count), strict=True)


def optimizer_of(
    trained: Sequence[torch.Tensor], plan: Plan, *, rate: float = 0.0, fused: bool | None = None
) -> torch.optim.Optimizer:
    """Return PyTorch's own optimizer; by the rate 0, each step sets it."""
    if plan.optimizer == "sgd":
        return torch.optim.SGD(trained, lr=rate, momentum=0.9, fused=fused)
    return torch.optim.Adam(trained, lr=rate, fused=fused)
