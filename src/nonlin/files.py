"""Files that are there whole or not at all."""

import os
import tempfile
from pathlib import Path

from nonlin.errors import InvalidInputError, MissingInputError

__all__ = ["check_writable", "write_whole"]


def write_whole(path: Path, content: str | bytes) -> Path:
    """Write a file so that it is never seen half-written; an old one stays until the new one is whole.

    Args:
        path: the file; its folder must exist. A link stays a link, and the file behind it is written; a device or a
            pipe (/dev/stdout) is written to, never replaced.
        content: what to write; text in UTF-8.

    Returns:
        The path.

    Raises:
        MissingInputError: if the folder does not exist.
        InvalidInputError: if the file cannot be written.
    """
    check_writable(path)
    data = content if isinstance(content, bytes) else content.encode()
    if _is_device(path):
        path.write_bytes(data)
        return path
    place = path.resolve()
    try:
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    except OSError as error:
        raise InvalidInputError(
            f"{path} cannot be written: {error.strerror}; choose another place"
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(place)
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
    if _is_device(path):
        if not os.access(path, os.W_OK):
            raise InvalidInputError(
                f"expected a device that can be written, got {path}; choose another place"
            )
        return
    folder = path.resolve().parent
    if not os.access(folder, os.W_OK):
        raise InvalidInputError(f"expected a folder that can be written, got {folder}; choose another place")


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
