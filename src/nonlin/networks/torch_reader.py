"""From a PyTorch module to a `Network`, by way of its ONNX export."""

import contextlib
import copy
import io
import logging
import warnings
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError, MissingDependencyError, UnsupportedModelError
from nonlin.networks.array import Array
from nonlin.networks.network import Network
from nonlin.networks.onnx_reader import network_of

__all__ = ["read_torch"]


def read_torch(module: Any, example: Array | None) -> Network:
    """Return the network of a PyTorch module; the module is left as it was.

    Args:
        module: a `torch.nn.Module` with one input; a copy of it, in evaluation mode, is exported to ONNX in memory.
        example: a batch of at least one sample, shape (samples, …); it says what shape the input has.

    Raises:
        InvalidInputError: if there is no example.
        MissingDependencyError: if the exporter's own dependency is not installed.
        UnsupportedModelError: if PyTorch cannot export the module.
    """
    if example is None:
        raise InvalidInputError(
            "expected an example of the input of a PyTorch module, got none; give example=array"
        )
    import torch

    try:
        import onnxscript  # noqa: F401 - torch.onnx needs it, and its own message is a stack of three
    except ImportError as error:
        raise MissingDependencyError(
            "reading a PyTorch module needs onnxscript: pip install 'nonlin[torch]'"
        ) from error
    frozen = copy.deepcopy(module).eval().cpu()
    name = type(module).__name__
    two = torch.as_tensor(np.concatenate([example[:1], example[:1]]))
    parameter = next((p for p in frozen.parameters() if p.is_floating_point()), None)
    if parameter is not None and two.is_floating_point():
        two = two.to(parameter.dtype)
    try:
        with _quiet():
            batch = torch.export.Dim("batch")
            exported = torch.onnx.export(
                frozen, (two,), dynamo=True, dynamic_shapes=({0: batch},), verbose=False
            )
    except Exception as error:  # the exporter raises anything
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise UnsupportedModelError(
            f"PyTorch cannot export {name} as a graph ({reason.strip()}); its folds are not counted"
        ) from error
    assert exported is not None  # noqa: S101 - so it is without a file name
    return network_of(exported.model_proto, name=name)


@contextlib.contextmanager
def _quiet() -> Any:
    """Keep the exporter's own progress, warnings and log from the user's terminal."""
    level = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(level)
