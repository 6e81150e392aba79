"""The lowering to PyTorch: the compiled loops, with derivatives from the expression and never from autograd.

On a processor a float32 or float64 tensor shares its memory with NumPy; half and bfloat16 are widened to float32 and
rounded back. Tensors of other devices are not supported.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import forward_ad

from nonlin.functions.differentiation import differentiate
from nonlin.functions.lookup import function
from nonlin.functions.parsing import parse
from nonlin.functions.printing import text
from nonlin.functions.torch_extension import extension
from nonlin.functions.torch_loops import (
    Loops,
    checked,
    is_ordinary,
    loops_of,
    pulled,
    scaled,
    scales,
    value,
    value_and_slope,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.functions.expression import Expression

__all__ = ["apply_tensor", "lowered"]

FLOATING = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})
_transforming = torch._C._are_functorch_transforms_active  # noqa: SLF001 - there is no public question
_alive = torch._C._functorch.unwrap_if_dead  # noqa: SLF001 - as above
_batched = torch._C._functorch.is_legacy_batchedtensor  # noqa: SLF001 - as above
_hooks = torch._C._autograd._top_saved_tensors_default_hooks  # noqa: SLF001 - as above
_recording = torch.is_grad_enabled
_overridden = torch.overrides.has_torch_function_unary


def apply_tensor(expression: Expression, x: Any, fast: bool = False) -> Any:  # noqa: FBT001, FBT002 - as autograd wants it
    """Evaluate an expression on a tensor, elementwise and differentiably, any number of times.

    Args:
        expression: has no parameters left.
        x: a tensor of float16, bfloat16, float32 or float64, of any shape, on a processor; integers count as float32.
        fast: compute in float32 instead of float64 inside.
    """
    if torch.compiler.is_compiling():
        return torch.ops.nonlin.evaluate(checked(x), text(expression), fast)
    return lowered(expression, fast)(x)


@lru_cache(maxsize=1024)
def lowered(expression: Expression, fast: bool) -> Callable[[Any], Any]:  # noqa: FBT001 - as above
    """Return what evaluates an expression on tensors: found once, so that a call has little to decide."""
    loops, own = loops_of(expression, fast), _handed_over(fast).get(expression)
    if own is not None:
        return partial(_handed, own, loops)
    in_python, built = partial(_looped, loops, _differentiable(loops)), extension()
    if built is None:
        return in_python
    in_cpp = built.activation(loops, scales(), in_python, partial(_gradient, loops))
    return partial(_extended, in_python, in_cpp)


def _handed(own: Callable[[Any], Any], loops: Loops, x: Any) -> Any:
    if x.dtype in FLOATING and x.is_cpu and not _overridden(x):
        return own(x)
    x = checked(x)
    return _passed(loops, x) if _overridden(x) else own(x)


def _looped(loops: Loops, differentiable: Callable[[Any], Any], x: Any) -> Any:
    if torch.compiler.is_compiling():
        return torch.ops.nonlin.evaluate(checked(x), loops.formula, loops.fast)
    if _overridden(x):
        return _passed(loops, checked(x))
    if _transforming() or forward_ad._current_level >= 0:  # noqa: SLF001 - as above
        return _Transformable.apply(checked(x), loops)
    if x.requires_grad and _recording():
        return differentiable(_alive(x))
    return value(loops, x)


def _extended(in_python: Callable[[Any], Any], in_cpp: Callable[[Any], Any], x: Any) -> Any:
    return in_python(x) if torch.compiler.is_compiling() else in_cpp(x)  # the compiler does not read C++


def _passed(loops: Loops, x: Any) -> Any:
    """Let a recorder of operations, or a tensor of another kind, see one operation, as with torch's own functions."""
    given = loops.expression, x, loops.fast
    return torch.overrides.handle_torch_function(apply_tensor, (x,), *given)


