"""A few steps of training, the same for every copy: same batches, same order, same random numbers. Loads torch."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from nonlin.errors import InvalidInputError
from nonlin.inspection.torch.inputs import model_inputs
from nonlin.inspection.torch.objective import main_output
from nonlin.inspection.torch.preservation import evaluating

if TYPE_CHECKING:
    from nonlin.inspection.curing.data import Material

__all__ = ["Loss", "loss_of", "mean_loss", "train"]

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

_LOSSES: dict[str, Loss] = {
    "cross_entropy": nn.functional.cross_entropy,
    "mse": nn.functional.mse_loss,
    "l1": nn.functional.l1_loss,
}

RATE = 1e-3
"""Adam's usual learning rate, where the user names no optimizer."""

_SEED = 0


def loss_of(loss: Any) -> Loss:
    """Return a loss by its name, or the callable itself.

    Raises:
        InvalidInputError: for another name.
    """
    if callable(loss):
        return loss  # type: ignore[no-any-return]  # the user's
    if loss not in _LOSSES:
        raise InvalidInputError(
            f"expected a loss as {', '.join(_LOSSES)}, or a function of (output, target), got {loss!r}; use one"
        )
    return _LOSSES[loss]


def mean_loss(model: nn.Module, data: Material, loss: Loss) -> float:
    """Return the loss over all data, in evaluation mode, each batch weighted by its size."""
    total, samples = 0.0, 0
    with evaluating(model), torch.no_grad():
        for batch, target in zip(data.batches, data.targets, strict=True):
            total += float(_loss(model, batch, target, loss)) * batch.size
            samples += batch.size
    return total / samples


def train(model: nn.Module, data: Material, loss: Loss, *, optimizer: Any, steps: int) -> None:
    """Train a copy in training mode.

    Args:
        model: is changed.
        data: the batches are taken in turn.
        loss: of the output and the target.
        optimizer: a `torch.optim.Optimizer`, whose class and settings are taken; a function that makes one of
            parameters; None for Adam at 1e-3.
        steps: how many.
    """
    modes = {module: module.training for module in model.modules()}
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    made = _optimizer(optimizer, parameters)
    model.train()
    torch.manual_seed(_SEED)
    np.random.seed(_SEED)  # noqa: NPY002 - what a model may draw from, as from Python's
    random.seed(_SEED)
    try:
        with torch.enable_grad():
            for batch, target in islice(cycle(zip(data.batches, data.targets, strict=True)), steps):
                made.zero_grad()
                _loss(model, batch, target, loss).backward()
                made.step()
        made.zero_grad()
    finally:
        for module, mode in modes.items():
            module.training = mode


def _loss(model: nn.Module, batch: Any, target: Any, loss: Loss) -> torch.Tensor:
    inputs = {name: x.clone() for name, x in model_inputs(model, batch).items()}
    result = model(*inputs.values()) if len(inputs) == 1 else model(**inputs)
    output = main_output(result)
    wanted = torch.as_tensor(target).to(output.device)
    return loss(output, wanted.to(output.dtype) if wanted.is_floating_point() else wanted)


def _optimizer(optimizer: Any, parameters: list[Any]) -> torch.optim.Optimizer:
    if optimizer is None:
        return torch.optim.Adam(parameters, lr=RATE)
    if isinstance(optimizer, torch.optim.Optimizer):
        # the settings of its first group, and none of its state, which belongs to the user's parameters
        settings = {
            key: optimizer.param_groups[0].get(key, value) for key, value in optimizer.defaults.items()
        }
        return type(optimizer)(parameters, **settings)
    made = optimizer(parameters)
    if not isinstance(made, torch.optim.Optimizer):
        raise InvalidInputError(
            f"expected an optimizer, or a function that makes one of parameters, got {type(made).__name__}; give one"
        )
    return made
