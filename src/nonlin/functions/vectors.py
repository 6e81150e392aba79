"""The values of the functions that act on a whole vector, along the last axis, on NumPy float64 arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError
from nonlin.functions.array_primitives import PRIMITIVES
from nonlin.functions.simplex import SIMPLEX, Library, mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["GATES", "evaluate_vector", "halves", "runs"]

Array: TypeAlias = NDArray[np.float64]

NUMPY = Library(module=np, others={"positions": lambda u: np.arange(u.shape[-1])})


def evaluate_vector(name: str, parameters: Mapping[str, float], u: Array) -> Array:
    """Return the value of a vector function of the catalogue along the last axis.

    Args:
        name: canonical.
        parameters: every one of its parameters.
        u: shape (..., n); a gated function halves n, crelu doubles it, maxout divides it by its pieces.
    """
    if u.ndim == 0 or u.shape[-1] == 0:
        raise InvalidInputError(
            f"expected at least one element along the last axis for {name}, got {u.shape}; give one"
        )
    with np.errstate(all="ignore"):
        if name in SIMPLEX:
            return np.asarray(mapped(NUMPY, name, parameters, u))
        return VALUES[name](u, **parameters)


def halves(u: Any) -> tuple[Any, Any]:
    """Return both halves of the last axis, of an array of any kind.

    Raises:
        InvalidInputError: its number of elements is odd.
    """
    if u.shape[-1] % 2:
        raise InvalidInputError(
            f"expected an even number of elements along the last axis, got {u.shape[-1]}; pad it"
        )
    half = u.shape[-1] // 2
    return u[..., :half], u[..., half:]


def _gated(gate: Callable[[Array], Array]) -> Callable[[Array], Array]:
    def value(u: Array) -> Array:
        a, b = halves(u)
        return np.asarray(a * gate(b))

    return value


def _maxout(u: Array, pieces: float) -> Array:
    return np.asarray(runs(u, pieces).max(axis=-1))


def runs(u: Any, pieces: float) -> Any:
    """Return the last axis cut into runs of `pieces` elements, of an array of any kind.

    Raises:
        InvalidInputError: its number of elements is no multiple of that.
    """
    size = int(pieces)
    if size != pieces or u.shape[-1] % size:
        raise InvalidInputError(
            f"expected a multiple of {pieces} elements along the last axis, got {u.shape[-1]}; change pieces"
        )
    return u.reshape((*u.shape[:-1], u.shape[-1] // size, size))


GATES = {"glu": "sigmoid", "reglu": "relu", "geglu": "gelu", "swiglu": "silu"}
"""The function of each gate."""

VALUES: dict[str, Callable[..., Array]] = {
    "crelu": lambda u: np.concatenate([np.maximum(u, 0.0), np.maximum(-u, 0.0)], axis=-1),
    "glu": _gated(PRIMITIVES["sigmoid"]),
    "reglu": _gated(lambda b: np.maximum(b, 0.0)),
    "geglu": _gated(lambda b: b * PRIMITIVES["normal_cdf"](b)),
    "swiglu": _gated(lambda b: b * PRIMITIVES["sigmoid"](b)),
    "maxout": _maxout,
}
"""The vector functions that do not map onto the simplex, by canonical name."""
