"""The loss and the score of answers, of one model or of many at once. Loads torch."""

from __future__ import annotations

from typing import Any

import torch

from nonlin.errors import InvalidInputError
from nonlin.inspection.torch.objective import main_output

__all__ = ["answers", "losses", "scores"]


def answers(output: Any, y: torch.Tensor) -> torch.Tensor:
    """Return the tensor that a model answers with, in the shape that its targets ask for.

    Raises:
        InvalidInputError: answers that do not fit the targets.
    """
    out: torch.Tensor = main_output(output)
    fits = out.dim() == y.dim() + 1 if not y.is_floating_point() else out.numel() == y.numel()
    if not fits:
        wanted = "one answer a class" if not y.is_floating_point() else "as many answers as targets"
        raise InvalidInputError(
            f"expected {wanted}, got outputs of shape {tuple(out.shape)} for targets of shape {tuple(y.shape)}"
        )
    return out if not y.is_floating_point() else out.reshape(y.shape)


def losses(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the mean loss of every model.

    Args:
        out: shape (models, samples, …, classes), or that of y for a regression.
        y: shape (models, samples, …): class numbers for the cross-entropy, floating-point for the mean squared error.
    """
    if y.is_floating_point():
        return (out - y).square().flatten(1).mean(1)
    each = torch.nn.functional.cross_entropy(out.movedim(-1, 1), y, reduction="none")
    return each.flatten(1).mean(1)


def scores(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the accuracy of every model, or R²; arguments as for `losses`. An answer that is NaN is wrong."""
    if not y.is_floating_point():
        right = (out.argmax(-1) == y) & ~out.isnan().any(-1)
        return right.reshape(len(y), -1).double().mean(1)
    spread = (y - y.mean(1, keepdim=True)).square().flatten(1).mean(1)
    return (1 - (out - y).square().flatten(1).mean(1) / spread.clamp_min(1e-30)).double()
