"""Many models trained at once: their weights are stacked, and each operation is one for all of them. Loads torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from nonlin.experiments.objective import answers, losses
from nonlin.experiments.plain import optimizer_of, pieces
from nonlin.experiments.tracing import leave_activations_whole, trace, with_activations
from nonlin.networks.torch_copy import copied

if TYPE_CHECKING:
    from nonlin.experiments.initial import State, Template
    from nonlin.experiments.plan import Plan

__all__ = ["IMPOSSIBLE", "StackedModels"]

IMPOSSIBLE = (RuntimeError, TypeError, ValueError, NotImplementedError)
"""As torch says that it cannot train a model in a stack."""

_AT_ONCE = 4096
"""Samples that are evaluated at once, of all models together: what lies between the layers stays in the cache."""


class StackedModels:
    """Models that differ in their weights and learning rates, with PyTorch's own optimizers.

    All trained weights of all models lie in one matrix, a row a model: a step of the optimizer is a few operations. It
    moves a matrix of zeros at the rate 1, and each model's rate scales its row of that.
    """

    def __init__(self, template: Template, states: list[State], rates: list[float], plan: Plan) -> None:
        """Stack the states."""
        self.model = copied(template.model)
        self._within = leave_activations_whole(self.model)
        named = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        rows = [torch.cat([state[name].reshape(-1) for name in named]) for state in states]
        self._weights = torch.stack(rows)
        parts = self._weights.split([p.numel() for p in named.values()], 1)
        self._trained = {
            name: part.view(-1, *p.shape).detach().requires_grad_()
            for (name, p), part in zip(named.items(), parts, strict=True)
        }
        self._rest = {
            name: torch.stack([state[name] for state in states])
            for name in states[0]
            if name not in named and isinstance(states[0][name], torch.Tensor)
        }
        self._move = torch.zeros_like(self._weights)
        self._move.grad = torch.zeros_like(self._weights)
        self._optimizer = optimizer_of([self._move], plan, rate=1.0, fused=True)
        self._rates = torch.tensor(rates)[:, None]
        self._kept = {name: value.clone() for name, value in self._everything().items()}
        self._traced = template.traced
        self._passes: dict[Any, torch.fx.GraphModule] = {}

    def step(self, x: torch.Tensor, y: torch.Tensor, factor: float) -> torch.Tensor:
        """Take a step on batches of shape (models, samples, …), at a share of the rates; return the losses."""
        loss = losses(answers(self._answer(x, training=True), y), y)
        trained = list(self._trained.values())
        parts = torch.autograd.grad(loss.sum(), trained, allow_unused=True, materialize_grads=True)
        with torch.no_grad():
            torch.cat([part.reshape(len(part), -1) for part in parts], 1, out=self._move.grad)
            self._move.zero_()
            self._optimizer.step()
            self._weights.addcmul_(self._move, self._rates * factor)
        return loss.detach()

    def evaluate(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the answers on data of shape (samples, …), the same for all; shape (models, samples, …)."""
        count = len(self._weights)
        with torch.no_grad():
            parts = [
                answers(self._answer(a.expand(count, *a.shape), training=False), b.expand(count, *b.shape))
                for a, b in pieces(x, y, -(-_AT_ONCE // count))
            ]
        return torch.cat(parts, 1)

    def gradient(self, member: int) -> torch.Tensor:
        """Return the gradient of the last step of one model, all weights in a row."""
        found: torch.Tensor = self._move.grad[member]
        return found

    def keep(self, better: torch.Tensor) -> None:
        """Keep the weights of the models that are better than those kept before."""
        for name, value in self._everything().items():
            self._kept[name][better] = value.detach()[better]

    def restore(self) -> None:
        """Go back to the weights that were kept."""
        with torch.no_grad():
            for name, value in self._everything().items():
                value.copy_(self._kept[name])

    def state(self, member: int) -> dict[str, Any]:
        """Return a model's weights as they are."""
        return {name: value[member].detach() for name, value in self._everything().items()}

    def _everything(self) -> dict[str, torch.Tensor]:
        return self._trained | self._rest

    def _answer(self, x: torch.Tensor, *, training: bool) -> Any:
        given = self._everything()
        kind = (training, x.shape)
        if kind not in self._passes:
            # the other functions have the same pass, but for what stands at their activations
            alike = (*kind, tuple(given), len(self._within))
            if alike not in self._traced:
                self.model.train(training)
                self._traced[alike] = trace(self.model, given, x)
            self._passes[kind] = with_activations(self._traced[alike], self._within)
        return self._passes[kind](x, *given.values())
