"""Which module is running: the stack of module names, kept by hooks that are taken off again."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from nonlin.inspection.torch.lineage import Place
from nonlin.networks.torch_names import is_activation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

__all__ = ["Hook", "Places"]


class Hook:
    """A hook on a module, which copies of the module do not take along, nor do files."""

    __slots__ = ("_run",)

    def __init__(self, run: Callable[..., Any]) -> None:
        """Call this."""
        self._run = run

    def __call__(self, *arguments: Any) -> Any:
        """Do what it is for."""
        return self._run(*arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        # takes whatever a hook is called with and does nothing, and a file with it can be read without this package
        return getattr, (nullcontext(), "__exit__")


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
                entry = (name, is_activation(name, module))
                hooks.callback(module.register_forward_pre_hook(Hook(self._entering(entry))).remove)
                hooks.callback(module.register_forward_hook(Hook(self._leaving), always_call=True).remove)
            yield

    def _entering(self, entry: tuple[str, bool]) -> Any:
        def enter(module: nn.Module, arguments: Any) -> None:  # noqa: ARG001 - the signature of a hook
            self._stack.append(entry)

        return enter

    def _leaving(self, module: nn.Module, arguments: Any, output: Any) -> None:  # noqa: ARG002 - the same
        if len(self._stack) > 1:
            self._stack.pop()
