"""The lowering to PyTorch: the compiled loops, with derivatives from the expression and never from autograd.

On a processor a float32 or float64 tensor shares its memory with NumPy; half and bfloat16 are widened to float32 and
rounded back. Tensors of other devices are not supported.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from nonlin.errors import InvalidInputError
from nonlin.functions.differentiation import differentiate
from nonlin.functions.kernels import compiled
from nonlin.functions.parsing import parse
from nonlin.functions.printing import text

if TYPE_CHECKING:
    from nonlin.functions.expression import Expression

__all__ = ["apply_tensor"]

KERNEL_TYPES = {torch.float32: "float32", torch.float64: "float64"}


def apply_tensor(expression: Expression, x: Any, fast: bool = False) -> Any:  # noqa: FBT001, FBT002 - as autograd wants it
    """Evaluate an expression on a tensor, elementwise and differentiably, any number of times.

    Args:
        expression: has no parameters left.
        x: a tensor of float16, bfloat16, float32 or float64, of any shape, on a processor; integers count as float32.
        fast: compute in float32 instead of float64 inside.
    """
    if not x.is_floating_point():
        x = x.to(torch.get_default_dtype())
    if x.device.type not in ("cpu", "meta"):
        raise InvalidInputError(
            f"expected a tensor on the processor, got one on {x.device}; move it with .cpu()"
        )
    if torch.compiler.is_compiling():
        return torch.ops.nonlin.evaluate(x, text(expression), fast)
    if not x.requires_grad and not _transformed(x):
        return _run(expression, x.detach(), fast)
    return _Lowered.apply(x, expression, fast)


class _Lowered(torch.autograd.Function):  # type: ignore[misc]
    """The value forward; the slope, computed in the same pass, times the gradient backward."""

    @staticmethod
    def forward(x: Any, expression: Expression, fast: bool) -> Any:  # noqa: FBT001
        value, slope = _run_both(expression, x, fast)
        value.nonlin_slope = slope
        return value

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, ctx.expression, ctx.fast = inputs
        slope = getattr(output, "nonlin_slope", None)
        if slope is not None:
            del output.nonlin_slope
        ctx.slope = slope
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> tuple[Any, None, None]:
        (x,) = ctx.saved_tensors
        # a derivative of the derivative goes through the slope's own expression
        if ctx.slope is None or torch.is_grad_enabled() or _transformed(gradient):
            return gradient * apply_tensor(differentiate(ctx.expression), x, ctx.fast), None, None
        return gradient * ctx.slope, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Any, *_: Any) -> Any:
        (x,) = ctx.saved_tensors
        return tangent * apply_tensor(differentiate(ctx.expression), x, ctx.fast)

    @staticmethod
    def vmap(
        _info: Any, in_dims: tuple[Any, ...], x: Any, expression: Expression, fast: Any
    ) -> tuple[Any, Any]:
        return apply_tensor(expression, x, fast), in_dims[0]


def _transformed(x: Any) -> bool:
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(x))  # noqa: SLF001 - there is no public question


def _run(expression: Expression, x: Any, fast: bool) -> Any:  # noqa: FBT001
    return _through((expression,), x, fast)[0]


def _run_both(expression: Expression, x: Any, fast: bool) -> tuple[Any, ...]:  # noqa: FBT001
    return _through((expression, differentiate(expression)), x, fast)


def _through(expressions: tuple[Expression, ...], x: Any, fast: bool) -> tuple[Any, ...]:  # noqa: FBT001
    wide = x if x.dtype in KERNEL_TYPES else x.to(torch.float32)
    source = wide.detach().contiguous()
    outputs = [torch.empty_like(source) for _ in expressions]
    kernel = compiled(expressions, KERNEL_TYPES[source.dtype], "fast" if fast else "accurate")
    kernel(source.numpy().reshape(-1), *(output.numpy().reshape(-1) for output in outputs))
    return tuple(output if x.dtype == output.dtype else output.to(x.dtype) for output in outputs)


@lru_cache(maxsize=1024)
def _read(formula: str) -> Expression:
    return parse(formula)


@torch.library.custom_op("nonlin::evaluate", mutates_args=())  # type: ignore[untyped-decorator]
def evaluate(x: torch.Tensor, formula: str, fast: bool) -> torch.Tensor:  # noqa: FBT001
    """Evaluate a formula on a tensor, as one operator of a compiled graph."""
    return _run(_read(formula), x, fast)


@evaluate.register_fake  # type: ignore[untyped-decorator]
def _fake(x: Any, formula: str, fast: bool) -> Any:  # noqa: ARG001, FBT001
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG001
    x, ctx.formula, ctx.fast = inputs
    ctx.save_for_backward(x)


def _pull_back(ctx: Any, gradient: Any) -> tuple[Any, None, None]:
    (x,) = ctx.saved_tensors
    slope = text(differentiate(_read(ctx.formula)))
    return gradient * torch.ops.nonlin.evaluate(x, slope, ctx.fast), None, None


evaluate.register_autograd(_pull_back, setup_context=_remember)
