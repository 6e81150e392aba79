"""The lowering to PyTorch of a definition with tensors as parameters, differentiable by x and by each of them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from nonlin.errors import InvalidInputError
from nonlin.functions.differentiation import differentiate
from nonlin.functions.expression import Constant, Parameter
from nonlin.functions.parametric import Family, run
from nonlin.functions.parsing import parse
from nonlin.functions.printing import text
from nonlin.functions.torch_loops import is_recorded

if TYPE_CHECKING:
    from nonlin.functions.expression import Expression

__all__ = ["apply_parametric"]

KERNEL_TYPES = (torch.float32, torch.float64)


def apply_parametric(
    definition: Expression, names: tuple[str, ...], x: Any, values: tuple[Any, ...], *, axis: int = 1
) -> Any:
    """Evaluate a definition on a tensor, differentiably any number of times.

    Args:
        definition: with a `Parameter` for each name.
        names: at least one.
        x: float16, bfloat16, float32 or float64, any shape, on a processor; integers count as the default type.
        values: tensors of one element, or of as many as x has channels.
        axis: of the channels.
    """
    if not x.is_floating_point():
        x = x.to(torch.get_default_dtype())
    if x.device.type not in ("cpu", "meta"):
        raise InvalidInputError(
            f"expected a tensor on the processor, got one on {x.device}; move it with .cpu()"
        )
    if torch.compiler.is_compiling():
        return torch.ops.nonlin.parametric(x, list(values), text(definition), ",".join(names), axis)
    if torch.overrides.has_torch_function_unary(x):
        # a recorder of operations sees one, as with torch's own functions
        given = (definition, names, x, values)
        return torch.overrides.handle_torch_function(apply_parametric, (x,), *given, axis=axis)
    return _Learned.apply(x, definition, names, axis, *values)


class _Learned(torch.autograd.Function):  # type: ignore[misc]
    """The value forward; backward all derivatives in one loop, and in further derivatives each by its expression."""

    @staticmethod
    def forward(x: Any, definition: Expression, names: tuple[str, ...], axis: int, *values: Any) -> Any:
        return _evaluated(definition, names, (x, values), axis)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG004
        x, ctx.definition, ctx.names, ctx.axis, *values = inputs
        ctx.save_for_backward(x, *values)
        ctx.save_for_forward(x, *values)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> tuple[Any, ...]:
        x, *values = ctx.saved_tensors
        transformed = torch._C._are_functorch_transforms_active()  # noqa: SLF001 - there is no public question
        if not transformed and not torch.is_grad_enabled():
            by_x, *rest = _pulled(ctx.definition, ctx.names, (x, gradient, values), ctx.axis)
            return by_x, None, None, None, *rest
        by_x, *rest = (
            None if slope is None else gradient * slope for slope in _slopes(ctx, x, tuple(values))
        )
        sums = [
            None if product is None else _reduced(product, value, ctx.axis)
            for product, value in zip(rest, values, strict=True)
        ]
        return by_x, None, None, None, *sums

    @staticmethod
    def jvp(ctx: Any, tangent: Any, *tangents: Any) -> Any:
        x, *values = ctx.saved_tensors
        by_x, *rest = _slopes(ctx, x, tuple(values))
        result = torch.zeros_like(x) if tangent is None or by_x is None else tangent * by_x
        for slope, other in zip(rest, tangents[3:], strict=True):
            if slope is not None and other is not None:
                result = result + slope * _along(other, x.dim(), ctx.axis)
        return result

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[Any, int]:
        """Apply it to every element of the batch: each may have parameters of its own."""
        dims = (in_dims[0], None, None, None, *in_dims[4:])
        one = [
            [a if d is None else a.select(d, i) for a, d in zip(inputs, dims, strict=True)]
            for i in range(info.batch_size)
        ]
        return torch.stack([_Learned.apply(*given) for given in one]), 0


def _slopes(ctx: Any, x: Any, values: tuple[Any, ...]) -> list[Any]:
    """Return the derivatives by x and by each parameter as tensors of x's shape; None where one is 0."""
    by = [differentiate(ctx.definition), *(differentiate(ctx.definition, Parameter(n)) for n in ctx.names)]
    return [
        None if slope == Constant(0.0) else apply_parametric(slope, ctx.names, x, values, axis=ctx.axis)
        for slope in by
    ]


