"""The log of a model in training: hooks on the model itself, and the measurements on one pass in so many."""

from __future__ import annotations

import warnings
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from nonlin.errors import UnsupportedModelError
from nonlin.inspection.thresholds import Thresholds
from nonlin.inspection.torch.acceptance import original
from nonlin.inspection.torch.layers import WeightNames
from nonlin.inspection.torch.objective import output_tensors
from nonlin.inspection.torch.places import Hook
from nonlin.inspection.torch.plan import Following, Learning
from nonlin.inspection.torch.reading_back import CallFigures, read_back
from nonlin.inspection.watching.findings import findings_of
from nonlin.inspection.watching.history import History, Record
from nonlin.inspection.watching.reading import open_log
from nonlin.inspection.watching.shares import Lasting, shares_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from nonlin.inspection.result import Finding
    from nonlin.inspection.torch.lean import LeanCall
    from nonlin.inspection.torch.plan import Plan
    from nonlin.inspection.watching.trackers import Destination

__all__ = ["Log"]

_NOTHING_SEEN = (
    "expected forward passes of this {} in training mode with gradients on, but nothing was watched; watch the "
    "module that the loop calls, not a copy of it, and one that no torch.compile took in"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """A watched step whose gradients may still come."""

    step: int
    samples: int
    calls: list[LeanCall]


class Log:
    """What is measured while a model trains; a context manager."""

    def __init__(
        self,
        model: nn.Module,
        *,
        every: int,
        first_step: int = 0,
        thresholds: Thresholds | None = None,
        destinations: tuple[str | Path | None, Sequence[Destination]] = (None, ()),
    ) -> None:
        """Prepare to watch; nothing is done to the model, and no file is opened, before the `with`."""
        self._model = _watchable(model)
        self._every = every
        self._path, self._others = destinations
        self._limits = thresholds or Thresholds()
        self._first = self._step = first_step
        self._due = first_step
        self._turn = 0
        self._ranks = _ranks(model)
        self._writes = self._ranks == 1 or torch.distributed.get_rank() == 0
        self._records: list[Record] = []
        self._lasting: dict[str, Lasting] = {}
        self._unseen: dict[str, None] = {}
        self._plan: Plan | None = None
        self._pending: _Pending | None = None
        self._running: Learning | Following | None = None
        self._depth = 0
        self._destinations: list[Destination] = []
        self._hooks = ExitStack()
        self._places = ExitStack()

    @property
    def history(self) -> History:
        """What was measured so far, the last step with its gradients once its backward pass is done."""
        if self._ranks == 1 and self._pending is not None and any(c.gradients for c in self._pending.calls):
            self._settle()
        return History(self._records)

    @property
    def passes(self) -> int:
        """How many forward passes in training there were since the `with`."""
        return self._step - self._first

    @property
    def unseen(self) -> tuple[str, ...]:
        """What has activations inside that are not measured: operations such as an LSTM, or whole passes."""
        return tuple(self._unseen)

    def findings(self) -> tuple[Finding, ...]:
        """Return what is wrong at the last watched step, in the words and by the thresholds of the inspection."""
        return findings_of(self.history, self._limits)

    def __enter__(self) -> Self:
        if self._writes:
            opened = [] if self._path is None else [open_log(self._path)]
            self._destinations = [*opened, *self._others]
            for destination in self._destinations:
                self._hooks.callback(destination.close)
        self._hooks.callback(self._places.close)
        self._hooks.callback(self._leave)
        register = self._model.register_forward_pre_hook
        self._hooks.callback(register(Hook(self._before), prepend=True, with_kwargs=True).remove)
        self._hooks.callback(self._model.register_forward_hook(Hook(self._after), always_call=True).remove)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._hooks:
            self._leave()
            if kind is None:
                self._settle()
                if not self.passes:
                    warnings.warn(_NOTHING_SEEN.format(type(self._model).__name__), stacklevel=2)
            elif self._ranks == 1:
                # the user's exception is what matters; after it a device may not answer any more
                with suppress(RuntimeError):
                    self._settle()

    def _before(self, module: nn.Module, arguments: Any, keywords: Any) -> None:
        if torch.compiler.is_compiling():
            return
        if self._running is not None:
            self._depth += 1  # the model calls itself
            return
        if self._pending is not None:
            if torch._C._current_graph_task_id() >= 0:  # noqa: SLF001 - there is no public question
                return  # checkpointing runs the pass again, within the backward pass that is waited for
            self._settle()
        if not module.training or not torch.is_grad_enabled():
            return
        step = self._step
        self._step += 1
        if step >= self._due:
            self._due = step - step % self._every + self._every
            self._start((arguments, keywords))

    def _start(self, inputs: Any) -> None:
        unseen = _unseen(inputs)
        if unseen is not None:
            self._unseen[unseen] = None
        elif self._plan is None:
            learning = Learning(WeightNames(self._model), inputs, self._limits.constant_slope)
            self._places.enter_context(learning.places.watching(self._model))
            self._running = learning
        else:
            self._turn += 1
            self._running = Following(self._plan, inputs, self._turn)
        if self._running is not None:
            self._running.__enter__()

    def _after(self, module: nn.Module, arguments: Any, output: Any) -> None:  # noqa: ARG002 - the signature of a hook
        running = self._running
        if running is None:
            return
        if self._depth:
            self._depth -= 1
            return
        self._leave()
        if isinstance(running, Learning):
            self._plan, calls = running.learnt(output)
            self._unseen.update(running.unseen)
        elif running.finish():
            calls = running.calls
        else:
            # the pass took another way than the plan: learn again, on the next step
            self._plan, self._due = None, self._step
            return
        self._pending = _Pending(step=self._step - 1, samples=running.samples, calls=calls)

    def _leave(self) -> None:
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None
            self._depth = 0

    def _settle(self) -> None:
        self._places.close()  # not in the forward hook: after an exception PyTorch is going through the hooks there
        pending, self._pending = self._pending, None
        if pending is None:
            return
        figures = read_back(pending.calls, ranks=self._ranks)
        parts = zip(pending.calls, figures, strict=True)
        records = [self._record(pending, *part) for part in parts if part[1].values]
        self._records += records
        for destination in self._destinations:
            destination.write(records)

    def _record(self, pending: _Pending, call: LeanCall, figures: CallFigures) -> Record:
        dead = lasting = saturated = linear = None
        steps, units, watched = 1, 1, call.watched
        if figures.ranges is not None:
            shares = shares_of(watched.function, watched.zones, figures.ranges, self._limits)
            dead, saturated, linear = shares.dead, shares.saturated, shares.linear
            lasting, steps = self._lasting.setdefault(watched.name, Lasting()).add(shares.dead_units)
            units = len(figures.ranges.low)
        extremes = call.extremes
        samples = pending.samples if extremes is None else round(pending.samples * extremes.share)
        values = max(figures.values, 1)
        gradient = figures.gradient_squares
        return Record(
            step=pending.step,
            call=watched.name,
            function=watched.label,
            units=units,
            samples=samples * self._ranks,
            dead=dead,
            dead_lasting=lasting,
            lasting_steps=steps,
            saturated=saturated,
            linear=linear,
            slope_mean=figures.slope,
            mean=figures.total / values,
            rms=(figures.squares / values) ** 0.5,
            gradient_rms=None if gradient is None else (gradient / values) ** 0.5,
            values=figures.values,
        )


def _unseen(inputs: Any) -> str | None:
    if torch._C._functorch.peek_interpreter_stack() is not None:  # noqa: SLF001 - there is no public question
        return "passes inside torch.func"
    return "passes of nested tensors" if any(tensor.is_nested for tensor in output_tensors(inputs)) else None


def _watchable(model: nn.Module) -> nn.Module:
    if isinstance(model, nn.DataParallel):
        raise UnsupportedModelError(
            "expected a model in one piece, got one in DataParallel, which runs copies in threads; use "
            "DistributedDataParallel, or watch on one device"
        )
    inner = model.module if isinstance(model, DistributedDataParallel) else model
    original(inner)  # refuses TorchScript
    if any(_is_compiled(module) for module in inner.modules()):
        raise UnsupportedModelError(
            "expected a model in Python, got a compiled one, whose operations cannot be seen while it trains; "
            "watch the original and train that for the steps that are of interest"
        )
    return inner


def _is_compiled(module: nn.Module) -> bool:
    return isinstance(getattr(module, "_orig_mod", None), nn.Module) or module._compiled_call_impl is not None  # noqa: SLF001 - the one trace that Module.compile leaves


def _ranks(model: nn.Module) -> int:
    return torch.distributed.get_world_size() if isinstance(model, DistributedDataParallel) else 1
