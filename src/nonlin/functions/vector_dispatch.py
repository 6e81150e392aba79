"""Evaluates a function of a whole vector along any axis of an array of any kind, and returns the same kind."""

from __future__ import annotations

import sys
from operator import index
from typing import TYPE_CHECKING, Any, SupportsIndex

from nonlin.errors import InvalidInputError
from nonlin.functions.dispatch import apply_array
from nonlin.functions.vectors import evaluate_vector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["apply_vector"]


def apply_vector(
    name: str, parameters: Mapping[str, float], u: Any, *, axis: int = -1, out: Any = None
) -> Any:
    """Evaluate a vector function of the catalogue along one axis.

    Args:
        name: canonical.
        parameters: every one of its parameters.
        u: a NumPy array, a torch tensor or a JAX array of at least one dimension.
        axis: of the vectors.
        out: a NumPy array of the result's shape and u's type to write into.

    Raises:
        InvalidInputError: no such axis, or a number of elements along it that the function does not take.
    """
    other = _framework(u)
    if other is None:
        return apply_array(
            lambda array: _along(axis, array, lambda moved: evaluate_vector(name, parameters, moved)),
            u,
            out=out,
        )
    if out is not None:
        raise InvalidInputError(
            f"expected out only with a NumPy array, got it with {type(u).__name__}; leave it out"
        )
    return _along(axis, u, lambda moved: other(name, parameters, moved))


def _framework(u: Any) -> Callable[[str, Mapping[str, float], Any], Any] | None:
    # an array can only be one if its library is loaded already
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(u, torch.Tensor):
        from nonlin.functions.torch_vectors import apply_vector_tensor

        lowered: Callable[[str, Mapping[str, float], Any], Any] = apply_vector_tensor
        return lowered
    jax = sys.modules.get("jax")
    if jax is not None and isinstance(u, jax.Array):
        from nonlin.functions.jax_vectors import apply_vector_traced

        traced: Callable[[str, Mapping[str, float], Any], Any] = apply_vector_traced
        return traced
    return None


def _along(axis: int, u: Any, compute: Callable[[Any], Any]) -> Any:
    """Compute along the last axis what is wanted along another; arrays of every kind have `swapaxes`."""
    if not isinstance(axis, SupportsIndex) or not -u.ndim <= index(axis) < u.ndim:
        raise InvalidInputError(f"expected an axis of an array with {u.ndim} axes, got {axis}; change it")
    if u.shape[axis] == 0:
        raise InvalidInputError(
            f"expected at least one element along axis {axis}, got the shape {tuple(u.shape)}; give one"
        )
    if axis in (-1, u.ndim - 1):
        return compute(u)
    return compute(u.swapaxes(axis, -1)).swapaxes(axis, -1)
