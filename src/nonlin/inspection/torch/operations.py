"""Names for what PyTorch is asked to do, however it was asked: method, function, in-place form or ATen operator."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Operation", "operation", "results_of", "tensors_in"]

Arguments = tuple[Any, ...]

_ALIASES = {
    "absolute": "abs",
    "arctan": "atan",
    "clip": "clamp",
    "concat": "cat",
    "concatenate": "cat",
    "divide": "div",
    "greater": "gt",
    "greater_equal": "ge",
    "hardsilu": "hardswish",
    "less": "lt",
    "less_equal": "le",
    "log_sigmoid_forward": "log_sigmoid",
    "logsigmoid": "log_sigmoid",
    "multiply": "mul",
    "negative": "neg",
    "native_batch_norm_legit_no_training": "batch_norm",
    "native_group_norm": "group_norm",
    "native_layer_norm": "layer_norm",
    "prelu_kernel": "prelu",
    "radd": "add",
    "rmul": "mul",
    "rtruediv": "rdiv",
    "special_erf": "erf",
    "special_expit": "sigmoid",
    "special_log_softmax": "log_softmax",
    "special_softmax": "softmax",
    "subtract": "sub",
    "truediv": "div",
    "true_divide": "div",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is done, and whether its first argument is overwritten.

    Args:
        name: "relu" for `torch.relu`, `Tensor.relu_`, `F.relu` and `aten::relu`; "get.T" for the property T.
        in_place: whether the name says so; `overwrites` also looks at the arguments.
    """

    name: str
    in_place: bool

    def overwrites(self, keywords: Mapping[str, Any]) -> bool:
        """Return whether the first argument is overwritten with these keyword arguments."""
        return self.in_place or bool(keywords.get("inplace"))


@lru_cache(maxsize=4096)
def operation(function: Callable[..., Any]) -> Operation:
    """Return what a function that a torch function mode was shown does."""
    name = _plain_name(function)
    if name.startswith("get."):
        return Operation(name=name, in_place=False)
    if name.startswith("__"):
        short = name.strip("_")
        return Operation(
            name=_ALIASES.get(short, short), in_place=short in ("setitem", "iadd", "isub", "imul")
        )
    short = name.strip("_")
    return Operation(name=_ALIASES.get(short, short), in_place=name.endswith("_"))


def tensors_in(arguments: Arguments, keywords: Mapping[str, Any]) -> Iterator[torch.Tensor]:
    """Yield the tensors among the arguments, also those in lists and tuples."""
    for value in (*arguments, *keywords.values()):
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_in(tuple(value), {})


def results_of(what: Operation, arguments: Arguments, result: Any) -> list[torch.Tensor]:
    """Return the tensors that an operation made: what it returned, or what an assignment wrote to.

    Args:
        what: the operation.
        arguments: as it got them.
        result: what it returned.
    """
    made = arguments[0] if what.name == "setitem" else result
    return [made] if isinstance(made, torch.Tensor) else list(tensors_in((made,), {}))


def _plain_name(function: Callable[..., Any]) -> str:
    if isinstance(function, torch._ops.OpOverload):  # noqa: SLF001 - the only name that the type has
        namespace, name = function._schema.name.split("::")  # noqa: SLF001 - the same
        return name if namespace == "aten" else f"{namespace}.{name}"
    if isinstance(function, torch._ops.OpOverloadPacket):  # noqa: SLF001 - the same
        return str(function._qualified_op_name).split("::")[-1]  # noqa: SLF001 - the same
    name = getattr(function, "__name__", type(function).__name__)
    if name == "__get__":
        return f"get.{getattr(function.__self__, '__name__', '')}"  # type: ignore[attr-defined]
    return str(name)
