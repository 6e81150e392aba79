"""A property of a function, and how it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

__all__ = ["Property", "Status", "numeric", "proved", "unknown"]

Status: TypeAlias = Literal["proved", "numeric", "unknown"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Property(Generic[T]):
    """A value and how it is known.

    Args:
        value: what is known; None where nothing is.
        status: "proved" by interval arithmetic, exact arithmetic or an argument; "numeric" from samples;
            "unknown".
        error: of a number, how far the value may be off: rigorous where proved, else an estimate; 0 where the
            value is exact.
        reason: the argument in a few words, or why there is none.
    """

    value: T | None
    status: Status
    error: float = 0.0
    reason: str = ""


def proved(value: T, reason: str, *, error: float = 0.0) -> Property[T]:
    """Return a property that is proved."""
    return Property(value=value, status="proved", error=error, reason=reason)


def numeric(value: T, reason: str, *, error: float = 0.0) -> Property[T]:
    """Return a property that samples say."""
    return Property(value=value, status="numeric", error=error, reason=reason)


def unknown(reason: str) -> Property[T]:
    """Return a property of which nothing is known."""
    return Property(value=None, status="unknown", reason=reason)
