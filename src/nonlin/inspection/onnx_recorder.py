"""Recording an ONNX network in use."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from nonlin.errors import InvalidInputError
from nonlin.inspection.accumulation import CallGathering
from nonlin.inspection.feeding import feeds, in_pieces
from nonlin.inspection.gradients import DIRECTION, LOSS, direction, loss_gradient
from nonlin.inspection.layers import affine_chains, origins
from nonlin.inspection.recording import Batch, CallSite, Progress, Recording
from nonlin.inspection.runners import Runner, numpy_runner, runtime_runner
from nonlin.networks import Network, Node, network_of, pullback
from nonlin.networks.activation import Activation, ParametricRelu, Softmax

__all__ = ["record"]

Array = npt.NDArray[Any]
Values = dict[str, Array]

_BYTES_AT_ONCE = 2**28


def record(
    model: onnx.ModelProto, batches: Iterable[Batch], *, name: str, progress: Progress | None = None
) -> Recording:
    """Run an ONNX model on batches and measure every call of an activation.

    Args:
        model: the model with its weights, from `open_onnx`; it is not changed.
        batches: the data.
        name: what to call the model.
        progress: told after each piece of a batch.

    Raises:
        InvalidInputError: if the data does not fit the model.
        MissingDependencyError: if the model needs ONNX Runtime and it is not installed.
    """
    network = network_of(model, name=name)
    calls = [node for node in network.nodes if _is_call(node)]
    state = _Gathered(network=network, calls=calls)
    size, runner = 1, None
    for batch in batches:
        inputs = feeds(network, batch)
        if runner is None:
            size = _survey(model, state, inputs)
            runner = _runner(model, network, _seen(calls, network))
        done = 0
        for piece, count in in_pieces(network, inputs, size):
            labels = None if batch.labels is None else batch.labels[done : done + count]
            state.add(_batched(runner(piece), count), count, labels)
            done += count
            if progress is not None:
                progress(state.samples, None)
    return state.finish()


def _is_call(node: Node) -> bool:
    operator = node.operator
    return isinstance(operator, ParametricRelu | Softmax) or (
        isinstance(operator, Activation) and operator.called
    )


def _seen(calls: list[Node], network: Network) -> list[str]:
    """Return the tensors that are measured."""
    names = [name for node in calls for name in (node.inputs[0], node.output)]
    return [*names, *(tensor.name for tensor in network.outputs)]


def _runner(model: onnx.ModelProto, network: Network, names: Iterable[str]) -> Runner:
    if not network.opaque:
        return numpy_runner(network)
    made = {name for node in model.graph.node for name in node.output}
    return runtime_runner(model, network, [name for name in dict.fromkeys(names) if name in made])


def _survey(model: onnx.ModelProto, state: "_Gathered", inputs: Mapping[str, Array]) -> int:
    """Run the fewest samples that the network takes, to learn every shape; return how many to run at once."""
    network = state.network
    fixed = next((t.shape[0] for t in network.inputs if t.shape and t.shape[0] is not None), None)
    piece, count = next(in_pieces(network, inputs, fixed or 1))
    every = [name for node in network.nodes for name in (*node.inputs, node.output)]
    values = _batched(_runner(model, network, every)(piece), count)
    state.place({name: value.shape for name, value in values.items()})
    if fixed is not None and not (fixed == 1 and _takes_batches(network, inputs)):
        return fixed
    each = sum(value.nbytes for value in values.values()) / count
    return max(1, int(_BYTES_AT_ONCE / max(each, 1)))


def _takes_batches(network: Network, inputs: Mapping[str, Array]) -> bool:
    """Whether a network exported for one sample gives the same for two at once."""
    if network.opaque:
        return False
    run = numpy_runner(network)
    output = network.outputs[0].name
    try:
        both = run({name: a[:2] for name, a in inputs.items()})[output]
        alone = [run({name: a[i : i + 1] for name, a in inputs.items()})[output] for i in range(2)]
    except (InvalidInputError, ValueError, IndexError):
        return False
    joined = np.concatenate(alone) if alone[0].ndim == both.ndim else np.zeros(0)
    return both.shape == joined.shape and bool(np.allclose(both, joined, rtol=1e-4, atol=1e-5))


def _batched(values: Values, samples: int) -> Values:
    """Give every tensor of a network that has no batch axis one."""
    if samples != 1:
        return values
    return {name: v if v.ndim and len(v) == 1 else v[None] for name, v in values.items()}


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """What was gathered of a network so far."""

    network: Network
    calls: list[Node]
    samples: int = 0
    gatherings: dict[str, CallGathering] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    answers: list[Array] = field(default_factory=list)
    nonfinite: int = 0
    gradient_of: str = ""

    def add(self, values: Values, samples: int, labels: Array | None) -> None:
        for node in self.calls:
            before, after = values[node.inputs[0]], values[node.output]
            slope = None
            if isinstance(node.operator, Activation | ParametricRelu):
                slope = node.operator.relative_slope(before)
            self.gatherings[node.name].add(before, after, slope)
        output = values[self.network.outputs[0].name]
        self.nonfinite += int(output.size - np.count_nonzero(np.isfinite(output)))
        if output.ndim == 2 and output.shape[1] > 1:
            self.answers.append(np.argmax(output, axis=1))
        self._pull(values, output, samples, labels)
        self.samples += samples

    def place(self, shapes: dict[str, tuple[int, ...]]) -> None:
        self.shapes = shapes
        places = origins(self.network, shapes)
        for node in self.calls:
            operator = node.operator
            assert isinstance(operator, Activation | ParametricRelu | Softmax)  # noqa: S101 - as _is_call has it
            place = places.get(node.inputs[0])
            axis = place.unit_axis if place else len(self.shapes[node.inputs[0]]) - 1
            self.gatherings[node.name] = CallGathering(
                site=CallSite(
                    name=node.name,
                    function=operator.function,
                    unit_axis=axis,
                    layer=place.layer if place else None,
                )
            )

    def _pull(self, values: Values, output: Array, samples: int, labels: Array | None) -> None:
        if self.network.opaque:
            names = sorted({getattr(n.operator, "operator", "?") for n in self.network.opaque})
            self.gradient_of = f"none: no gradient through {', '.join(names)}"
            return
        start, cotangent = self._start(values, output, labels)
        by_output = {node.output: self.gatherings[node.name] for node in self.calls}

        def visit(name: str, gradient: Array) -> None:
            if name in by_output:
                by_output[name].add_gradient(float(np.sum(np.square(gradient, dtype=np.float64))), samples)

        with np.errstate(all="ignore"):
            pullback(self.network, values, {start: cotangent}, visit)

    def _start(self, values: Values, output: Array, labels: Array | None) -> tuple[str, Array]:
        name = self.network.outputs[0].name
        if labels is None:
            self.gradient_of = DIRECTION
            return name, direction(output, self.samples)
        last = self.network.producers().get(name)
        if last is not None and isinstance(last.operator, Softmax):
            name = last.inputs[0]
        logits = values[name]
        if logits.ndim != 2 or labels.max() >= logits.shape[1]:
            raise InvalidInputError(
                f"expected labels from 0 to {logits.shape[1] - 1 if logits.ndim == 2 else 'classes − 1'} for an "
                f"output of shape {logits.shape}, got up to {int(labels.max())}; leave the labels out, or give "
                "those of this network's classes"
            )
        self.gradient_of = LOSS
        return name, loss_gradient(logits, labels)

    def finish(self) -> Recording:
        if not self.samples:
            raise InvalidInputError("expected at least one sample of data, got none; give more data")
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
        )

    def _ordered(self) -> Iterator[CallGathering]:
        return (self.gatherings[node.name] for node in self.calls)
