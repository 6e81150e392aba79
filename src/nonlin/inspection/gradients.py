"""What is pulled back through a network to measure its gradients: the loss where there are labels, else a direction."""

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError

__all__ = [
    "DIRECTION",
    "DIRECTION_OF_LOGITS",
    "GIVEN",
    "LOSS",
    "MSE",
    "check_classes",
    "direction",
    "fitting",
    "loss_gradient",
    "squares_gradient",
]

Array = npt.NDArray[Any]

LOSS = "the cross-entropy loss"
MSE = "the mean squared error"
GIVEN = "the loss that was given"
DIRECTION = "a random direction of the outputs"
DIRECTION_OF_LOGITS = "a random direction of the outputs before the final {}"


def check_classes(shape: tuple[int, ...]) -> None:
    """Refuse the cross-entropy of one score a sample: it is 0 whatever the score, and so is its gradient.

    Raises:
        InvalidInputError: for outputs of shape (batch, 1).
    """
    if len(shape) == 2 and shape[1] == 1:
        raise InvalidInputError(
            "expected a score for each class to take the cross-entropy of, got one score a sample, an output of shape "
            f'{shape}; give the loss that it was trained with, as loss="mse" or a function of outputs and labels, or '
            "no labels"
        )


def loss_gradient(logits: Array, labels: Array) -> Array:
    """Return the gradient of each sample's cross-entropy with respect to its logits, softmax(z) − onehot(label).

    Args:
        logits: shape (batch, classes).
        labels: shape (batch,), integers from 0.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    weights = np.exp(shifted)
    gradient = weights / weights.sum(axis=1, keepdims=True)
    gradient[np.arange(len(labels)), labels] -= 1
    return np.asarray(gradient, logits.dtype)


def fitting(labels: Array, shape: tuple[int, ...]) -> Array:
    """Return targets in the shape of the outputs that they belong to.

    Raises:
        InvalidInputError: if they are not as many.
    """
    if labels.size != prod(shape):
        raise InvalidInputError(
            f"expected targets of the outputs' shape {shape}, got {labels.shape}; give one target for each output"
        )
    return labels.reshape(shape)


def squares_gradient(outputs: Array, labels: Array) -> Array:
    """Return the gradient of each sample's mean squared error with respect to its outputs.

    Args:
        outputs: shape (batch, …).
        labels: as many numbers.
    """
    error = outputs - fitting(labels, outputs.shape).astype(outputs.dtype, copy=False)
    return np.asarray(error * (2 / max(outputs[0].size, 1)), outputs.dtype)


def direction(outputs: Array, first_sample: int) -> Array:
    """Return a direction of norm 1 for each sample; the same for the same sample however the batches are cut.

    Args:
        outputs: shape (batch, …).
        first_sample: the number of the batch's first sample in the data.
    """
    size = outputs[0].size
    rows = [np.random.default_rng((0, first_sample + i)).standard_normal(size) for i in range(len(outputs))]
    drawn = np.stack(rows)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn.reshape(outputs.shape).astype(outputs.dtype)
