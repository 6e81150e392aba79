"""Which layer an operation is: its name, the axis of its units, its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.weak import WeakTensorKeyDictionary

from nonlin.inspection.torch.affine import AffineLayer
from nonlin.inspection.torch.operations import tensors_in

if TYPE_CHECKING:
    from torch import nn

    from nonlin.inspection.torch.lineage import Lineages, Place

__all__ = ["KEEPS_AFFINE", "Layer", "WeightNames", "is_affine_norm", "layer", "norm_axis"]

Arguments = tuple[Any, ...]
Keywords = Mapping[str, Any]

_POOLS = {f"{kind}avg_pool{n}d" for kind in ("", "adaptive_") for n in (1, 2, 3)}
_MOVES = {
    "flatten",
    "movedim",
    "moveaxis",
    "permute",
    "reshape",
    "squeeze",
    "swapaxes",
    "swapdims",
    "t",
    "transpose",
}
_MOVES |= {"unflatten", "unsqueeze", "unsafe_view", "view", "view_as", "get.T", "get.mT", "get.H", "get.mH"}
_SCALES = {"add", "div", "mul", "neg", "rsub", "sub"}

KEEPS_AFFINE = frozenset({"mean", "sum", "constant_pad_nd", "pad"} | _POOLS | _MOVES | _SCALES)
"""Operations that are affine in their one tensor from the input, and have no weights that a layer would have."""

_CHANNEL_NORMS = frozenset({"batch_norm", "group_norm", "instance_norm"})
_FEATURE_NORMS = frozenset({"layer_norm", "rms_norm"})
_PRODUCTS = {"addmm": 1, "baddbmm": 1, "bmm": 0, "matmul": 0, "mm": 0}
_CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d", "convolution"})
_TRANSPOSED = frozenset({"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer with weights, as an operation.

    Args:
        name: its path.
        unit_axis: of its output, counted from the end where that is the last.
        affine: what it is as an affine layer; None for one that a chain does not pass.
    """

    name: str
    unit_axis: int
    affine: AffineLayer | None = None


