"""The functions of a whole vector for PyTorch: float64 inside, with Jacobians of their own.

They are made of torch's operators, so they run under `torch.func` and in compiled graphs. A gated function is its first
half times our function of the second, in the tensor's own type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from nonlin.functions.lookup import function
from nonlin.functions.simplex import SIMPLEX, Library, mapped, pulled, pushed
from nonlin.functions.vectors import GATES, halves, runs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VectorActivation", "apply_vector_tensor"]

TORCH = Library(
    module=torch,
    others={
        "positions": lambda u: torch.arange(u.shape[-1], dtype=u.dtype, device=u.device),
        "max": torch.amax,
        "min": torch.amin,
        "maximum": lambda u, low: u.clamp(min=low),
        "power": torch.pow,
        "sort": lambda u, axis: torch.sort(u, dim=axis).values,
    },
)

# looked up once: a compiled graph cannot
RELU = function("relu")
GATED = {name: function(gate) for name, gate in GATES.items()}


def apply_vector_tensor(name: str, parameters: Mapping[str, float], x: Any) -> Any:
    """Evaluate a vector function along the last axis of a tensor, differentiably.

    Args:
        name: canonical.
        parameters: every one of its parameters.
        x: float16, bfloat16, float32 or float64, shape (..., n); integers count as torch's default type.
    """
    if not x.is_floating_point():
        x = x.to(torch.get_default_dtype())
    if name in SIMPLEX:
        form = _Simplex if torch.compiler.is_compiling() else _Forward
        return form.apply(x.double(), name, dict(parameters)).to(x.dtype)
    if name == "maxout":
        parts = runs(x, parameters["pieces"])
        # of equal elements the first has the slope 1
        return parts.gather(-1, parts.argmax(dim=-1, keepdim=True)).squeeze(-1)
    if name == "crelu":
        return torch.cat([RELU(x), RELU(-x)], dim=-1)
    first, second = halves(x)
    if x.dtype in (torch.float32, torch.float64):
        return first * GATED[name](second)
    return (first.float() * GATED[name](second.float())).to(x.dtype)


class _Simplex(torch.autograd.Function):  # type: ignore[misc]
    """A map onto the simplex; its backward derivative from its Jacobian.

    Saved is the value, an output: through it the derivative of the derivative finds its way.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any, name: str, parameters: dict[str, float]) -> Any:
        return mapped(TORCH, name, parameters, x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, ctx.name, ctx.parameters = inputs
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> tuple[Any, None, None]:
        (y,) = ctx.saved_tensors
        return pulled(TORCH, ctx.name, ctx.parameters, y, gradient), None, None


class _Forward(_Simplex):
    """The same with a forward derivative, which a compiled graph does not take."""

    @staticmethod
    def jvp(ctx: Any, tangent: Any, *_: Any) -> Any:
        (y,) = ctx.saved_tensors
        return pushed(TORCH, ctx.name, ctx.parameters, y, tangent)


class VectorActivation(torch.nn.Module):  # type: ignore[misc]
    """Applies a function of a whole vector along one axis."""

    def __init__(self, function: Any, *, axis: int = -1) -> None:
        """Keep the function and the axis."""
        super().__init__()
        self.function, self.axis = function, axis

    def forward(self, x: Any) -> Any:
        """Return the function of every vector."""
        return self.function(x, axis=self.axis)

    def extra_repr(self) -> str:
        """Return the function's label and the axis."""
        return f"{self.function.label}, axis={self.axis}"
