"""The forward pass of a model as one graph of operations for many models at once. Loads torch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.func import functional_call, vmap
from torch.fx.experimental.proxy_tensor import make_fx

from nonlin.functions.torch_modules import Activation, LearnableActivation, RandomizedLeak
from nonlin.functions.torch_parametric import apply_parametric

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["leave_activations_whole", "trace", "with_activations"]

_ATEN = torch.ops.aten
_RESHAPING = (
    _ATEN.view.default,
    _ATEN._unsafe_view.default,  # noqa: SLF001 - an operator's name
    _ATEN.expand.default,
    _ATEN.permute.default,
)


@torch.library.custom_op("nonlin::stand_in", mutates_args=())  # type: ignore[untyped-decorator]
def _stand_in(x: torch.Tensor, learned: list[torch.Tensor], number: int) -> torch.Tensor:  # noqa: ARG001
    """Stand where an activation is called while a model is traced."""
    return x.clone()


@_stand_in.register_vmap  # type: ignore[untyped-decorator]
def _stacked_stand_in(info: Any, dims: Any, x: Any, learned: Any, number: int) -> tuple[Any, int]:
    x = x.expand(info.batch_size, *x.shape) if dims[0] is None else x.movedim(dims[0], 0)
    return _stand_in(x, learned, number), 0


class _Stacked(torch.nn.Module):  # type: ignore[misc]
    """An activation of a stack: the models are the channels of one call, whose gradient is one compiled loop."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Any, learned: list[Any], _number: int) -> Any:
        if not learned:
            return self.module.function(x)
        flat = tuple(value.reshape(-1) for value in learned)
        return apply_parametric(self.module._definition, self.module._learned, x, flat, axis=0)  # noqa: SLF001


def leave_activations_whole(model: torch.nn.Module) -> list[torch.nn.Module]:
    """Let the activations of a model be single operations when it is traced; return what each of them computes.

    Raises:
        NotImplementedError: if one draws at random, which each model of a stack would do as all others.
    """
    found: list[torch.nn.Module] = []
    for module in list(model.modules()):
        if isinstance(module, RandomizedLeak):
            raise NotImplementedError("a function that draws at random is trained alone")
        names = module._learned if isinstance(module, LearnableActivation) else ()  # noqa: SLF001
        if type(module) in (Activation, LearnableActivation):
            module.forward = partial(_called, module, names, len(found))
            found.append(_Stacked(module))
    return found


def _called(module: Any, names: tuple[str, ...], number: int, x: Any) -> Any:
    return torch.ops.nonlin.stand_in(x, [getattr(module, name) for name in names], number)


def trace(model: torch.nn.Module, given: Mapping[str, Any], x: Any) -> torch.fx.GraphModule:
    """Return a pass of (x, *tensors) that answers for every model of a stack, without the cost of `vmap` at each call.

    Args:
        model: whose activations were left whole.
        given: its weights and buffers by name, those of the stack, each of shape (models, …).
        x: inputs of shape (models, samples, …).
    """

    def one(x: Any, *tensors: Any) -> Any:
        return functional_call(model, dict(zip(given, tensors, strict=True)), (x,))

    # a norm's statistics move in the pass that is traced
    copies = [tensor.detach().clone() for tensor in given.values()]
    with torch.no_grad():
        traced: Any = make_fx(vmap(one, randomness="error"))(x, *copies)
    for node in list(traced.graph.nodes):
        if node.target is torch.ops.nonlin.stand_in.default:
            node.op, node.target = "call_module", f"activation_{node.args[2]}"
        elif _changes_nothing(node):
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)
    return traced


def with_activations(traced: torch.fx.GraphModule, within: list[torch.nn.Module]) -> torch.fx.GraphModule:
    """Return a pass that calls what `leave_activations_whole` returned where the trace has them stand."""
    for number, module in enumerate(within):
        traced.add_module(f"activation_{number}", module)
    return torch.fx.GraphModule(traced, traced.graph)


def _changes_nothing(node: Any) -> bool:
    """Return whether a node is of the kind that batching leaves behind: a view of the same shape, a product with 1."""
    if node.target is _ATEN.mul.Scalar:
        return bool(node.args[1] == 1)
    if node.target not in _RESHAPING:
        return False
    before, after = (one.meta.get("tensor_meta") for one in (node.args[0], node))
    return before is not None and (before.shape, before.stride) == (after.shape, after.stride)
