"""Recording an ONNX network in use."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from nonlin.errors import InvalidInputError, MissingDependencyError
from nonlin.inspection.accumulation import CallGathering
from nonlin.inspection.ending import final_call
from nonlin.inspection.feeding import feeds, in_pieces, whole_inputs
from nonlin.inspection.gradients import (
    DIRECTION,
    DIRECTION_OF_LOGITS,
    GIVEN,
    LOSS,
    MSE,
    check_classes,
    direction,
    loss_gradient,
    squares_gradient,
)
from nonlin.inspection.layers import affine_chains, origins, roles
from nonlin.inspection.onnx_calls import called, calls_of, recurrences, unseen
from nonlin.inspection.onnx_use import Use, batched, prepare
from nonlin.inspection.recording import Batch, CallSite, Loss, Progress, Recording, Role
from nonlin.inspection.slopes import relative_slope
from nonlin.inspection.statistics import Slope
from nonlin.networks import Network, Node, pullback
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.onnx_reader import inputs_of
from nonlin.networks.recurrent import Recurrence

__all__ = ["record"]

Array = npt.NDArray[Any]
Values = dict[str, Array]


def record(
    model: onnx.ModelProto,
    batches: Iterable[Batch],
    *,
    name: str,
    progress: Progress | None = None,
    loss: Loss | None = None,
) -> Recording:
    """Run an ONNX model on batches and measure every call of an activation.

    Args:
        model: the model with its weights, from `open_onnx`; it is not changed.
        batches: the data.
        name: what to call the model.
        progress: told after each piece of a batch.
        loss: of outputs and labels; None for the cross-entropy.

    Raises:
        InvalidInputError: if the data does not fit the model.
        MissingDependencyError: if the model needs ONNX Runtime and it is not installed.
    """
    declared = inputs_of(model)
    use: Use | None = None
    state: _Gathered | None = None
    for batch in batches:
        inputs = feeds(declared, batch)
        if use is None or state is None:
            use = prepare(model, declared, inputs, batch.size, name)
            state = _Gathered(network=use.network, shapes=use.shapes, loss=loss)
        if batch.size % use.multiple:
            raise InvalidInputError(
                f"{name} takes exactly {use.multiple} samples at once, got {batch.size}; give a multiple of it"
            )
        done, whole = 0, whole_inputs(declared, inputs, batch.size)
        for piece, count in in_pieces(inputs, batch.size, use.size, whole=whole):
            labels = None if batch.labels is None else batch.labels[done : done + count]
            state.add(use.run(piece), count, labels)
            done += count
            if progress is not None:
                progress(state.samples, None)
    if state is None:
        raise InvalidInputError("expected at least one sample of data, got none; give more data")
    return state.finish()


def _with_units(values: Array, rank: int) -> Array:
    """Give a tensor as many axes as its shape has that the axis of the units is known in, and at least two.

    Rows that are no samples, such as proposals of a detector, have an axis in front only where their number and that of
    the samples say so.
    """
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim == rank - 1:
        return values[None]
    return values.reshape(-1, *values.shape[2:]) if values.ndim == rank + 1 > 2 else values


def _slope(node: Node, pre_activation: Array) -> Slope | None:
    if isinstance(node.operator, ParametricRelu):
        return node.operator.relative_slope
    return (
        relative_slope(node.operator.function, pre_activation)
        if isinstance(node.operator, Activation)
        else None
    )


def _cotangent(loss: Loss, output: Array, labels: Array) -> Array:
    try:
        from nonlin.inspection.torch.objective import loss_cotangent
    except ImportError as error:
        raise MissingDependencyError(
            "a loss that is a function is differentiated by PyTorch: pip install 'nonlin[torch]', or give loss=\"mse\""
        ) from error
    return loss_cotangent(loss, output, labels)


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """What was gathered of a network so far."""

    network: Network
    shapes: dict[str, tuple[int, ...]]
    loss: Loss | None = None
    samples: int = 0
    calls: list[Node] = field(init=False)
    gatherings: dict[str, CallGathering] = field(default_factory=dict)
    answers: list[Array] = field(default_factory=list)
    nonfinite: int = 0
    gradient_of: str = ""
    unseen: dict[str, str] = field(init=False)

    def add(self, raw: Values, samples: int, labels: Array | None) -> None:
        values = batched(raw, samples)
        for node in self.calls:
            rank = len(self.shapes[node.inputs[0]])
            before, after = (_with_units(values[name], rank) for name in (node.inputs[0], node.output))
            self.gatherings[node.name].add(before, after, _slope(node, before))
        for node, recurrence in recurrences(self.network):
            if node.name not in self.unseen:
                self._add_gates(node, recurrence, raw, samples)
        output = values[self.network.outputs[0].name]
        self.nonfinite += int(output.size - np.count_nonzero(np.isfinite(output)))
        if output.ndim == 2 and output.shape[1] > 1:
            self.answers.append(np.where(np.isnan(output).any(axis=1), -1, np.argmax(output, axis=1)))
        self._pull(raw, samples, labels)
        self.samples += samples

    def _add_gates(self, node: Node, recurrence: Recurrence, values: Values, samples: int) -> None:
        with np.errstate(all="ignore"):
            gates, hidden = recurrence.gates(values)
        given = values[node.output]
        if given.shape == hidden.shape and not np.allclose(
            given, hidden, rtol=1e-3, atol=1e-4, equal_nan=True
        ):
            self.unseen[node.name] = (
                f"{recurrence.kind} {node.name}"  # an equation that is not ours: say nothing of it
            )
            return
        for gate in gates:
            name = f"{node.name}.{gate.name}"
            if name not in self.gatherings:
                role: Role = (
                    "gate" if name.endswith("_gate") and gate.function.name == "sigmoid" else "hidden"
                )
                site = CallSite(name=name, function=gate.function, unit_axis=2, layer=node.name, role=role)
                self.gatherings[name] = CallGathering(site=site)
            before, after = gate.pre_activation, gate.output
            if len(before) == 1 and before.shape[1] == samples:
                # the samples are the steps of one sequence
                before, after = before.swapaxes(0, 1), after.swapaxes(0, 1)
            self.gatherings[name].add(before, after, relative_slope(gate.function, before))

    def __post_init__(self) -> None:
        self.unseen = unseen(self.network)
        self.calls = calls_of(self.network)
        places, purposes = origins(self.network, self.shapes), roles(self.network)
        for node in self.calls:
            place = places.get(node.inputs[0])
            axis = place.unit_axis if place else len(self.shapes[node.inputs[0]]) - 1
            self.gatherings[node.name] = CallGathering(
                site=CallSite(
                    name=node.name,
                    function=called(node).function,
                    unit_axis=max(axis, 1),
                    layer=place.layer if place else None,
                    role=purposes.get(node.output, "hidden"),
                )
            )

    def _pull(self, values: Values, samples: int, labels: Array | None) -> None:
        if self.network.opaque:
            names = sorted({getattr(n.operator, "operator", "?") for n in self.network.opaque})
            self.gradient_of = f"not measured: nonlin takes none through {', '.join(names)}"
            return
        by_output = {node.output: self.gatherings[node.name] for node in self.calls}

        def visit(name: str, gradient: Array) -> None:
            if name in by_output:
                by_output[name].add_gradient(float(np.sum(np.square(gradient, dtype=np.float64))), samples)

        with np.errstate(all="ignore"):
            start, cotangent = self._start(values, labels, samples)
            pullback(self.network, values, {start: cotangent}, visit)

    def _start(self, values: Values, labels: Array | None, samples: int) -> tuple[str, Array]:
        if labels is not None and self.loss not in (None, "cross_entropy"):
            return self._start_of_loss(self.loss, values, labels)
        last = final_call(self.network, ("sigmoid", "logsigmoid"))
        name = self.network.outputs[0].name if last is None else last.inputs[0]
        if labels is None:
            self.gradient_of = (
                DIRECTION if last is None else DIRECTION_OF_LOGITS.format(called(last).function.name)
            )
            along = direction(batched({name: values[name]}, samples)[name], self.samples)
            return name, along.reshape(values[name].shape)
        logits = values[name]
        check_classes(logits.shape)
        if logits.ndim != 2 or labels.max() >= logits.shape[1]:
            raise InvalidInputError(
                f"expected labels from 0 to {logits.shape[1] - 1 if logits.ndim == 2 else 'classes − 1'} for an "
                f"output of shape {logits.shape}, got up to {int(labels.max())}; leave the labels out, or give "
                "those of this network's classes"
            )
        self.gradient_of = LOSS
        return name, loss_gradient(logits, labels)

    def _start_of_loss(self, loss: Loss | None, values: Values, labels: Array) -> tuple[str, Array]:
        name = self.network.outputs[0].name
        if not callable(loss):
            self.gradient_of = MSE
            return name, squares_gradient(values[name], labels)
        self.gradient_of = GIVEN
        return name, _cotangent(loss, values[name], labels)

    def finish(self) -> Recording:
        return Recording(
            model=self.network.name,
            parameters=self.network.parameters,
            samples=self.samples,
            calls=tuple(g.finish() for g in self._ordered()),
            chains=affine_chains(self.network, self.shapes),
            gradient_of=self.gradient_of,
            has_gradient=not self.network.opaque,
            answers=np.concatenate(self.answers) if self.answers else None,
            nonfinite_outputs=self.nonfinite,
            unseen=tuple(self.unseen.values()),
        )

    def _ordered(self) -> list[CallGathering]:
        """Return the calls in the order of the forward pass, the gates of a layer where the layer stands."""
        place = {node.name: i for i, node in enumerate(self.network.nodes)}
        gates = {id(g): g.site.layer for name, g in self.gatherings.items() if name not in place}
        measured = [g for g in self.gatherings.values() if g.statistics is not None]
        kept = [g for g in measured if gates.get(id(g)) not in self.unseen]
        return sorted(kept, key=lambda g: place[gates.get(id(g)) or g.site.name])