@lru_cache(maxsize=2)
def _handed_over(fast: bool) -> dict[Expression | None, Any]:  # noqa: FBT001
    """Return torch's own functions that are at the speed of memory and as right as ours.

    They differ in one thing: at NaN the slope is 1 or 0, so a gradient of NaN is passed on but none is made. In the
    fast mode also those that are right to 4 ULP.
    """
    own = torch._C._nn  # noqa: SLF001 - what torch.nn.functional calls, which only looks for tensors of other kinds
    exact = {"relu": torch.relu, "relu6": own.relu6, "hardtanh": own.hardtanh}
    exact |= {"hardshrink": torch.hardshrink, "softshrink": own.softshrink}
    near = {"leaky_relu": own.leaky_relu, "hardsigmoid": own.hardsigmoid}
    return {function(name).expression: form for name, form in {**exact, **(near if fast else {})}.items()}


def _differentiable(loops: Loops) -> Callable[[Any], Any]:
    """Return the value with its gradient: backward, the slope times the gradient.

    The slope is computed in the forward pass, where it shares the exponential; backward, the product goes into that
    buffer. A cheap slope is not kept, nor one while what is saved is packed away, as activation checkpoints do: then x
    is enough. Each function has a class of its own, so that a call has nothing to remember but x.
    """

    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        if loops.cheap or _hooks(False) is not None:
            return value(loops, x)
        result, ctx.slope = value_and_slope(loops, x)
        return result

    def backward(ctx: Any, gradient: Any) -> Any:
        kept = ctx.slope
        if kept is None or _recording():
            return _gradient(loops, ctx.saved_tensors[0], gradient)
        ctx.slope = None
        return scaled(kept, gradient) if _plain(gradient, kept.dtype) else gradient * kept

    made: Any = type(torch.autograd.Function)(
        "Lowered",
        (torch.autograd.Function,),
        {"forward": staticmethod(forward), "backward": staticmethod(backward)},
    )
    node = made._backward_cls  # noqa: SLF001 - the class of what forward and backward share
    node.slope = None
    node.apply = backward  # `apply` is what is called, and would find `backward` only after a microsecond
    # what `apply` does beside this takes microseconds, and is for transformations
    return super(torch.autograd.Function, made).apply  # type: ignore[no-any-return]


def _gradient(loops: Loops, x: Any, gradient: Any) -> Any:
    """Return the slope at x times the gradient, where the slope was not kept."""
    if _recording():
        # the derivative of the derivative goes through the slope's own expression
        return gradient * apply_tensor(loops.slope, x, loops.fast)
    if loops.cheap:
        x, gradient = x.contiguous(), gradient.contiguous()
        if is_ordinary(x) and _plain(gradient, x.dtype):
            return pulled(loops, x, gradient)
    # by the loop of the first time, so that nothing differs
    return gradient * value_and_slope(loops, x)[1]


class _Transformable(torch.autograd.Function):  # type: ignore[misc]
    """The same in the form that vmap, grad and jvp of `torch.func`, and the forward mode, ask for."""

    @staticmethod
    def forward(x: Any, loops: Loops) -> Any:
        return value(loops, x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG004
        x, ctx.loops = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> tuple[Any, None]:
        (x,) = ctx.saved_tensors
        return gradient * apply_tensor(ctx.loops.slope, x, ctx.loops.fast), None

    @staticmethod
    def jvp(ctx: Any, tangent: Any, *_: Any) -> Any:
        (x,) = ctx.saved_tensors
        return tangent * apply_tensor(ctx.loops.slope, x, ctx.loops.fast)

    @staticmethod
    def vmap(_info: Any, in_dims: tuple[Any, ...], x: Any, loops: Loops) -> tuple[Any, Any]:
        return apply_tensor(loops.expression, x, loops.fast), in_dims[0]


def _plain(gradient: Any, dtype: Any) -> bool:
    """Return whether a gradient is an ordinary tensor of a type, not a batch of them inside one."""
    if gradient.dtype is not dtype or not is_ordinary(gradient) or _transforming():
        return False
    return not _batched(gradient)  # `is_grads_batched` still uses the older batches


@lru_cache(maxsize=1024)
def _read(formula: str) -> Expression:
    return parse(formula, longest=len(formula))  # one of ours: a second derivative may be long


@torch.library.custom_op("nonlin::evaluate", mutates_args=())  # type: ignore[untyped-decorator]
def evaluate(x: torch.Tensor, formula: str, fast: bool) -> torch.Tensor:  # noqa: FBT001
    """Evaluate a formula on a tensor, as one operator of a compiled graph."""
    return value(loops_of(_read(formula), fast), x)


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
