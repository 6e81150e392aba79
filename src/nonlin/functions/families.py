"""Remembers which expressions are one definition with different parameters, so that they share a compiled loop."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, TypeAlias

from nonlin.functions.differentiation import differentiate
from nonlin.functions.expression import Constant, Expression, Parameter, nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["family_of", "remember"]

Parameters: TypeAlias = tuple[tuple[str, float], ...]

LARGEST = 4096  # a longer sweep forgets its first members, which then are compiled on their own

_MEMBERS: OrderedDict[Expression, tuple[Expression, Parameters]] = OrderedDict()


def remember(expression: Expression, definition: Expression, parameters: Mapping[str, float]) -> None:
    """Note that an expression, and its slope, are a definition with these values.

    Args:
        expression: without parameters.
        definition: with `Parameter` nodes; nothing is noted where it has none.
        parameters: the value of each.
    """
    used = {node.name for node in nodes(definition) if isinstance(node, Parameter)}
    values = tuple((name, value) for name, value in parameters.items() if name in used)
    if not values or isinstance(expression, Constant):
        return
    _note(expression, definition, values)
    _note(differentiate(expression), differentiate(definition), values)


def family_of(expressions: tuple[Expression, ...]) -> tuple[tuple[Expression, ...], Parameters] | None:
    """Return definitions and parameters' values that give the expressions; None if they are not all of one family."""
    found = [_MEMBERS.get(expression) for expression in expressions]
    known = [member for member in found if member is not None]
    if len(known) < len(found) or len({values for _, values in known}) != 1:
        return None
    return tuple(definition for definition, _ in known), known[0][1]


def _note(expression: Expression, definition: Expression, values: Parameters) -> None:
    # a slope may have lost its parameters, and be that of other functions, too
    if any(isinstance(node, Parameter) for node in nodes(definition)):
        _MEMBERS[expression] = definition, values
        while len(_MEMBERS) > LARGEST:
            _MEMBERS.popitem(last=False)
