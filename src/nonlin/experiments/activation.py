"""The modules that stand in the place of a model's own activations. Loads torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from nonlin.functions.torch_modules import LearnableActivation, activation_module
from nonlin.functions.torch_parametric import apply_parametric

if TYPE_CHECKING:
    from nonlin.functions import Function

__all__ = ["activation"]


def activation(function: Function) -> torch.nn.Module:
    """Return a function's module, which is fast too where many models are trained at once."""
    made = activation_module(function)
    if isinstance(made, LearnableActivation):
        return _Stackable(function, made._learned, channels=1, axis=1)  # noqa: SLF001 - the same class, made faster
    return made


class _Stackable(LearnableActivation):
    def forward(self, x: Any) -> Any:
        """Return the function of every element."""
        if not torch._C._are_functorch_transforms_active():  # noqa: SLF001 - there is no public question
            return super().forward(x)
        values = tuple(getattr(self, name) for name in self._learned)
        return _Batched.apply(x, self._definition, self._learned, *values)


class _Batched(torch.autograd.Function):  # type: ignore[misc]
    """Under vmap, the models of a stack are the channels of one call, whose gradient is one compiled loop."""

    @staticmethod
    def forward(x: Any, definition: Any, names: Any, *values: Any) -> Any:
        return apply_parametric(definition, names, x, values)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def vmap(_info: Any, in_dims: Any, x: Any, definition: Any, names: Any, *values: Any) -> tuple[Any, int]:
        x = x.movedim(in_dims[0], 0)
        flat = tuple(value.reshape(-1) for value in values)
        return apply_parametric(definition, names, x, flat, axis=0), 0
