"""Leaves a user's model and the random state exactly as they were found, also after an exception."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from nonlin.networks.torch_copy import kept_random_states

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["as_found", "evaluating"]

_TABLES = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")


@contextmanager
def as_found(model: nn.Module) -> Iterator[None]:
    """Put back, at the end, what a forward pass may change.

    That is: every attribute of every module (mode, hooks, assigned parameters, buffers and caches), the values of
    the buffers, which parameters take gradients and what their `.grad` is, and the random states of Python, NumPy
    and PyTorch. The content of a list or a dictionary that a module changes in place is not put back.
    """
    with ExitStack() as stack:
        stack.enter_context(kept_random_states())
        for tensor in (*model.parameters(), *model.buffers()):
            stack.callback(_keep_gradient(tensor))
        for module in model.modules():
            stack.callback(_keep_attributes(module))
        stack.enter_context(_buffer_values(model))
        yield


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Switch every module to evaluation, and each back to its own mode.

    The attribute is set and not `eval()` called, which a module may have overridden to merge its weights.
    """
    modes = {module: module.training for module in model.modules()}
    try:
        for module in modes:
            module.training = False
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def _buffer_values(model: nn.Module) -> Iterator[None]:
    copies = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, copy in copies:
                if not torch.equal(buffer, copy):
                    buffer.copy_(copy)


def _keep_gradient(tensor: torch.Tensor) -> Any:
    gradient, requires = tensor.grad if tensor.is_leaf else None, tensor.requires_grad

    def restore() -> None:
        if tensor.is_leaf:
            tensor.grad = gradient
            tensor.requires_grad_(requires)

    return restore


def _keep_attributes(module: nn.Module) -> Any:
    attributes = dict(module.__dict__)
    tables = {name: value.copy() for name, value in attributes.items() if _is_table(name, value)}

    def restore() -> None:
        for name, copy in tables.items():
            attributes[name].clear()
            attributes[name].update(copy)
        module.__dict__.clear()
        module.__dict__.update(attributes)

    return restore


def _is_table(name: str, value: Any) -> bool:
    return name in _TABLES or (name.endswith("_hooks") and isinstance(value, dict))