def _reduced(product: Any, value: Any, axis: int) -> Any:
    """Sum a tensor of x's shape over all that shares a parameter's value."""
    if value.numel() == 1:
        return product.sum(dtype=value.dtype).reshape(value.shape)
    rest = [dim for dim in range(product.dim()) if dim != axis % product.dim()]
    return (product.sum(rest, dtype=value.dtype) if rest else product.to(value.dtype)).reshape(value.shape)


def _along(value: Any, dims: int, axis: int) -> Any:
    """Reshape a parameter's tangent so that it broadcasts along the channels."""
    if value.numel() == 1:
        return value.reshape(())
    shape = [1] * dims
    shape[axis] = -1
    return value.reshape(shape)


def _evaluated(definition: Expression, names: tuple[str, ...], given: tuple[Any, Any], axis: int) -> Any:
    x, values = given
    if x.device.type == "meta":
        return torch.empty_like(x, memory_format=torch.contiguous_format)
    if is_recorded(x):
        return torch.ops.nonlin.parametric(x, list(values), text(definition), ",".join(names), axis)
    (output,), _ = run(Family(names=names, outputs=(definition,), axis=axis), _array(x), _numbers(values))
    return torch.from_numpy(output).to(x.dtype)


def _pulled(
    definition: Expression, names: tuple[str, ...], given: tuple[Any, Any, Any], axis: int
) -> list[Any]:
    """Return the gradients by x and by each parameter, from one loop."""
    x, gradient, values = given
    if is_recorded(x):
        return list(
            torch.ops.nonlin.parametric_pull(
                x, gradient, list(values), text(definition), ",".join(names), axis
            )
        )
    family = Family(
        names=names,
        outputs=(differentiate(definition),),
        weighted=tuple(differentiate(definition, Parameter(name)) for name in names),
        pull=True,
        axis=axis,
    )
    source = _array(x)
    weight = gradient.detach().to(torch.from_numpy(source).dtype).contiguous().numpy()
    (by_x,), sums = run(family, source, _numbers(values), gradient=weight)
    totals = [torch.from_numpy(s) for s in sums]
    shared = [t.sum() if v.numel() == 1 else t for t, v in zip(totals, values, strict=True)]
    return [
        torch.from_numpy(by_x).to(x.dtype),
        *(t.to(v.dtype).reshape(v.shape) for t, v in zip(shared, values, strict=True)),
    ]


def _array(x: Any) -> Any:
    wide = x if x.dtype in KERNEL_TYPES else x.to(torch.float32)
    return wide.detach().contiguous().numpy()


def _numbers(values: Any) -> list[Any]:
    return [value.detach().to(torch.float64).reshape(-1).numpy() for value in values]


@lru_cache(maxsize=1024)
def _read(formula: str, names: str) -> Expression:
    return parse(formula, parameters=names.split(","), longest=len(formula))


@torch.library.custom_op("nonlin::parametric", mutates_args=())  # type: ignore[untyped-decorator]
def parametric(
    x: torch.Tensor, values: list[torch.Tensor], formula: str, names: str, axis: int
) -> torch.Tensor:
    """Evaluate a formula with tensors as parameters, as one operator of a compiled graph."""
    return _evaluated(_read(formula, names), tuple(names.split(",")), (x, values), axis)


@torch.library.custom_op("nonlin::parametric_pull", mutates_args=())  # type: ignore[untyped-decorator]
def parametric_pull(
    x: torch.Tensor, gradient: torch.Tensor, values: list[torch.Tensor], formula: str, names: str, axis: int
) -> list[torch.Tensor]:
    """Return the gradients by x and by each parameter."""
    return _pulled(_read(formula, names), tuple(names.split(",")), (x, gradient, values), axis)


@parametric.register_fake  # type: ignore[untyped-decorator]
def _fake(x: Any, values: Any, formula: str, names: str, axis: int) -> Any:  # noqa: ARG001
    return torch.empty_like(x, memory_format=torch.contiguous_format)


@parametric_pull.register_fake  # type: ignore[untyped-decorator]
def _fake_pull(x: Any, gradient: Any, values: Any, *_: Any) -> list[Any]:  # noqa: ARG001
    by_x = torch.empty_like(x, memory_format=torch.contiguous_format)
    return [by_x, *(torch.empty_like(value) for value in values)]


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG001
    x, values, *ctx.rest = inputs
    ctx.save_for_backward(x, *values)


def _pull_back(ctx: Any, gradient: Any) -> tuple[Any, ...]:
    x, *values = ctx.saved_tensors
    by_x, *rest = torch.ops.nonlin.parametric_pull(x, gradient, values, *ctx.rest)
    return by_x, rest, None, None, None


parametric.register_autograd(_pull_back, setup_context=_remember)
