"""Writes a network to a file, which is there whole or not at all."""

from pathlib import Path

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.files import write_whole
from nonlin.networks.network import Network
from nonlin.networks.onnx_writer import model_of

__all__ = ["write"]

_LARGEST = 2**31 - 1


def write(network: Network, path: str | Path) -> Path:
    """Write a network as ONNX (.onnx) or as a PyTorch program (.pt2).

    Args:
        network: what to write; weights are rounded to the element type of the file that it was read from, float32 for
            a network that was made.
        path: where; a file of that name is replaced when the new one is whole.

    Returns:
        The path.

    Raises:
        InvalidInputError: if the path ends in something else, or cannot be written.
        MissingInputError: if its folder does not exist.
        UnsupportedModelError: if a node cannot be written in that format; it is named.

    >>> import tempfile
    >>> from nonlin import demonstration
    >>> from nonlin.networks.read import read
    >>> network = read(demonstration.model_path())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read(write(network, Path(folder) / "same.onnx")).parameters
    9890
    """
    path = Path(path)
    if path.suffix == ".onnx":
        model = model_of(network)
        if model.ByteSize() > _LARGEST:
            raise UnsupportedModelError(
                f"expected a network of up to 2 GB, which is what one ONNX file holds, got {model.ByteSize()} bytes; "
                "simplify its parts"
            )
        return write_whole(path, model.SerializeToString())
    if path.suffix == ".pt2":
        from nonlin.networks.torch_writer import program_bytes

        return write_whole(path, program_bytes(network))
    raise InvalidInputError(f"expected a file that ends in .onnx or .pt2, got {path}; name such a file")
