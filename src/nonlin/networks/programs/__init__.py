"""PyTorch programs (.pt2) as modules. Importing this does not load torch."""

from pathlib import Path
from typing import Any

from nonlin.errors import MissingDependencyError

__all__ = ["open_program"]


def open_program(path: Path) -> Any:
    """Open a .pt2 file of `torch.export.save`, without running anything in it.

    Args:
        path: of the file.

    Returns:
        A `torch.nn.Module` with the program's parameters under their names, on the CPU, which takes the program's
        inputs.

    Raises:
        MissingDependencyError: if PyTorch is not installed.
        MissingInputError: no such file.
        UnsafeModelError: a file, or an entry of it, that could run code when opened.
        UnsupportedModelError: an operation that a program may not have here; it is named.
        InvalidInputError: a damaged file.
    """
    try:
        from nonlin.networks.programs.program import program_of
    except ImportError as error:
        raise MissingDependencyError(
            f"{path} is a PyTorch program, which needs PyTorch: pip install 'nonlin[torch]'"
        ) from error
    return program_of(path)
