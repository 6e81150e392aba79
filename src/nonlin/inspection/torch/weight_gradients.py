"""The gradients of a model's weights over some data, for the rules of tools that judge by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils.parametrize import is_parametrized

from nonlin.errors import UnsupportedModelError
from nonlin.inspection.presets.measuring import WeightGradient
from nonlin.inspection.torch.acceptance import original
from nonlin.inspection.torch.inputs import model_inputs
from nonlin.inspection.torch.objective import main_output, objective
from nonlin.inspection.torch.preservation import as_found, evaluating

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from nonlin.inspection.recording import Batch, Loss

__all__ = ["weight_gradients"]

_WITHOUT = (
    "expected a model of {} for rules on gradients, got one {}; use thresholds='thedeepchecker' or 'fastai'"
)


def weight_gradients(
    model: nn.Module, batches: Sequence[Batch], loss: Loss | None = None
) -> tuple[WeightGradient, ...]:
    """Return the gradient of the mean loss over all samples, layer by layer; the model is left as it is.

    Args:
        model: runs in evaluation mode.
        batches: with labels, else the loss is a random direction of the outputs.
        loss: as for `nonlin.inspect`.

    Raises:
        UnsupportedModelError: no module has a weight, or none is differentiated.
    """
    model = original(model)
    with as_found(model), evaluating(model), torch.enable_grad():
        found = {path: _trained(module) for path, module in model.named_modules()}
        weights = {path: w.requires_grad_() for path, w in found.items() if w is not None and w.dim() > 1}
        if not weights:
            raise UnsupportedModelError(_WITHOUT.format("modules with a weight", "without any"))
        sums: dict[str, Any] = {path: torch.zeros_like(w, dtype=torch.float64) for path, w in weights.items()}
        samples = 0
        for batch in batches:
            inputs = {name: x.clone() for name, x in model_inputs(model, batch).items()}
            output = main_output(model(*inputs.values()) if len(inputs) == 1 else model(**inputs))
            goal = objective(output, batch.labels, first_sample=samples, loss=loss).value
            if not goal.requires_grad:
                raise UnsupportedModelError(
                    _WITHOUT.format("outputs that depend on the weights", "cut off from them")
                )
            for path, g in zip(
                weights, torch.autograd.grad(goal, list(weights.values()), allow_unused=True), strict=True
            ):
                if g is not None:
                    sums[path] += g
            samples += batch.size
        return tuple(
            _summary(path, sums[path] / samples, weight.detach()) for path, weight in weights.items()
        )


def _trained(module: nn.Module) -> torch.Tensor | None:
    """Return the parameter that is trained as a module's weight; the one behind it where it is computed."""
    if not is_parametrized(module, "weight"):
        return module._parameters.get("weight")  # noqa: SLF001 - getattr also finds modules and computed ones
    behind = module.parametrizations.weight.parameters(recurse=False)
    return max(behind, key=torch.Tensor.numel, default=None)


def _summary(path: str, gradient: Any, weight: Any) -> WeightGradient:
    return WeightGradient(
        layer=path,
        entries=gradient.numel(),
        zeros=int((gradient == 0).sum()),
        mean_size=float(gradient.abs().mean()),
        norm=float(gradient.norm()),
        weight_variance=float(weight.double().var(correction=0)),
    )
