"""Turns a word of the command line into a path, or into what a function of the user's returns."""

import importlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nonlin.errors import InvalidInputError

__all__ = ["load"]

_THEIRS = (Exception, SystemExit)
"""What the user's own code may raise; an interrupt is ours."""

_CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def load(word: str, *, what: str) -> Any:
    """Return the path that a word names, or what the function returns that it names.

    Args:
        word: a path, or `package.module:function`; the current folder is on the module path, and the function is
            called without arguments. That runs the user's own code, because the user asked for it by name.
        what: "model", "data" or "labels", for the message; data may also be made batch by batch.

    Raises:
        InvalidInputError: if the function cannot be imported, or fails; for batches, when it fails.
    """
    if Path(word).exists() or not _CALLABLE.fullmatch(word):
        return Path(word)
    module_name, _, attribute = word.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    found = _imported(word, module_name, attribute, what=what)
    # a model can be called too, but not to make one
    if not callable(found) or (hasattr(found, "state_dict") and not isinstance(found, type)):
        raise InvalidInputError(
            f"expected {word} to be a function that returns the {what}, got {type(found).__name__}; "
            f"write def make(): return {word.rpartition(':')[2]}, and name that"
        )
    try:
        made = found()
    except _THEIRS as error:
        raise _failed(word, what, error) from error
    lazy = what == "data" and isinstance(made, Iterable) and not hasattr(made, "shape")
    return _batches(made, word) if lazy and not isinstance(made, Mapping | str | Path) else made


def _imported(word: str, module_name: str, attribute: str, *, what: str) -> Any:
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise InvalidInputError(
            f"expected the {what} as package.module:function, got {word}, which cannot be imported: {error}; "
            "run from the folder that holds the module, or install it"
        ) from error
    except _THEIRS as error:
        raise InvalidInputError(
            f"{word} cannot be imported: {_in_a_line(error)}; mend the module {module_name}"
        ) from error
    return found


def _batches(made: Iterable[Any], word: str) -> Iterator[Any]:
    """Yield the batches; where the user's own code fails on the way, say so."""
    try:
        yield from made
    except _THEIRS as error:
        raise _failed(word, "data", error) from error


def _failed(word: str, what: str, error: BaseException) -> InvalidInputError:
    return InvalidInputError(f"{word} failed to make the {what}: {_in_a_line(error)}; mend that function")


def _in_a_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
