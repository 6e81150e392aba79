"""What a recording of a network in use holds, whichever framework ran it.

A recorder (ONNX, PyTorch) runs the network on batches and returns a `Recording`; everything after it is a pure
function of that value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nonlin.functions import Function
from nonlin.inspection.statistics import UnitStatistics

__all__ = ["AffineChain", "Batch", "CallSite", "Loss", "Progress", "RecordedCall", "Recording", "Role"]

Role = Literal["hidden", "gate", "answer"]
"""What a call's output is for: the next layers, to be multiplied with something else, or what the network answers."""

Loss = str | Callable[[Any, Any], Any]
"""What the gradients are of: "cross_entropy", "mse", or a function of the outputs and the labels, as tensors."""

Progress = Callable[[int, int | None], None]
"""Called with the number of samples done, and the number of all of them where it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What goes into the network at once.

    Args:
        inputs: the arrays or tensors by input name; a model with one input takes the only entry.
        labels: shape (batch,), integers, or for another loss than the cross-entropy shape (batch, …); or None.
        size: the number of samples.
    """

    inputs: Mapping[str, Any]
    labels: npt.NDArray[Any] | None
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSite:
    """One use of an activation in a forward pass.

    Args:
        name: where it stands: the path of the module, or the name of the node; a second use of the same module
            has "#2" behind it.
        function: the activation.
        unit_axis: the axis of the units in the pre-activation, counted with the batch axis as 0; negative from the end.
        layer: the name of the affine layer that produced the pre-activation, or None where there is none.
        role: what its output is for.
    """

    name: str
    function: Function
    unit_axis: int
    layer: str | None = None
    role: Role = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """A call and what was measured on it.

    Args:
        site: where the call stands.
        shape: the pre-activation's shape without the batch axis, of the last batch.
        statistics: by unit.
        gradient: the root mean square, over samples, of the norm of the gradient with respect to the call's output;
            None where there is none.
        values: a strided sample of the pre-activations, for drawing.
        rank: the effective rank of the outputs over the units; None where too few units vary.
    """

    site: CallSite
    shape: tuple[int, ...]
    statistics: UnitStatistics
    gradient: float | None
    values: npt.NDArray[Any]
    rank: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AffineChain:
    """Affine layers in a row with no non-linearity between them: together one affine layer.

    Args:
        layers: their names, in order.
        parameters: how many they have together.
        merged: how many parameters the one layer has that does the same.
        product: whether the product of their weights is that layer's, since they are dense and nothing is between.
    """

    layers: tuple[str, ...]
    parameters: int
    merged: int
    product: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A network in use.

    Args:
        model: what was inspected, in words: the file name or the class.
        parameters: the number of parameters of the model.
        samples: how many samples went through.
        calls: in the order of the forward pass.
        chains: affine layers in a row.
        gradient_of: what the gradients are of, in words ("the cross-entropy loss"), or why there are none.
        has_gradient: whether there are gradients.
        answers: the index of the largest output for every sample, shape (samples,), −1 where one is NaN; None where the
            first output is not of shape (samples, classes) with at least two classes.
        nonfinite_outputs: how many entries of the outputs are NaN or infinite.
        unseen: the operators that have activations inside which were not measured, such as an LSTM's gates, each with
            its name.
    """

    model: str
    parameters: int
    samples: int
    calls: tuple[RecordedCall, ...]
    chains: tuple[AffineChain, ...] = ()
    gradient_of: str
    has_gradient: bool
    answers: npt.NDArray[np.intp] | None
    nonfinite_outputs: int = 0
    unseen: tuple[str, ...] = ()
