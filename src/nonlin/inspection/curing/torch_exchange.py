"""A PyTorch model whose input is standardised, or whose functions are exchanged, while it runs. Loads torch."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from nonlin.inspection.torch.operations import operation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FUNCTIONS", "MODULES", "Adaptation", "CountingMode", "Exchange", "adapted"]

Operation = tuple[str, int]
"""The name of an operation, and how many of that name came before it in the forward pass."""

FUNCTIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "elu": nn.functional.elu,
    "gelu": nn.functional.gelu,
    "leaky_relu": nn.functional.leaky_relu,
    "relu": nn.functional.relu,
    "softsign": nn.functional.softsign,
    "tanh": torch.tanh,
}

MODULES: Mapping[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "softsign": nn.Softsign,
    "tanh": nn.Tanh,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call whose function is another one while the model runs.

    Args:
        output: the operation that makes the call's output.
        pre: the operation that makes its pre-activation, for a function that is written out; None where the output's
            operation takes the pre-activation itself.
        function: its name, or a module that is called instead.
    """

    output: Operation
    pre: Operation | None
    function: str | nn.Module


@dataclass(slots=True, kw_only=True)
class Adaptation:
    """What is different while an adapted model runs; the input is replaced by (x − mean) / std."""

    mean: float = 0.0
    std: float = 1.0
    exchanges: list[Exchange] = field(default_factory=list)


class CountingMode(TorchFunctionMode):  # type: ignore[misc]  # torch is not followed, so its type is Any
    """Numbers the operations of a forward pass by their names."""

    def __init__(self) -> None:
        """Begin at 0."""
        super().__init__()
        self._counts: Counter[str] = Counter()

    def number(self, func: Callable[..., Any]) -> Operation:
        """Return the next operation's name and number."""
        name = operation(func).name
        found = name, self._counts[name]
        self._counts[name] += 1
        return found


class _Exchanging(CountingMode):
    def __init__(self, exchanges: list[Exchange]) -> None:
        super().__init__()
        self._outputs = {exchange.output: exchange for exchange in exchanges}
        self._pres = {exchange.pre for exchange in exchanges if exchange.pre is not None}
        self._kept: dict[Operation, torch.Tensor] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        keywords = kwargs or {}
        here = self.number(func)
        exchange = self._outputs.get(here)
        result = (
            func(*args, **keywords) if exchange is None else self._exchanged(exchange, func, (args, keywords))
        )
        if here in self._pres:
            self._kept[here] = result.clone()  # what comes between may overwrite it
        return result

    def _exchanged(self, exchange: Exchange, func: Callable[..., Any], given: tuple[Any, Any]) -> Any:
        arguments, keywords = given
        own = arguments[0] if arguments else keywords.get("input", keywords.get("self"))
        u = own if exchange.pre is None else self._kept.pop(exchange.pre)
        call = FUNCTIONS[exchange.function] if isinstance(exchange.function, str) else exchange.function
        if not operation(func).overwrites(keywords):
            return call(u)
        return own.copy_(call(u.clone()))  # the new function's gradient needs u, which is overwritten


class _Adapted:
    """Comes before the model's own class, and has its state in `nonlin_adaptation`."""

    nonlin_adaptation: Adaptation

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        """Run the model as adapted."""
        how = self.nonlin_adaptation
        if (how.mean, how.std) != (0.0, 1.0):
            arguments = tuple(_standardised(value, how) for value in arguments)
            keywords = {name: _standardised(value, how) for name, value in keywords.items()}
        with _Exchanging(how.exchanges) if how.exchanges else nullcontext():
            return super().forward(*arguments, **keywords)  # type: ignore[misc]  # the model's own

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _bare, (type(self).__mro__[2],), self.__dict__


def adapted(model: nn.Module) -> Adaptation:
    """Return how a model is adapted while it runs; one that is not yet is made adaptable, and is itself no less."""
    if not isinstance(model, _Adapted):
        model.__class__ = _adapted_class(type(model))
        model.nonlin_adaptation = Adaptation()
    how: Adaptation = model.nonlin_adaptation
    return how


def _adapted_class(base: type) -> Any:
    return type(base.__name__, (_Adapted, base), {"__module__": base.__module__, "__doc__": base.__doc__})


def _bare(base: type) -> Any:
    made = _adapted_class(base)
    return made.__new__(made)


def _standardised(value: Any, how: Adaptation) -> Any:
    if isinstance(value, torch.Tensor) and value.dtype.is_floating_point:
        return (value - how.mean) / how.std
    return value
