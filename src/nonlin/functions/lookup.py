"""Finds a function of the catalogue by name, or makes one from a formula of the user's."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache, lru_cache
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING

from nonlin.errors import InvalidInputError, UnknownFunctionError
from nonlin.functions.catalogue import ENTRIES
from nonlin.functions.construction import substitute
from nonlin.functions.expression import Constant, Expression, Parameter, as_expression, nodes
from nonlin.functions.function import Function
from nonlin.functions.parsing import parse
from nonlin.functions.rewriting import stabilise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nonlin.functions.entry import Entry

__all__ = ["define", "function", "functions"]


def function(name: str, /, **parameters: float) -> Function:
    """Return a function of the catalogue.

    Args:
        name: its name or an alias; case, spaces and hyphens do not matter.
        parameters: those that differ from their default.

    Raises:
        UnknownFunctionError: no such name; the message has the nearest.
        InvalidInputError: no such parameter, or a value out of its range.

    >>> function("swish").name, function("swish", beta=2.0).label
    ('silu', 'swish(beta=2)')
    """
    if not isinstance(name, str):
        raise InvalidInputError(
            f"expected a function's name as text, got {type(name).__name__}; see nonlin.functions()"
        )
    entry = _find(name, parameters)
    given = {p.name: p.default for p in entry.parameters}
    for key, value in parameters.items():
        given[key] = _checked(entry, key, value)
    _check_order(entry, given)
    return _build(entry.name, tuple(given.items()))


def _check_order(entry: Entry, given: Mapping[str, float]) -> None:
    if any(given[a] >= given[b] for a, b in pairwise(entry.ordered) if a in given and b in given):
        got = ", ".join(f"{key}={given[key]}" for key in entry.ordered)
        raise InvalidInputError(
            f"expected {' < '.join(entry.ordered)} of {entry.name}, got {got}; change one"
        )


def functions() -> tuple[Function, ...]:
    """Return every function of the catalogue with its default parameters, sorted by name."""
    return tuple(function_of(ENTRIES[name]) for name in sorted(ENTRIES))


def function_of(entry: Entry) -> Function:
    """Return the function of an entry with its default parameters."""
    return _build(entry.name, tuple((p.name, p.default) for p in entry.parameters))


def define(formula: str, /, **parameters: float) -> Function:
    """Make a function from a formula in x, for which everything is derived as for the catalogue's own.

    Args:
        formula: such as "x * sigmoid(beta * x)"; see `nonlin.functions.parsing.parse` for what it may hold.
        parameters: every other name in the formula, with its value.

    Raises:
        InvalidInputError: names the part of the formula, or the parameter, that is not understood.

    >>> round(define("x * sigmoid(beta * x)", beta=1.0)(2.0), 12)
    1.761594155956
    """
    if not isinstance(formula, str):
        raise InvalidInputError(
            f"expected a formula as text, got {type(formula).__name__}; write it in quotes"
        )
    definition = stabilise(parse(formula, parameters=parameters, resolve=_resolve, names=names()))
    used = {node.name for node in nodes(definition) if isinstance(node, Parameter)}
    for name, value in parameters.items():
        if name not in used:
            raise InvalidInputError(
                f"expected only parameters that the formula {formula!r} uses, got {name!r}; drop it"
            )
        _number(name, value)
    values = {name: float(value) for name, value in parameters.items()}
    made = Function(name=formula, parameters=values, definition=definition, formula=formula, defaults=values)
    _ = made.expression  # a division by a parameter that is 0 is reported now, not at the first call
    return made


@cache
def names() -> Mapping[str, tuple[Entry, ...]]:
    """Return the entries that each name or alias may mean, the likelier first."""
    found: dict[str, tuple[Entry, ...]] = {}
    for entry in ENTRIES.values():
        for name in (entry.name, *entry.aliases):
            found[name] = (*found.get(name, ()), entry)
    return found


def _find(name: str, parameters: Iterable[str]) -> Entry:
    key = name.strip().lower().replace(" ", "_").replace("-", "_")
    entries = names().get(key, ())
    if not entries:
        near = get_close_matches(key, names(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "nonlin.functions() lists them"
        raise UnknownFunctionError(f"expected the name of an activation function, got {name!r}; {hint}")
    wanted = set(parameters)
    return next((e for e in entries if wanted <= {p.name for p in e.parameters}), entries[0])


def _checked(entry: Entry, key: str, value: float) -> float:
    for p in entry.parameters:
        if p.name == key:
            _number(key, value)
            if not p.low <= value <= p.high:
                raise InvalidInputError(
                    f"expected {key} of {entry.name} in [{p.low}, {p.high}], got {value}; change it"
                )
            return float(value)
    known = ", ".join(p.name for p in entry.parameters) or "no parameters"
    raise InvalidInputError(f"expected a parameter of {entry.name} ({known}), got {key!r}; use one of those")


def _number(name: str, value: float) -> None:
    try:
        fine = isfinite(float(value))
    except (OverflowError, TypeError, ValueError):
        fine = False
    if not fine:
        raise InvalidInputError(f"expected a finite number for {name}, got {value!r}; give one")


@cache
def definition(name: str) -> Expression:
    """Return the expression of a scalar entry, with its `Parameter` nodes."""
    entry = ENTRIES[name]
    return parse(entry.formula, parameters=[p.name for p in entry.parameters], resolve=_resolve)


@lru_cache(maxsize=1024)
def _build(name: str, parameters: tuple[tuple[str, float], ...]) -> Function:
    entry = ENTRIES[name]
    built = Function(
        name=name,
        parameters=dict(parameters),
        definition=None if entry.vector else definition(name),
        formula=entry.formula,
        entry=entry,
        defaults={p.name: p.default for p in entry.parameters},
    )
    _ = built.expression  # a wrong order of breakpoints is reported now, not at the first call
    return built


def _resolve(name: str, argument: Expression, keywords: dict[str, Expression]) -> Expression | None:
    try:
        entry = _find(name, keywords)
    except UnknownFunctionError:
        return None
    if entry.vector or not set(keywords) <= {p.name for p in entry.parameters}:
        return None
    values: dict[str, Expression | float] = {p.name: p.default for p in entry.parameters}
    values |= keywords
    numbers = {key: value.value for key, value in keywords.items() if isinstance(value, Constant)}
    for key, number in numbers.items():
        _checked(entry, key, number)
    _check_order(entry, {p.name: p.default for p in entry.parameters if p.name not in keywords} | numbers)
    return substitute(
        definition(entry.name), x=argument, parameters={k: as_expression(v) for k, v in values.items()}
    )
