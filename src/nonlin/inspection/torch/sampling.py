"""Sums of a large tensor from a part of it, and a few of its values: on the host in one pass, else by PyTorch."""

from __future__ import annotations

from math import sqrt
from typing import Any, TypeAlias

import numpy.typing as npt
import torch

from nonlin.inspection.watching.parts import FEW, LEAST, LINE, between_blocks
from nonlin.inspection.watching.scans import is_dense, sums

__all__ = ["Numbers", "address_of", "few", "norm_of", "spread", "sum_and_norm_of"]

_COMPILED = torch.float32, torch.float64

Array = npt.NDArray[Any]
Numbers: TypeAlias = torch.Tensor | Array | tuple[float, ...]
"""What was measured: on the tensor's device, or numbers of their own where that is the host."""


def norm_of(tensor: torch.Tensor) -> Numbers:
    """Return the Euclidean norm, shape (1,); NaN or infinite where a value looked at is.

    Over `LEAST` values twice, it is estimated from the mean square of a part; else it is exact.

    Args:
        tensor: any shape; float64 stays, all else is added up in float32, or in float64 on the host.
    """
    found = _sums_on_host(tensor)
    return _norm(spread(tensor.detach()), tensor).reshape(1) if found is None else found[1:]


def sum_and_norm_of(tensor: torch.Tensor) -> Numbers:
    """Return the sum and the norm, shape (2,), both from the same part of a large tensor."""
    found = _sums_on_host(tensor)
    if found is None:
        part = spread(tensor.detach())
        total = part.sum(dtype=_wide(tensor)) * (tensor.numel() / max(part.numel(), 1))
        return torch.stack([total, _norm(part, tensor)])
    return found


def address_of(tensor: torch.Tensor) -> int | None:
    """Return where the values of a tensor begin, None unless they are plain float32 or float64 on the host."""
    # in a training step each of these takes microseconds, and asking for all the dispatch keys as long as a measurement
    if (
        type(tensor) is not torch.Tensor
        or tensor.dtype not in _COMPILED
        or not tensor.is_cpu
        or tensor.is_neg()
    ):
        return None
    try:
        return tensor.data_ptr() or None
    except RuntimeError:  # it has no memory of its own: a sparse one, or one inside vmap
        return None


def _sums_on_host(tensor: torch.Tensor) -> tuple[float, float] | None:
    address = address_of(tensor)
    if address is None or not (tensor.is_contiguous() or is_dense(tensor.shape, tensor.stride())):
        return None
    return sums(address, tensor.numel(), double=tensor.dtype is torch.float64)


def _norm(part: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    norm: torch.Tensor = torch.linalg.vector_norm(part, dtype=_wide(tensor))
    return norm if part.numel() == tensor.numel() else norm * sqrt(tensor.numel() / part.numel())


def _wide(tensor: torch.Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def spread(tensor: torch.Tensor) -> torch.Tensor:
    """Return about `LEAST` values of a tensor, in blocks at equal distances; all of a small or a scattered one."""
    if tensor.numel() <= 2 * LEAST or not is_dense(tensor.shape, tensor.stride()):
        return tensor
    # a norm of rows that are far apart takes four times as long as first copying them together
    return _blocks(tensor, LEAST).contiguous()


def few(tensor: torch.Tensor) -> torch.Tensor:
    """Return at most 4096 values, shape (values,), of a tensor of any shape: a copy, in blocks at equal distances."""
    if tensor.numel() <= FEW:
        return tensor.flatten().clone()
    if not is_dense(tensor.shape, tensor.stride()):
        # of the first axis alone: a scattered tensor is not to be copied as a whole
        tensor = tensor[:: -(-tensor.numel() // (FEW * LINE))].contiguous()
        if tensor.numel() <= FEW:
            return tensor.flatten()
    return _blocks(tensor, FEW).reshape(-1)[:FEW]


def _blocks(dense: torch.Tensor, count: int) -> torch.Tensor:
    # one view, and not four: in a training step each operation finds the caches cold
    blocks = dense.numel() // LINE
    distance = between_blocks(blocks, count)
    shape = (-(-blocks // distance), LINE)
    return dense.as_strided(shape, (LINE * distance, 1), dense.storage_offset())
