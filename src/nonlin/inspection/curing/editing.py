"""A copy of a network that can be changed: what the PyTorch and the ONNX copies have in common."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy.typing as npt

from nonlin.errors import UnsupportedModelError
from nonlin.inspection.curing.layer_weights import LayerWeights
from nonlin.inspection.curing.scales import InputScale
from nonlin.inspection.model import Model
from nonlin.inspection.recording import Batch

__all__ = ["CannotChangeError", "Editable"]

Array = npt.NDArray[Any]


class CannotChangeError(UnsupportedModelError):
    """A change that cannot be made on this network; says why."""


class Editable(Protocol):
    """A copy of a network whose weights and functions can be changed."""

    @property
    def opened(self) -> Model:
        """The copy as a model that can be inspected."""

    @property
    def changed(self) -> Any:
        """The copy as the user gets it."""

    def copy(self) -> "Editable":
        """Return an independent copy."""

    def weights(self) -> Mapping[str, LayerWeights]:
        """Return the layer that shapes each call's pre-activation, by the call's name, where there is one."""

    def set_weights(self, call: str, weight: Array, bias: Array) -> None:
        """Set the weights of the layer that shapes a call's pre-activation, shapes as in `LayerWeights`."""

    def scale_readers(self, call: str, factors: Array, constants: Array | None = None) -> bool:
        """Multiply what the layers that read a call have for weights, by unit; whether any were found.

        Args:
            call: its name.
            factors: shape (units,).
            constants: shape (units,): what each unit adds that is to move into the biases of the readers.
        """

    def exchange(self, call: str, function: str) -> None:
        """Call another function at a call."""

    def standardise(self, scale: InputScale) -> None:
        """Put (x − mean) / std before the network."""

    def merge(self, layers: tuple[str, ...]) -> None:
        """Make one of affine layers in a row."""

    def insert(self, layers: tuple[str, ...], function: str) -> None:
        """Put a function between two layers."""

    def outputs(self, batches: Sequence[Batch]) -> list[Array]:
        """Return the network's first output on each batch."""
