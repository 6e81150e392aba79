"""Which function of the catalogue an operation of PyTorch calls, with which parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any

import torch

from nonlin.functions import Expression, Function, define, function, identify
from nonlin.functions.construction import substitute
from nonlin.functions.expression import Constant
from nonlin.functions.printing import text

__all__ = ["WEAK", "Activation", "activation"]

Arguments = tuple[Any, ...]
Keywords = Mapping[str, Any]

WEAK = frozenset(
    {
        "abs",
        "arctan",
        "cosine",
        "erf",
        "gaussian",
        "log_softmax",
        "sine",
        "softmax",
        "softmin",
        "step",
        "threshold",
    }
)
"""Functions that count as an activation only right behind an affine layer: elsewhere they are parts of a norm, of
an encoding of positions, of attention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A call of a function on a tensor.

    Args:
        function: of the catalogue.
        pre: the pre-activation.
        weak: whether it counts only right behind an affine layer.
        slopes: those of a PReLU for negative values: one, or one for each channel.
        axis: along which a vector function acts.
    """

    function: Function
    pre: torch.Tensor
    weak: bool = False
    slopes: torch.Tensor | None = None
    axis: int | None = None


def activation(name: str, arguments: Arguments, keywords: Keywords) -> Activation | None:
    """Return the activation that an operation calls, None where it calls none.

    Args:
        name: the operation's, from `nonlin.inspection.torch.operations`.
        arguments: as the operation got them.
        keywords: the same.
    """
    if name == "apply_tensor":
        return Activation(function=_of_ours(arguments[0]), pre=arguments[1])
    if name == "apply_parametric":
        return _parametric(*arguments, axis=keywords["axis"])
    reader = _READERS.get(name)
    if reader is None:
        return None
    pre = arguments[0] if arguments else keywords.get("input", keywords.get("self"))
    if not isinstance(pre, torch.Tensor) or not pre.dtype.is_floating_point or pre.dim() == 0:
        return None
    return reader(pre, _Reader(arguments, keywords))


@lru_cache(maxsize=256)
def _of_ours(expression: Expression) -> Function:
    return identify(expression) or define(text(expression))


def _parametric(
    definition: Expression,
    names: tuple[str, ...],
    pre: torch.Tensor,
    values: tuple[torch.Tensor, ...],
    *,
    axis: int,
) -> Activation:
    """Return a call whose parameters learn; like a PReLU it bears their means in its name."""
    means = {name: Constant(float(value.detach().mean())) for name, value in zip(names, values, strict=True)}
    found = _of_ours(substitute(definition, parameters=means))
    if found.name not in ("leaky_relu", "prelu") or len(values) != 1:
        return Activation(function=found, pre=pre)
    slopes = values[0].detach().reshape(-1)
    found = function("prelu", weight=means[names[0]].value)
    return Activation(function=found, pre=pre, slopes=slopes, axis=axis if slopes.numel() > 1 else None)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Finds an argument by its position or by its name."""

    arguments: Arguments
    keywords: Keywords

    def get(self, position: int, name: str, default: Any = None) -> Any:
        if len(self.arguments) > position:
            return self.arguments[position]
        return self.keywords.get(name, default)

    def number(self, position: int, name: str, default: float | None = None) -> float | None:
        value = self.get(position, name, default)
        if isinstance(value, torch.Tensor) and value.numel() == 1:
            value = value.item()
        return float(value) if isinstance(value, (int, float)) else default


_Read = Callable[[torch.Tensor, _Reader], Activation | None]


def _plain(name: str, **options: tuple[int, str, float]) -> _Read:
    def read(pre: torch.Tensor, reader: _Reader) -> Activation:
        given = {
            key: reader.number(at, torch_name, default) for key, (at, torch_name, default) in options.items()
        }
        found = function(name, **{key: value for key, value in given.items() if value is not None})
        return Activation(function=found, pre=pre, weak=name in WEAK)

    return read


def _gelu(pre: torch.Tensor, reader: _Reader) -> Activation:
    tanh = reader.get(1, "approximate", "none") == "tanh"
    return Activation(function=function("gelu_tanh" if tanh else "gelu"), pre=pre)


def _elu(pre: torch.Tensor, reader: _Reader) -> Activation | None:
    alpha = reader.number(1, "alpha", 1.0)
    scale = reader.get(2, "scale", 1.0)
    if isinstance(scale, bool) or scale == 1:
        return Activation(function=function("elu", alpha=alpha or 0.0), pre=pre)
    # what PyTorch's SELU becomes in ATen
    if reader.number(3, "input_scale", 1.0) != 1 or alpha is None:
        return None
    return Activation(function=function("selu", alpha=alpha, scale=float(scale)), pre=pre)


