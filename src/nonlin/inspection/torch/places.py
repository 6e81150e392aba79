"""Which module is running: the stack of module names, kept by hooks that are taken off again."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from torch import nn

from nonlin.inspection.torch.lineage import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Places"]


class Places:
    """The path of the innermost module that is running, and the number of the operation."""

    def __init__(self) -> None:
        """Begin in the model itself."""
        self._stack: list[tuple[str, bool]] = [("", False)]
        self._step = 0

    @property
    def here(self) -> Place:
        """Where the forward pass is now."""
        path, is_activation = self._stack[-1]
        return Place(path=path, is_activation=is_activation, step=self._step)

    def advance(self) -> None:
        """Count an operation."""
        self._step += 1

    def restart(self) -> None:
        """Begin a forward pass."""
        del self._stack[1:]
        self._step = 0

    @contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        """Follow which module runs, for as long as the context lasts."""
        with ExitStack() as hooks:
            for name, module in model.named_modules():
                entry = (name, _is_activation(name, module))
                hooks.callback(module.register_forward_pre_hook(self._entering(entry)).remove)
                hooks.callback(module.register_forward_hook(self._leaving, always_call=True).remove)
            yield

    def _entering(self, entry: tuple[str, bool]) -> Any:
        def enter(module: nn.Module, arguments: Any) -> None:  # noqa: ARG001 - the signature of a hook
            self._stack.append(entry)

        return enter

    def _leaving(self, module: nn.Module, arguments: Any, output: Any) -> None:  # noqa: ARG002 - the same
        if len(self._stack) > 1:
            self._stack.pop()


def _is_activation(name: str, module: nn.Module) -> bool:
    if not name or next(module.children(), None) is not None:
        return False
    if isinstance(module, nn.PReLU):
        return True
    parameters = list(module.parameters(recurse=False))
    # a learnt slope or steepness is one number; anything larger is a layer
    return all(p.numel() == 1 for p in parameters) and not isinstance(module, (nn.RNNBase, nn.RNNCellBase))
