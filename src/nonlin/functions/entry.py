"""What the catalogue holds about one activation function: its definition and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

__all__ = ["Entry", "ParameterEntry", "parameter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterEntry:
    """A parameter: its name, its default, the closed range it may lie in, whether the paper learns it."""

    name: str
    default: float
    low: float = -inf
    high: float = inf
    learnable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A function of the catalogue.

    Args:
        name: canonical.
        formula: the definition in the language of `nonlin.functions.parsing`. For a vector function the text
        is
            for people, and `nonlin.functions.vector` computes it.
        paper: authors and title of the first publication; for folklore, of the one that made it known.
        year: of that paper.
        aliases: other names.
        parameters: in the order in which they are written.
        vector: whether a value depends on more than one element of its input.
        fast: whether float32 arithmetic is right to 4 ULP, for the value and the slope.
        ordered: parameters that must increase strictly in this order.
        note: what a user should know.
    """

    name: str
    formula: str
    paper: str
    year: int
    aliases: tuple[str, ...] = ()
    parameters: tuple[ParameterEntry, ...] = field(default=())
    vector: bool = False
    fast: bool = False
    ordered: tuple[str, ...] = ()
    note: str = ""


def parameter(
    name: str, default: float, *, low: float = -inf, high: float = inf, learnable: bool = False
) -> ParameterEntry:
    """Describe a parameter in a line."""
    return ParameterEntry(name=name, default=default, low=low, high=high, learnable=learnable)
