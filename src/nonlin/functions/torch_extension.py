"""The C++ extension, with which a function's node in PyTorch's graph of gradients costs 5 µs less; built on request."""

from __future__ import annotations

import hashlib
import platform
import sys
import warnings
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from nonlin.errors import MissingDependencyError
from nonlin.functions.kernels import cache_folder, load

__all__ = ["build_extension", "extension"]

SOURCE = Path(__file__).with_name("torch_node.cpp")


def build_extension() -> Path:
    """Build the C++ extension of PyTorch for this machine and this version of torch, if it is not there yet: 20 s.

    Without it a function's node in the graph of gradients is one in Python, which computes the same and costs 5 µs more
    for a call forward and backward. It is used from then on: at once by functions that have not been called on a
    tensor yet, and by every process that starts later.

    Returns:
        The library, in the folder of the compiled loops: `NONLIN_CACHE`, else nonlin in the user's cache folder.

    Raises:
        MissingDependencyError: there is no C++ compiler, or no ninja, or the compiler refuses.
    """
    from torch.utils import cpp_extension

    path = _path()
    if path.exists() and extension() is not None:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as folder:
        try:
            cpp_extension.load(path.stem, [str(SOURCE)], extra_cflags=["-O2"], build_directory=folder)
        except (RuntimeError, OSError) as error:
            raise MissingDependencyError(
                f"expected a C++ compiler and ninja, got {_reason(error)}; install g++ or clang, and "
                "`pip install 'nonlin[extension]'`"
            ) from error
        Path(folder, path.name).replace(path)
    extension.cache_clear()
    return path


@cache
def extension() -> Any:
    """Return the extension's module, or None where it has not been built."""
    path = _path()
    if not path.exists():
        return None
    try:
        return load(path.stem, path)
    except ImportError as error:
        warnings.warn(
            f"{path} cannot be loaded ({error}) and is left out; `nonlin extension` builds it anew",
            stacklevel=2,
        )
        return None


def _path() -> Path:
    built_for = (torch.__version__, sys.implementation.cache_tag, platform.machine())
    digest = hashlib.sha256(SOURCE.read_bytes() + repr(built_for).encode()).hexdigest()[:24]
    return cache_folder() / f"nonlin_extension_{digest}{EXTENSION_SUFFIXES[-1]}"


def _reason(error: Exception) -> str:
    """Return the line that says what went wrong, of many that a compiler writes."""
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("ninja: build stopped")]
    return next((line for line in lines if "error:" in line), lines[-1])
