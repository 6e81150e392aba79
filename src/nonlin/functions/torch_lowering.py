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
from nonlin.functions.lookup import function
from nonlin.functions.parsing import parse
from nonlin.functions.pieces import affine_pieces
from nonlin.functions.printing import text

if TYPE_CHECKING:
    from nonlin.functions.expression import Expression

__all__ = ["apply_tensor", "is_recorded"]

KERNEL_TYPES = {torch.float32: "float32", torch.float64: "float64"}
_transforming = torch._C._are_functorch_transforms_active  # noqa: SLF001 - there is no public question
_mode = torch._C._get_dispatch_mode  # noqa: SLF001 - as above
_PROXIES = torch._C._TorchDispatchModeKey.PROXY  # noqa: SLF001 - as above
_alive = torch._C._functorch.unwrap_if_dead  # noqa: SLF001 - as above
_batched = torch._C._functorch.is_legacy_batchedtensor  # noqa: SLF001 - as above


def apply_tensor(expression: Expression, x: Any, fast: bool = False) -> Any:  # noqa: FBT001, FBT002 - as autograd wants it
    """Evaluate an expression on a tensor, elementwise and differentiably, any number of times.

    Args:
        expression: has no parameters left.
        x: a tensor of float16, bfloat16, float32 or float64, of any shape, on a processor; integers count as float32.
        fast: compute in float32 instead of float64 inside.
    """
    if not x.is_floating_point():
        x = x.to(torch.get_default_dtype())
    if not (x.is_cpu or x.is_meta):
        raise InvalidInputError(
            f"expected a tensor on the processor, got one on {x.device}; move it with .cpu()"
        )
    if torch.compiler.is_compiling():
        return torch.ops.nonlin.evaluate(x, text(expression), fast)
    if torch.overrides.has_torch_function_unary(x):
        # a recorder of operations, or a tensor of another kind, sees one operation, as with torch's own functions
        return torch.overrides.handle_torch_function(apply_tensor, (x,), expression, x, fast)
    own = _handed_over(fast).get(expression)
    if own is not None:
        return own(x)
    if _transforming():
        return _Transformable.apply(x, expression, fast)
    if x.requires_grad and torch.is_grad_enabled():
        return _lowered(_alive(x), expression, fast)
    return _run(expression, x, fast)


def is_recorded() -> bool:
    """Return whether torch's operators are recorded (make_fx): a loop that fills a tensor's memory is none of them."""
    return _mode(_PROXIES) is not None


@lru_cache(maxsize=2)
def _handed_over(fast: bool) -> dict[Expression | None, Any]:  # noqa: FBT001
    """Return torch's own functions that are at the speed of memory and as right as ours.

    They differ in one thing: at NaN the slope is 1 or 0, so a gradient of NaN is passed on but none is made. In the
    fast mode also those that are right to 4 ULP.
    """
    own = torch.nn.functional
    exact = {"relu": torch.relu, "relu6": own.relu6, "hardtanh": own.hardtanh}
    exact |= {"hardshrink": own.hardshrink, "softshrink": own.softshrink}
    near = {"leaky_relu": own.leaky_relu, "hardsigmoid": own.hardsigmoid}
    return {function(name).expression: form for name, form in {**exact, **(near if fast else {})}.items()}


class _Lowered(torch.autograd.Function):  # type: ignore[misc]
    """The value forward; backward the slope times the gradient.

    A curved function computes its slope in the forward pass, where it shares the exponential; backward, the product
    goes into that buffer. One of affine pieces keeps only x, and multiplies slope and gradient in one loop.
    """

    @staticmethod
    def forward(ctx: Any, x: Any, expression: Expression, fast: Any) -> Any:
        ctx.save_for_backward(x)
        ctx.expression, ctx.fast, ctx.slope = expression, fast, None
        if _affine(expression):
            return _run(expression, x, fast)
        value, ctx.slope = _through(_with_slope(expression), x, fast)
        return value

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> tuple[Any, None, None]:
        slope = ctx.slope
        if slope is not None and not torch.is_grad_enabled():
            ctx.slope = None
            product = slope.mul_(gradient) if _plain(gradient, slope.dtype) else gradient * slope
            return product, None, None
        (x,) = ctx.saved_tensors
        if torch.is_grad_enabled():
            # the derivative of the derivative goes through the slope's own expression
            return gradient * apply_tensor(differentiate(ctx.expression), x, ctx.fast), None, None
        if _affine(ctx.expression):
            return _pulled(differentiate(ctx.expression), x, gradient, ctx.fast), None, None
        # a second time through the same graph; by the same loop, so that nothing differs
        return gradient * _through(_with_slope(ctx.expression), x, ctx.fast)[1], None, None


