"""Follows the axis of the units through operations that only move numbers about."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from nonlin.inspection.torch.lineage import shares_memory

if TYPE_CHECKING:
    import torch

__all__ = ["default_axis", "follow_axis"]


def default_axis(dimensions: int) -> int:
    """Return the axis of the units of a tensor of which nothing is known: PyTorch's for images, else the last."""
    return 1 if dimensions in (4, 5) else dimensions - 1


def follow_axis(before: torch.Tensor, axis: int | None, after: torch.Tensor) -> int | None:
    """Return where an axis of one tensor is in another that was made from it.

    Args:
        before: the tensor whose unit axis is known.
        axis: that axis, counted from 0, or None.
        after: a view, a copy in another shape, or the result of an operation on it.

    Returns:
        The axis, None where it cannot be told. Axes that were put together count as one with the units in it.
    """
    if axis is None or axis >= before.dim():
        return None
    shared = shares_memory(before, after)
    if before.shape == after.shape and (not shared or before.stride() == after.stride()):
        return axis
    if shared:
        found = _by_stride(before, axis, after)
        if found is not None:
            return found
    if before.numel() == after.numel():
        return _by_position(tuple(before.shape), axis, tuple(after.shape))
    if before.dim() == after.dim():
        return axis
    return _by_size(before.shape[axis], tuple(after.shape))


def _by_stride(before: torch.Tensor, axis: int, after: torch.Tensor) -> int | None:
    size, stride = before.shape[axis], before.stride(axis)
    if size == 1:
        return None
    steps = [i for i in range(after.dim()) if after.stride(i) == stride and after.shape[i] > 1]
    found = [i for i in steps if after.shape[i] == size] or steps
    return found[0] if len(found) == 1 else None


def _by_position(before: tuple[int, ...], axis: int, after: tuple[int, ...]) -> int | None:
    outer = prod(before[:axis])
    inner = prod(before[axis + 1 :])
    candidates = range(len(after))
    for i in candidates:
        if prod(after[:i]) == outer and prod(after[i + 1 :]) == inner and after[i] == before[axis]:
            return i
    merged = [i for i in candidates if prod(after[:i]) <= outer and prod(after[i + 1 :]) <= inner]
    if merged and after[merged[-1]] > 1:
        return merged[-1]
    split = [i for i in candidates if prod(after[i + 1 :]) == inner and after[i] > 1]
    return split[0] if split else None


def _by_size(size: int, after: tuple[int, ...]) -> int | None:
    found = [i for i, n in enumerate(after) if n == size and i > 0]
    return found[0] if len(found) == 1 else None
