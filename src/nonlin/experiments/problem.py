"""What is trained: a model and data, as named by the user, and opened in the process that needs them."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from nonlin.errors import InvalidInputError
from nonlin.experiments.data import Data, as_data
from nonlin.experiments.tasks import task

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.experiments.tasks import Task

__all__ = ["Problem", "Source", "open_problem"]

_THEIRS = (Exception, SystemExit)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """Where a model and data come from; small enough to be sent to another process, which opens it.

    Args:
        task: a built-in one, or None.
        model: "module:function", a function that makes a `torch.nn.Module`, or such a module; None for the task's.
        data: "module:function", a function, or what such a function returns; None for the task's.
        sites: the names of the calls whose function is exchanged, as `nonlin inspect` names them; None for every call
            of the function that the model calls most.
        token: the same for all copies, so that a process opens it once.
    """

    task: str | None = "digits"
    model: Any = None
    data: Any = None
    sites: tuple[str, ...] | None = None
    token: str = field(default_factory=lambda: uuid4().hex, init=False, repr=False)

    def __eq__(self, other: object) -> bool:
        """Return whether it is this one, or a copy of it that was sent to another process."""
        return isinstance(other, Source) and self.token == other.token

    def __hash__(self) -> int:
        return hash(self.token)

    @property
    def name(self) -> str:
        """What a reader calls it."""
        words = [_word(part) for part in (self.model, self.data) if part is not None]
        return ", ".join([*words, *([self.task] if self.task and len(words) < 2 else [])])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """A source that is open.

    Args:
        make_model: makes a network.
        data: of three parts.
        sites: the calls whose function is exchanged.
        traced: the passes of stacks of its models that were traced in this process.
    """

    make_model: Callable[[], Any]
    data: Data
    sites: tuple[str, ...] | None
    traced: dict[Any, Any] = field(default_factory=dict, repr=False)


@lru_cache(maxsize=8)
def open_problem(source: Source) -> Problem:
    """Return the model's maker and the data; a second time in one process, those of the first.

    Raises:
        InvalidInputError: what cannot be imported, or fails; a model and no data.
    """
    built_in = None if source.task is None else task(source.task)
    if built_in is None and (source.model is None or source.data is None):
        raise InvalidInputError("expected a model with data, or a task; got neither whole; give both")
    return Problem(
        make_model=_maker(source.model, built_in), data=_data(source.data, built_in), sites=source.sites
    )


def _data(given: Any, built_in: Task | None) -> Data:
    if given is None and built_in is not None:
        return built_in.data()
    if isinstance(given, str) and not Path(given).exists() and ":" in given:
        given = _imported(given)
    return as_data(_called(given, "data") if callable(given) else given)


def _maker(given: Any, built_in: Task | None) -> Callable[[], Any]:
    if given is None and built_in is not None:
        return built_in.model
    if isinstance(given, str):
        given = _imported(given)
    if hasattr(given, "named_parameters") and not isinstance(given, type):
        return lambda: _anew(given)
    if not callable(given):
        raise InvalidInputError(
            f"expected a function that makes the model, or a torch.nn.Module, got {type(given).__name__}; give one"
        )
    return lambda: _model(_called(given, "model"))


def _anew(model: Any) -> Any:
    """Return a copy with new weights, as its modules draw them."""
    from nonlin.networks.torch_copy import copied

    made = copied(model)
    for module in made.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return made


def _model(made: Any) -> Any:
    if not hasattr(made, "named_parameters"):
        raise InvalidInputError(
            f"expected a torch.nn.Module, got {type(made).__name__}; let the function return one"
        )
    return made


def _called(maker: Any, what: str) -> Any:
    try:
        return maker()
    except _THEIRS as error:
        text = " ".join(str(error).split())
        raise InvalidInputError(
            f"the function that makes the {what} failed: {type(error).__name__}: {text}; mend it"
        ) from error


def _imported(word: str) -> Any:
    module, _, attribute = word.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except _THEIRS as error:
        raise InvalidInputError(
            f"expected module:function, got {word}, which cannot be imported: {error}; run from its folder"
        ) from error
    return found


def _word(part: Any) -> str:
    if isinstance(part, str):
        return part
    return str(getattr(part, "__qualname__", type(part).__name__))