def _clamp(pre: torch.Tensor, reader: _Reader) -> Activation | None:
    return _limited(pre, reader.number(1, "min"), reader.number(2, "max"))


def _clamp_min(pre: torch.Tensor, reader: _Reader) -> Activation | None:
    return _limited(pre, reader.number(1, "min"), None)


def _maximum(pre: torch.Tensor, reader: _Reader) -> Activation | None:
    low = reader.number(1, "other")
    return _limited(pre, low, None) if low is not None else None


def _hardtanh(pre: torch.Tensor, reader: _Reader) -> Activation | None:
    return _limited(pre, reader.number(1, "min_val", -1.0), reader.number(2, "max_val", 1.0))


def _limited(pre: torch.Tensor, low: float | None, high: float | None) -> Activation | None:
    low, high = -inf if low is None else low, inf if high is None else high
    if low == 0 and high == inf:
        return Activation(function=function("relu"), pre=pre)
    if not -inf < low < high < inf:
        # one limit alone keeps a divisor away from 0, or a logarithm finite
        return None
    if low == 0:
        found = function("relu6") if high == 6 else function("relun", n=high)
    else:
        found = function("hardtanh", min_val=low, max_val=high)
    return Activation(function=found, pre=pre)


def _prelu(pre: torch.Tensor, reader: _Reader) -> Activation | None:
    weight = reader.get(1, "weight")
    if not isinstance(weight, torch.Tensor) or pre.dim() == 0:
        return None
    slopes = weight.detach().reshape(-1)
    axis = 1 if slopes.numel() > 1 and pre.dim() > 1 else None
    found = function("prelu", weight=float(slopes.float().mean()))
    return Activation(function=found, pre=pre, slopes=slopes, axis=axis)


def _rrelu(pre: torch.Tensor, reader: _Reader) -> Activation | None:
    if reader.get(3, "training", default=False):
        return None
    return _plain("rrelu", lower=(1, "lower", 1 / 8), upper=(2, "upper", 1 / 3))(pre, reader)


def _vector(name: str) -> _Read:
    def read(pre: torch.Tensor, reader: _Reader) -> Activation:
        axis = reader.get(1, "dim")
        default = 1 if pre.dim() in (0, 1, 3) else -1
        axis = axis if isinstance(axis, int) else default
        return Activation(function=function(name), pre=pre, weak=name in WEAK, axis=axis % pre.dim())

    return read


def _glu(pre: torch.Tensor, reader: _Reader) -> Activation:
    # only the second half goes through the non-linearity; its shape is that of the output
    axis = reader.get(1, "dim", -1) % pre.dim()
    return Activation(function=function("glu"), pre=pre.chunk(2, axis)[1], axis=axis)


_READERS: dict[str, _Read] = {
    "abs": _plain("abs"),
    "atan": _plain("arctan"),
    "celu": _plain("celu", alpha=(1, "alpha", 1.0)),
    "clamp": _clamp,
    "clamp_min": _clamp_min,
    "cos": _plain("cosine"),
    "elu": _elu,
    "erf": _plain("erf"),
    "gelu": _gelu,
    "glu": _glu,
    "hardshrink": _plain("hardshrink", lambd=(1, "lambd", 0.5)),
    "hardsigmoid": _plain("hardsigmoid"),
    "hardswish": _plain("hardswish"),
    "hardtanh": _hardtanh,
    "leaky_relu": _plain("leaky_relu", negative_slope=(1, "negative_slope", 0.01)),
    "log_sigmoid": _plain("logsigmoid"),
    "log_softmax": _vector("log_softmax"),
    "maximum": _maximum,
    "mish": _plain("mish"),
    "prelu": _prelu,
    "relu": _plain("relu"),
    "relu6": _plain("relu6"),
    "rrelu": _rrelu,
    "selu": _plain("selu"),
    "sigmoid": _plain("sigmoid"),
    "silu": _plain("silu"),
    "sin": _plain("sine"),
    "softmax": _vector("softmax"),
    "softmin": _vector("softmin"),
    "softplus": _plain("softplus", beta=(1, "beta", 1.0)),
    "softshrink": _plain("softshrink", lambd=(1, "lambd", 0.5)),
    "softsign": _plain("softsign"),
    "tanh": _plain("tanh"),
    "tanhshrink": _plain("tanhshrink"),
    "threshold": _plain("threshold", threshold=(1, "threshold", 0.0), value=(2, "value", 0.0)),
}
