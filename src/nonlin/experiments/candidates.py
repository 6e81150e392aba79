"""What is compared: activation functions under names, and the short forms in which a user writes several at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from nonlin.errors import InvalidInputError, UnknownFunctionError
from nonlin.functions import Function, function
from nonlin.functions.choice import as_function

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Candidate", "candidates", "split_words"]

_CALL = re.compile(r"\s*([A-Za-z_]\w*)\s*\(([^()]*)\)\s*")
_NAMED = re.compile(r"\s*([A-Za-z_]\w*)\s*=(?!=)\s*(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A function under the name that it has in the study."""

    name: str
    function: Function

    @property
    def identity(self) -> str:
        """The name with all that defines the function, so that a changed definition is another study."""
        values = ",".join(f"{key}={value!r}" for key, value in self.function.parameters.items())
        return f"{self.name}: {self.function.formula} [{values}]"


def candidates(
    functions: str | Iterable[str | Function] | Mapping[str, str | Function],
) -> tuple[Candidate, ...]:
    """Return what a user wants to compare.

    Args:
        functions: names, formulas and functions, in a list or as one text with commas; `leaky_relu(0.01, 0.1)` stands
            for one function for each value of its first parameter, `swish(beta=1, beta=2)` for each value of the named
            one; `name=…` or a mapping gives a name of the user's.

    Raises:
        UnknownFunctionError, InvalidInputError: what is not understood, fewer than two, or one name twice.

    >>> [c.name for c in candidates("relu, leaky_relu(0.1, 0.3)")]
    ['relu', 'leaky_relu(negative_slope=0.1)', 'leaky_relu(negative_slope=0.3)']
    """
    words: list[tuple[str | None, str | Function]]
    if isinstance(functions, Mapping):
        words = list(functions.items())
    else:
        listed = split_words(functions) if isinstance(functions, str) else list(functions)
        words = [_named(word) for word in listed]
    found = tuple(one for name, word in words for one in _candidates(name, word))
    if len(found) < 2:
        raise InvalidInputError(f"expected at least two functions to compare, got {len(found)}; name another")
    names = [one.name for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInputError(
            f"expected each function once, got {twice[0]} twice; give one a name: twin={twice[0]}"
        )
    return found


def split_words(text: str) -> list[str]:
    """Split a text at the commas that stand outside parentheses."""
    words, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            words.append("")
        else:
            words[-1] += letter
    return [word.strip() for word in words if word.strip()]


def _named(word: str | Function) -> tuple[str | None, str | Function]:
    found = _NAMED.fullmatch(word) if isinstance(word, str) else None
    return (found[1], found[2]) if found else (None, word)


def _candidates(name: str | None, word: str | Function) -> list[Candidate]:
    made = _functions(word)
    for one in made:
        if one.vector:
            raise InvalidInputError(
                f"expected functions of one number, got {one.name}, of a whole vector; it cannot stand in every place"
            )
    if name is not None and len(made) > 1:
        raise InvalidInputError(
            f"expected one function under the name {name}, got {len(made)}; leave the name out"
        )
    return [Candidate(name=name or one.label, function=one) for one in made]


def _functions(word: str | Function) -> list[Function]:
    found = _CALL.fullmatch(word) if isinstance(word, str) else None
    if isinstance(word, str) and found:
        values = _values(found[2])
        if values is not None:
            return [function(found[1], **chosen) for chosen in _choices(found[1], values)]
    made = as_function(word)
    return [made]


def _values(text: str) -> list[tuple[str | None, float]] | None:
    """Return the arguments of a short form; None where one is no number, as in a formula."""
    values: list[tuple[str | None, float]] = []
    for part in split_words(text):
        key, _, number = part.rpartition("=")
        try:
            values.append((key.strip() or None, float(number)))
        except ValueError:
            return None
    return values


def _choices(name: str, values: Sequence[tuple[str | None, float]]) -> list[dict[str, float]]:
    first = next(iter(function(name).parameters), None)
    by_key: dict[str, list[float]] = {}
    for key, value in values:
        if key is None and first is None:
            raise UnknownFunctionError(f"expected {name} without parameters, got {value}; write {name}")
        by_key.setdefault(key or str(first), []).append(value)
    return [dict(zip(by_key, chosen, strict=True)) for chosen in product(*by_key.values())]
