"""The compiled loops on the memory of PyTorch's tensors: values, slopes, and slopes times a gradient.

A loop gets the addresses of the tensors' numbers, which takes a tenth of the time of making NumPy arrays of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from nonlin.errors import InvalidInputError
from nonlin.functions.differentiation import differentiate
from nonlin.functions.expression import Call, Constant, nodes
from nonlin.functions.kernels import addressed
from nonlin.functions.printing import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.functions.expression import Expression

__all__ = [
    "Loops",
    "checked",
    "is_ordinary",
    "is_recorded",
    "loops_of",
    "pulled",
    "scaled",
    "scales",
    "value",
    "value_and_slope",
]

Kernel: TypeAlias = "Callable[..., None]"

KERNEL_TYPES = {torch.float32: "float32", torch.float64: "float64"}
ORDINARY = {torch.Tensor, torch.nn.Parameter}
CHEAP = {"add", "subtract", "multiply", "divide", "negate", "power"}

_modes = torch._C._len_torch_dispatch_stack  # noqa: SLF001 - there is no public question
_mode = torch._C._get_dispatch_mode  # noqa: SLF001 - as above
_PROXIES = torch._C._TorchDispatchModeKey.PROXY  # noqa: SLF001 - as above
_MEMORY = torch._C._disabled_torch_dispatch_impl  # noqa: SLF001 - as above
_empty = torch.empty_like


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loops:
    """What evaluates an expression on tensors; the loops are compiled when a type is first met.

    Args:
        expression: has no parameters left.
        slope: its derivative.
        fast: whether to compute in float32 instead of float64 inside.
        formula: the expression's text, for recorded operators.
        cheap: whether the slope is arithmetic alone, and so computed again with a product in the time of the product.
        values: by the tensors' type, the loop from x to the value.
        pairs: from x to the value and the slope.
        pulls: from x and a gradient to slope(x)·gradient, rounded once.
    """

    expression: Expression
    slope: Expression
    fast: bool
    formula: str
    cheap: bool
    values: dict[Any, Kernel] = field(default_factory=dict)
    pairs: dict[Any, Kernel] = field(default_factory=dict)
    pulls: dict[Any, Kernel] = field(default_factory=dict)


@lru_cache(maxsize=1024)
def loops_of(expression: Expression, fast: bool) -> Loops:  # noqa: FBT001 - as it is cached
    """Return the loops of an expression."""
    slope = differentiate(expression)
    inside = (node for node in nodes(slope) if isinstance(node, Call))
    cheap = all(
        node.operator in CHEAP and (node.operator != "divide" or isinstance(node.operands[1], Constant))
        for node in inside
    )
    return Loops(expression=expression, slope=slope, fast=fast, formula=text(expression), cheap=cheap)


def checked(x: Any) -> Any:
    """Return a tensor of floating type that a processor holds, or none at all."""
    if x.is_complex():
        raise InvalidInputError(f"expected a tensor of real numbers, got {x.dtype}; take its .real or .abs()")
    if not (x.is_cpu or x.is_meta):
        raise InvalidInputError(
            f"expected a tensor on the processor, got one on {x.device}; move it with .cpu()"
        )
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


def is_recorded(x: Any) -> bool:
    """Return whether a tensor stands for numbers, or operators are recorded: a loop that fills memory is none."""
    if _modes() and _mode(_PROXIES) is not None:
        return True
    return x.is_meta or (type(x) is not torch.Tensor and type(x).__torch_dispatch__ is not _MEMORY)


def is_ordinary(x: Any) -> bool:
    """Return whether a tensor is memory that a loop takes as it is, and whether nothing looks on."""
    return (
        x.dtype in KERNEL_TYPES
        and type(x) in ORDINARY
        and x.is_cpu
        and x.is_contiguous()
        and not (x.is_neg() or _modes())
    )


def value(loops: Loops, x: Any) -> Any:
    """Return the value at every element, of x's shape and type."""
    source = x
    if not is_ordinary(x):
        x = checked(x)
        if is_recorded(x):
            return torch.ops.nonlin.evaluate(x, loops.formula, loops.fast)
        source = _numbers(x)
    result = _empty(source)
    kernel = loops.values.get(source.dtype) or _kept(loops.values, loops, source, (loops.expression,))
    kernel(source.numel(), source.data_ptr(), result.data_ptr())
    return result if source is x else result.to(x.dtype)


def value_and_slope(loops: Loops, x: Any) -> tuple[Any, Any]:
    """Return both, from one loop, in which they share what they can."""
    source = x
    if not is_ordinary(x):
        x = checked(x)
        if is_recorded(x):
            evaluate = torch.ops.nonlin.evaluate
            return evaluate(x, loops.formula, loops.fast), evaluate(x, text(loops.slope), loops.fast)
        source = _numbers(x)
    result, slope = _empty(source), _empty(source)
    kernel = loops.pairs.get(source.dtype)
    if kernel is None:
        kernel = _kept(loops.pairs, loops, source, (loops.expression, loops.slope))
    kernel(source.numel(), source.data_ptr(), result.data_ptr(), slope.data_ptr())
    return (result, slope) if source is x else (result.to(x.dtype), slope.to(x.dtype))


def pulled(loops: Loops, x: Any, gradient: Any) -> Any:
    """Return slope(x)·gradient, rounded once; both are ordinary tensors of one type."""
    result = _empty(x)
    kernel = loops.pulls.get(x.dtype)
    if kernel is None:
        kernel = _kept(loops.pulls, loops, x, (loops.slope,), pull=True)
    kernel(x.numel(), x.data_ptr(), gradient.data_ptr(), result.data_ptr())
    return result


def scaled(slope: Any, gradient: Any) -> Any:
    """Return slope·gradient in the memory of the slope, 2 µs sooner than torch; both are ordinary, of one type."""
    scales()[slope.dtype](slope.numel(), slope.data_ptr(), gradient.data_ptr())
    return slope


@cache
def scales() -> dict[Any, Kernel]:
    """Return by the tensors' type the loop that multiplies numbers by others in place."""
    from nonlin.functions.kernels.addresses import SCALES

    return {dtype: SCALES[name] for dtype, name in KERNEL_TYPES.items()}


def _numbers(x: Any) -> Any:
    """Return a contiguous tensor of a type with a kernel; x itself, if it is one."""
    source = x if x.dtype in KERNEL_TYPES else x.to(torch.float32)
    return source if source.is_contiguous() and not source.is_neg() else source.resolve_neg().contiguous()


def _kept(
    known: dict[Any, Kernel],
    loops: Loops,
    source: Any,
    expressions: tuple[Expression, ...],
    *,
    pull: bool = False,
) -> Kernel:
    mode = "fast" if loops.fast else "accurate"
    return known.setdefault(source.dtype, addressed(expressions, KERNEL_TYPES[source.dtype], mode, pull=pull))
