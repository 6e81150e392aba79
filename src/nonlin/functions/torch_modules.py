"""The `torch.nn.Module` forms of the functions, with the parameters that their papers learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from nonlin.errors import InvalidInputError
from nonlin.functions.construction import substitute
from nonlin.functions.differentiation import differentiate
from nonlin.functions.expression import Constant, Expression, Parameter
from nonlin.functions.tails import evaluate_everywhere

if TYPE_CHECKING:
    from nonlin.functions.function import Function

__all__ = ["Activation", "LearnableActivation", "activation_module"]


def activation_module(function: Function) -> torch.nn.Module:
    """Return the module of a function: with `torch.nn.Parameter`s where its paper learns parameters."""
    if function.expression is None:
        raise InvalidInputError(
            f"expected a function of one number, got {function.name}, of a whole vector; use torch's"
        )
    learnable = function.entry is not None and any(p.learnable for p in function.entry.parameters)
    return LearnableActivation(function) if learnable else Activation(function)


class Activation(torch.nn.Module):  # type: ignore[misc]
    """Applies a function elementwise."""

    def __init__(self, function: Function) -> None:
        """Keep the function."""
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        """Return the function of every element."""
        return self.function(x)

    def extra_repr(self) -> str:
        """Return the function's label."""
        return self.function.label


class LearnableActivation(torch.nn.Module):  # type: ignore[misc]
    """Applies a function whose parameters learn; one value of each for the whole tensor."""

    def __init__(self, function: Function) -> None:
        """Start from the function's parameters."""
        super().__init__()
        self.function = function
        learnable = [p.name for p in function.entry.parameters if p.learnable] if function.entry else []
        fixed = {k: Constant(v) for k, v in function.parameters.items() if k not in learnable}
        self.definition: Expression = substitute(_definition(function), parameters=fixed)
        self.names = tuple(learnable)
        for name in learnable:
            self.register_parameter(name, torch.nn.Parameter(torch.tensor(function.parameters[name])))

    def forward(self, x: Any) -> Any:
        """Return the function of every element, differentiable by x and by every parameter."""
        values = tuple(getattr(self, name) for name in self.names)
        return _Learned.apply(x, self.definition, self.names, *values)

    def extra_repr(self) -> str:
        """Return the function's name."""
        return self.function.name


class _Learned(torch.autograd.Function):  # type: ignore[misc]
    """A function of x and of scalar parameters, each derivative from the expression.

    It is evaluated through NumPy: a loop compiled for parameters that change at every step would be compiled at every
    step.
    """

    @staticmethod
    def forward(ctx: Any, x: Any, definition: Expression, names: tuple[str, ...], *values: Any) -> Any:
        ctx.save_for_backward(x, *values)
        ctx.definition, ctx.names = definition, names
        return _evaluated(definition, x, names, values)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Any) -> tuple[Any, ...]:
        x, *values = ctx.saved_tensors
        by_x = gradient * _evaluated(differentiate(ctx.definition), x, ctx.names, values)
        by_parameter = [
            (gradient * _evaluated(differentiate(ctx.definition, Parameter(name)), x, ctx.names, values))
            .sum()
            .to(value)
            for name, value in zip(ctx.names, values, strict=True)
        ]
        return by_x, None, None, *by_parameter


def _evaluated(definition: Expression, x: Any, names: tuple[str, ...], values: Any) -> Any:
    numbers = {name: Constant(float(value.detach())) for name, value in zip(names, values, strict=True)}
    expression = substitute(definition, parameters=numbers)
    result = evaluate_everywhere(expression, x.detach().to(torch.float64).numpy())
    return torch.from_numpy(result).to(x.dtype)


def _definition(function: Function) -> Expression:
    if function.definition is None:
        raise InvalidInputError(
            f"expected a function of one number, got {function.name}, of a whole vector; use torch's"
        )
    return function.definition
