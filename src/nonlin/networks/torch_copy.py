"""A copy of a PyTorch module, whatever it has kept of a forward pass, and the random states that running it moves."""

from __future__ import annotations

import random
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["copied", "kept_random_states"]


def copied(module: Any) -> Any:
    """Return a deep copy of a module.

    Tensors that are the result of an operation are copied without their graph: a module has some as attributes after
    a forward pass, where it keeps an activation, or under weight normalisation and pruning.

    Raises:
        Whatever the copying of an attribute raises.
    """
    with _ResultsToo():
        return deepcopy(module)


class _ResultsToo(TorchFunctionMode):  # type: ignore[misc]  # torch is not followed, so its type is Any
    """Lets deepcopy copy tensors that PyTorch refuses to: those that are no leaves of a graph."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is not torch.Tensor.__deepcopy__ or args[0].is_leaf:
            return func(*args, **(kwargs or {}))
        tensor, memo = args
        memo[id(tensor)] = made = tensor.detach().clone()
        return made


@contextmanager
def kept_random_states() -> Iterator[None]:
    """Put back, at the end, the random states of Python, NumPy and PyTorch."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the state that a model may use
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002 - the same
