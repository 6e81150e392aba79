"""Writes a network to a file, which is there whole or not at all."""

import os
import tempfile
from pathlib import Path

from nonlin.errors import InvalidInputError, MissingInputError, UnsupportedModelError
from nonlin.networks.network import Network
from nonlin.networks.onnx_writer import model_of

__all__ = ["write", "write_bytes"]

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
        return write_bytes(path, model.SerializeToString())
    if path.suffix == ".pt2":
        from nonlin.networks.torch_writer import program_bytes

        return write_bytes(path, program_bytes(network))
    raise InvalidInputError(f"expected a file that ends in .onnx or .pt2, got {path}; name such a file")


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file so that it is never seen half-written; an old one stays until the new one is whole.

    Raises:
        MissingInputError: if the folder does not exist.
        InvalidInputError: if it cannot be written there.
    """
    if not path.parent.is_dir():
        raise MissingInputError(
            f"expected a folder to write into, but there is no {path.parent}; make it first"
        )
    if path.exists() and not path.is_file():
        raise InvalidInputError(f"expected a file to write, got {path}, which is none; name a file")
    place = path.resolve()
    try:
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    except OSError as error:
        raise InvalidInputError(
            f"{path} cannot be written: {error.strerror}; choose another place"
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(place)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
