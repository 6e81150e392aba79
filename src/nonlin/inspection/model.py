"""What can be inspected: an ONNX file, a .pt2 program, a PyTorch module; recognised without importing torch."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt
import onnx

from nonlin.errors import InvalidInputError, UnsafeModelError, UnsupportedModelError
from nonlin.inspection import onnx_recorder
from nonlin.inspection.curing.layer_weights import LayerWeights
from nonlin.inspection.curing.onnx_weights import weights_of
from nonlin.inspection.presets.measuring import WeightGradient
from nonlin.inspection.recording import Batch, Loss, Progress, Recording
from nonlin.networks import Network, network_of
from nonlin.networks.finite import NonfiniteTensor, check_finite, nonfinite_tensors
from nonlin.networks.onnx_file import open_onnx
from nonlin.networks.programs import open_program

__all__ = ["Model", "OnnxModel", "TorchModel", "open_model"]

Array = npt.NDArray[Any]

_PICKLED = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".joblib")


class Model(Protocol):
    """A model that can be recorded in use."""

    @property
    def name(self) -> str:
        """The name of its file; empty for a live module."""

    @property
    def sample_shape(self) -> tuple[int | None, ...] | None:
        """The shape of one sample where the model declares it and has one input."""

    @property
    def nonfinite_weights(self) -> tuple[NonfiniteTensor, ...]:
        """The weights with entries that are NaN or infinite."""

    def record(
        self, batches: Iterator[Batch], progress: Progress | None, loss: Loss | None = None
    ) -> Recording:
        """Run the model on batches and measure its calls."""

    def network(self, example: Array) -> Network:
        """Return the model as a graph, if its weights are finite; `example` is a batch of one sample."""

    def weight_gradients(self, batches: Sequence[Batch], loss: Loss | None) -> tuple[WeightGradient, ...]:
        """Return the gradient of the mean loss with respect to each layer's weights."""

    def layer_weights(self, example: Batch) -> Mapping[str, LayerWeights]:
        """Return the layer that shapes each call's pre-activation, by the call's name; `example` is a small batch."""


@dataclass(frozen=True)
class OnnxModel:
    """A model from an ONNX file."""

    proto: onnx.ModelProto
    name: str

    @cached_property
    def _network(self) -> Network:
        return network_of(self.proto, name=self.name)

    @cached_property
    def nonfinite_weights(self) -> tuple[NonfiniteTensor, ...]:
        """The stored tensors with entries that are NaN or infinite."""
        return nonfinite_tensors(self.proto)

    @property
    def sample_shape(self) -> tuple[int | None, ...] | None:
        """The shape of one sample; None where there are several inputs."""
        inputs = self._network.inputs
        return inputs[0].shape[1:] if len(inputs) == 1 else None

    def record(
        self, batches: Iterator[Batch], progress: Progress | None, loss: Loss | None = None
    ) -> Recording:
        """Run the model in NumPy or ONNX Runtime."""
        return onnx_recorder.record(self.proto, batches, name=self.name, progress=progress, loss=loss)

    def network(self, _example: Array) -> Network:
        """Return the graph; refuse weights that are NaN or infinite."""
        check_finite(self.nonfinite_weights, self.name)
        return self._network

    def layer_weights(self, _example: Batch) -> Mapping[str, LayerWeights]:
        """Return the layers that are read off the graph."""
        return weights_of(self.proto.graph, self._network)

    def weight_gradients(self, _batches: Sequence[Batch], _loss: Loss | None) -> tuple[WeightGradient, ...]:
        """Refuse: the gradients that are measured in a graph are those of its tensors."""
        raise UnsupportedModelError(
            f"expected a PyTorch model for rules on the gradients of weights, got {self.name}; give the module, or use "
            "thresholds='thedeepchecker' or 'fastai'"
        )


@dataclass(frozen=True)
class TorchModel:
    """A live `torch.nn.Module`."""

    module: Any
    name: str = ""

    @property
    def nonfinite_weights(self) -> tuple[NonfiniteTensor, ...]:
        """The parameters and running statistics with entries that are NaN or infinite."""
        from nonlin.inspection.torch.acceptance import original
        from nonlin.networks.torch_weights import nonfinite_weights

        return nonfinite_weights(original(self.module))

    @property
    def sample_shape(self) -> None:
        """A module does not declare its input."""
        return

    def record(
        self, batches: Iterator[Batch], progress: Progress | None, loss: Loss | None = None
    ) -> Recording:
        """Run the module under the recorder; it is left as it was."""
        from nonlin.inspection import torch as torch_calls

        return torch_calls.record(self.module, batches, progress=progress, loss=loss, name=self.name)

    def network(self, example: Array) -> Network:
        """Return the graph, by way of an ONNX export of a copy."""
        from nonlin.networks.torch_reader import read_torch

        return read_torch(self.module, example, name=self.name)

    def layer_weights(self, example: Batch) -> Mapping[str, LayerWeights]:
        """Return the layers that a forward pass shows."""
        from nonlin.inspection.curing import torch_weights
        from nonlin.inspection.curing.torch_survey import survey
        from nonlin.inspection.torch.acceptance import original

        module = original(self.module)
        return torch_weights.weights_of(module, survey(module, example))

    def weight_gradients(self, batches: Sequence[Batch], loss: Loss | None) -> tuple[WeightGradient, ...]:
        """Return the gradients of the weights that PyTorch calls a module's own."""
        from nonlin.inspection.torch.weight_gradients import weight_gradients

        return weight_gradients(self.module, batches, loss)


def open_model(model: Any) -> Model:
    """Recognise a model.

    Args:
        model: a path, or a `torch.nn.Module`.

    Raises:
        UnsafeModelError: if it is a file that would have to be unpickled.
        InvalidInputError: if it is neither.
    """
    if isinstance(model, OnnxModel | TorchModel):
        return model
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        return TorchModel(model)
    if not isinstance(model, str | Path):
        raise InvalidInputError(
            f"expected a model as the path of an ONNX file or .pt2 program, or a torch.nn.Module, got "
            f"{type(model).__name__}; export it with torch.onnx.export"
        )
    path = Path(model)
    if path.suffix == ".pt2":
        return TorchModel(open_program(path), path.name)
    if path.suffix in _PICKLED and path.exists():
        raise UnsafeModelError(
            f"expected an ONNX file or a .pt2 program, got {path}, a Python pickle by its name, which could run code "
            "when opened; export the model with torch.onnx.export or torch.export.save, or name a function that "
            "builds it: package.module:function"
        )
    return OnnxModel(open_onnx(path), path.name)
