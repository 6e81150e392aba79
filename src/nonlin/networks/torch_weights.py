"""Weights of a PyTorch module that are NaN or infinite."""

from typing import Any

import torch
from torch.nn.parameter import is_lazy

from nonlin.networks.finite import NonfiniteTensor

__all__ = ["nonfinite_weights", "weights_of"]


def weights_of(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Return what a module computes with that training moves, by name: its parameters and running statistics."""
    running = [
        entry for entry in module.named_buffers() if entry[0].endswith(("running_mean", "running_var"))
    ]
    return [*module.named_parameters(), *running]


def nonfinite_weights(module: Any) -> tuple[NonfiniteTensor, ...]:
    """Return the weights with entries that are NaN or infinite; those that are not there yet are left out."""
    found = []
    for name, tensor in weights_of(module):
        if is_lazy(tensor) or tensor.is_meta or not tensor.dtype.is_floating_point:
            continue
        if bool(torch.isfinite(tensor).all()):
            continue
        nans, infinite = int(torch.isnan(tensor).sum()), int(torch.isinf(tensor).sum())
        found.append(NonfiniteTensor(name=name, nans=nans, infinite=infinite, size=tensor.numel()))
    return tuple(found)
