"""Many models trained at once: their weights are stacked, and each operation is one for all of them. Loads torch."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch.func import functional_call, vmap

from nonlin.experiments.objective import answers, losses, scores
from nonlin.experiments.plain import CHUNK

if TYPE_CHECKING:
    from nonlin.experiments.initial import State, Template
    from nonlin.experiments.plan import Plan

__all__ = ["StackedModels"]

_FIRST, _SECOND, _EPSILON, _MOMENTUM = 0.9, 0.999, 1e-8, 0.9
"""PyTorch's own settings of Adam, and the momentum of SGD."""


class StackedModels:
    """Models that differ in their weights and learning rates; the updates are those of PyTorch's optimizers.

    All trained weights of all models lie in one matrix, a row a model: a step of the optimizer is a few operations.
    """

    def __init__(self, template: Template, states: list[State], rates: list[float], plan: Plan) -> None:
        """Stack the states."""
        self.model = deepcopy(template.model)
        named = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        self._shapes = {name: p.shape for name, p in named.items()}
        self._sizes = [p.numel() for p in named.values()]
        rows = [torch.cat([state[name].reshape(-1) for name in named]) for state in states]
        self._weights = torch.stack(rows).requires_grad_()
        rest = {**dict(self.model.named_buffers()), **dict(self.model.named_parameters())}
        self._rest = {
            name: torch.stack([s[name] for s in states])
            for name in rest
            if name not in named and name in states[0]
        }
        self._rates = torch.tensor(rates)[:, None]
        self._sgd = plan.optimizer == "sgd"
        self._first = torch.zeros_like(self._weights, requires_grad=False)
        self._second = torch.zeros_like(self._first)
        self._steps = 0
        self._kept = self._weights.detach().clone(), {k: v.clone() for k, v in self._rest.items()}
        self._each = vmap(self._one, in_dims=(0, 0, 0), randomness="error")
        self._same = vmap(self._one, in_dims=(0, 0, None), randomness="error")

    def _one(self, weights: Any, rest: Any, x: Any) -> Any:
        return functional_call(self.model, {**weights, **rest}, (x,))

    def step(self, x: torch.Tensor, y: torch.Tensor, factor: float) -> torch.Tensor:
        """Take a step on batches of shape (models, samples, …), at a share of the rates; return the losses."""
        self.model.train()
        out = self._each(self._views(), self._rest, x)
        loss = losses(answers(out, y), y)
        (gradient,) = torch.autograd.grad(loss.sum(), self._weights)
        with torch.no_grad():
            self._update(gradient, factor)
        return loss.detach()

    def _update(self, gradient: torch.Tensor, factor: float) -> None:
        self._steps += 1
        if self._sgd:
            self._first.mul_(_MOMENTUM).add_(gradient)
            self._weights.sub_(self._first * (self._rates * factor))
            return
        self._first.lerp_(gradient, 1 - _FIRST)
        self._second.mul_(_SECOND).addcmul_(gradient, gradient, value=1 - _SECOND)
        size = self._second.sqrt().div_((1 - _SECOND**self._steps) ** 0.5).add_(_EPSILON)
        self._weights.sub_((self._first / size).mul_(self._rates * (factor / (1 - _FIRST**self._steps))))

    def evaluate(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return losses and scores on data of shape (samples, …), the same for all; each of shape (models,)."""
        self.model.eval()
        models = len(self._weights)
        with torch.no_grad():
            views = self._views()
            parts = [
                answers(self._same(views, self._rest, a), b[None].expand(models, *b.shape))
                for a, b in zip(x.split(CHUNK), y.split(CHUNK), strict=True)
            ]
        out, targets = torch.cat(parts, 1), y[None].expand(models, *y.shape)
        return losses(out, targets), scores(out, targets)

    def keep(self, better: torch.Tensor) -> None:
        """Keep the weights of the models that are better than those kept before."""
        self._kept[0][better] = self._weights.detach()[better]
        for name, value in self._rest.items():
            self._kept[1][name][better] = value[better]

    def restore(self) -> None:
        """Go back to the weights that were kept."""
        with torch.no_grad():
            self._weights.copy_(self._kept[0])
        self._rest = self._kept[1]

    def state(self, member: int) -> dict[str, Any]:
        """Return a model's weights as they are."""
        everything = {**self._views(), **self._rest}
        return {name: value[member].detach() for name, value in everything.items()}

    def _views(self) -> dict[str, torch.Tensor]:
        parts = self._weights.split(self._sizes, 1)
        return {
            name: part.reshape(-1, *shape)
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }
