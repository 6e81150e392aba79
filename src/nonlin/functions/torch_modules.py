"""The `torch.nn.Module` forms of the functions, with parameters that learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from nonlin.errors import InvalidInputError
from nonlin.functions.construction import substitute
from nonlin.functions.expression import Constant
from nonlin.functions.torch_parametric import apply_parametric

if TYPE_CHECKING:
    from collections.abc import Collection

    from nonlin.functions.expression import Expression
    from nonlin.functions.function import Function

__all__ = ["Activation", "LearnableActivation", "RandomizedLeak", "activation_module"]


def activation_module(
    function: Function, *, learn: Collection[str] | None = None, channels: int = 1, axis: int = 1
) -> torch.nn.Module:
    """Return the module of a function.

    Args:
        function: with the values at which its parameters start.
        learn: the parameters that learn; None for those that the function's paper learns.
        channels: how many values each of them has: 1, or as many as the input has channels.
        axis: of the channels.

    Raises:
        InvalidInputError: a function of a whole vector, or a parameter that it does not have.
    """
    if function.expression is None:
        raise InvalidInputError(
            f"expected a function of one number, got {function.name}, of a whole vector; use torch's"
        )
    names = _learnable(function) if learn is None else _chosen(function, learn)
    if not names and channels != 1:
        raise InvalidInputError(
            f"expected a parameter to learn for each of {channels} channels of {function.name}, got none; "
            "name it with learn="
        )
    if isinstance(channels, bool) or not isinstance(channels, int) or channels < 1:
        raise InvalidInputError(f"expected channels as a whole number above 0, got {channels!r}; change it")
    if function.entry is not None and function.name == "rrelu" and learn is None:
        return RandomizedLeak(function)
    if not names:
        return Activation(function)
    return LearnableActivation(function, names, channels=channels, axis=axis)


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


class RandomizedLeak(Activation):
    """RReLU: in training each negative element has a slope drawn from [lower, upper], else the mean of both.

    Source: Xu, Wang, Chen and Li 2015, Empirical evaluation of rectified activations in convolutional network.
    """

    def forward(self, x: Any) -> Any:
        """Return the function of every element."""
        if not self.training:
            return self.function(x)
        lower, upper = self.function.parameters["lower"], self.function.parameters["upper"]
        return torch.nn.functional.rrelu(x, lower, upper, training=True)


class LearnableActivation(torch.nn.Module):  # type: ignore[misc]
    """Applies a function whose parameters learn: one value of each for the whole tensor, or one a channel.

    Every parameter has the shape (channels,), as torch's PReLU has it. Nothing keeps it in the range that the catalogue
    names: a value may leave it while it learns, and the formula is then evaluated as it stands.
    """

    def __init__(self, function: Function, names: tuple[str, ...], *, channels: int, axis: int) -> None:
        """Start from the function's parameters."""
        super().__init__()
        self.function = function
        fixed = {k: Constant(v) for k, v in function.parameters.items() if k not in names}
        self._definition: Expression = substitute(_definition(function), parameters=fixed)
        self._learned, self._axis = names, axis
        for name in names:
            if hasattr(self, name):
                raise InvalidInputError(
                    f"expected a name that torch's modules leave free, got the parameter {name!r}; rename it"
                )
            start = torch.full((channels,), function.parameters[name])
            self.register_parameter(name, torch.nn.Parameter(start))

    def forward(self, x: Any) -> Any:
        """Return the function of every element, differentiable by x and by every parameter."""
        values = tuple(getattr(self, name) for name in self._learned)
        return apply_parametric(self._definition, self._learned, x, values, axis=self._axis)

    def extra_repr(self) -> str:
        """Return the function's name, what learns, and for how many channels."""
        channels = getattr(self, self._learned[0]).numel()
        learned = f"{self.function.name}, learns {', '.join(self._learned)}"
        return learned if channels == 1 else f"{learned} for {channels} channels along axis {self._axis}"


def _learnable(function: Function) -> tuple[str, ...]:
    return tuple(p.name for p in function.entry.parameters if p.learnable) if function.entry else ()


def _chosen(function: Function, learn: Collection[str]) -> tuple[str, ...]:
    names = (learn,) if isinstance(learn, str) else tuple(learn)
    for name in names:
        if name not in function.parameters:
            known = ", ".join(function.parameters) or "no parameters"
            raise InvalidInputError(
                f"expected parameters of {function.name} ({known}) to learn, got {name!r}; use one of those"
            )
    return tuple(name for name in function.parameters if name in names)


def _definition(function: Function) -> Expression:
    if function.definition is None:
        raise InvalidInputError(
            f"expected a function of one number, got {function.name}, of a whole vector; use torch's"
        )
    return function.definition
