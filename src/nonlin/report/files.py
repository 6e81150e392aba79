"""Files that are there whole or not at all."""

import os
import tempfile
from pathlib import Path

from nonlin.errors import InvalidInputError, MissingInputError

__all__ = ["check_writable", "write_whole"]


def write_whole(path: Path, text: str) -> Path:
    """Write a file so that it is never seen half-written; an old one stays until the new one is whole.

    Args:
        path: the file; its folder must exist.
        text: what to write, in UTF-8.

    Returns:
        The path.

    Raises:
        MissingInputError: if the folder does not exist.
        InvalidInputError: if the file cannot be written.
    """
    check_writable(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InvalidInputError(
            f"{path} cannot be written: {error.strerror}; choose another place"
        ) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def check_writable(path: Path) -> None:
    """Refuse a place where no file can be written, before any work is done for it.

    Raises:
        MissingInputError: if the folder does not exist.
        InvalidInputError: if the folder, or an existing file of that name, must not be written.
    """
    if not path.parent.is_dir():
        raise MissingInputError(
            f"expected a folder to write into, but there is no {path.parent}; make it first"
        )
    if path.is_dir():
        raise InvalidInputError(f"expected a file to write, got the folder {path}; name a file in it")
    if not os.access(path.parent, os.W_OK):
        raise InvalidInputError(
            f"expected a folder that can be written, got {path.parent}; choose another place"
        )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
