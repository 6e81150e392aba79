"""What goes into the model: arrays and tensors on its device and of its floating type, and where gradients end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from nonlin.errors import InvalidInputError

if TYPE_CHECKING:
    from nonlin.inspection.recording import Batch

__all__ = ["model_inputs", "shapes_of"]


def model_inputs(model: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
    """Return a batch's inputs as tensors.

    NumPy's floating arrays become the model's floating type; a tensor keeps its own. Both go to the model's device.
    """
    if not batch.inputs:
        raise InvalidInputError(
            "expected at least one input in a batch, got none; give the array by its input's name"
        )
    device, dtype = _device_and_type(model)
    return {name: _tensor(name, value, device, dtype) for name, value in batch.inputs.items()}


def shapes_of(inputs: dict[str, torch.Tensor]) -> str:
    """Return the shapes in words, for a message."""
    if len(inputs) == 1:
        return f"shape {tuple(next(iter(inputs.values())).shape)}"
    return ", ".join(f"{name} of shape {tuple(value.shape)}" for name, value in inputs.items())


def _device_and_type(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    tensors = [*model.parameters(), *model.buffers()]
    device = tensors[0].device if tensors else torch.device("cpu")
    types = [t.dtype for t in tensors if t.dtype.is_floating_point and t.dtype.itemsize > 1]
    return device, types[0] if types else torch.get_default_dtype()


def _tensor(name: str, value: Any, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value.detach().to(device)
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise InvalidInputError(
            f"expected numbers in the input {name!r}, got {array.dtype}; convert them first"
        )
    native = array.astype(
        array.dtype.newbyteorder("="), order="C"
    )  # a copy: PyTorch writes to what it is given
    tensor = torch.from_numpy(native).to(device)
    return tensor.to(dtype) if tensor.dtype.is_floating_point else tensor
