"""Reads a network from whatever holds one."""

import sys
from pathlib import Path
from typing import Any

from nonlin.errors import InvalidInputError
from nonlin.networks.array import Array
from nonlin.networks.network import Network
from nonlin.networks.onnx_reader import read_onnx

__all__ = ["read"]


def read(model: Any, example: Array | None = None) -> Network:
    """Read a network.

    Args:
        model: the path of an ONNX file, or a `torch.nn.Module`, which is left exactly as it is.
        example: for a module, a batch of at least one sample, shape (samples, …).

    Returns:
        The network; operators that nonlin does not understand are opaque nodes in it.

    Raises:
        MissingInputError, InvalidInputError, UnsafeModelError, UnsupportedModelError, MissingDependencyError: in one
            line, what was expected, what was got and what to do.

    >>> from nonlin import demonstration
    >>> network = read(demonstration.model_path())
    >>> len(network.nodes), network.parameters, network.piecewise_linear
    (9, 9890, True)
    """
    if isinstance(model, str | Path):
        return read_onnx(Path(model))
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        from nonlin.networks.torch_reader import read_torch

        return read_torch(model, example)
    raise InvalidInputError(
        f"expected a model as the path of an ONNX file, or a torch.nn.Module, got {type(model).__name__}; "
        "export it with torch.onnx.export"
    )
