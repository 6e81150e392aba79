"""Watching in Hugging Face's Trainer: a callback. Importing this loads transformers."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from nonlin.errors import MissingDependencyError
from nonlin.inspection.watching.watch import watch

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise MissingDependencyError(
        "TrainerWatch needs Hugging Face's transformers, which is not installed: pip install transformers"
    ) from error

if TYPE_CHECKING:
    from nonlin.inspection.torch.watching import Log

__all__ = ["TrainerWatch"]


class TrainerWatch(TrainerCallback):  # type: ignore[misc]  # transformers is not followed, so its type is Any
    """Watches the model that a Trainer trains; on several processes, the first one's share of the data.

    After training, `log` holds what was measured. The Trainer does not tell its callbacks of an exception: call
    `close()` then, to take the hooks off the model.
    """

    def __init__(self, **options: Any) -> None:
        """Take the options of `nonlin.watch`: every, path, first_step, thresholds."""
        super().__init__()
        self.log: Log | None = None
        self._options = options
        self._watching = ExitStack()

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **rest: Any) -> None:  # noqa: ARG002 - the signature of a callback
        """Begin to watch."""
        self.close()
        if state.is_world_process_zero and model is not None:
            self.log = self._watching.enter_context(watch(model, **self._options))

    def on_train_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:  # noqa: ARG002 - the same
        """End watching."""
        self._watching.close()

    def close(self) -> None:
        """End watching, where training did not come to its end."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that nothing was watched
            self._watching.close()
