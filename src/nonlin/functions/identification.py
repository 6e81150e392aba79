"""Recognises a function of the catalogue in an expression that was written in another way."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.functions.catalogue import ENTRIES
from nonlin.functions.evaluation import evaluate
from nonlin.functions.expression import Call, Constant, Expression, Parameter, Piecewise
from nonlin.functions.lookup import definition, function, function_of
from nonlin.functions.tails import evaluate_everywhere

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nonlin.functions.function import Function

__all__ = ["identify"]

GRID = np.concatenate(
    [-np.logspace(1.5, -3, 28), [0.0], np.logspace(-3, 1.5, 28), [-3.0, 3.0, 6.0, 1.0, -1.0]]
)
RELATIVE = 1e-5  # the constants of an exported float32 model are rounded
ABSOLUTE = 1e-7  # and 1 + erf(x) of it cancels on the left
Parts: TypeAlias = tuple[Expression, ...]

MATCHED = 2000  # steps of the structural match, so that it cannot run away


@lru_cache(maxsize=4096)
def identify(expression: Expression) -> Function | None:
    """Return the catalogue's function that equals an expression to about 1e-5, or None.

    First with the default parameters, by values from −30 to 30; then with the parameters that a structural
    match
    with a definition finds.
    """
    with np.errstate(all="ignore"):
        values = evaluate(expression, GRID)
        table, found = _table()
        size = np.maximum(np.abs(values), np.abs(table))
        equal = (np.abs(table - values) <= RELATIVE * size + ABSOLUTE).all(axis=1)
    if equal.any():
        return found[int(equal.argmax())]
    return next(_matched(expression), None)


@cache
def _table() -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], tuple[Function, ...]]:
    scalar = tuple(function_of(entry) for entry in ENTRIES.values() if not entry.vector)
    rows = [evaluate_everywhere(f.expression, GRID) for f in scalar if f.expression is not None]
    return np.array(rows), scalar


def _matched(expression: Expression) -> Iterator[Function]:
    for entry in ENTRIES.values():
        if entry.vector or not entry.parameters:
            continue
        steps = [MATCHED]
        for bound in _match(definition(entry.name), expression, {}, steps):
            if len(bound) != len(entry.parameters):
                continue
            try:
                yield function(entry.name, **bound)
            except InvalidInputError:
                continue


def _match(
    pattern: Expression, node: Expression, bound: dict[str, float], steps: list[int]
) -> Iterator[dict[str, float]]:
    steps[0] -= 1
    if steps[0] < 0:
        return
    if isinstance(pattern, Parameter):
        if isinstance(node, Constant) and bound.get(pattern.name, node.value) == node.value:
            yield {**bound, pattern.name: node.value}
    elif isinstance(pattern, Constant) and isinstance(node, Constant):
        if abs(node.value - pattern.value) <= RELATIVE * abs(pattern.value):
            yield bound
    elif isinstance(pattern, Call | Piecewise):
        for first, second in _pairings(pattern, node):
            yield from _match_all(first, second, bound, steps)
    elif pattern == node:
        yield bound


def _pairings(pattern: Expression, node: Expression) -> Iterator[tuple[Parts, Parts]]:
    if isinstance(pattern, Call) and isinstance(node, Call) and node.operator == pattern.operator:
        yield pattern.operands, node.operands
        if pattern.operator in ("add", "multiply"):
            yield pattern.operands, node.operands[::-1]
    if isinstance(pattern, Piecewise) and isinstance(node, Piecewise) and len(node.at) == len(pattern.at):
        first = (pattern.argument, *pattern.points, *pattern.pieces)
        yield first, (node.argument, *node.points, *node.pieces)


def _match_all(
    patterns: Parts, parts: Parts, bound: dict[str, float], steps: list[int]
) -> Iterator[dict[str, float]]:
    if not patterns:
        yield bound
        return
    for found in _match(patterns[0], parts[0], bound, steps):
        yield from _match_all(patterns[1:], parts[1:], found, steps)
