"""Which models can be recorded, and what is refused by name."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.networks.torch_weights import weights_of

__all__ = ["check_weights", "original"]


def original(model: nn.Module) -> nn.Module:
    """Return the module behind a compiled one.

    Raises:
        UnsupportedModelError: a TorchScript module, or one inside.
        InvalidInputError: not a module.
    """
    if not isinstance(model, nn.Module):
        raise InvalidInputError(
            f"expected a torch.nn.Module, got {type(model).__name__}; hand over the model itself"
        )
    inner = getattr(model, "_orig_mod", None)
    if isinstance(inner, nn.Module):
        return original(inner)
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            where = f"{name!r} is" if name else "it is"
            raise UnsupportedModelError(
                f"expected a model in Python, but {where} a TorchScript module, whose operations cannot be seen; "
                "hand over the original torch.nn.Module that was scripted or traced",
            )
    return model


def check_weights(model: nn.Module) -> None:
    """Check that every parameter is there.

    Raises:
        InvalidInputError: names the parameter.
    """
    for name, tensor in weights_of(model):
        if is_lazy(tensor) or tensor.is_meta:
            raise InvalidInputError(
                f"expected a model with weights, got the parameter {name!r} without any; load them, or run a lazy "
                "module once",
            )
