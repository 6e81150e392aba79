"""Which operations of a forward pass are calls: learnt once by following every tensor, then only counted off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch.overrides import TorchFunctionMode

from nonlin.inspection.torch.gates_at_times import gates_at_times
from nonlin.inspection.torch.lean import (
    Watched,
    measure_output,
    measure_pre_activation,
    watched_call,
)
from nonlin.inspection.torch.objective import output_tensors
from nonlin.inspection.torch.operations import operation, results_of, tensors_in
from nonlin.inspection.torch.recurrence import CELLS
from nonlin.inspection.torch.tracing import Tracing
from nonlin.inspection.torch.watched_gates import measure_gate, recurrent_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from nonlin.inspection.recording import CallSite
    from nonlin.inspection.torch.layers import WeightNames
    from nonlin.inspection.torch.lean import Extremes, LeanCall
    from nonlin.inspection.torch.lineage import Value

__all__ = ["Following", "Learning", "Plan"]

Arguments = tuple[Any, ...]
Source = tuple[int, int]
"""The number of an operation, or -1 for the model's input, and which of its tensors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """One call.

    Args:
        watched: what is so on every step.
        axis: of the units in the pre-activation.
        operation: the number of the operation that makes the output.
        source: what makes the pre-activation; None where it is the first argument of that operation.
        is_prelu: whether the second argument holds slopes.
        gate: of a recurrent operation, which one; "" for its outputs, None for any other call.
    """

    watched: Watched
    axis: int
    operation: int
    source: Source | None
    is_prelu: bool
    gate: str | None = None


@dataclass(slots=True)
class _Points:
    """What to do at one operation: the numbers of the calls that are measured there.

    Args:
        before: from its first argument.
        made: from its tensors, each with the call.
        after: whose outputs it makes.
        gates: of a recurrent operation.
    """

    before: tuple[int, ...] = ()
    made: tuple[Source, ...] = ()
    after: tuple[int, ...] = ()
    gates: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The operations of a forward pass, and the calls among them.

    Args:
        operations: all of them.
        calls: in their order.
        points: by the number of the operation; -1 for the model's input.
    """

    operations: tuple[Callable[..., Any], ...]
    calls: tuple[_Planned, ...]
    points: dict[int, _Points]


@dataclass(slots=True, kw_only=True)
class _Found:
    """A call as the tracing tells of it, measured already; `stepped`: of a cell, whose steps the model makes itself."""

    label: str
    step: int
    axis: int
    source: Source | None
    call: LeanCall
    is_prelu: bool
    gate: str | None = None
    stepped: bool = False


class Learning(Tracing):
    """Follows every tensor of one training pass, changes nothing in it, and measures its calls lean."""

    unrolls = False  # a training step must not depend on whether it is watched

    def __init__(self, names: WeightNames, inputs: Any, constant_slope: float) -> None:
        """Prepare for a pass.

        Args:
            names: of the layers.
            inputs: what the model gets, in any nesting.
            constant_slope: how far the relative slope may vary where it counts as constant.
        """
        super().__init__(names, sink=self)
        self._constant_slope = constant_slope
        self._operations: list[Callable[..., Any]] = []
        self._outputs: dict[int, tuple[int, list[int]]] = {}
        self._found: list[_Found] = []
        given = [tensor for tensor in output_tensors(inputs) if tensor.dim() > 0]
        self.samples = len(given[0]) if given else 0
        self.restart(self.samples)
        self._inputs = [id(tensor) for tensor in given]
        for tensor in given:
            self.follow(tensor)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Arguments = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        number, before = len(self._operations), self.places.here.step
        self._operations.append(func)
        result = super().__torch_function__(func, types, args, kwargs)
        step = self.places.here.step
        if step != before:
            self._outputs[step] = number, [id(made) for made in results_of(operation(func), args, result)]
        return result

    def report(self, site: CallSite, pre: Value, output: Value, *, size: int) -> None:  # noqa: ARG002 - of the sink
        """Take a call from the tracing."""
        candidate = output.candidate
        slopes = candidate.slopes if candidate is not None else None
        source = None if candidate is not None else self._source(pre)
        watched = watched_call("", site.function, self._constant_slope, is_prelu=slopes is not None)
        known = source is None or source[1] >= 0
        extremes = (
            measure_pre_activation(watched, pre.tensor, site.unit_axis, slopes=slopes) if known else None
        )
        self._found.append(
            _Found(
                label=output.place.label(site.function.name),
                step=output.place.step,
                axis=site.unit_axis,
                source=source,
                call=measure_output(watched, output.tensor, extremes, squares=output.squares),
                is_prelu=slopes is not None,
            )
        )

    def learnt(self, result: Any) -> tuple[Plan, list[LeanCall]]:
        """End the forward pass that gave this result: return the plan, and what was measured."""
        self.finish(list(output_tensors(result)))
        times: dict[str, int] = {}
        planned, measured = [], []
        for found in _of_middle_steps(sorted(self._found, key=lambda found: found.step)):
            times[found.label] = times.get(found.label, 0) + 1
            name = found.label if times[found.label] == 1 else f"{found.label}#{times[found.label]}"
            watched = replace(found.call.watched, name=name)
            planned.append(self._planned(watched, found))
            measured.append(replace(found.call, watched=watched))
        plan = Plan(operations=tuple(self._operations), calls=tuple(planned), points=_points_of(planned))
        return plan, measured

    def _planned(self, watched: Watched, found: _Found) -> _Planned:
        return _Planned(
            watched=watched,
            axis=found.axis,
            operation=self._outputs[found.step][0],
            source=found.source,
            is_prelu=found.is_prelu,
            gate=found.gate,
        )

    def _source(self, pre: Value) -> Source:
        if pre.place.step == 0:
            number, made = -1, self._inputs
        else:
            number, made = self._outputs.get(pre.place.step, (0, []))
        if id(pre.tensor) in made:
            return number, made.index(id(pre.tensor))
        # overwritten since, and copied: it is still the only result, or cannot be found again
        return number, 0 if len(made) == 1 else -1

    def _ran_recurrent(self, name: str, arguments: Arguments, result: Any) -> bool:
        owner, step = self._gates.owner, self.places.here.step
        gates = gates_at_times(name, arguments, result)
        calls = recurrent_calls(name, gates, result, constant_slope=self._constant_slope)
        for gate, call in calls.items():
            label = ".".join(part for part in (owner or name, gate) if part)
            self._found.append(
                _Found(
                    label=label,
                    step=step,
                    axis=1,
                    source=None,
                    call=call,
                    is_prelu=False,
                    gate=gate,
                    stepped=name in CELLS,
                )
            )
        return bool(gates.pres)

    def _connected(self, result: Any, tracked: list[torch.Tensor]) -> Any:  # noqa: ARG002 - of the tracing
        return result  # the gradients are the user's own


