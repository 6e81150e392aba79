"""The norm of a large tensor from a part of it that is spread evenly, so that it costs next to nothing."""

from __future__ import annotations

from functools import lru_cache
from math import gcd, sqrt

import torch

__all__ = ["LEAST", "few", "norm_of", "spread", "sum_and_norm_of"]

LEAST = 1 << 14
"""Of a tensor with more than twice as many values, about so many are looked at."""

_FEW = 4096
_BLOCK = 16  # values beside each other: a line of the cache in float32


def norm_of(tensor: torch.Tensor) -> torch.Tensor:
    """Return the Euclidean norm, shape (), on the tensor's device; NaN or infinite where a value looked at is.

    Over `LEAST` values twice, it is estimated from the mean square of a part; else it is exact.

    Args:
        tensor: any shape; float64 stays, all else is added up in float32.
    """
    return _norm(spread(tensor), tensor)


def sum_and_norm_of(tensor: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum and the norm, both from the same part of a large tensor."""
    part = spread(tensor)
    total = part.sum(dtype=_wide(tensor))
    return total if part.numel() == tensor.numel() else total * (tensor.numel() / part.numel()), _norm(
        part, tensor
    )


def _norm(part: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    norm: torch.Tensor = torch.linalg.vector_norm(part, dtype=_wide(tensor))
    return norm if part.numel() == tensor.numel() else norm * sqrt(tensor.numel() / part.numel())


def _wide(tensor: torch.Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def spread(tensor: torch.Tensor) -> torch.Tensor:
    """Return about `LEAST` values of a tensor, in blocks at equal distances; all of a small or a scattered one."""
    if tensor.numel() <= 2 * LEAST or not _is_dense(tensor):
        return tensor
    # a norm of rows that are far apart takes four times as long as first copying them together
    return _blocks(tensor, LEAST).contiguous()


def few(tensor: torch.Tensor) -> torch.Tensor:
    """Return at most 4096 values, shape (values,), of a tensor of any shape: a copy, in blocks at equal distances."""
    if tensor.numel() <= _FEW:
        return tensor.flatten().clone()
    if not _is_dense(tensor):
        # of the first axis alone: a scattered tensor is not to be copied as a whole
        tensor = tensor[:: -(-tensor.numel() // (_FEW * _BLOCK))].contiguous()
        if tensor.numel() <= _FEW:
            return tensor.flatten()
    return _blocks(tensor, _FEW).reshape(-1)[:_FEW]


def _is_dense(tensor: torch.Tensor) -> bool:
    if tensor.is_contiguous():
        return True
    in_order = tensor.permute(sorted(range(tensor.dim()), key=lambda axis: -tensor.stride(axis)))
    return bool(in_order.is_contiguous())


def _blocks(dense: torch.Tensor, count: int) -> torch.Tensor:
    # one view, and not four: in a training step each operation finds the caches cold
    blocks = dense.numel() // _BLOCK
    distance = _distance(blocks, count)
    shape = (-(-blocks // distance), _BLOCK)
    return dense.as_strided(shape, (_BLOCK * distance, 1), dense.storage_offset())


@lru_cache(maxsize=1024)
def _distance(blocks: int, count: int) -> int:
    # without a common divisor with the shape, or the blocks would stand for some channels or positions alone
    distance = max(1, blocks * _BLOCK // count)
    while gcd(distance, blocks) > 1:
        distance += 1
    return distance