class WeightNames:
    """The name of each parameter, and of what is a transposed or converted parameter."""

    def __init__(self, model: nn.Module) -> None:
        """Begin with the names of the model's parameters."""
        self._names = WeakTensorKeyDictionary()
        self._made = WeakTensorKeyDictionary()
        for name, parameter in model.named_parameters():
            self._names[parameter] = name

    def made_here(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor was seen to be computed from weights."""
        return tensor in self._made or tensor in self._names

    def follow(self, name: str, arguments: Arguments, result: Any) -> None:
        """Note what is computed from weights alone; carry a name over what only moves or converts a weight."""
        for tensor in tensors_in((result,), {}):
            self._made[tensor] = True
        known = name in _MOVES or name in ("to", "float", "contiguous", "clone", "detach", "alias")
        if known and arguments and isinstance(result, torch.Tensor) and arguments[0] in self._names:
            self._names[result] = self._names[arguments[0]]

    def layer(self, weight: torch.Tensor | None, place: Place, kind: str) -> str:
        """Return the name of the layer that a weight belongs to."""
        name = self._names.get(weight) if weight is not None else None
        if name is None:
            return place.path or kind
        owner, _, short = str(name).rpartition(".")
        return owner if owner and short == "weight" else str(name)

    def owns(self, weight: torch.Tensor) -> bool:
        """Return whether a weight is the one that a module calls its weight, as it is stored."""
        path, _, short = str(self._names.get(weight, "")).rpartition(".")
        return bool(path) and short == "weight" and isinstance(weight, torch.nn.Parameter)

    def owner(self, weights: Sequence[torch.Tensor], place: Place) -> str:
        """Return the path of the module that weights belong to."""
        named = [str(self._names[weight]) for weight in weights if weight in self._names]
        return named[0].rpartition(".")[0] if named else place.path


def norm_axis(name: str, dimensions: int) -> int | None:
    """Return the unit axis that a norm says its input has, None for what is no norm."""
    if name in _CHANNEL_NORMS:
        return 1
    return dimensions - 1 if name in _FEATURE_NORMS else None


def is_affine_norm(name: str, arguments: Arguments, keywords: Keywords) -> bool:
    """Return whether an operation is a batch norm with fixed statistics."""
    training = (
        arguments[5] if len(arguments) > 5 and isinstance(arguments[5], bool) else keywords.get("training")
    )
    return name == "batch_norm" and not training


def layer(
    name: str, arguments: Arguments, keywords: Keywords, context: tuple[Lineages, WeightNames, Place]
) -> Layer | None:
    """Return the layer that an operation is, None if it is none.

    Args:
        name: the operation's.
        arguments: as it gets them.
        keywords: the same.
        context: the lineages so far, the names of the weights, and where the operation stands.
    """
    lineages, names, place = context
    given = [*arguments, *(keywords[key] for key in ("weight", "bias", "mat2", "other") if key in keywords)]
    weight = _weight(name, given, lineages)
    if weight is None:
        return None
    title = names.layer(weight, place, name)
    if name == "multi_head_attention_forward":
        return Layer(name=f"{place.path}.out_proj".lstrip("."), unit_axis=-1)
    if name in _CONVOLUTIONS:
        affine = _convolution(name, given, keywords, title)
        batched = given[0].dim() == weight.dim()
        return Layer(name=title, unit_axis=1 if batched else 0, affine=affine if batched else None)
    if name in _TRANSPOSED:
        return Layer(name=title, unit_axis=1)
    if name in ("embedding", "embedding_bag", "einsum", "bilinear"):
        return Layer(name=title, unit_axis=-1)
    own = name == "linear" and names.owns(weight)
    return Layer(name=title, unit_axis=-1, affine=_dense(name, given, (weight, title), own=own))


def _weight(name: str, given: list[Any], lineages: Lineages) -> torch.Tensor | None:
    if name == "multi_head_attention_forward":
        return given[11] if len(given) > 11 and isinstance(given[11], torch.Tensor) else None
    if name == "einsum":
        operands = [o for o in tensors_in(tuple(given), {}) if lineages.get(o) is None]
        return operands[0] if len(operands) == 1 else None
    position = _PRODUCTS[name] + 1 if name in _PRODUCTS else 1
    if name == "bilinear":
        position = 2
    known = name in _PRODUCTS or name in _CONVOLUTIONS or name in _TRANSPOSED
    if not known and name not in ("linear", "embedding", "embedding_bag", "bilinear"):
        return None
    if len(given) <= position:
        return None
    if name == "embedding" and given[0].dtype.is_floating_point:
        position = 0  # ATen's embedding takes the weight first
    weight = given[position]
    return weight if isinstance(weight, torch.Tensor) and lineages.get(weight) is None else None


def _dense(name: str, given: list[Any], of: tuple[torch.Tensor, str], *, own: bool) -> AffineLayer | None:
    weight, title = of
    if weight.dim() != 2:
        return None
    inputs, outputs = (weight.shape[1], weight.shape[0]) if name == "linear" else tuple(weight.shape)
    data = given[_PRODUCTS.get(name, 0)]
    bias = given[0] if name == "addmm" else (given[2] if name == "linear" and len(given) > 2 else None)
    return AffineLayer(
        name=title,
        inputs=int(inputs),
        outputs=int(outputs),
        parameters=weight.numel() + (bias.numel() if bias is not None else 0),
        bias=bias is not None,
        size=data.numel() // max(data.shape[0], 1) if data.dim() > 1 else data.numel(),
        own=own,
    )


def _convolution(name: str, given: list[Any], keywords: Keywords, title: str) -> AffineLayer | None:
    data, weight = given[:2]
    bias = given[2] if len(given) > 2 else None
    transposed = name == "convolution" and len(given) > 6 and given[6]
    if transposed:
        return None
    dimensions = weight.dim() - 2

    def option(position: int, key: str) -> tuple[int, ...]:
        value = keywords.get(key, given[position] if len(given) > position else 1)
        values = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        return values * dimensions if len(values) == 1 else values

    groups = option(8 if name == "convolution" else 6, "groups")[0]
    return AffineLayer(
        name=title,
        inputs=weight.shape[1] * groups,
        outputs=weight.shape[0],
        parameters=weight.numel() + (bias.numel() if bias is not None else 0),
        bias=bias is not None,
        kernel=tuple(weight.shape[2:]),
        stride=option(3, "stride"),
        dilation=option(5, "dilation"),
        groups=groups,
        size=data.numel() // max(data.shape[0], 1),
    )
