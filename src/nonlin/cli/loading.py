"""Turns a word of the command line into a path, or into what a function of the user's returns."""

import importlib
import re
import sys
from pathlib import Path
from typing import Any

from nonlin.errors import InvalidInputError

__all__ = ["load"]

_CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def load(word: str, *, what: str) -> Any:
    """Return the path that a word names, or what the function returns that it names.

    Args:
        word: a path, or `package.module:function`; the current folder is on the module path, and the function is
            called without arguments. That runs the user's own code, because the user asked for it by name.
        what: "model" or "data", for the message.

    Raises:
        InvalidInputError: if the function cannot be imported, or fails.
    """
    if Path(word).exists() or not _CALLABLE.fullmatch(word):
        return Path(word)
    module_name, _, attribute = word.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise InvalidInputError(
            f"expected the {what} as package.module:function, got {word}, which cannot be imported: {error}; "
            "run from the folder that holds the module, or install it"
        ) from error
    if not callable(found):
        raise InvalidInputError(
            f"expected {word} to be a function that returns the {what}, got {type(found).__name__}"
        )
    try:
        return found()
    except Exception as error:  # the user's own code may raise anything
        raise InvalidInputError(
            f"{word} failed to make the {what}: {type(error).__name__}: {error}"
        ) from error
