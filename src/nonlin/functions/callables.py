"""The values of a callable of the user's, whatever it takes."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["values_of"]

Array: TypeAlias = NDArray[np.float64]


def values_of(f: Callable[[Any], Any], u: Array) -> Array:
    """Return f at every element of an array.

    Args:
        f: takes an array of NumPy, or a tensor of PyTorch of float64 or float32 (a function, a module), or a number.
        u: shape (n,).

    Raises:
        InvalidInputError: it takes none of them, or does not return a number for each element.
    """
    refused: Exception | None = None
    for attempt in _attempts(f, u):
        try:
            found = np.asarray(attempt(), np.float64)
            if found.shape == u.shape:
                return found
            if found.ndim == 0 and all(float(f(float(x))) == found for x in (u[0], u[-1])):
                return np.full(u.shape, found)  # a constant
        except (AttributeError, TypeError, ValueError, RuntimeError) as error:
            refused = refused or error
            continue
        raise InvalidInputError(
            f"expected a callable that returns as many numbers as it takes, got the shape {found.shape} for {u.shape}; "
            "let it act on each element"
        )
    raise InvalidInputError(
        f"expected a callable that takes numbers and returns as many, got {type(refused).__name__}: {refused}; "
        "wrap it in one"
    ) from refused


def _attempts(f: Callable[[Any], Any], u: Array) -> Iterator[Callable[[], Any]]:
    yield partial(f, u)
    torch = sys.modules.get("torch")
    if torch is not None:  # only then can f want a tensor
        for dtype in (torch.float64, torch.float32):
            yield partial(_without_gradient, torch, f, torch.tensor(u, dtype=dtype))
    yield lambda: [float(f(float(x))) for x in u]


def _without_gradient(torch: Any, f: Callable[[Any], Any], u: Any) -> Any:
    with torch.no_grad():
        return f(u).double().cpu().numpy()
