"""Takes what a user may hand in for a function: a Function, a name, or a formula."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, overload

from nonlin.errors import InvalidInputError, UnknownFunctionError
from nonlin.functions.function import Function
from nonlin.functions.lookup import define, function

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["as_function"]

FORMULA = re.compile(r"[-+*/()\d]|^\s*x\s*$")


@overload
def as_function(f: Function | str, **parameters: float) -> Function: ...
@overload
def as_function(f: Callable[..., object], **parameters: float) -> Function | None: ...
def as_function(f: Function | str | Callable[..., object], **parameters: float) -> Function | None:
    """Return the function of a name or a formula, the function itself, or None for any other callable.

    Args:
        f: what a user handed in.
        parameters: of a name or a formula.

    Raises:
        UnknownFunctionError: a word that is no name of the catalogue; the message has the nearest.
        InvalidInputError: a formula that is not understood, or something else altogether.
    """
    if isinstance(f, Function):
        return f
    if isinstance(f, str):
        f = f.strip()
        try:
            return function(f, **parameters)
        except UnknownFunctionError:
            if FORMULA.search(f) is None or _dashed_name(f):
                raise
            return define(f, **parameters)
    if callable(f):
        return None
    raise InvalidInputError(
        f"expected a function, its name, a formula in x or a callable, got {type(f).__name__}; see nonlin.functions()"
    )


def _dashed_name(text: str) -> bool:
    return re.fullmatch(r"\s*[A-Za-z_]\w*(-[A-Za-z_]\w*)*\s*", text) is not None and text.strip() != "x"
