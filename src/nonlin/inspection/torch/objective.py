"""What the gradients are of: the loss where there are labels, else one fixed direction of the outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy, nll_loss

from nonlin.errors import InvalidInputError
from nonlin.inspection.gradients import (
    DIRECTION,
    DIRECTION_OF_LOGITS,
    GIVEN,
    LOSS,
    MSE,
    check_classes,
    direction,
    fitting,
)

if TYPE_CHECKING:
    from nonlin.inspection.recording import Loss

__all__ = ["Objective", "loss_cotangent", "main_output", "objective", "output_tensors"]

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


def objective(
    output: torch.Tensor,
    labels: npt.NDArray[Any] | None,
    *,
    first_sample: int,
    loss: Loss | None = None,
    scores: tuple[torch.Tensor, str] | None = None,
) -> Objective:
    """Return what to differentiate: a sum over the samples, so that each has the gradient of its own.

    Args:
        output: shape (batch, classes) where there are class labels, else any; logits, or probabilities.
        labels: shape (batch,), integers from 0; for another loss as many numbers as that takes; or None.
        first_sample: the number of the batch's first sample in the data; the direction depends on it.
        loss: of the outputs and the labels; None for the cross-entropy.
        scores: what a final softmax or sigmoid made the output of, and its name; None where there is none.

    Raises:
        InvalidInputError: labels that the outputs have no class for.
    """
    if labels is not None and loss not in (None, "cross_entropy"):
        return _other(output, labels, loss)
    if scores is not None:
        output = scores[0]
    if labels is None:
        words = DIRECTION if scores is None else DIRECTION_OF_LOGITS.format(scores[1])
        values = output.reshape(1) if output.dim() == 0 else output
        along = direction(np.empty(values.shape, np.float64), first_sample)
        return Objective(value=(values * torch.from_numpy(along).to(values)).sum(), words=words)
    check_classes(tuple(output.shape))
    targets = torch.as_tensor(labels, device=output.device).long().reshape(-1)
    fits = output.dim() == 2 and len(targets) == len(output)
    if not fits or int(targets.min()) < 0 or int(targets.max()) >= output.shape[1]:
        classes = str(output.shape[1] - 1) if fits else "classes − 1"
        raise InvalidInputError(
            f"expected {len(output) if output.dim() else 1} labels from 0 to {classes} for an output of shape "
            f"{tuple(output.shape)}, got {len(targets)} from {int(targets.min())} to {int(targets.max())}; leave the "
            "labels out, or give those of this network's classes",
        )
    wide = output.float() if output.dtype.itemsize < 4 else output
    if scores is None and _are_probabilities(wide):
        tiny = torch.finfo(wide.dtype).tiny
        return Objective(value=nll_loss((wide + tiny).log(), targets, reduction="sum"), words=LOSS)
    return Objective(value=cross_entropy(wide, targets, reduction="sum"), words=LOSS)


def loss_cotangent(loss: Loss, output: npt.NDArray[Any], labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the gradient of the samples' losses with respect to an output that another framework made."""
    leaf = torch.tensor(output, requires_grad=True)
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(_other(leaf, labels, loss).value, leaf)
    made: npt.NDArray[Any] = gradient.numpy()
    return made


def _other(output: torch.Tensor, labels: npt.NDArray[Any], loss: Loss | None) -> Objective:
    targets = torch.as_tensor(labels, device=output.device)
    if targets.dtype.is_floating_point:
        targets = targets.to(output.dtype)
    if not callable(loss):
        wanted = torch.as_tensor(fitting(labels, tuple(output.shape))).to(output)
        return Objective(value=(output - wanted).square().reshape(len(output), -1).mean(1).sum(), words=MSE)
    value = loss(output, targets)
    if not isinstance(value, torch.Tensor):
        raise InvalidInputError(
            f"expected the loss to return a tensor, got {type(value).__name__}; "
            "return one number a sample, or their mean"
        )
    return Objective(value=value * len(output) if value.dim() == 0 else value.sum(), words=GIVEN)


def _are_probabilities(scores: torch.Tensor) -> bool:
    rows = scores.detach()
    return bool((rows >= 0).all() and ((rows.sum(1) - 1).abs() < _PROBABILITY_ERROR).all())
