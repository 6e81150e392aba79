"""Sees every operation of a forward pass, and from them the calls of activations and the affine chains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from nonlin.inspection.ending import FINAL
from nonlin.inspection.torch.activations import Activation, activation
from nonlin.inspection.torch.descent import Descent
from nonlin.inspection.torch.fate import use_of
from nonlin.inspection.torch.forms import ASSIGNMENTS, combine, compose
from nonlin.inspection.torch.gates import GateRecorder
from nonlin.inspection.torch.layers import WeightNames, layer
from nonlin.inspection.torch.lineage import Candidate, Form, Lineage, Lineages, Origin, Usage, Value
from nonlin.inspection.torch.measurement import Calls, CallSink
from nonlin.inspection.torch.operations import Operation, operation, results_of, tensors_in
from nonlin.inspection.torch.places import Places
from nonlin.inspection.torch.recognition import Recognition
from nonlin.inspection.torch.recurrence import RECURRENT, run_recurrent

if TYPE_CHECKING:
    from nonlin.inspection.recording import AffineChain

__all__ = ["Tracing"]

Arguments = tuple[Any, ...]
Keywords = Mapping[str, Any]

_WITHOUT_DATA = frozenset(
    {
        "dim",
        "empty_like",
        "full_like",
        "is_contiguous",
        "is_floating_point",
        "ndimension",
        "new_empty",
        "new_full",
    }
    | {
        "new_ones",
        "new_tensor",
        "new_zeros",
        "numel",
        "ones_like",
        "rand_like",
        "randn_like",
        "size",
        "stride",
    }
    | {"sym_numel", "sym_size", "sym_stride", "zeros_like", "data_ptr", "element_size", "storage_offset"}
)
_REDUCTIONS = frozenset(
    {"amax", "amin", "cumsum", "logsumexp", "mean", "norm", "prod", "std", "sum", "var", "var_mean"}
)
_DATA_PROPERTIES = frozenset({"get.T", "get.mT", "get.H", "get.mH", "get.data", "get.real"})


class Tracing(TorchFunctionMode):  # type: ignore[misc]  # torch is not followed, so its type is Any
    """The torch function mode under which a model is run.

    What a compiled kernel or a TorchScript function does inside stays unseen.
    """

    unrolls = True
    """Whether recurrent layers are run step by step, so that their gates are seen."""

    def __init__(self, names: WeightNames, sink: CallSink | None = None) -> None:
        """Call layers by these names; tell of the calls to `sink`, or measure them in full."""
        super().__init__()
        self.places = Places()
        self.calls = Calls()
        self.leaves: list[torch.Tensor] = []
        self._entries: list[tuple[torch.Tensor, Usage, list[torch.Tensor]]] = []
        self.unseen: dict[str, None] = {}
        self._names = names
        self._lineages = Lineages()
        self._recognition = Recognition(sink or self.calls, self._lineages)
        self._gates = GateRecorder(self.calls, self.places)
        self._descent = Descent(self.places, self._lineages)

    def restart(self, size: int) -> None:
        """Begin a forward pass of a batch of so many samples."""
        self.places.restart()
        self.calls.forget()
        self.leaves.clear()
        self._entries.clear()
        self._recognition.restart(size)
        self._gates.restart()
        self._descent.restart()

    def follow(self, tensor: torch.Tensor) -> None:
        """Follow a tensor that goes into the model."""
        self._lineages.put(tensor, Lineage(origin=Origin(), place=self.places.here))

    def scores(self, output: torch.Tensor) -> tuple[torch.Tensor, str] | None:
        """Return what a softmax or sigmoid made an output of, and its name; ask before `finish`."""
        lineage = self._lineages.get(output)
        value = lineage.value() if lineage is not None and lineage.value is not None else None
        candidate = value.candidate if value is not None else None
        if (
            candidate is None
            or candidate.function.name not in FINAL
            or not candidate.pre.tensor.requires_grad
        ):
            return None
        return candidate.pre.tensor, candidate.function.name

    def finish(self, outputs: list[torch.Tensor]) -> tuple[AffineChain, ...]:
        """End the forward pass: report the calls that are open, return the affine chains that nothing else uses."""
        for tensor in outputs:
            lineage = self._lineages.get(tensor)
            if lineage is not None:
                lineage.usage.count += 1
                lineage.fate.is_output = True
        self._recognition.finish()
        self._gates.finish()
        return self._descent.chains()

    def sources(self) -> list[torch.Tensor]:
        """Return what to differentiate with respect to, so that the gradient passes every call.

        It need not go on to an input that a recurrent layer alone takes: what that makes of it is enough.
        """
        entered = {id(leaf): products for leaf, usage, products in self._entries if usage.count == 1}
        return [source for leaf in self.leaves for source in entered.get(id(leaf), [leaf])]

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Arguments = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        keywords = kwargs or {}
        what = operation(func)
        if what.name in _WITHOUT_DATA or (what.name.startswith("get.") and what.name not in _DATA_PROPERTIES):
            return func(*args, **keywords)
        tracked = [t for t in tensors_in(args, keywords) if self._is_tracked(t)]
        if not tracked:
            result = func(*args, **keywords)
            self._names.follow(what.name, args, result)
            return result
        self.places.advance()
        if what.name in RECURRENT:
            return self._recurrent(func, (what, args, keywords), tracked)
        return self._observe(func, (what, args, keywords), tracked)

    def _observe(
        self,
        func: Callable[..., Any],
        call: tuple[Operation, Arguments, Keywords],
        tracked: list[torch.Tensor],
    ) -> Any:
        what, arguments, keywords = call
        place = self.places.here
        used = self._activation(call, tracked)
        forms = self._forms(call) if used is None else compose(used.function, self._lineages.forms(used.pre))
        if not forms:
            self._settle(tracked, reduced=what.name in _REDUCTIONS)
            self._name_assignment(what.name, arguments)
        found = layer(what.name, arguments, keywords, (self._lineages, self._names, place))
        operands = tuple(self._lineages.value(tensor) for tensor in tracked) if forms else ()
        pre = self._lineages.value(used.pre) if used is not None else None
        before = [(tensor, self._lineages.of(tensor)) for tensor in tracked]
        if what.overwrites(keywords):
            self._recognition.before_overwriting(arguments[0] if arguments else tracked[0])
        elif isinstance(keywords.get("out"), torch.Tensor):
            self._recognition.before_overwriting(keywords["out"])
        shape = tracked[0].shape if used is None else used.pre.shape
        result = self._connected(func(*arguments, **keywords), tracked)
        outputs = results_of(what, arguments, result)
        if outputs:
            for _, lineage in before:
                lineage.usage.count += 1
        for output in outputs:
            self._lineages.put(output, self._descent.derived(call, before, found, output))
        fates, use = (
            [self._lineages.of(output).fate for output in outputs],
            use_of(what.name, len({id(tensor) for tensor, _ in before})),
        )
        for _, lineage in before:
            lineage.fate.uses.append((use, fates))
        if outputs and (forms or used is not None) and outputs[0].shape == shape:
            value = self._lineages.value(outputs[0])
            value.forms, value.operands = forms, operands
            if used is not None and pre is not None:
                value.candidate = _candidate(used, pre)
            self._recognition.add(value)
        return result

    def _activation(
        self, call: tuple[Operation, Arguments, Keywords], tracked: list[torch.Tensor]
    ) -> Activation | None:
        what, arguments, keywords = call
        if any(torch._C._functorch.is_functorch_wrapped_tensor(t) for t in tracked):  # noqa: SLF001 - no other test
            return None  # inside vmap there is no array to look at
        used = activation(what.name, arguments, keywords)
        if used is None or self._lineages.get(used.pre) is not None:
            return used
        if used.function.name != "glu":
            return None  # of a weight
        lineage = self._lineages.of(tracked[0])
        self._lineages.put(used.pre, Lineage(origin=lineage.origin, place=self.places.here))
        return used

    def _forms(self, call: tuple[Operation, Arguments, Keywords]) -> dict[Value, Form]:
        what, arguments, keywords = call
        training = any(a is True for a in (*arguments[1:], keywords.get("training"), keywords.get("train")))
        if "dropout" in what.name and training:
            return {}
        return combine(what.name, arguments, keywords, self._lineages)

    def _name_assignment(self, name: str, arguments: Arguments) -> None:
        """Name an assignment whose mask compares the values that are to change, as an activation's would."""
        if name not in ASSIGNMENTS:
            return
        changed, *masks = [self._lineages.get(tensor) for tensor in tensors_in(arguments[:2], {})]
        if changed is not None and any(m is not None and m.compared is changed.usage for m in masks):
            self.unseen[f"an assignment by a mask in {self.places.here.path or 'the model'}"] = None

    def _recurrent(
        self,
        func: Callable[..., Any],
        call: tuple[Operation, Arguments, Keywords],
        tracked: list[torch.Tensor],
    ) -> Any:
        what, arguments, keywords = call
        self._settle(tracked)
        place = self.places.here
        weights = [t for t in tensors_in(arguments, {}) if self._lineages.get(t) is None]
        self._gates.owner, self._gates.entries = self._names.owner(weights, place), []
        stepwise = self.unrolls and not keywords
        result = run_recurrent(what.name, arguments, self._gates) if stepwise else None
        leaf = self._leaf_of(arguments[0]) if self._gates.entries else None
        if leaf is not None:
            self._entries.append((leaf, self._lineages.of(arguments[0]).usage, self._gates.entries))
        if result is None:
            result = func(*arguments, **keywords)
            if keywords or not self._ran_recurrent(what.name, arguments, result):
                self.unseen[f"{what.name} {self._gates.owner}"] = None
        for output in tensors_in((result,), {}):
            origin = Origin(unit_axis=output.dim() - 1, layer=self._gates.owner or what.name, step=place.step)
            self._lineages.put(output, Lineage(origin=origin, place=place))
        for tensor in tracked:
            lineage = self._lineages.of(tensor)
            lineage.usage.count += 1
            lineage.fate.uses.append(("read", ()))
        return result

    def _leaf_of(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """Return the leaf that a tensor is the mere copy of."""
        node = tensor.grad_fn
        if node is None or node.name() != "CloneBackward0":
            return None
        source = getattr(node.next_functions[0][0], "variable", None)
        return next((leaf for leaf in self.leaves if leaf is source), None)

    def _ran_recurrent(self, name: str, arguments: Arguments, result: Any) -> bool:  # noqa: ARG002 - of those who look
        """Look at a recurrent operator that ran in one piece; return whether its gates were seen."""
        return False

    def _connected(self, result: Any, tracked: list[torch.Tensor]) -> Any:
        # numbers that come from token ids have no gradient to follow: they become where it ends
        floating = isinstance(result, torch.Tensor) and result.dtype.is_floating_point
        if not floating or not torch.is_grad_enabled() or any(t.dtype.is_floating_point for t in tracked):
            return result
        leaf = result.detach().requires_grad_()
        self.leaves.append(leaf)
        return leaf.clone()

    def _settle(self, tensors: list[torch.Tensor], *, reduced: bool = False) -> None:
        for tensor in tensors:
            self._recognition.settle(tensor, reduced=reduced)

    def _is_tracked(self, value: Any) -> bool:
        if not isinstance(value, torch.Tensor):
            return False
        if self._lineages.get(value) is not None:
            return True
        if value.grad_fn is None or self._names.made_here(value):
            return False
        # the result of something that does not ask the mode: a TorchScript function, a compiled extension
        path = self.places.here.path
        self.unseen[f"{value.grad_fn.name()} in {path or 'the model'}"] = None
        self.follow(value)
        return True


def _candidate(used: Activation, pre: Value) -> Candidate:
    return Candidate(
        function=used.function,
        pre=pre,
        weak=used.weak,
        slopes=used.slopes,
        unit_axis=used.axis,
    )