# what `apply` does beside this takes microseconds, and is for transformations
_lowered = super(torch.autograd.Function, _Lowered).apply


@lru_cache(maxsize=1024)
def _affine(expression: Expression) -> bool:
    return affine_pieces(expression) is not None


@lru_cache(maxsize=1024)
def _with_slope(expression: Expression) -> tuple[Expression, Expression]:
    return expression, differentiate(expression)


class _Transformable(torch.autograd.Function):  # type: ignore[misc]
    """The same in the form that vmap, grad and jvp of `torch.func` ask for."""

    @staticmethod
    def forward(x: Any, expression: Expression, fast: Any) -> Any:
        return _run(expression, x, fast)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG004
        x, ctx.expression, ctx.fast = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> tuple[Any, None, None]:
        (x,) = ctx.saved_tensors
        return gradient * apply_tensor(differentiate(ctx.expression), x, ctx.fast), None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Any, *_: Any) -> Any:
        (x,) = ctx.saved_tensors
        return tangent * apply_tensor(differentiate(ctx.expression), x, ctx.fast)

    @staticmethod
    def vmap(
        _info: Any, in_dims: tuple[Any, ...], x: Any, expression: Expression, fast: Any
    ) -> tuple[Any, Any]:
        return apply_tensor(expression, x, fast), in_dims[0]


def _run(expression: Expression, x: Any, fast: bool) -> Any:  # noqa: FBT001
    return _through((expression,), x, fast)[0]


def _plain(gradient: Any, dtype: Any) -> bool:
    """Return whether a gradient is an ordinary tensor of a type, not a batch of them inside one."""
    if type(gradient) is not torch.Tensor or gradient.dtype != dtype or _transforming():
        return False
    return not _batched(gradient)  # `is_grads_batched` still uses the older batches


def _pulled(slope: Expression, x: Any, gradient: Any, fast: bool) -> Any:  # noqa: FBT001
    """Return slope(x)·gradient, rounded once."""
    if x.dtype not in KERNEL_TYPES or not _plain(gradient, x.dtype) or is_recorded():
        return gradient * _run(slope, x, fast)
    source = x.detach().contiguous()
    output = torch.empty_like(source)
    kernel = compiled((slope,), KERNEL_TYPES[x.dtype], "fast" if fast else "accurate", pull=True)
    kernel(_flat(source), _flat(gradient.detach().contiguous()), _flat(output))
    return output


def _through(expressions: tuple[Expression, ...], x: Any, fast: bool) -> tuple[Any, ...]:  # noqa: FBT001
    kind = x.dtype
    if is_recorded():
        return tuple(torch.ops.nonlin.evaluate(x, text(expression), fast) for expression in expressions)
    source = x.detach().contiguous()
    if kind not in KERNEL_TYPES:
        source = source.to(torch.float32)
    outputs = [torch.empty_like(source) for _ in expressions]
    kernel = compiled(expressions, KERNEL_TYPES[source.dtype], "fast" if fast else "accurate")
    kernel(_flat(source), *map(_flat, outputs))
    return tuple(outputs) if kind in KERNEL_TYPES else tuple(output.to(kind) for output in outputs)


def _flat(tensor: Any) -> Any:
    """Return the NumPy array of one dimension that shares the memory of a contiguous tensor without a gradient."""
    array = tensor.numpy()
    return array if array.ndim == 1 else array.reshape(-1)


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