def _of_middle_steps(calls: list[_Found]) -> list[_Found]:
    """Return the calls, of those at the steps of a cell only the middle one of each name."""
    stepped: dict[str, list[_Found]] = {}
    for call in calls:
        if call.stepped:
            stepped.setdefault(call.label, []).append(call)
    return [c for c in calls if not c.stepped or c is stepped[c.label][len(stepped[c.label]) // 2]]


def _points_of(calls: list[_Planned]) -> dict[int, _Points]:
    points: dict[int, _Points] = {}
    for number, call in enumerate(calls):
        at = points.setdefault(call.operation, _Points())
        if call.gate is not None:
            at.gates += (number,)
            continue
        at.after += (number,)
        if call.source is None:
            at.before += (number,)
        elif call.source[1] >= 0:
            points.setdefault(call.source[0], _Points()).made += ((call.source[1], number),)
    return points


class Following(TorchFunctionMode):  # type: ignore[misc]  # torch is not followed, so its type is Any
    """Counts the operations of a training pass off against a plan, and measures at those that are calls."""

    def __init__(self, plan: Plan, inputs: Any, turn: int) -> None:
        """Follow this plan on these inputs; `turn` is the number of the watched step."""
        super().__init__()
        self._plan = plan
        self._turn = turn
        self._next = 0
        self._extremes: dict[int, Extremes | None] = {}
        self.changed = False
        self.calls: list[LeanCall] = []
        given = [tensor for tensor in output_tensors(inputs) if tensor.dim() > 0]
        self.samples = len(given[0]) if given else 0
        if -1 in plan.points:
            self._measure_made(plan.points[-1], given)

    def finish(self) -> bool:
        """End the forward pass; return whether it was as planned."""
        return not self.changed and self._next == len(self._plan.operations)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Arguments = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        number, plan = self._next, self._plan
        self._next = number + 1
        if number >= len(plan.operations) or plan.operations[number] != func:
            self.changed = True
        points = plan.points.get(number)
        if self.changed or points is None:
            return func(*args, **(kwargs or {}))
        return self._measured(func, args, kwargs or {}, points)

    def _measured(
        self, func: Callable[..., Any], args: Arguments, kwargs: dict[str, Any], points: _Points
    ) -> Any:
        calls = self._plan.calls
        for number in points.before:
            given = tensors_in(args, kwargs)
            self._measure(number, next(given), slopes=next(given) if calls[number].is_prelu else None)
        result = func(*args, **kwargs)
        made = results_of(operation(func), args, result)
        self._measure_made(points, made)
        for number in points.after:
            self.calls.append(measure_output(calls[number].watched, made[0], self._extremes.get(number)))
        if points.gates:
            gates = gates_at_times(operation(func).name, args, result)
            planned = {calls[number].gate or "": calls[number].watched for number in points.gates}
            if not planned.keys() - {""} <= gates.pres.keys():
                self.changed = True  # a dropout between the layers that was off when they were learnt
                return result
            self.calls += [measure_gate(watched, gate, gates, result) for gate, watched in planned.items()]
        return result

    def _measure_made(self, points: _Points, made: list[torch.Tensor]) -> None:
        for index, number in points.made:
            self._measure(number, made[index])

    def _measure(self, number: int, pre: torch.Tensor, slopes: torch.Tensor | None = None) -> None:
        planned = self._plan.calls[number]
        self._extremes[number] = measure_pre_activation(
            planned.watched, pre, planned.axis, slopes=slopes, turn=self._turn
        )
