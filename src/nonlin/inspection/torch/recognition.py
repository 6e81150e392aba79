"""Decides which calls a tensor is made of once something other than elementwise arithmetic takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nonlin.functions import Variable, identify
from nonlin.functions.expression import Condition, Constant, Piecewise
from nonlin.inspection.recording import CallSite
from nonlin.inspection.torch.activations import WEAK
from nonlin.inspection.torch.forms import is_affine
from nonlin.inspection.torch.lineage import Candidate, Lineages, Value, shares_memory
from nonlin.inspection.torch.measurement import CallSink, unit_axis, watch_gradient

if TYPE_CHECKING:
    import torch

    from nonlin.functions import Function
    from nonlin.functions.expression import Expression

__all__ = ["Recognition"]


class Recognition:
    """The values that are made by elementwise operations and not decided yet.

    Each turns out to be a call itself, the last step of one that is written out, or neither; then what it was made
    of is asked.
    """

    def __init__(self, calls: CallSink, lineages: Lineages) -> None:
        """Report to `calls`, and know what `lineages` knows."""
        self._calls = calls
        self._lineages = lineages
        self._pending: dict[Value, None] = {}
        self._size = 0

    def restart(self, size: int) -> None:
        """Begin a forward pass of so many samples."""
        self._pending.clear()
        self._size = size

    def add(self, value: Value) -> None:
        """Add a value that has just been made."""
        self._pending[value] = None

    def settle(self, tensor: torch.Tensor, *, reduced: bool = False) -> None:
        """Decide on the calls in a tensor, before it is used; `reduced`: for a sum or the like, as in a norm."""
        lineage = self._lineages.get(tensor)
        value = lineage.value() if lineage is not None and lineage.value is not None else None
        if value is not None:
            candidate = value.candidate
            if reduced and candidate is not None and candidate.weak:
                value.candidate, value.forms = None, {}
            self._decide(value)

    def before_overwriting(self, tensor: torch.Tensor) -> None:
        """Keep what is still needed of a tensor that is about to be overwritten."""
        for value in self._pending:
            if value.squares is None and shares_memory(value.tensor, tensor):
                value.squares = watch_gradient(value.tensor)
        self._lineages.protect(tensor)

    def finish(self) -> None:
        """Decide on what nothing has taken by the end of the forward pass."""
        for value in reversed(list(self._pending)):
            self._decide(value)
        self._pending.clear()

    def _decide(self, value: Value) -> None:
        left = [value]
        while left:
            value = left.pop()
            if value not in self._pending:
                continue
            del self._pending[value]
            if value.candidate is not None:
                self._report_candidate(value.candidate, value)
                left.append(value.candidate.pre)
            elif (found := _composite(value)) is not None:
                function, root = found
                self._report(function, root, value)
                self._absorb(value, root)
                left.append(root)
            else:
                left.extend(value.operands)
            value.forget()

    def _absorb(self, value: Value, root: Value) -> None:
        # the parts of a recognised function are not calls of their own
        for part in value.operands:
            if part is not root and root in part.forms and part in self._pending:
                del self._pending[part]
                self._absorb(part, root)
                part.forget()

    def _report_candidate(self, candidate: Candidate, value: Value) -> None:
        if not candidate.weak or candidate.pre.origin.run:
            self._report(candidate.function, candidate.pre, value)

    def _report(self, function: Function, pre: Value, output: Value) -> None:
        if pre.tensor.shape != output.tensor.shape:
            return
        candidate = output.candidate
        axis = pre.origin.unit_axis
        if candidate is not None and candidate.unit_axis is not None:
            axis = candidate.unit_axis
        site = CallSite(
            name="",
            function=function,
            unit_axis=unit_axis(pre.tensor, axis),
            layer=pre.origin.layer,
        )
        self._calls.report(site, pre, output, size=self._size)


def _composite(value: Value) -> tuple[Function, Value] | None:
    if any(value.forms.get(operand) == Variable() for operand in value.operands):
        return None  # a copy, as of dropout: its operand is asked
    for root, form in value.forms.items():
        if isinstance(form, Condition) or is_affine(form) or _is_limit(form):
            continue
        function = identify(form)
        if function is None or function.name == "identity":
            continue
        if function.name not in WEAK or root.origin.run:
            return function, root
    return None


def _is_limit(form: Expression) -> bool:
    """Whether it is max(x, c) with c other than 0, which keeps a divisor away from 0, as 1e-9 does, and is no ReLU."""
    return (
        isinstance(form, Piecewise)
        and form.argument == Variable()
        and form.pieces == (*form.points, Variable())
        and form.points != (Constant(0.0),)
    )
