"""One model, trained as everybody trains one: a module, its optimizer, a loop. Loads torch."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch

from nonlin.experiments.objective import answers, losses, scores

if TYPE_CHECKING:
    from nonlin.experiments.initial import State, Template
    from nonlin.experiments.plan import Plan

__all__ = ["PlainModels", "optimizer_of"]

CHUNK = 1024
"""Samples that are evaluated at once."""


class PlainModels:
    """A stack of one."""

    def __init__(self, template: Template, states: list[State], rates: list[float], plan: Plan) -> None:
        """Take the only state."""
        self.model = deepcopy(template.model)
        self.model.load_state_dict(states[0])
        self._rate = rates[0]
        self._optimizer = optimizer_of(self.model, plan)
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

    def evaluate(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return loss and score on data of shape (samples, …), each of shape (1,)."""
        self.model.eval()
        with torch.no_grad():
            parts = [answers(self.model(a), b) for a, b in zip(x.split(CHUNK), y.split(CHUNK), strict=True)]
        out = torch.cat(parts)[None]
        return losses(out, y[None]), scores(out, y[None])

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


def optimizer_of(model: Any, plan: Plan) -> torch.optim.Optimizer:
    """Return PyTorch's own optimizer, whose rate each step sets."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if plan.optimizer == "sgd":
        return torch.optim.SGD(trained, lr=0.0, momentum=0.9)
    return torch.optim.Adam(trained, lr=0.0)
