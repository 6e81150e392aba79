"""Two affine modules as one that does the same. Loads torch."""

from __future__ import annotations

import torch
from torch import nn

from nonlin.inspection.curing.editing import CannotChangeError

__all__ = ["merged"]


def merged(first: nn.Module, second: nn.Module) -> nn.Module:
    """Return the dense layer or convolution that does what two in a row do.

    Raises:
        CannotChangeError: for other layers than two dense ones, or a convolution before one of size 1.
    """
    if isinstance(first, nn.Linear) and isinstance(second, nn.Linear):
        made: nn.Module = nn.Linear(first.in_features, second.out_features, device="meta")
    elif (
        isinstance(first, nn.Conv2d)
        and isinstance(second, nn.Conv2d)
        and _pointwise(second)
        and first.groups == 1
    ):
        made = nn.Conv2d(
            first.in_channels,
            second.out_channels,
            first.kernel_size,
            stride=first.stride,
            padding=first.padding,
            dilation=first.dilation,
            padding_mode=first.padding_mode,
            device="meta",
        )
    else:
        raise CannotChangeError(
            f"{type(first).__name__} and {type(second).__name__} of these sizes cannot be merged here"
        )
    return _filled(made, first, second)


def _pointwise(layer: nn.Conv2d) -> bool:
    plain = all(n == 1 for n in (*layer.kernel_size, *layer.stride, layer.groups))
    return plain and layer.padding in ("valid", 0, (0, 0))


def _filled(made: nn.Module, first: nn.Module, second: nn.Module) -> nn.Module:
    with torch.no_grad():
        like = first.weight
        left = second.weight.detach().double().flatten(1)
        weight = torch.tensordot(left, like.detach().double(), dims=1)
        bias = torch.zeros(len(left), dtype=torch.float64, device=like.device)
        if first.bias is not None:
            bias += left @ first.bias.detach().double()
        if second.bias is not None:
            bias += second.bias.detach().double()
        made.weight = nn.Parameter(weight.to(like))
        made.bias = nn.Parameter(bias.to(like))
    return made
