"""Looks at one forward pass: which module shapes each call's pre-activation, and which read its output. Loads torch."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from nonlin.inspection.curing.torch_exchange import CountingMode, Operation
from nonlin.inspection.torch.inputs import model_inputs
from nonlin.inspection.torch.layers import WeightNames
from nonlin.inspection.torch.preservation import as_found, evaluating
from nonlin.inspection.torch.tracing import Tracing
from nonlin.networks.programs.program import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nonlin.inspection.recording import Batch, CallSite
    from nonlin.inspection.torch.lineage import Value

__all__ = ["Site", "survey"]

_READING = (
    torch.ops.aten.linear.default,
    torch.ops.aten.conv1d.default,
    torch.ops.aten.conv2d.default,
    torch.ops.aten.conv3d.default,
)

_OF_ANOTHER_ORDER = (
    torch.ops.aten.conv_transpose1d.default,
    torch.ops.aten.conv_transpose2d.input,
    torch.ops.aten.conv_transpose3d.input,
    torch.ops.aten.embedding.default,
)
"""Operations of programs whose weights are not one row a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a call stands in the code.

    Args:
        function: its name.
        layer: the path of the module with the weights that shape the pre-activation, None where there is none.
        direct: whether that module runs once, and its output is the pre-activation.
        readers: the paths of the dense and convolutional modules that take the output as it is.
        output: the operation that makes the output.
        pre: the operation that makes the pre-activation of a function that is written out; None for one operation.
        written_out: whether it is of several operations.
        module: the path of the module that is this call and nothing else, None where there is none.
    """

    function: str
    layer: str | None
    direct: bool
    readers: tuple[str, ...]
    output: Operation
    pre: Operation | None
    written_out: bool
    module: str | None


@dataclass(slots=True, kw_only=True)
class _Seen:
    label: str
    function: str
    layer: str | None
    step: int
    pre_step: int
    written_out: bool
    module: str | None
    pre: torch.Tensor
    output: torch.Tensor


@dataclass(slots=True)
class _Sink:
    seen: list[_Seen] = field(default_factory=list)

    def report(self, site: CallSite, pre: Value, output: Value, *, size: int) -> None:  # noqa: ARG002 - as CallSink has it
        place = output.place
        self.seen.append(
            _Seen(
                label=place.label(site.function.name),
                function=site.function.name,
                layer=site.layer,
                step=place.step,
                pre_step=pre.place.step,
                written_out=output.candidate is None,
                module=place.path if place.is_activation else None,
                pre=pre.tensor.detach().clone(),
                output=output.tensor.detach().clone(),
            )
        )


class _Numbering(CountingMode):
    """Notes which operation each step of the tracing was."""

    def __init__(self, tracing: Tracing) -> None:
        super().__init__()
        self._tracing = tracing
        self.steps: dict[int, Operation] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        here, before = self.number(func), self._tracing.places.here.step
        result = func(*args, **(kwargs or {}))
        if self._tracing.places.here.step != before:
            self.steps[self._tracing.places.here.step] = here
        return result


@dataclass(slots=True)
class _Modules:
    """What the modules with weights took and gave, in the order in which they ran."""

    taken: list[tuple[str, torch.Tensor]] = field(default_factory=list)
    given: list[tuple[str, torch.Tensor]] = field(default_factory=list)

    @contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        with ExitStack() as hooks:
            for path, module in model.named_modules():
                if "weight" in module._parameters and path:  # noqa: SLF001 - a computed weight is no parameter
                    hooks.callback(module.register_forward_hook(self._noting(path)).remove)
            yield

    def _noting(self, path: str) -> Any:
        def note(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(module, Scope):  # one operation of an exported program, with its arguments
                if inputs[0] in _OF_ANOTHER_ORDER:
                    return
                inputs = inputs[1] if inputs[0] in _READING else ()
            elif not _of_rows(module, inputs, output):
                return
            if isinstance(output, torch.Tensor):
                self.given.append((path, output.detach().clone()))
                if inputs and isinstance(inputs[0], torch.Tensor):
                    self.taken.append((path, inputs[0].detach().clone()))

        return note


def _of_rows(module: nn.Module, inputs: Any, output: Any) -> bool:
    """Return whether a matrix that a module of the user's own holds is used as that of a dense layer is."""
    weight = module.weight
    if weight is None or weight.dim() != 2 or isinstance(module, nn.Linear | nn.Embedding):
        return True
    x, bias = inputs[0] if inputs else None, getattr(module, "bias", None)
    if not isinstance(x, torch.Tensor) or not x.dim() or x.shape[-1] != weight.shape[1]:
        return False
    made = nn.functional.linear(x, weight) if bias is None else nn.functional.linear(x, weight, bias)
    rounding = torch.finfo(output.dtype).eps ** 0.5 * float(output.nan_to_num().abs().max())
    return bool(made.shape == output.shape and torch.allclose(made, output, 0, rounding, equal_nan=True))


def survey(model: nn.Module, batch: Batch) -> dict[str, Site]:
    """Run a model on a batch and return where its calls stand, by their names; the model is left as it is."""
    sink, modules = _Sink(), _Modules()
    with ExitStack() as stack:
        stack.enter_context(as_found(model))
        stack.enter_context(evaluating(model))
        tracing = Tracing(WeightNames(model), sink)
        stack.enter_context(tracing.places.watching(model))
        stack.enter_context(modules.watching(model))
        inputs = {name: value.clone() for name, value in model_inputs(model, batch).items()}
        tracing.restart(batch.size)
        for value in inputs.values():
            tracing.follow(value)
        numbering = _Numbering(tracing)
        with torch.no_grad(), tracing, numbering:
            model(*inputs.values()) if len(inputs) == 1 else model(**inputs)
        tracing.finish([])
    return _sites(sink.seen, numbering.steps, modules)


def _sites(seen: list[_Seen], steps: dict[int, Operation], modules: _Modules) -> dict[str, Site]:
    times: dict[str, int] = {}
    sites = {}
    for call in sorted(seen, key=lambda call: call.step):
        times[call.label] = times.get(call.label, 0) + 1
        name = call.label if times[call.label] == 1 else f"{call.label}#{times[call.label]}"
        if call.step not in steps:
            continue
        layer, direct = _shaping(call, modules)
        sites[name] = Site(
            function=call.function,
            layer=layer,
            direct=direct,
            readers=tuple(
                path
                for path, x in modules.taken
                if x.shape == call.output.shape and torch.equal(x, call.output)
            ),
            output=steps[call.step],
            pre=steps.get(call.pre_step) if call.written_out else None,
            written_out=call.written_out,
            module=call.module,
        )
    return sites


def _shaping(call: _Seen, modules: _Modules) -> tuple[str | None, bool]:
    """Return the last module whose output the pre-activation is, else the layer that it comes from; and which it is."""
    pre = call.pre.nan_to_num()
    same = [path for path, u in modules.given if u.shape == pre.shape and torch.equal(u.nan_to_num(), pre)]
    layer = (
        call.layer if call.layer in same or not same else same[-1]
    )  # what is not finite looks alike everywhere
    times = sum(path == layer for path, _ in modules.given)
    return layer if times else None, times == 1 and layer in same
