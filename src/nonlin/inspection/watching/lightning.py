"""Watching in Lightning: a callback. Importing this loads Lightning, under either of its names."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from nonlin.errors import MissingDependencyError
from nonlin.inspection.watching.watch import watch

try:
    from lightning.pytorch import Callback
except ImportError:
    try:
        from pytorch_lightning import Callback
    except ImportError as error:
        raise MissingDependencyError(
            "LightningWatch needs Lightning, which is not installed: pip install lightning"
        ) from error

if TYPE_CHECKING:
    from nonlin.inspection.torch.watching import Log

__all__ = ["LightningWatch"]


class LightningWatch(Callback):  # type: ignore[misc]  # Lightning is not followed, so its type is Any
    """Watches the module that a Lightning trainer fits; on several devices, the first one's share of the data.

    After the fit, `log` holds what was measured.
    """

    def __init__(self, *, part: str = "", **options: Any) -> None:
        """Watch the module itself, or one part of it.

        Args:
            part: the path of the part that `training_step` calls, where it does not call `self(...)`.
            options: as of `nonlin.watch`: every, path, first_step, thresholds.
        """
        super().__init__()
        self.log: Log | None = None
        self._part = part
        self._options = options
        self._watching = ExitStack()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin to watch."""
        self._end()
        if trainer.is_global_zero:
            self.log = self._watching.enter_context(
                watch(pl_module.get_submodule(self._part), **self._options)
            )

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 - the signature of a callback
        """End watching; warn where there was nothing to see."""
        self._end()
        if self.log is not None and not self.log.passes:
            warnings.warn(
                f"expected training_step to call {self._part or 'self'}(...), but nothing was watched; name the part "
                "that it calls: LightningWatch(part=...)",
                stacklevel=2,
            )

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:  # noqa: ARG002 - the same
        """End watching."""
        self._end()

    def _end(self) -> None:
        with warnings.catch_warnings():
            # that nothing was watched: here the reason is another
            warnings.simplefilter("ignore", UserWarning)
            self._watching.close()
