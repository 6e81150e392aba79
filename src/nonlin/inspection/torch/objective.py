"""What the gradients are of: the loss where there are labels, else one fixed direction of the outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy, nll_loss

from nonlin.errors import InvalidInputError
from nonlin.inspection.gradients import DIRECTION, LOSS, direction

__all__ = ["Objective", "main_output", "objective", "output_tensors"]

_PROBABILITY_ERROR = 1e-3  # rows of a softmax in bfloat16 sum to 1 within 4e-3 / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A number to differentiate, and what it is in words."""

    value: torch.Tensor
    words: str


def output_tensors(result: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in what a model returned: a tensor, tuple, list, mapping or dataclass."""
    if isinstance(result, torch.Tensor):
        yield result
    elif isinstance(result, Mapping):
        for value in result.values():
            yield from output_tensors(value)
    elif isinstance(result, (tuple, list)):
        for value in result:
            yield from output_tensors(value)
    elif is_dataclass(result) and not isinstance(result, type):
        for entry in fields(result):
            yield from output_tensors(getattr(result, entry.name))


def main_output(result: Any) -> torch.Tensor:
    """Return the logits where the result calls one so, else its first floating tensor."""
    logits = result.get("logits") if isinstance(result, Mapping) else getattr(result, "logits", None)
    tensors = output_tensors((logits, result) if isinstance(logits, torch.Tensor) else result)
    found = next((tensor for tensor in tensors if tensor.dtype.is_floating_point), None)
    if found is None:
        raise InvalidInputError(
            f"expected the model to return a floating-point tensor, got {type(result).__name__} without one; "
            "inspect the part of the model that does",
        )
    return found


def objective(output: torch.Tensor, labels: npt.NDArray[Any] | None, *, first_sample: int) -> Objective:
    """Return what to differentiate: a sum over the samples, so that each has the gradient of its own.

    Args:
        output: shape (batch, classes) where there are labels, else any; logits, or the probabilities of a softmax.
        labels: shape (batch,), integers from 0, or None.
        first_sample: the number of the batch's first sample in the data; the direction depends on it.

    Raises:
        InvalidInputError: labels that the outputs have no class for.
    """
    if labels is None:
        values = output.reshape(1) if output.dim() == 0 else output
        along = direction(np.empty(values.shape, np.float64), first_sample)
        return Objective(value=(values * torch.from_numpy(along).to(values)).sum(), words=DIRECTION)
    targets = torch.as_tensor(labels, device=output.device).long().reshape(-1)
    fits = output.dim() == 2 and len(targets) == len(output)
    if not fits or int(targets.min()) < 0 or int(targets.max()) >= output.shape[1]:
        classes = str(output.shape[1] - 1) if fits else "classes − 1"
        raise InvalidInputError(
            f"expected {len(output) if output.dim() else 1} labels from 0 to {classes} for an output of shape "
            f"{tuple(output.shape)}, got {len(targets)} from {int(targets.min())} to {int(targets.max())}; leave the "
            "labels out, or give those of this network's classes",
        )
    scores = output.float() if output.dtype.itemsize < 4 else output
    if _are_probabilities(scores):
        tiny = torch.finfo(scores.dtype).tiny
        return Objective(value=nll_loss((scores + tiny).log(), targets, reduction="sum"), words=LOSS)
    return Objective(value=cross_entropy(scores, targets, reduction="sum"), words=LOSS)


def _are_probabilities(scores: torch.Tensor) -> bool:
    rows = scores.detach()
    return bool((rows >= 0).all() and ((rows.sum(1) - 1).abs() < _PROBABILITY_ERROR).all())
