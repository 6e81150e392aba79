"""Reads a network from whatever holds one."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.networks.array import Array
from nonlin.networks.network import Network
from nonlin.networks.onnx_reader import read_onnx
from nonlin.networks.programs import open_program

__all__ = ["read"]


def read(model: Any, example: Array | None = None) -> Network:
    """Read a network.

    Args:
        model: the path of an ONNX file or of a .pt2 program, or a `torch.nn.Module`, which is left exactly as it is; a
            network that was read is returned.
        example: for a module, a batch of at least one sample, shape (samples, …). A program knows its own shape.

    Returns:
        The network; operators that nonlin does not understand are opaque nodes in it.

    Raises:
        MissingInputError, InvalidInputError, UnsafeModelError, UnsupportedModelError, MissingDependencyError: in one
            line, what was expected, what was got and what to do; also where weights are NaN or infinite.

    >>> from nonlin import demonstration
    >>> network = read(demonstration.model_path())
    >>> len(network.nodes), network.parameters, network.piecewise_linear
    (9, 9890, True)
    """
    if isinstance(model, Network):
        return model
    if isinstance(model, str | Path):
        path = Path(model)
        return _read_program(path, example) if path.suffix == ".pt2" else read_onnx(path)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        from nonlin.networks.torch_reader import read_torch

        return read_torch(model, example)
    raise InvalidInputError(
        f"expected a model as the path of an ONNX file or .pt2 program, or a torch.nn.Module, got "
        f"{type(model).__name__}; export it with torch.onnx.export"
    )


def _read_program(path: Path, example: Array | None) -> Network:
    program = open_program(path)  # this asks for PyTorch, which the next import needs
    from nonlin.networks.torch_reader import read_torch

    if example is None:
        shapes = tuple(program.shapes.values())
        if len(shapes) != 1:
            raise UnsupportedModelError(
                f"expected a program with one input, got {path} with {len(shapes)}; export it to ONNX"
            )
        example = np.zeros(shapes[0], np.float32)
    return read_torch(program, example, name=path.name)
